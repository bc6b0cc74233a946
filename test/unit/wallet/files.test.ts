import assert from "node:assert/strict";
import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, test } from "node:test";
import { silentLogger } from "../../../src/base/log.ts";
import { encodeAddress } from "../../../src/cipher/address.ts";
import { extendWallet, newWallet } from "../../../src/wallet/create.ts";
import { newWalletDocument, serializeWallet } from "../../../src/wallet/document.ts";
import { loadWalletDirectory, loadWalletFile, requireWritable, saveWallet } from "../../../src/wallet/files.ts";
import { setMeta, type Wallet, walletEntries, walletId } from "../../../src/wallet/wallet.ts";
import { conformanceMissing, conformanceText } from "../../support/conformance.ts";
import { ABANDON } from "../../support/wallets.ts";

const made: string[] = [];
let directory = "";
beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), "wallets-")), "wallets");
  made.push(join(directory, ".."));
});
after(async () => {
  for (const path of made) await rm(path, { recursive: true, force: true });
});

const sample = (seed: string, filename = `${seed}.wlt`): Wallet =>
  setMeta(newWalletDocument({ label: "l", addresses: 1, nowMs: 0, seed }), { filename });

async function put(name: string, content: Wallet | string): Promise<string> {
  await loadWalletDirectory(directory);
  const path = join(directory, name);
  await writeFile(path, typeof content === "string" ? content : serializeWallet(content));
  return path;
}

test("a missing directory is made, for its owner only", async () => {
  assert.equal((await loadWalletDirectory(directory)).size, 0);
  assert.equal((await stat(directory)).mode & 0o777, 0o700);
});

test("what was saved is loaded, readable by its owner only, and no other file is left", async () => {
  await loadWalletDirectory(directory);
  const wallet = sample("a");
  await saveWallet(wallet, directory);
  await saveWallet(setMeta(wallet, { label: "second" }), directory);
  assert.deepEqual(await readdir(directory), ["a.wlt"]);
  assert.equal((await stat(join(directory, "a.wlt"))).mode & 0o777, 0o600);
  assert.deepEqual([...(await loadWalletDirectory(directory)).values()], [setMeta(wallet, { label: "second" })]);
});

test("a temporary wallet is never written", async () => {
  await loadWalletDirectory(directory);
  await saveWallet(setMeta(sample("t"), { temp: "true" }), directory);
  assert.deepEqual(await readdir(directory), []);
});

test("a failing write leaves the old file as it was, and nothing beside it", async () => {
  const path = await put("a.wlt", sample("a"));
  const before = await readFile(path, "utf8");
  await rm(path);
  await symlink(join(directory, "gone", "a.wlt"), path); // points into a directory that is not there
  await assert.rejects(saveWallet(sample("b", "gone/a.wlt"), directory));
  await rm(path);
  await writeFile(path, before);
  assert.deepEqual(await readdir(directory), ["a.wlt"]);
});

test("files are found by the end of their name, in name order; the name is the id", async () => {
  await put("b.wlt", sample("b", "other-name.wlt"));
  await put("awlt", sample("a"));
  await put("notes.txt", "not a wallet");
  await put("c.wlt.bak", "not a wallet");
  const wallets = await loadWalletDirectory(directory);
  assert.deepEqual([...wallets.keys()], ["awlt", "b.wlt"]);
  assert.deepEqual([...wallets.values()].map(walletId), ["awlt", "b.wlt"]);
});

test("a wallet of unknown type is skipped", async () => {
  await put("p.wlt", '{"meta":{"type":"paper"}}');
  assert.equal((await loadWalletDirectory(directory)).size, 0);
});

test("leftovers go: a backup beside a file of version 0.1, what a crash left of a write", async () => {
  const old = setMeta(sample("a"), { version: "0.1" });
  await put("a.wlt", old);
  await put("a.wlt.bak", "x");
  await put("a.wlt.tmp.0123abcd", "half");
  await put("b.wlt", sample("b"));
  await put("b.wlt.bak", "kept");
  await put("lone.wlt.tmp.0123abcd", "kept");
  await loadWalletDirectory(directory);
  assert.deepEqual(await readdir(directory), ["a.wlt", "b.wlt", "b.wlt.bak", "lone.wlt.tmp.0123abcd"]);
});

for (const { why, files, message } of [
  {
    why: "a file without type",
    files: { "a.wlt": "{}" },
    message: "failed to load all wallets: a.wlt: missing meta.type field",
  },
  {
    why: "a file that is not JSON",
    files: { "a.wlt": "seed words" },
    message: "failed to load all wallets: a.wlt: wallet is not valid JSON",
  },
  {
    why: "a bitcoin wallet",
    files: { "a.wlt": newWalletDocument({ label: "l", addresses: 1, nowMs: 0, seed: "a", coin: "bitcoin" }) },
    message: "failed to load all wallets: LoadWallets only support skycoin wallets, a.wlt is a bitcoin wallet",
  },
  {
    why: "one wallet twice",
    files: { "a.wlt": sample("a"), "b.wlt": sample("a") },
    message: /^duplicate wallet found with fingerprint deterministic-\w+ in file "b.wlt"; restore/,
  },
  {
    why: "an empty wallet",
    files: { "a.wlt": newWalletDocument({ label: "l", addresses: 0, nowMs: 0, seed: "a" }) },
    message: 'empty wallet file found: "a.wlt"',
  },
  {
    why: "a locked bip44 wallet without accounts, on which the reference panics",
    files: { "a.wlt": '{"meta":{"type":"bip44","coin":"skycoin","encrypted":"true"}}' },
    message: "bip44 wallet without accounts is not supported",
  },
]) {
  test(`a directory is refused for ${why}`, async () => {
    for (const [name, content] of Object.entries(files)) await put(name, content);
    const remedy = `; restore the file from a backup, or move it out of ${directory}`;
    const whole = typeof message === "string" ? message + remedy : message;
    await assert.rejects(loadWalletDirectory(directory), { message: whole });
  });
}

test("what the reference loads blindly is loaded with a warning", async () => {
  const key =
    "xpub6Cjmbker6mxQGujSPMQvfFgsaSWmF5dL9dki1ZoNS39QWCmkZkguNHHjFxszEwYyVhpxCDkkb9B767LqHdcpEwXGAQpBiub5d532TA4RJGR";
  await put("x.wlt", extendWallet(newWallet({ type: "xpub", filename: "x", label: "", timestamp: 0, xpub: key }), 1));
  const bip44 = extendWallet(newWallet({ type: "bip44", filename: "b", label: "l", timestamp: 0, seed: ABANDON }), 2);
  const [first, second] = walletEntries(bip44).map((entry) => encodeAddress(entry.address));
  await put("b.wlt", serializeWallet(bip44).replace(first as string, second as string));
  const warnings: string[] = [];
  const log = {
    ...silentLogger,
    warn: (fields: object, message: string) => warnings.push(`${Object.values(fields)} ${message}`),
  };
  assert.equal((await loadWalletDirectory(directory, log)).size, 2);
  assert.deepEqual(warnings, [
    "b.wlt wallet holds addresses that are not its keys'",
    "x.wlt,3 xpub wallet on a key that is no chain's makes unusual addresses",
  ]);
});

test("an empty collection is no empty wallet", async () => {
  await put("c.wlt", newWallet({ type: "collection", filename: "c.wlt", label: "l", timestamp: 0 }));
  assert.equal((await loadWalletDirectory(directory)).size, 1);
});

test("a wallet file may have any name; a missing one is named in the error", async () => {
  const path = await put("login_genesis.json", `${serializeWallet(sample("g"))}\n`);
  assert.equal(walletId((await loadWalletFile(path)) as Wallet), "login_genesis.json");
  const gone = join(directory, "gone.wlt");
  await assert.rejects(loadWalletFile(gone), {
    code: "WALLET_FILE_MISSING",
    message: `wallet "${gone}" doesn't exist`,
  });
});

test("a file that may not be written is refused before anything changes", {
  skip: process.getuid?.() === 0 && "root may write everything",
}, async () => {
  const path = await put("a.wlt", sample("a"));
  await chmod(path, 0o400);
  await assert.rejects(requireWritable(sample("a"), directory), { code: "WALLET_NOT_WRITABLE" });
});

test("a wallet without a file yet is writable", async () => {
  await loadWalletDirectory(directory);
  await requireWritable(sample("new"), directory);
});

for (const { folder, names, message } of [
  { folder: "duplicate_wallets", names: ["test3.1", "test3"], message: /^duplicate wallet found with fingerprint/ },
  { folder: "empty_wallet", names: ["empty"], message: /^empty wallet file found: "empty.wlt"; restore/ },
  { folder: "empty_bip44_wallet", names: ["empty"], message: /^empty wallet file found: "empty.wlt"; restore/ },
  { folder: "invalid_wallets", names: ["no_type"], message: /missing meta.type field; restore the file/ },
  { folder: "invalid_wallets", names: ["no_coin"], message: /invalid coin type; restore the file/ },
  {
    folder: "invalid_wallets",
    names: ["no_seed"],
    message: /seed missing in unencrypted deterministic wallet; restore the file/,
  },
]) {
  test(`the reference's ${folder} (${names}) is refused as it refuses it`, { skip: conformanceMissing }, async () => {
    for (const name of names) await put(`${name}.wlt`, conformanceText(`wallets/testdata/${folder}/${name}.wlt`));
    await assert.rejects(loadWalletDirectory(directory), { message });
  });
}
