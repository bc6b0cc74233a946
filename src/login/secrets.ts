import { concat, toHex } from "../base/bytes.ts";
import { hmacSha256 } from "../cipher/hmac.ts";
import { isValidSecretKey, type SecretKey } from "../cipher/keys.ts";

/**
 * What is derived from the one secret of a login service, each purpose by its own label. The secret never leaves
 * this object; losing it loses the coins at return addresses that were not swept yet, and nothing else.
 */
export class LoginSecrets {
  readonly #root: Uint8Array;

  constructor(root: Uint8Array) {
    this.#root = root.slice();
  }

  /** Key of the return address of a challenge (V1): nobody without the secret can tell it from the id. */
  returnKey(challengeId: string): SecretKey {
    for (let round = 0; ; round++) {
      const key = this.#derive(`return address ${round} ${challengeId}`);
      if (isValidSecretKey(key)) return key as SecretKey; // fails once in 2^128
    }
  }

  /** Names a client in the audit without telling its address: 128 bits, hex. */
  clientHash(ip: string): string {
    return toHex(this.#derive(`client ${ip}`).subarray(0, 16));
  }

  #derive(purpose: string): Uint8Array {
    return hmacSha256(
      this.#root,
      concat(new TextEncoder().encode("loginchain v1 "), new TextEncoder().encode(purpose)),
    );
  }
}
