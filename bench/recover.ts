/**
 * Signature recovery, the node's dearest step: ops/s of each backend, of the thread pool, of hashing, and how they
 * compare with the Go reference on the same machine. Run: node build/bench/recover.js [seconds per line]
 *
 * Go's figures depend on the machine: measure them there and set GO_RECOVER (cipher.PubKeyFromSig per second) and
 * GO_SHA256 (cipher.SumSHA256 of 32 bytes per second). Without, those of go 1.19 on 2 idle cores of an AMD EPYC.
 */
import { inlineRecovery, RECOVERY_RECORD_BYTES } from "../src/chain/signatures.ts";
import { installBackend } from "../src/cipher/active-backend.ts";
import { addressOf, decodeAddress, encodeAddress } from "../src/cipher/address.ts";
import { type Hash, sha256 } from "../src/cipher/hash.ts";
import { deterministicKeys, publicKeyOf } from "../src/cipher/keys.ts";
import { nobleBackend } from "../src/cipher/noble-backend.ts";
import { recoverSigner, type Signature, signHash } from "../src/cipher/sign.ts";
import { BACKEND_KINDS, installNativeBackend } from "../src/native/install.ts";
import { RecoveryPool } from "../src/native/recovery-pool.ts";
import { describeRun, line, opsPerSecond } from "./support/measure.ts";

const SECONDS = Number(process.argv[2] ?? 0.5);
const GO = { recover: Number(process.env.GO_RECOVER ?? 7190), sha256: Number(process.env.GO_SHA256 ?? 2_880_000) };
const COUNT = 1024;

console.log(describeRun());
console.log(`Go reference: ${GO.recover} recoveries/s, ${GO.sha256} sha256/s (one core; GO_RECOVER, GO_SHA256)\n`);

await installNativeBackend();
const { keys } = deterministicKeys(new TextEncoder().encode("bench"), 64);
const records = makeRecords();

for (const kind of BACKEND_KINDS) {
  const installed = await installNativeBackend({ force: kind }).catch(() => undefined);
  if (installed === undefined) {
    console.log(`${kind}: not available here`);
    continue;
  }
  console.log(`${installed.name} (${installed.detail})`);
  line("recoverSigner", await opsPerSecond(SECONDS, (i) => recoverAt(i)), GO.recover);
  line("signHash", await opsPerSecond(SECONDS, (i) => signHash(digestAt(i), keyAt(i).secret)));
  line("publicKeyOf", await opsPerSecond(SECONDS, (i) => publicKeyOf(keyAt(i).secret)));
  line("sha256, 32 bytes", await opsPerSecond(SECONDS, (i) => sha256(digestAt(i))), GO.sha256);
  line("address of a key", await opsPerSecond(SECONDS, (i) => addressOf(keyAt(i).public)));
  await poolLines(kind);
}

installBackend(nobleBackend);
console.log("portable cipher, no Node");
line("sha256, 32 bytes", await opsPerSecond(SECONDS, (i) => sha256(digestAt(i))), GO.sha256);
await installNativeBackend();
const texts = keys.map((pair) => encodeAddress(addressOf(pair.public)));
console.log("text");
line("encodeAddress", await opsPerSecond(SECONDS, (i) => encodeAddress(addressOf(keyAt(i).public))));
line("decodeAddress", await opsPerSecond(SECONDS, (i) => decodeAddress(texts[i % texts.length] as string)));

async function poolLines(kind: (typeof BACKEND_KINDS)[number]): Promise<void> {
  const pool = new RecoveryPool({ backend: kind });
  await pool.recover(batch(0, 64)); // threads are started, tables built
  for (const size of kind === "noble" ? [64] : [16, 256, 1024]) {
    const rate = await opsPerSecond(SECONDS, () => windowOf(pool, size), COUNT);
    line(`${pool.name}, calls of ${size}`, rate, GO.recover);
  }
  await pool.close();
  const inline = inlineRecovery();
  if (kind !== "noble")
    line(
      "calling thread, calls of 256",
      await opsPerSecond(SECONDS, () => inline.recover(batch(0, 256)), 256),
      GO.recover,
    );
}

/** All records, in calls of `size`, all under way at once: what a sync window does. */
async function windowOf(pool: RecoveryPool, size: number): Promise<void> {
  const calls: Promise<Uint8Array>[] = [];
  for (let from = 0; from < COUNT; from += size) calls.push(pool.recover(batch(from, size)));
  await Promise.all(calls);
}

function makeRecords(): Uint8Array {
  const made = new Uint8Array(COUNT * RECOVERY_RECORD_BYTES);
  for (let i = 0; i < COUNT; i++) {
    const digest = sha256(Uint8Array.of(i & 255, i >> 8));
    made.set(digest, i * RECOVERY_RECORD_BYTES);
    made.set(signHash(digest, keyAt(i).secret), i * RECOVERY_RECORD_BYTES + 32);
  }
  return made;
}

function batch(from: number, size: number): Uint8Array {
  return records.slice(from * RECOVERY_RECORD_BYTES, (from + size) * RECOVERY_RECORD_BYTES);
}

function recoverAt(i: number): void {
  const at = (i % COUNT) * RECOVERY_RECORD_BYTES;
  const signature = records.subarray(at + 32, at + RECOVERY_RECORD_BYTES) as Signature;
  if (!recoverSigner(digestAt(i), signature).ok) throw new Error("the bench's signatures are good");
}

function digestAt(i: number): Hash {
  const at = (i % COUNT) * RECOVERY_RECORD_BYTES;
  return records.subarray(at, at + 32) as Hash;
}

function keyAt(i: number): (typeof keys)[number] {
  return keys[i % keys.length] as (typeof keys)[number];
}
