import { LoginError } from "../../login/errors.ts";
import { userClaims } from "../../login/open-id.ts";
import type { JsonSchema, LoginRoute, LoginServices } from "./route.ts";
import { bearerSession, GRANT_TYPES } from "./token-routes.ts";

/** Scopes that mean something here; others are ignored (OpenID Connect Core 3.1.2.1). */
export const SCOPES = ["openid", "offline_access"] as const;

/** What a client of OpenID Connect asks without a browser. The pages of the flow are in api/pages/sign-in.ts. */
export function openIdRoutes(services: LoginServices): readonly LoginRoute[] {
  const { login } = services;
  const userinfo = {
    path: "/login/v1/userinfo",
    summary: "Who an access token speaks for, as OpenID Connect has it",
    oauth: true,
    answers: { 200: { description: "Claims", schema: claimsSchema } },
    problems: ["invalid_token"],
    handler: async ({ header }) => {
      const token = /^bearer +([\w.~+/=-]+)$/i.exec(header("authorization") ?? "")?.[1];
      const session = token === undefined ? undefined : await bearerSession(token, login);
      if (session === undefined) throw new LoginError("invalid_token", "Send a valid access token as Bearer");
      return { json: userClaims(session) };
    },
  } satisfies Partial<LoginRoute>;
  return [
    { method: "GET", ...userinfo },
    { method: "POST", ...userinfo },
    {
      method: "GET",
      path: "/.well-known/openid-configuration",
      summary: "Where everything of OpenID Connect is",
      answers: { 200: { description: "OpenID Connect Discovery 1.0", schema: { type: "object" } } },
      handler: () => ({ json: discovery(login.issuer), headers: { "cache-control": "public, max-age=300" } }),
    },
  ];
}

function discovery(issuer: string) {
  const at = (name: string): string => `${issuer}/login/v1/${name}`;
  const authentication = ["client_secret_basic", "client_secret_post"];
  return {
    issuer,
    authorization_endpoint: at("authorize"),
    token_endpoint: at("token"),
    userinfo_endpoint: at("userinfo"),
    revocation_endpoint: at("revoke"),
    introspection_endpoint: at("introspect"),
    end_session_endpoint: at("end-session"),
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    scopes_supported: SCOPES,
    response_types_supported: ["code"],
    response_modes_supported: ["query"],
    grant_types_supported: GRANT_TYPES,
    code_challenge_methods_supported: ["S256"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["RS256", "EdDSA"],
    token_endpoint_auth_methods_supported: [...authentication, "none"],
    revocation_endpoint_auth_methods_supported: [...authentication, "none"],
    introspection_endpoint_auth_methods_supported: authentication,
    acr_values_supported: ["urn:skycoin:login:return", "urn:skycoin:login:signature"],
    prompt_values_supported: ["none", "login", "consent", "select_account"],
    claims_supported: [
      ...["iss", "aud", "exp", "iat", "nonce", "sub", "sid", "auth_time", "acr", "amr"],
      ...["preferred_username", "txid", "block_seq"],
    ],
    claim_types_supported: ["normal"],
    claims_parameter_supported: false,
    request_parameter_supported: false,
    request_uri_parameter_supported: false,
    authorization_response_iss_parameter_supported: true,
  };
}

const text = { type: "string" } as const;
const claimsSchema: JsonSchema = {
  type: "object",
  properties: {
    sub: text,
    sid: text,
    auth_time: { type: "integer" },
    acr: text,
    amr: { type: "array", items: text },
    preferred_username: { type: "string", description: "The address" },
    txid: text,
    block_seq: { type: "integer" },
  },
};
