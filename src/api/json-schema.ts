/** A JSON schema of draft 2020-12, as OpenAPI 3.1 holds them. */
export type JsonSchema = Readonly<Record<string, unknown>>;

type Properties = Readonly<Record<string, JsonSchema>>;

/** An object of exactly these members; those of `optional` may be missing. */
export function objectOf(properties: Properties, optional: Properties = {}): JsonSchema {
  return {
    type: "object",
    properties: { ...properties, ...optional },
    required: Object.keys(properties),
    additionalProperties: false,
  };
}

export function listOf(items: JsonSchema): JsonSchema {
  return { type: "array", items };
}

/** An object whose members are named by `what`. */
export function mapOf(what: string, values: JsonSchema): JsonSchema {
  return { type: "object", description: `By ${what}`, additionalProperties: values };
}

export const text = { type: "string" } as const;
export const flag = { type: "boolean" } as const;
/** Heights, sizes, unix seconds. */
export const count = { type: "integer", minimum: 0 } as const;
/** Up to 64 bits: more than the numbers of many languages hold. */
export const u64 = { type: "integer", format: "uint64", minimum: 0 } as const;
export const hash = { type: "string", pattern: "^[0-9a-f]{64}$" } as const;
export const address = { type: "string", description: "Base58 address" } as const;
export const coins = { type: "string", pattern: "^[0-9]+\\.[0-9]{6}$", description: "Coins, six decimals" } as const;
/** An amount or a number of hours as text. */
export const digits = { type: "string", pattern: "^[0-9]+$" } as const;
export const hex = { type: "string", pattern: "^([0-9a-f]{2})*$" } as const;
export const unixTime = { type: "integer", description: "Unix time in seconds" } as const;
