import { LOGIN_ERRORS, type LoginErrorCode } from "../../login/errors.ts";
import { PROBLEM_TYPE, problemSchema } from "./problem.ts";
import type { JsonSchema, LoginRoute } from "./route.ts";

/** The OpenAPI 3.1 document of the routes: what is checked is what is described. */
export function openApiDocument(
  routes: readonly LoginRoute[],
  facts: { readonly issuer: string; readonly version: string },
) {
  const { paths, schemas } = loginOperations(routes);
  return {
    openapi: "3.1.0",
    info: {
      title: "Login service",
      version: facts.version,
      description: "Proof that a visitor controls an address. Any Origin may ask, without credentials.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: facts.issuer }],
    tags: [{ name: "Login" }],
    paths,
    components: { schemas },
  };
}

/** What the routes add to a document. */
export function loginOperations(routes: readonly LoginRoute[]) {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    if (route.hidden === true) continue;
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(route) };
  }
  return { paths, schemas: { Problem: problemSchema(Object.keys(LOGIN_ERRORS)) } };
}

function operation(route: LoginRoute) {
  const path = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name: name as string,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
  const query = Object.entries(route.query ?? {}).map(([name, schema]) => ({ name, in: "query", schema }));
  return {
    operationId: operationId(route),
    tags: ["Login"],
    summary: route.summary,
    ...(route.description !== undefined && { description: route.description }),
    ...(path.length + query.length > 0 && { parameters: [...path, ...query] }),
    ...(route.body !== undefined && { requestBody: { content: { "application/json": { schema: route.body } } } }),
    responses: { ...answers(route), ...problems(route) },
  };
}

function operationId({ method, path }: LoginRoute): string {
  const words = path
    .replaceAll(/[{}.]/g, "")
    .split(/[/-]/)
    .filter((word) => !["", "login", "v1"].includes(word));
  return [method.toLowerCase(), ...words.map((word) => (word[0] ?? "").toUpperCase() + word.slice(1))].join("");
}

function answers(route: LoginRoute): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(route.answers).map(([status, { description, schema, type }]) => {
      const content =
        schema === undefined && type === undefined
          ? undefined
          : { [type ?? "application/json"]: schema === undefined ? {} : { schema } };
      return [status, { description, ...(content && { content }) }];
    }),
  );
}

/** Codes of one status share an entry, as OpenAPI has it. */
function problems(route: LoginRoute): Record<string, unknown> {
  const byStatus = new Map<number, string[]>();
  for (const code of route.problems ?? []) {
    const status = LOGIN_ERRORS[code as LoginErrorCode][0];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const schema: JsonSchema = { $ref: "#/components/schemas/Problem" };
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      String(status),
      { description: codes.join(", "), content: { [route.oauth ? "application/json" : PROBLEM_TYPE]: { schema } } },
    ]),
  );
}
