import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";

interface Described {
  readonly content?: Readonly<Record<string, { readonly schema?: object }>>;
}

/** An OpenAPI document as far as answers are judged by it. */
export interface OpenApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { responses: Record<string, Described> }>>>>;
  readonly components: { readonly schemas: object };
}

export interface Answered {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly type: string | undefined;
  readonly text: string;
}

/** Holds answers to the schemas of a document. */
export class AnswerCheck {
  readonly #document: OpenApiDocument;
  readonly #ajv = new Ajv2020({ strict: true, allowUnionTypes: true, allErrors: true, validateFormats: false });
  readonly #known = new Map<object, ValidateFunction>();
  /** Operations and statuses seen: `GET /path 200`. */
  readonly seen = new Set<string>();

  constructor(document: OpenApiDocument) {
    this.#document = document;
    this.#ajv.addSchema(within({ $id: "document", $defs: document.components.schemas }));
  }

  /** What is wrong with an answer; undefined when it is as described, or its path or method is not served. */
  flaw({ method, path, status, type, text }: Answered): string | undefined {
    const responses = this.#document.paths[path]?.[method.toLowerCase()]?.responses;
    if (responses === undefined) return undefined;
    this.seen.add(`${method} ${path} ${status}`);
    const described = responses[status] ?? responses.default;
    if (described === undefined) return `status ${status} is not described`;
    if (described.content === undefined) return text === "" ? undefined : `a body is not described: ${text}`;
    const content = described.content[(type ?? "").split(";", 1)[0] as string];
    if (content === undefined) return `type ${type} is not described`;
    if (content.schema === undefined || type?.startsWith("application/json") !== true) return undefined;
    const valid = this.#compiled(content.schema);
    return valid(JSON.parse(text)) ? undefined : this.#ajv.errorsText(valid.errors);
  }

  #compiled(schema: object): ValidateFunction {
    const known = this.#known.get(schema);
    if (known !== undefined) return known;
    const made = this.#ajv.compile(within(schema));
    this.#known.set(schema, made);
    return made;
  }
}

/** References as they are once the shared schemas stand by themselves: the validator takes nothing around them. */
function within(schema: object): object {
  return JSON.parse(JSON.stringify(schema).replaceAll("#/components/schemas/", "document#/$defs/")) as object;
}
