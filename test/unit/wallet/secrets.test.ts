import assert from "node:assert/strict";
import { test } from "node:test";
import { isZero } from "../../../src/base/bytes.ts";
import { secretKeyFrom } from "../../../src/cipher/keys.ts";
import { extendWallet, newWallet } from "../../../src/wallet/create.ts";
import { newWalletDocument, parseWallet, serializeWallet } from "../../../src/wallet/document.ts";
import type { SecretBox } from "../../../src/wallet/secret-box.ts";
import { lockWallet, secretsText, unlockWallet } from "../../../src/wallet/secrets.ts";
import { setMeta, type Wallet, walletEntries, wipeSecrets } from "../../../src/wallet/wallet.ts";
import { conformanceMissing, conformanceText } from "../../support/conformance.ts";
import { ABANDON, ABANDON_XPUB, inlineBox } from "../../support/wallets.ts";

const pwd = new TextEncoder().encode("pwd");
const none = new Uint8Array(0);
const common = { filename: "w.wlt", label: "l", timestamp: 1, cryptoType: "sha256-xor" } as const;

const deterministic = setMeta(newWalletDocument({ label: "l", addresses: 2, nowMs: 0, seed: "spec example seed" }), {
  cryptoType: "sha256-xor",
});
const bip44 = extendWallet(
  extendWallet(newWallet({ ...common, type: "bip44", seed: ABANDON, seedPassphrase: "p" }), 2),
  1,
  1,
);
const collection = newWallet({
  ...common,
  type: "collection",
  privateKeys: [secretKeyFrom(new Uint8Array(32).fill(1))],
});
const xpub = newWallet({ ...common, type: "xpub", xpub: ABANDON_XPUB });

test("the secrets of a deterministic wallet are the text the reference encrypts", () => {
  assert.equal(
    secretsText(deterministic),
    '{"2Y1cFUvJ7XZ9zZM6M1ekBBg3Ncme8dqcc48":"deaf009573b84896dadca82d80fc22df0ef566fd0a35e8e20048876c9e7524f6","2fm4oRmr9Eavi1JWBxXkvvaFT77oYAK1DQY":"b73ac60fcdeb805ba83069b261b1e59dc0bccb96236cdef83c0d72c548faefe5","lastSeed":"e174c5da68e375c1bba6428eb78705baad5986328596b22e072b37441b552efc","seed":"spec example seed"}',
  );
});

for (const wallet of [deterministic, bip44, collection]) {
  test(`a locked ${wallet.type} wallet shows nothing secret and opens to what it was`, async () => {
    const locked = await lockWallet<Wallet>(wallet, pwd, inlineBox);
    const text = serializeWallet(locked);
    for (const entry of walletEntries(wallet)) {
      assert.ok(!text.includes(Buffer.from(entry.secretKey ?? []).toString("hex")));
    }
    assert.doesNotMatch(text, /spec example|abandon|xprv|"seedPassphrase": "p"/);
    const open = await unlockWallet(parseWallet(text, wallet.meta.get("filename") as string) as Wallet, pwd, inlineBox);
    assert.deepEqual(open, wallet);
  });
}

test("a wallet without a crypto type is locked with the default one", async () => {
  const types: string[] = [];
  const seal: SecretBox["seal"] = async (type) => {
    types.push(type);
    return "sealed";
  };
  const box = { ...inlineBox, seal };
  await lockWallet(setMeta(deterministic, { cryptoType: undefined }), pwd, box);
  assert.deepEqual(types, ["scrypt-chacha20poly1305"]);
});

test("addresses a bip44 wallet made while locked have their keys once it is open", async () => {
  const locked = extendWallet(await lockWallet<Wallet>(bip44, pwd, inlineBox), 2);
  assert.equal(walletEntries(locked)[2]?.secretKey, undefined);
  const open = await unlockWallet(locked, pwd, inlineBox);
  assert.deepEqual(walletEntries(open), walletEntries(extendWallet(bip44, 2)));
});

test("a wiped copy keeps no key", async () => {
  for (const wallet of [deterministic, bip44]) {
    const open = await unlockWallet(await lockWallet<Wallet>(wallet, pwd, inlineBox), pwd, inlineBox);
    wipeSecrets(open);
    assert.ok(walletEntries(open).every((entry) => isZero(entry.secretKey ?? none)));
    assert.ok(open.type !== "bip44" || isZero(open.accounts[0]?.key?.key ?? none));
  }
});

/** Locks text that is not what belongs there. */
async function lockedOver(wallet: Wallet, secrets: object): Promise<Wallet> {
  const locked = await lockWallet(wallet, pwd, inlineBox);
  const text = new TextEncoder().encode(JSON.stringify(secrets));
  return setMeta(locked, { secrets: await inlineBox.seal("sha256-xor", text, pwd) });
}

const open = async (wallet: Wallet | Promise<Wallet>, password = pwd) =>
  unlockWallet(await wallet, password, inlineBox);
const lock = (wallet: Wallet, password = pwd) => lockWallet(wallet, password, inlineBox);

for (const { why, run, message } of [
  { why: "locking without a password", run: () => lock(deterministic, none), message: "missing password" },
  { why: "locking twice", run: async () => lock(await lock(deterministic)), message: "wallet is encrypted" },
  { why: "locking an xpub wallet", run: () => lock(xpub), message: "xpub wallet does not support encryption" },
  {
    why: "locking a temporary wallet",
    run: () => lock(setMeta(deterministic, { temp: "true" })),
    message: "temporary wallet does not support encryption",
  },
  {
    why: "locking with an unknown type",
    run: () => lock(setMeta(deterministic, { cryptoType: "rot13" })),
    message: "can not find crypto rot13 in crypto table",
  },
  { why: "opening an open wallet", run: () => open(deterministic), message: "wallet is not encrypted" },
  { why: "opening an xpub wallet", run: () => open(xpub), message: "xpub wallet does not support encryption" },
  { why: "opening without a password", run: () => open(lock(bip44), none), message: "missing password" },
  {
    why: "opening with a wrong password",
    run: () => open(lock(bip44), new TextEncoder().encode("no")),
    message: "invalid password",
  },
  {
    why: "opening without secrets",
    run: async () => open(setMeta(await lock(bip44), { secrets: undefined })),
    message: "missing secrets",
  },
  {
    why: "opening without a crypto type",
    run: async () => open(setMeta(await lock(bip44), { cryptoType: undefined })),
    message: "missing crypto type",
  },
  { why: "no seed", run: () => open(lockedOver(deterministic, {})), message: "seed doesn't exist in wallet" },
  {
    why: "no last seed",
    run: () => open(lockedOver(deterministic, { seed: "s" })),
    message: "lastSeed doesn't exist in wallet",
  },
  {
    why: "no key for an address",
    run: () => open(lockedOver(deterministic, { seed: "s", lastSeed: "l" })),
    message: "secret of address 2fm4oRmr9Eavi1JWBxXkvvaFT77oYAK1DQY doesn't exist in secrets",
  },
  {
    why: "a key that is not hex",
    run: () =>
      open(lockedOver(deterministic, { seed: "s", lastSeed: "l", "2fm4oRmr9Eavi1JWBxXkvvaFT77oYAK1DQY": "zz" })),
    message: "decode secret hex string failed",
  },
  {
    why: "no account key",
    run: () => open(lockedOver(bip44, {})),
    message: "account private key does not exist in secrets",
  },
]) {
  test(`refuses: ${why}`, () => assert.rejects(run(), { message }));
}

for (const name of [
  "encrypted/bip44-passphrase-sha256-xor",
  "encrypted/bip44-sha256-xor",
  "encrypted/collection-sha256-xor",
  "encrypted/det-sha256-xor",
  "encrypted/det-scrypt-chacha20poly1305",
  "testdata/sha256xor-encrypted",
]) {
  test(`the reference's file ${name} opens, and its keys fit its addresses`, { skip: conformanceMissing }, async () => {
    const wallet = parseWallet(conformanceText(`wallets/${name}.wlt`), "w.wlt") as Wallet;
    const opened = await unlockWallet(wallet, pwd, inlineBox);
    // Reading an open document checks every key against its address.
    assert.deepEqual(parseWallet(serializeWallet(opened), "w.wlt"), opened);
    assert.ok(walletEntries(opened).every((entry) => entry.secretKey !== undefined));
  });
}
