import { RECOVERY_RECORD_BYTES } from "../../src/chain/signatures.ts";
import { sha256 } from "../../src/cipher/hash.ts";
import { deterministicKeys } from "../../src/cipher/keys.ts";
import { signHash } from "../../src/cipher/sign.ts";
import { utf8 } from "./cipher-vectors.ts";

const { keys } = deterministicKeys(utf8("recovery records"), 4);

/**
 * `count` records for `SignatureRecovery`, all different: two of three carry a good signature, the third one with
 * r beyond the group order or a recovery id of 4 and more.
 */
export function recoveryRecords(count: number): Uint8Array {
  const records = new Uint8Array(count * RECOVERY_RECORD_BYTES);
  for (let i = 0; i < count; i++) {
    const record = records.subarray(i * RECOVERY_RECORD_BYTES, (i + 1) * RECOVERY_RECORD_BYTES);
    const digest = sha256(Uint8Array.of(i & 255, i >> 8));
    record.set(digest);
    record.set(signHash(digest, (keys[i % keys.length] as (typeof keys)[number]).secret), 32);
    if (i % 6 === 2) record.fill(255, 32, 64);
    if (i % 6 === 5) record[96] = (record[96] as number) + 4 * (1 + (i % 60));
  }
  return records;
}
