import { formatDroplets } from "../../chain/droplet.ts";
import {
  CHALLENGE_METHODS,
  type ChallengeRecord,
  type ClaimBinding,
  isFinal,
  lastChange,
  type StatusChange,
  versionOf,
} from "../../login/challenge.ts";
import { LoginError, type LoginErrorCode } from "../../login/errors.ts";
import type { Caller, ChallengeRequest, Claimed } from "../../login/service.ts";
import type { ClientAuth } from "./client-auth.ts";
import { claimCookie, SESSION_COOKIE, setCookie } from "./cookie.ts";
import type { StreamSlots } from "./event-stream.ts";
import { requireSameSite } from "./register.ts";
import {
  HANDLED,
  type JsonSchema,
  type LoginAnswer,
  type LoginRequest,
  type LoginRoute,
  type LoginServices,
} from "./route.ts";

/** `/login/v1/challenges`: issue, follow, prove by signature, claim (docs/login.md). */
export function challengeRoutes(
  services: LoginServices,
  streams: StreamSlots,
  auth: ClientAuth,
): readonly LoginRoute[] {
  return [
    {
      method: "POST",
      path: "/login/v1/challenges",
      summary: "Ask who owns an address",
      description: "Issues a challenge for one address. A coin to return is sent to the address where it has none.",
      body: createSchema,
      answers: { 201: { description: "The challenge", schema: issuedSchema } },
      problems: [
        "bad_request",
        "invalid_address",
        "invalid_xpub",
        "invalid_client",
        "client_not_authenticated",
        "invalid_code_challenge",
        ...LIMITS,
      ],
      handler: (request) => {
        // Else anybody could ask in the service's name and have the token meant for it.
        const service = auth.requireFor(request.body.client_id as string | undefined, request);
        // It asks for all of its visitors.
        const caller: Caller =
          service === undefined ? request.caller : { ...request.caller, key: service.id, isService: true };
        return create({ ...request, caller }, services);
      },
    },
    {
      method: "GET",
      path: "/login/v1/challenges/{id}",
      summary: "Status of a challenge",
      answers: { 200: { description: "The challenge as it is now", schema: challengeSchema } },
      problems: ["unknown_challenge"],
      handler: async ({ params }) => ({
        json: readable(await services.login.challenges.get(params.id as string), services),
      }),
    },
    {
      method: "GET",
      path: "/login/v1/challenges/{id}/events",
      summary: "Status of a challenge as server-sent events",
      description: "Every change since Last-Event-ID, then each as it happens; the stream ends after a final status.",
      answers: { 200: { description: "Events named status; data is the challenge", type: "text/event-stream" } },
      problems: ["unknown_challenge", "rate_limited", "busy"],
      handler: (request) => follow(request, services, streams),
    },
    {
      method: "POST",
      path: "/login/v1/challenges/{id}/signature",
      summary: "Prove by signature",
      body: object(
        { signature: { type: "string", description: "65 bytes, 130 hex digits, over SHA-256 of message" } },
        ["signature"],
      ),
      answers: { 200: { description: "The challenge, confirmed", schema: challengeSchema } },
      problems: [
        "bad_request",
        "unknown_challenge",
        "wrong_method",
        "bad_signature",
        "challenge_expired",
        "already_claimed",
        "rate_limited",
      ],
      handler: async ({ params, body, caller }) => {
        const record = await services.login.challenges.prove(params.id as string, body.signature as string, caller);
        return { json: readable(record, services) };
      },
    },
    {
      method: "POST",
      path: "/login/v1/challenges/{id}/claim",
      summary: "Claim the result of a proved challenge, once",
      body: object(
        { claim_secret: { type: "string", maxLength: 100 }, code_verifier: { type: "string", maxLength: 128 } },
        [],
      ),
      answers: { 200: { description: "Tokens", schema: tokenSchema } },
      problems: [
        "unknown_challenge",
        "wrong_secret",
        "not_confirmed",
        "already_claimed",
        "challenge_expired",
        "challenge_failed",
        "wrong_origin",
        "rate_limited",
      ],
      handler: (request) => claim(request, services),
    },
  ];
}

const LIMITS: readonly LoginErrorCode[] = ["too_many_open", "rate_limited", "busy", "unavailable"];

async function create({ body, caller }: LoginRequest, services: LoginServices): Promise<LoginAnswer> {
  const { login } = services;
  const asked: ChallengeRequest = {
    address: (body.address as string).trim(),
    method: (body.method as ChallengeRequest["method"] | undefined) ?? "return",
    ...(body.client_id !== undefined && { clientId: body.client_id as string }),
    ...(body.code_challenge !== undefined && { codeChallenge: body.code_challenge as string }),
    cookie: body.claim === "cookie",
  };
  const { record, claimSecret } = await login.challenges.create(asked, caller);
  const shown = readable(record, services);
  const cookie = record.claim.kind === "cookie";
  const maxAgeSeconds = Math.ceil(record.deadline.lifetimeMs / 1000) + 120;
  return {
    status: 201,
    headers: { location: shown.status_url },
    json: cookie ? shown : { ...shown, claim_secret: claimSecret },
    cookies: cookie
      ? [setCookie({ name: claimCookie(record.id), value: claimSecret as string, maxAgeSeconds, secure: login.secure })]
      : [],
  };
}

/** `at`: as it was after that change; the present state by default. */
export function readable(record: ChallengeRecord, services: Pick<LoginServices, "login" | "clients">, at?: number) {
  const { login, clients } = services;
  const change = at === undefined ? lastChange(record) : (record.history[at] as StatusChange);
  const amount = formatDroplets(BigInt(record.amount));
  const status = `${login.issuer}/login/v1/challenges/${record.id}`;
  return {
    id: record.id,
    status: change.status,
    version: versionOf(record, at ?? record.history.length - 1),
    method: record.method,
    login_address: record.loginAddress,
    return_address: record.returnAddress,
    amount,
    uri: `skycoin:${record.returnAddress}?amount=${amount}`,
    issued_at: new Date(record.issuedAtMs).toISOString(),
    expires_at: new Date(record.deadline.wallMs).toISOString(),
    page_url: `${login.issuer}/login/verify/${record.id}`,
    status_url: status,
    events_url: `${status}/events`,
    message: record.message,
    client_id: record.clientId,
    client_name: record.clientId === undefined ? undefined : clients.get(record.clientId)?.name,
    claim: record.claim.kind,
    txid: change.txid,
    block_seq: change.blockSeq,
    cause: change.cause,
    notice: record.notice,
  };
}

async function follow(request: LoginRequest, services: LoginServices, streams: StreamSlots): Promise<LoginAnswer> {
  const { challenges } = services.login;
  const record = await challenges.get(request.params.id as string);
  const stream = streams.start(request);
  let told = Number(request.header("last-event-id") ?? 0);
  if (!Number.isInteger(told) || told < 0) told = 0;
  let noticed: string | undefined;
  const tell = (now: ChallengeRecord): void => {
    now.history.forEach((_, i) => {
      const version = versionOf(now, i);
      if (version <= told) return;
      told = version;
      stream.send({ event: "status", id: String(version), data: JSON.stringify(readable(now, services, i)) });
    });
    if (now.notice !== undefined && now.notice.code !== noticed) {
      noticed = now.notice.code;
      stream.send({ event: "notice", data: JSON.stringify(now.notice) });
    }
    if (isFinal(lastChange(now).status)) stream.end();
  };
  const stop = challenges.watch(record.id, tell);
  stream.onEnd(stop);
  tell(await challenges.get(record.id)); // what happened since we looked
  return HANDLED;
}

async function claim(request: LoginRequest, { login, clients }: LoginServices): Promise<LoginAnswer> {
  const { params, body, caller } = request;
  const id = params.id as string;
  const given: readonly [ClaimBinding["kind"], unknown][] = [
    ["secret", body.claim_secret],
    ["pkce", body.code_verifier],
    ["cookie", request.cookie(claimCookie(id))],
  ];
  const [binding, secret] = given.find(([, value]) => value !== undefined) ?? [];
  if (binding === undefined) {
    throw new LoginError("wrong_secret", "Send claim_secret or code_verifier, or the cookie set with the challenge");
  }
  if (binding === "cookie") requireSameSite(request, login.issuer);
  const claimed = await login.challenges.claim(id, secret as string, binding, caller);
  const cookies =
    claimed.cookie === undefined
      ? []
      : [
          setCookie({ name: claimCookie(id), value: "", maxAgeSeconds: 0, secure: login.secure }),
          setCookie({
            name: SESSION_COOKIE,
            value: claimed.cookie,
            maxAgeSeconds: Math.floor(claimed.session.deadline.lifetimeMs / 1000),
            secure: login.secure,
          }),
        ];
  const told = readableTokens(claimed, login.issuer);
  // Whoever has the cookie began on our page, and has not shown the secret of the service that the token is meant for.
  const isOthers = binding === "cookie" && clients.get(claimed.session.clientId ?? "")?.secretSha256 !== undefined;
  const withheld = { access_token: undefined, expires_in: undefined, token_type: undefined };
  return { json: isOthers ? { ...told, ...withheld } : told, cookies };
}

/** What claim and refresh answer. */
export function readableTokens({ tokens, session }: Pick<Claimed, "tokens" | "session">, issuer: string) {
  return {
    access_token: tokens.accessToken,
    refresh_token: tokens.refreshToken,
    expires_in: tokens.expiresInSeconds,
    token_type: "Bearer",
    subject: session.subject,
    address: session.address,
    session_id: session.id,
    receipt: session.txid === undefined ? undefined : `${issuer}/login/v1/receipts/${session.txid}`,
  };
}

function object(properties: Readonly<Record<string, JsonSchema>>, required: readonly string[]): JsonSchema {
  return { type: "object", properties, required, additionalProperties: false };
}

const text = { type: "string" } as const;
const time = { type: "string", format: "date-time" } as const;

const createSchema = object(
  {
    address: {
      type: "string",
      minLength: 1,
      maxLength: 200,
      description: "Base58 address, or an account's xpub (depth 3)",
    },
    method: { type: "string", enum: CHALLENGE_METHODS, default: "return" },
    client_id: { type: "string", maxLength: 64, description: "Who asks; becomes the audience of the token" },
    code_challenge: { type: "string", maxLength: 128, description: "PKCE, method S256" },
    claim: {
      type: "string",
      enum: ["secret", "cookie"],
      default: "secret",
      description: "Where the claim secret goes",
    },
  },
  ["address"],
);

const cause = { type: "object", properties: { code: text, text } } as const;
const shown = {
  id: text,
  status: { type: "string", enum: ["funding", "waiting", "seen", "confirmed", "claimed", "expired", "failed"] },
  version: { type: "integer" },
  method: { type: "string", enum: CHALLENGE_METHODS },
  login_address: text,
  return_address: text,
  amount: { type: "string", description: "Coins, six decimals" },
  uri: text,
  issued_at: time,
  expires_at: time,
  page_url: text,
  status_url: text,
  events_url: text,
  message: { type: "string", description: "What is signed with method signature" },
  client_id: text,
  client_name: { type: "string", description: "As the operator names the service that asks" },
  claim: { type: "string", enum: ["secret", "pkce", "cookie"] },
  txid: text,
  block_seq: { type: "integer" },
  cause,
  notice: cause,
} as const satisfies Readonly<Record<string, JsonSchema>>;

export const challengeSchema: JsonSchema = { type: "object", properties: shown };
const issuedSchema: JsonSchema = { type: "object", properties: { ...shown, claim_secret: text } };
export const tokenSchema: JsonSchema = {
  type: "object",
  properties: {
    access_token: text,
    refresh_token: text,
    expires_in: { type: "integer" },
    token_type: { type: "string", enum: ["Bearer"] },
    subject: text,
    address: text,
    session_id: text,
    receipt: text,
    id_token: text,
  },
};
