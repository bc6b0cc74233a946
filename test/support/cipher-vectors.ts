import { vectors } from "./vectors.ts";

/** Keys, addresses and hashes of one seed, as the reference derives them. */
export interface KeyVectors {
  readonly seed: string;
  readonly seedHash: string;
  readonly nexts: readonly string[];
  readonly secrets: readonly string[];
  readonly publicKey0: string;
  readonly addresses: readonly string[];
  readonly addressBytes0: string;
  readonly bitcoinAddress0: string;
  readonly wif0: string;
  readonly nullAddress: string;
  readonly message: string;
  readonly messageHash: string;
  readonly signature0: string;
  readonly merkle: { readonly a: string; readonly ab: string; readonly abc: string };
}

/** One signature and what the reference recovers from it; `strict` false: recovered, but refused by verification. */
export interface RecoveryVector {
  readonly case: string;
  readonly digest: string;
  readonly signature: string;
  readonly publicKey: string | null;
  readonly address: string | null;
  readonly strict: boolean | null;
}

export const keyVectors = vectors<KeyVectors>("cipher-keys.json");
export const recoveryVectors = vectors<{ readonly cases: readonly RecoveryVector[] }>("cipher-recovery.json").cases;

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
