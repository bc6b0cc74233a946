import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { concat, fromHex, toHex } from "../../../src/base/bytes.ts";
import { addressOf, encodeAddress } from "../../../src/cipher/address.ts";
import { decodeBase58, encodeBase58 } from "../../../src/cipher/base58.ts";
import {
  bip44Account,
  derivePath,
  type ExtendedPrivateKey,
  formatExtendedKey,
  HARDENED,
  keyIdentifier,
  masterKey,
  neuter,
  parseExtendedPrivateKey,
  parseExtendedPublicKey,
  parsePath,
  privateChild,
  publicChild,
  serializeExtendedKey,
} from "../../../src/cipher/bip32.ts";
import { mnemonicSeed } from "../../../src/cipher/bip39.ts";
import { doubleSha256 } from "../../../src/cipher/hash.ts";
import { conformanceJson, conformanceMissing } from "../../support/conformance.ts";

const ABANDON = `${"abandon ".repeat(11)}about`;
const account = bip44Account(mnemonicSeed(ABANDON), 8000, 0);

test("the account, chain and address keys of a known mnemonic come out", () => {
  assert.equal(
    formatExtendedKey(account),
    "xprv9ykRCF7xGQQ74ReyHKsvJ7k92QgGqcuUnQq7DBPkshcRdQSc2DNepUyFQi1zwLwKEnksc75wgfEiNEzRMmVc3DpxH2ZQ5S5o1hd2e2icLm9",
  );
  const change = publicChild(neuter(account), 1);
  assert.equal(
    formatExtendedKey(change),
    "xpub6EqqWfTLqEwSaokbRt8L5LEcmzvEbFeuUWt7RyBRcyFi5ndfHejJXqXeuiprD91ZL6uyrBrmH8c88zYLruxth4nxp8f5wYpFq6y9yKmHD5p",
  );
  assert.equal(encodeAddress(addressOf(publicChild(change, 0).key)), "2RKPZ1rhvxjWFX4zWNSbtLW1QLqBTrokP7U");
});

test("public derivation agrees with private derivation", () => {
  const arbitrary = fc.record({
    seed: fc.uint8Array({ minLength: 16, maxLength: 64 }),
    numbers: fc.array(fc.nat(HARDENED - 1), { minLength: 1, maxLength: 2 }),
  });
  fc.assert(
    fc.property(arbitrary, ({ seed, numbers }) => {
      const master = masterKey(seed);
      const privately = neuter(derivePath(master, numbers));
      const publicly = numbers.reduce((key, n) => publicChild(key, n), neuter(master));
      assert.equal(formatExtendedKey(publicly), formatExtendedKey(privately));
    }),
    { numRuns: 8 },
  );
});

test("texts of keys read back as the same keys", () => {
  const hardened = privateChild(account, HARDENED + 7);
  assert.deepEqual(parseExtendedPrivateKey(formatExtendedKey(hardened)), hardened);
  assert.deepEqual(parseExtendedPublicKey(formatExtendedKey(neuter(hardened))), neuter(hardened));
});

/** The text of a key whose 78 bytes were changed, checksum made right again. */
function tampered(key: ExtendedPrivateKey, change: (bytes: Uint8Array) => void): string {
  const bytes = serializeExtendedKey(key).slice(0, 78);
  change(bytes);
  return encodeBase58(concat(bytes, doubleSha256(bytes).subarray(0, 4)));
}

const master = masterKey(new Uint8Array(32).fill(7));
const publicText = formatExtendedKey(neuter(account));
const deep: ExtendedPrivateKey = { ...account, depth: 255 };
for (const { why, run, code } of [
  { why: "a short seed", run: () => masterKey(new Uint8Array(15)), code: "BIP32_SEED_LENGTH" },
  { why: "a long seed", run: () => masterKey(new Uint8Array(65)), code: "BIP32_SEED_LENGTH" },
  { why: "empty text", run: () => parseExtendedPublicKey(""), code: "BIP32_TEXT" },
  { why: "characters outside base58", run: () => parseExtendedPublicKey("0pub"), code: "BIP32_TEXT" },
  { why: "too few bytes", run: () => parseExtendedPublicKey("xpub"), code: "BIP32_LENGTH" },
  { why: "a megabyte of text", run: () => parseExtendedPublicKey("x".repeat(1 << 20)), code: "BIP32_LENGTH" },
  {
    why: "a changed character",
    run: () => parseExtendedPublicKey(publicText.replace("Cj", "jC")),
    code: "BIP32_CHECKSUM",
  },
  {
    why: "another version",
    run: () => parseExtendedPublicKey(tampered(account, (b) => b.fill(1, 0, 4))),
    code: "BIP32_VERSION",
  },
  {
    why: "a private key where a public one is asked",
    run: () => parseExtendedPublicKey(formatExtendedKey(account)),
    code: "BIP32_NOT_PUBLIC",
  },
  {
    why: "a public key where a private one is asked",
    run: () => parseExtendedPrivateKey(publicText),
    code: "BIP32_NOT_PRIVATE",
  },
  {
    why: "a master key with a parent",
    run: () => parseExtendedPrivateKey(tampered(master, (b) => b.fill(1, 5, 6))),
    code: "BIP32_FINGERPRINT",
  },
  {
    why: "a master key with a number",
    run: () => parseExtendedPrivateKey(tampered(master, (b) => b.fill(1, 12, 13))),
    code: "BIP32_CHILD_NUMBER",
  },
  {
    why: "a secret of zero",
    run: () => parseExtendedPrivateKey(tampered(account, (b) => b.fill(0, 46))),
    code: "BIP32_PRIVATE_KEY",
  },
  {
    why: "a secret behind a byte that is not zero",
    run: () => parseExtendedPrivateKey(tampered(account, (b) => b.fill(1, 45, 46))),
    code: "BIP32_PRIVATE_KEY",
  },
  {
    why: "a point off the curve",
    run: () =>
      parseExtendedPublicKey(
        tampered(account, (b) => {
          b.set(fromHex("0488b21e"));
          b.fill(5, 45);
        }),
      ),
    code: "BIP32_PUBLIC_KEY",
  },
  { why: "a child of depth 255", run: () => privateChild(deep, 0), code: "BIP32_DEPTH" },
  { why: "a public child of depth 255", run: () => publicChild(neuter(deep), 0), code: "BIP32_DEPTH" },
  { why: "a hardened public child", run: () => publicChild(neuter(account), HARDENED), code: "BIP32_HARDENED_PUBLIC" },
  { why: "a coin number of 2^31", run: () => bip44Account(new Uint8Array(16), HARDENED, 0), code: "BIP44_COIN" },
  { why: "an account number of 2^31", run: () => bip44Account(new Uint8Array(16), 0, HARDENED), code: "BIP44_ACCOUNT" },
  { why: "a path without root", run: () => parsePath("0/1"), code: "BIP32_PATH_ROOT" },
  { why: "a second root", run: () => parsePath("m/0/m"), code: "BIP32_PATH_INNER_ROOT" },
  { why: "a path that ends in a slash", run: () => parsePath("m/"), code: "BIP32_PATH_NUMBER" },
  { why: "a node of 2^31", run: () => parsePath("m/2147483648"), code: "BIP32_PATH_RANGE" },
] as const) {
  test(`refuses ${why}`, () => assert.throws(run, { code }));
}

test("refusals never show the key", () => {
  const secret = formatExtendedKey(account);
  assert.throws(
    () => parseExtendedPublicKey(secret),
    (error: Error) => !JSON.stringify(error).includes(secret.slice(9)),
  );
});

test("paths read as child numbers", () => {
  assert.deepEqual(parsePath("m"), []);
  assert.deepEqual(parsePath("m/44'/8000'/0'/1/0"), [HARDENED + 44, HARDENED + 8000, HARDENED, 1, 0]);
});

interface Bip32Key {
  path: string;
  xprv: string;
  xpub: string;
  identifier: string;
  fingerprint: string;
  child_number: number;
  public_child_7_xpub: string;
  secret_key: string;
}

interface Bip32Vectors {
  chains: { seed_hex: string; keys: Bip32Key[] }[];
  extended_keys: { kind: string; text: string; error: string | null }[];
  paths: { path: string; error: string }[];
  seed_lengths: { seed_length: number; error: string | null }[];
}

test("every recorded key of the reference comes out", { skip: conformanceMissing }, () => {
  const { chains } = conformanceJson<Bip32Vectors>("cipher/vectors/bip32.json");
  for (const { seed_hex, keys } of chains) {
    for (const want of keys) {
      const key = derivePath(masterKey(fromHex(seed_hex)), parsePath(want.path));
      const hex = toHex(keyIdentifier(key));
      assert.deepEqual(
        {
          xprv: formatExtendedKey(key),
          xpub: formatExtendedKey(neuter(key)),
          identifier: hex,
          child_number: key.childNumber,
          child: formatExtendedKey(publicChild(neuter(key), 7)),
          secret_key: toHex(key.key),
        },
        {
          xprv: want.xprv,
          xpub: want.xpub,
          identifier: want.identifier,
          child_number: want.child_number,
          child: want.public_child_7_xpub,
          secret_key: want.secret_key,
        },
      );
      assert.equal(hex.slice(0, 8), want.fingerprint);
    }
  }
});

test("every recorded refusal of the reference is ours, word for word", { skip: conformanceMissing }, () => {
  const vectors = conformanceJson<Bip32Vectors>("cipher/vectors/bip32.json");
  const attempts = [
    ...vectors.extended_keys.map(({ kind, text, error }) => ({
      run: () => (kind === "xprv" ? parseExtendedPrivateKey(text) : parseExtendedPublicKey(text)),
      error,
    })),
    ...vectors.paths.map(({ path, error }) => ({ run: () => parsePath(path), error })),
    ...vectors.seed_lengths.map(({ seed_length, error }) => ({
      run: () => masterKey(new Uint8Array(seed_length).fill(1)),
      error,
    })),
  ];
  for (const { run, error } of attempts) {
    if (error === null) assert.doesNotThrow(run);
    else assert.throws(run, { message: error });
  }
});

interface Bip44Vector {
  mnemonic: string;
  passphrase: string;
  coin_type: number;
  account: number;
  account_xprv: string;
  account_xpub: string;
  external_xpub: string;
  external: { address: string; secret_key: string }[];
  change: { address: string; secret_key: string }[];
}

test("every recorded bip44 account comes out", { skip: conformanceMissing }, () => {
  for (const want of conformanceJson<Bip44Vector[]>("cipher/vectors/bip44.json")) {
    const key = bip44Account(mnemonicSeed(want.mnemonic, want.passphrase), want.coin_type, want.account);
    assert.equal(formatExtendedKey(key), want.account_xprv);
    assert.equal(formatExtendedKey(neuter(key)), want.account_xpub);
    assert.equal(formatExtendedKey(publicChild(neuter(key), 0)), want.external_xpub);
    for (const [chain, list] of [want.external, want.change].entries()) {
      for (const [i, { address, secret_key }] of list.entries()) {
        const child = derivePath(key, [chain, i]);
        assert.equal(toHex(child.key), secret_key);
        assert.equal(encodeAddress(addressOf(neuter(child).key)), address);
      }
    }
  }
});

test("decoding measures text before it works on it", () => {
  assert.equal(decodeBase58("1".repeat(100_000), 82), undefined);
});
