/** The reference's recorded answers, all of them; skipped where the data are not at hand. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fromHex, toHex } from "../../../src/base/bytes.ts";
import {
  addressBytes25,
  addressOf,
  decodeAddress,
  encodeAddress,
  verifyAddressKey,
} from "../../../src/cipher/address.ts";
import { decodeBase58, encodeBase58 } from "../../../src/cipher/base58.ts";
import { mnemonicFromEntropy, mnemonicSeed, validateMnemonic } from "../../../src/cipher/bip39.ts";
import { bitcoinAddressOf, decodeWif, encodeBitcoinAddress, encodeWif } from "../../../src/cipher/bitcoin.ts";
import { doubleSha256, hashHex, merkleRoot, parseHash, ripemd160, sha256 } from "../../../src/cipher/hash.ts";
import {
  deterministicKeys,
  parsePublicKey,
  parseSecretKey,
  publicKeyOf,
  sharedSecret,
} from "../../../src/cipher/keys.ts";
import {
  parseSignature,
  recoverSigner,
  verifyAddressSignedHash,
  verifyPubKeySignedHash,
  verifySignatureRecoverPubKey,
} from "../../../src/cipher/sign.ts";
import { conformanceJson, conformanceMissing as skip } from "../../support/conformance.ts";

type Texts<Name extends string> = Readonly<Record<Name, string>>;
type Refusable<Name extends string> = Texts<Name> & { readonly error: string | null };

interface Vectors {
  readonly hashes: readonly Texts<"data_hex" | "sha256" | "double_sha256" | "ripemd160">[];
  readonly merkle: readonly (Texts<"merkle"> & { readonly hashes: readonly string[] })[];
  readonly parse: readonly Refusable<"kind" | "hex">[];
  readonly base58: readonly Texts<"base58" | "data_hex">[];
  readonly base58_decode: readonly Refusable<"base58" | "data_hex">[];
  readonly addresses: readonly Texts<"address" | "address_bytes" | "bitcoin_address" | "checksum" | "public_key">[];
  readonly address_decode: readonly Refusable<"address">[];
  readonly bitcoin_wif: readonly Texts<"secret_key" | "wif">[];
  readonly deterministic: readonly (Texts<
    "seed_hex" | "iterator_next_seed" | "iterator_public_key" | "iterator_secret_key" | "five_last_seed"
  > & { readonly five_secret_keys: readonly string[] })[];
  readonly ecdh: readonly Texts<"public_key" | "secret_key" | "other_public_key" | "other_secret_key" | "shared_hex">[];
  readonly signatures: readonly (Texts<"case" | "address" | "hash" | "public_key" | "sig"> & {
    readonly recovered_public_key: string | null;
    readonly recover_error: string | null;
    readonly verify_address_error: string | null;
    readonly verify_public_key_error: string | null;
    readonly verify_recover_error: string | null;
  })[];
}

interface Golden {
  readonly seed: string;
  readonly keys: readonly (Texts<"address" | "bitcoin_address" | "secret" | "public"> & {
    readonly signatures?: readonly string[];
  })[];
}

const vectors = skip === false ? conformanceJson<Vectors>("cipher/vectors/keys.json") : undefined;

/** One test over all rows of a table; an empty table is a failure. */
function each<Row>(claim: string, rows: readonly Row[] | undefined, check: (row: Row) => void): void {
  test(claim, { skip }, () => {
    assert.ok(rows !== undefined && rows.length > 0);
    for (const row of rows) check(row);
  });
}

/** The run gives no error, or one with this text; undefined when an error of any text will do. */
function outcome(run: () => unknown, error: string | null | undefined): void {
  if (error === null) run();
  else assert.throws(run, error === undefined ? { name: "CipherError" } : { message: error });
}

each("hashes", vectors?.hashes, (row) => {
  const data = fromHex(row.data_hex);
  assert.equal(hashHex(sha256(data)), row.sha256);
  assert.equal(hashHex(doubleSha256(data)), row.double_sha256);
  assert.equal(toHex(ripemd160(data)), row.ripemd160);
});

each("merkle roots", vectors?.merkle, (row) => {
  assert.equal(hashHex(merkleRoot(row.hashes.map(parseHash))), row.merkle);
});

each("keys, signatures and hashes parse or are refused", vectors?.parse, (row) => {
  const parsers = new Map<string, (hex: string) => Uint8Array>([
    ["public", parsePublicKey],
    ["secret", parseSecretKey],
    ["sig", parseSignature],
    ["sha256", parseHash],
  ]);
  const anyText = row.error?.startsWith("(any error");
  outcome(() => parsers.get(row.kind)?.(row.hex), anyText === true ? undefined : row.error);
});

each("base58 encodes", vectors?.base58, (row) => {
  assert.equal(encodeBase58(fromHex(row.data_hex)), row.base58);
});

each("base58 decodes or is refused", vectors?.base58_decode, (row) => {
  outcome(() => assert.equal(toHex(decodeBase58(row.base58, 64) as Uint8Array), row.data_hex), row.error);
});

each("addresses of keys", vectors?.addresses, (row) => {
  const key = parsePublicKey(row.public_key);
  assert.equal(encodeAddress(addressOf(key)), row.address);
  assert.equal(toHex(addressBytes25(addressOf(key))), row.address_bytes);
  assert.equal(row.address_bytes.slice(-8), row.checksum);
  assert.equal(encodeBitcoinAddress(bitcoinAddressOf(key)), row.bitcoin_address);
  verifyAddressKey(decodeAddress(row.address), key);
});

each("addresses decode or are refused", vectors?.address_decode, (row) => {
  outcome(() => decodeAddress(row.address), row.error);
});

each("bitcoin import format", vectors?.bitcoin_wif, (row) => {
  assert.equal(encodeWif(parseSecretKey(row.secret_key)), row.wif);
  assert.equal(toHex(decodeWif(row.wif)), row.secret_key);
});

each("deterministic keys", vectors?.deterministic, (row) => {
  const first = deterministicKeys(fromHex(row.seed_hex), 1);
  assert.equal(toHex(first.lastSeed), row.iterator_next_seed);
  assert.deepEqual(
    first.keys.map((pair) => [toHex(pair.secret), toHex(pair.public)]),
    [[row.iterator_secret_key, row.iterator_public_key]],
  );
  const five = deterministicKeys(fromHex(row.seed_hex), 5);
  assert.equal(toHex(five.lastSeed), row.five_last_seed);
  assert.deepEqual(
    five.keys.map((pair) => toHex(pair.secret)),
    row.five_secret_keys,
  );
});

each("shared secrets", vectors?.ecdh, (row) => {
  const shared = (key: string, secret: string) => toHex(sharedSecret(parsePublicKey(key), parseSecretKey(secret)));
  assert.equal(shared(row.public_key, row.secret_key), row.shared_hex);
  assert.equal(shared(row.other_public_key, row.other_secret_key), row.shared_hex);
});

each("signatures and their verification", vectors?.signatures, (row) => {
  const [hash, signature] = [parseHash(row.hash), parseSignature(row.sig)];
  const signer = recoverSigner(hash, signature);
  assert.equal(signer.ok, row.recover_error === null, row.case);
  if (signer.ok) assert.equal(toHex(signer.publicKey), row.recovered_public_key, row.case);
  outcome(() => verifySignatureRecoverPubKey(signature, hash), row.verify_recover_error);
  outcome(() => verifyAddressSignedHash(decodeAddress(row.address), signature, hash), row.verify_address_error);
  outcome(() => verifyPubKeySignedHash(parsePublicKey(row.public_key), signature, hash), row.verify_public_key_error);
});

const GOLDEN_SEEDS = ["0000", "0001", "0002", "0004", "0005", "0007", "0009"];

for (const name of [...GOLDEN_SEEDS.map((seed) => `seed-${seed}`), "many-addresses"])
  test(`${name}: keys, addresses and signatures of the reference's own suite`, { skip }, () => {
    const golden = conformanceJson<Golden>(`cipher/testsuite/${name}.golden`);
    const { hashes } = conformanceJson<{ hashes: string[] }>("cipher/testsuite/input-hashes.golden");
    const keysWanted = Math.min(golden.keys.length, 40); // portable arithmetic: 3 ms a key, and as much a signature
    const { keys } = deterministicKeys(Buffer.from(golden.seed, "base64"), keysWanted);
    for (const [i, pair] of keys.entries()) {
      const want = golden.keys[i] as Golden["keys"][number];
      assert.equal(toHex(pair.secret), want.secret);
      assert.equal(toHex(pair.public), want.public);
      assert.equal(encodeAddress(addressOf(pair.public)), want.address);
      assert.equal(encodeBitcoinAddress(bitcoinAddressOf(pair.public)), want.bitcoin_address);
      for (const [k, signature] of (want.signatures ?? []).entries())
        verifyPubKeySignedHash(pair.public, parseSignature(signature), parseHash(hashes[k] as string));
    }
  });

interface Phrases {
  readonly valid: readonly Texts<"entropy_hex" | "mnemonic" | "passphrase" | "seed_hex">[];
  readonly invalid: readonly Texts<"mnemonic" | "error">[];
}
const phrases = skip === false ? conformanceJson<Phrases>("cipher/vectors/bip39.json") : undefined;

each("phrases and their seeds", phrases?.valid, (row) => {
  assert.equal(mnemonicFromEntropy(fromHex(row.entropy_hex)), row.mnemonic);
  assert.equal(toHex(mnemonicSeed(row.mnemonic, row.passphrase)), row.seed_hex);
});

each("bad phrases", phrases?.invalid, (row) => outcome(() => validateMnemonic(row.mnemonic), row.error));

test("a public key follows from its secret key, for every address of the reference's list", { skip }, () => {
  const golden = conformanceJson<Golden>("cipher/testsuite/many-addresses.golden");
  assert.ok(golden.keys.length >= 100);
  for (const want of golden.keys) {
    const key = publicKeyOf(parseSecretKey(want.secret));
    assert.equal(encodeAddress(addressOf(key)), want.address);
  }
});
