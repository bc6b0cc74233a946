import { type JsonSchema, objectOf } from "./json-schema.ts";
import { loginOperations } from "./login/openapi.ts";
import type { LoginRoute } from "./login/route.ts";
import type { PlainOperation } from "./operations.ts";
import type { ApiOptions } from "./options.ts";
import type { ApiMethod, ApiSet, ApiVersion, Operation, Route } from "./route.ts";
import { SHAPES, shape } from "./shapes.ts";

export interface DocumentParts {
  /** By subject. */
  readonly table: Readonly<Record<string, readonly Route[]>>;
  readonly operations: readonly PlainOperation[];
  readonly login: readonly LoginRoute[];
  readonly options: ApiOptions;
  readonly isEnabled: (set: ApiSet) => boolean;
}

type Paths = Record<string, Record<string, unknown>>;

/**
 * The OpenAPI 3.1 document of one listener, made from the routes it serves. What its API sets switch off is left out.
 */
export function nodeDocument({ table, operations, login, options, isEnabled }: DocumentParts) {
  const paths: Paths = {};
  for (const [subject, routes] of Object.entries(table)) {
    for (const route of routes) {
      const enabled = methodsOf(route).filter(([, sets]) => sets === "always" || sets.some(isEnabled));
      for (const [method] of enabled) add(paths, route.path, method, described(route, method, subject, options));
    }
  }
  for (const one of operations) add(paths, one.path, "GET", plain(one, options));
  const { paths: loginPaths, schemas } = loginOperations(login);
  const password = hasPassword(options) ? { password: PASSWORD } : {};
  const csrf = options.disableCsrf ? {} : { csrf: CSRF };
  return {
    openapi: "3.1.0",
    info: {
      title: `${options.node.fiber.displayName} node`,
      version: options.node.version,
      description: DESCRIPTION,
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    tags: [...new Set(Object.values({ ...paths, ...loginPaths }).flatMap(tagsOf))].map((name) => ({ name })),
    paths: { ...paths, ...loginPaths },
    components: {
      schemas: { ...SHAPES, ...(login.length > 0 && schemas) },
      securitySchemes: { ...password, ...csrf },
    },
  };
}

const DESCRIPTION = [
  "Paths, parameters and answers are those of the Skycoin node. Under `/api/v1` errors are text, under `/api/v2` JSON.",
  "Numbers may have up to 64 bits: read them as such where exactness matters.",
].join(" ");

const CSRF = {
  type: "apiKey",
  in: "header",
  name: "X-CSRF-Token",
  description: "From `/api/v1/csrf`, good for 30 seconds. The page at `/docs` gets one by itself.",
} as const;
const PASSWORD = { type: "http", scheme: "basic" } as const;

function add(paths: Paths, path: string, method: ApiMethod, operation: object): void {
  paths[path] = { ...paths[path], [method.toLowerCase()]: operation };
}

function methodsOf(route: Route): [ApiMethod, readonly ApiSet[] | "always"][] {
  return Object.entries(route.methods) as [ApiMethod, readonly ApiSet[] | "always"][];
}

function tagsOf(operations: Record<string, unknown>): string[] {
  return Object.values(operations).flatMap((operation) => (operation as { tags: string[] }).tags);
}

function described(route: Route, method: ApiMethod, subject: string, options: ApiOptions): object {
  const version: ApiVersion = route.path.startsWith("/api/v2/") ? 2 : 1;
  const about = aboutOf(route, method);
  const sets = route.methods[method];
  const schemes = [
    ...(hasPassword(options) ? ["password"] : []),
    ...(method !== "GET" && !options.disableCsrf ? ["csrf"] : []),
  ];
  return {
    operationId: operationId(route.path, method),
    tags: [subject],
    summary: about.summary,
    ...(about.description !== undefined && { description: about.description }),
    ...inputOf(about, method),
    responses: {
      200: { description: "Done", ...contentOf(answerOf(about, version)) },
      default: failure(version, route.handlerErrors),
    },
    ...(schemes.length > 0 && { security: [Object.fromEntries(schemes.map((name) => [name, []]))] }),
    ...(Array.isArray(sets) && { "x-api-sets": sets }),
  };
}

function aboutOf({ about, path }: Route, method: ApiMethod): Operation {
  const one = "summary" in about ? (about as Operation) : (about as Partial<Record<ApiMethod, Operation>>)[method];
  if (one === undefined) throw new Error(`${method} ${path} is not described`);
  return one;
}

/** Values come in the query; with POST, where forms may be larger than an address may be long, in the body. */
function inputOf({ parameters = {}, body, bodyRequired = [] }: Operation, method: ApiMethod): object {
  if (body !== undefined) {
    const schema = { ...body.schema, required: bodyRequired };
    return { requestBody: { required: true, content: { "application/json": { schema } } } };
  }
  const named = Object.entries(parameters).map(([key, schema]) => ({
    name: key.replace(/!$/, ""),
    required: key.endsWith("!"),
    schema,
  }));
  if (named.length === 0) return {};
  if (method !== "POST") {
    return {
      parameters: named.map(({ schema: { description, ...schema }, ...parameter }) => ({
        ...parameter,
        in: "query",
        ...(description !== undefined && { description }),
        schema,
      })),
    };
  }
  const properties = Object.fromEntries(named.map(({ name, schema }) => [name, schema]));
  const required = named.filter((parameter) => parameter.required).map(({ name }) => name);
  const schema = { type: "object", properties, required };
  return { requestBody: { content: { "application/x-www-form-urlencoded": { schema } } } };
}

function answerOf({ answer }: Operation, version: ApiVersion): JsonSchema | undefined {
  if (version === 1) return answer;
  return answer === undefined ? objectOf({}) : objectOf({ data: answer });
}

function contentOf(schema: JsonSchema | undefined): object {
  return schema === undefined ? {} : { content: { "application/json": { schema } } };
}

function failure(version: ApiVersion, ofHandler: ApiVersion = version): object {
  const content = {
    ...((version === 1 || ofHandler === 1) && { "text/plain": { schema: { type: "string" } } }),
    ...((version === 2 || ofHandler === 2) && { "application/json": { schema: shape("Error") } }),
  };
  return { description: "Any failure", content };
}

function plain({ path, summary, type, answers }: PlainOperation, options: ApiOptions): object {
  const responses = Object.entries(answers).map(([status, schema]) => [
    status,
    { description: status === "200" ? "Done" : "Not now", content: { [mediaType(type)]: { schema } } },
  ]);
  const guarded = type !== "application/json";
  return {
    operationId: operationId(path, "GET"),
    tags: ["Operations"],
    summary,
    responses: { ...Object.fromEntries(responses), ...(guarded && { default: failure(1) }) },
    ...(guarded && hasPassword(options) && { security: [{ password: [] }] }),
  };
}

function mediaType(type: string): string {
  return type.split(";", 1)[0] as string;
}

function operationId(path: string, method: ApiMethod): string {
  const words = path
    .split(/[/_-]/)
    .filter((word) => word !== "" && word !== "api")
    .map((word) => (word[0] as string).toUpperCase() + word.slice(1));
  return method.toLowerCase() + words.join("");
}

function hasPassword({ credentials: { username, password } }: ApiOptions): boolean {
  return username !== "" || password !== "";
}
