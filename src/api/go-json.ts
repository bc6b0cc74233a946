import { JsonError, scanValue, skipSpace } from "./go-json-scan.ts";
import { flag, type JsonSchema, listOf, text } from "./json-schema.ts";

export { JsonError } from "./go-json-scan.ts";

/**
 * How one Go type is filled from JSON. `zero` is what stays when the member is absent or null. `name` is the type's
 * name in Go's error texts.
 */
export interface GoType<T> {
  readonly name: string;
  readonly zero: T;
  /** For the OpenAPI document. */
  readonly schema: JsonSchema;
  read(input: GoInput, current: T): T;
}

export type GoValue<Type> = Type extends GoType<infer T> ? T : never;

type Kind = "object" | "array" | "string" | "number" | "bool" | "null";

/**
 * Decodes a request body as Go's `json.NewDecoder(body).Decode(&value)`: members in any letter case, unknown ones
 * ignored, the last duplicate wins, null changes nothing, text behind the value is not looked at. Source: api.md 9.5.
 * @throws JsonError
 */
export function decodeGoJson<T>(body: Uint8Array, type: GoType<T>): T {
  const { start, end } = scanValue(body);
  const input = new GoInput(body.subarray(start, end));
  const value = type.read(input, type.zero);
  input.rethrow();
  return value;
}

/** A cursor over text whose syntax is known to be good, and the first type error met on the way. */
export class GoInput {
  readonly #bytes: Uint8Array;
  #at = 0;
  #path: string[] = [];
  #struct = "";
  #failure: JsonError | undefined;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Kind of the value under the cursor. */
  kind(): Kind {
    this.#at = skipSpace(this.#bytes, this.#at);
    switch (this.#bytes[this.#at]) {
      case 0x7b:
        return "object";
      case 0x5b:
        return "array";
      case 0x22:
        return "string";
      case 0x6e:
        return "null";
      case 0x74:
      case 0x66:
        return "bool";
      default:
        return "number";
    }
  }

  /** Moves behind the value and returns its text. */
  take(): Uint8Array {
    this.kind();
    const start = this.#at;
    this.#at = endOfValue(this.#bytes, start);
    return this.#bytes.subarray(start, this.#at);
  }

  /** Steps through an object: `visit` sees each member's name and must consume its value. */
  members(visit: (name: string) => void): void {
    this.#at++;
    while (!this.#closes(0x7d)) {
      const name = unquote(this.take());
      this.#at = skipSpace(this.#bytes, this.#at) + 1;
      visit(name);
    }
  }

  /** Steps through an array: `visit` must consume one element. */
  elements(visit: () => void): void {
    this.#at++;
    while (!this.#closes(0x5d)) visit();
  }

  /** True, and moved behind it, when the bracket is next; moves behind a comma otherwise. */
  #closes(bracket: number): boolean {
    this.#at = skipSpace(this.#bytes, this.#at);
    if (this.#bytes[this.#at] === 0x2c) this.#at = skipSpace(this.#bytes, this.#at + 1);
    if (this.#bytes[this.#at] !== bracket) return false;
    this.#at++;
    return true;
  }

  /** Runs `read` with the member's name in the error context. */
  within<T>(struct: string, member: string, read: () => T): T {
    const outer = this.#struct;
    this.#struct = struct;
    this.#path.push(member);
    const value = read();
    this.#path.pop();
    this.#struct = outer;
    return value;
  }

  /** The text of a type error here. */
  mismatch(found: string, type: string): JsonError {
    const into = this.#path.length === 0 ? "value" : `struct field ${this.#struct}.${this.#path.join(".")}`;
    return new JsonError(`json: cannot unmarshal ${found} into Go ${into} of type ${type}`);
  }

  /** Skips a value of the wrong kind. Go decodes on and reports the first such error at the end. */
  refuse<T>(type: GoType<T>, current: T): T {
    const kind = this.kind();
    this.#failure ??= this.mismatch(kind, type.name);
    this.take();
    return current;
  }

  note(error: JsonError): void {
    this.#failure ??= error;
  }

  rethrow(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}

function endOfValue(bytes: Uint8Array, start: number): number {
  const first = bytes[start];
  if (first === 0x22) return endOfString(bytes, start);
  if (first !== 0x7b && first !== 0x5b) {
    let at = start;
    while (at < bytes.length && !" \n\r\t,:]}".includes(String.fromCharCode(bytes[at] as number))) at++;
    return at;
  }
  let depth = 0;
  for (let at = start; ; at++) {
    const c = bytes[at];
    if (c === 0x22) at = endOfString(bytes, at) - 1;
    else if (c === 0x7b || c === 0x5b) depth++;
    else if ((c === 0x7d || c === 0x5d) && --depth === 0) return at + 1;
  }
}

function endOfString(bytes: Uint8Array, start: number): number {
  let at = start + 1;
  while (bytes[at] !== 0x22) at += bytes[at] === 0x5c ? 2 : 1;
  return at + 1;
}

/** The string a JSON literal stands for. Invalid UTF-8 and lone surrogates become U+FFFD. */
function unquote(literal: Uint8Array): string {
  const text = Buffer.from(literal.buffer, literal.byteOffset + 1, literal.byteLength - 2).toString("utf8");
  if (!text.includes("\\")) return text;
  const plain = JSON.parse(`"${text}"`) as string;
  return plain.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd");
}

/** A string under the name its Go type has in messages. */
export function goNamedString(name: string): GoType<string> {
  const type: GoType<string> = {
    name,
    zero: "",
    schema: text,
    read(input, current) {
      const kind = input.kind();
      if (kind === "string") return unquote(input.take());
      return kind === "null" ? keep(input, current) : input.refuse(type, current);
    },
  };
  return type;
}

export const goString = goNamedString("string");

export const goBool: GoType<boolean> = {
  name: "bool",
  zero: false,
  schema: flag,
  read(input, current) {
    const kind = input.kind();
    if (kind === "bool") return input.take()[0] === 0x74;
    return kind === "null" ? keep(input, current) : input.refuse(goBool, current);
  },
};

/** Go's `int`. Fractions and exponents are refused, as there. */
export const goInt: GoType<bigint> = {
  name: "int",
  zero: 0n,
  schema: { type: "integer" },
  read(input, current) {
    const kind = input.kind();
    if (kind === "null") return keep(input, current);
    if (kind !== "number") return input.refuse(goInt, current);
    const text = Buffer.from(input.take()).toString("latin1");
    const value = /^-?\d{1,20}$/.test(text) ? BigInt(text) : undefined;
    if (value !== undefined && BigInt.asIntN(64, value) === value) return value;
    input.note(input.mismatch(`number ${text}`, "int"));
    return current;
  },
};

function keep<T>(input: GoInput, current: T): T {
  input.take();
  return current;
}

/** A Go pointer: null and absence are undefined. */
export function goPointer<T>(type: GoType<T>): GoType<T | undefined> {
  return {
    name: type.name,
    zero: undefined,
    schema: type.schema,
    read(input, current) {
      if (input.kind() !== "null") return type.read(input, current ?? type.zero);
      input.take();
      return undefined;
    },
  };
}

/** A Go slice: null and absence are the empty list. */
export function goList<T>(type: GoType<T>): GoType<readonly T[]> {
  const list: GoType<readonly T[]> = {
    name: `[]${type.name}`,
    zero: [],
    schema: listOf(type.schema),
    read(input, current) {
      const kind = input.kind();
      if (kind === "null") return keep(input, []);
      if (kind !== "array") return input.refuse(list, current);
      const items: T[] = [];
      input.elements(() => items.push(type.read(input, type.zero)));
      return items;
    },
  };
  return list;
}

type Fields = Readonly<Record<string, GoType<unknown>>>;
type StructOf<F extends Fields> = { readonly [Name in keyof F]: GoValue<F[Name]> };

/** A Go struct `{home}.{name}`: fields by their JSON names, an exact match before one in another letter case. */
export function goStruct<const F extends Fields>(name: string, fields: F, home = "api"): GoType<StructOf<F>> {
  const folded = new Map(Object.keys(fields).map((field) => [foldCase(field), field]));
  const zero = mapValues(fields, (type) => type.zero) as StructOf<F>;
  const struct: GoType<StructOf<F>> = {
    name: `${home}.${name}`,
    zero,
    schema: { type: "object", properties: mapValues(fields, ({ schema }) => schema) },
    read(input, current) {
      const kind = input.kind();
      if (kind === "null") return keep(input, current);
      if (kind !== "object") return input.refuse(struct, current);
      const filled: Record<string, unknown> = { ...current };
      input.members((member) => {
        const field = Object.hasOwn(fields, member) ? member : folded.get(foldCase(member));
        const type = field === undefined ? undefined : fields[field];
        if (field === undefined || type === undefined) input.take();
        else filled[field] = input.within(name, field, () => type.read(input, filled[field]));
      });
      return filled as StructOf<F>;
    },
  };
  return struct;
}

/** Go folds by Unicode, where the long s is an s; that the Kelvin sign is a k, lower case knows as well. */
function foldCase(name: string): string {
  return name.toLowerCase().replaceAll("\u017f", "s");
}

function mapValues<T>(fields: Fields, value: (type: GoType<unknown>) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(fields).map(([field, type]) => [field, value(type)]));
}

/**
 * A Go type with its own UnmarshalJSON over a JSON *string*. Unlike plain types it also sees null (as the empty
 * string), and its error ends the decoding at once. `parse` throws with the wanted text.
 */
export function goText<T>(name: string, zero: T, schema: JsonSchema, parse: (text: string) => T): GoType<T> {
  return goRaw(name, zero, schema, (kind, literal, input) => {
    if (kind !== "string" && kind !== "null") throw input.mismatch(kind, "string");
    return parse(kind === "null" ? "" : unquote(literal));
  });
}

/** A Go type with its own UnmarshalJSON over any value; sees the literal text. */
export function goRaw<T>(
  name: string,
  zero: T,
  schema: JsonSchema,
  parse: (kind: Kind, literal: Uint8Array, input: GoInput) => T,
): GoType<T> {
  return { name, zero, schema, read: (input) => parse(input.kind(), input.take(), input) };
}
