/** Fills a new array with `bytes` unpredictable bytes. */
export type Random = (bytes: number) => Uint8Array;

/** The platform's cryptographic generator: Node and browsers offer the same one. */
export const platformRandom: Random = (bytes) => globalThis.crypto.getRandomValues(new Uint8Array(bytes));
