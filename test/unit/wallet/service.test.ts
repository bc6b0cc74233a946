import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, test } from "node:test";
import { encodeAddress } from "../../../src/cipher/address.ts";
import { secretKeyFrom } from "../../../src/cipher/keys.ts";
import { serializeWallet } from "../../../src/wallet/document.ts";
import type { CreateWalletRequest } from "../../../src/wallet/make-wallet.ts";
import type { WalletService } from "../../../src/wallet/service.ts";
import { isLocked, type Wallet, walletEntries, walletId } from "../../../src/wallet/wallet.ts";
import { ABANDON, ABANDON_XPUB, activityOf, inlineBox, openService } from "../../support/wallets.ts";

const made: string[] = [];
let directory = "";
let service: WalletService;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "wallet-service-"));
  made.push(directory);
  service = await openService(directory);
});
after(async () => {
  for (const path of made) await rm(path, { recursive: true, force: true });
});

const key = (n: number) => secretKeyFrom(new Uint8Array(32).fill(n));
const REQUESTS = {
  deterministic: { type: "deterministic", label: "d", seed: "spec example seed" },
  bip44: { type: "bip44", label: "b", seed: ABANDON },
  collection: { type: "collection", label: "c", privateKeys: [key(1)] },
  xpub: { type: "xpub", label: "", xpub: ABANDON_XPUB },
} as const satisfies Record<string, CreateWalletRequest>;
const LOCKED = { encrypt: true, password: "pwd" };

async function create(type: keyof typeof REQUESTS, changes: Partial<CreateWalletRequest> = {}): Promise<string> {
  return walletId(await service.create({ ...REQUESTS[type], ...changes }));
}

/** What a restart finds is what is in memory. */
async function onDisk(id: string): Promise<Wallet> {
  const text = await readFile(join(directory, id), "utf8");
  assert.equal(text, serializeWallet(service.get(id)));
  return service.get(id);
}

const texts = (addresses: readonly Uint8Array[]): string[] => addresses.map((a) => encodeAddress(a as never));

test("every type is created with its first addresses, saved and found again", async () => {
  const counts: Record<string, number> = {};
  for (const type of ["deterministic", "bip44", "collection", "xpub"] as const) {
    const id = await create(type);
    assert.match(id, /^\d{4}_\d\d_\d\d_[0-9a-f]{4}\.wlt$/);
    counts[type] = walletEntries(await onDisk(id)).length;
  }
  assert.deepEqual(counts, { deterministic: 1, bip44: 2, collection: 1, xpub: 1 });
  const again = await openService(directory);
  assert.deepEqual(again.list(), service.list());
  assert.equal(service.list().length, 4);
});

test("an encrypted wallet is never on disk in the clear, and carries the node's crypto type", async () => {
  const id = await create("deterministic", LOCKED);
  const wallet = await onDisk(id);
  assert.ok(isLocked(wallet));
  assert.equal(wallet.meta.get("cryptoType"), "sha256-xor");
  const plain = await create("collection");
  assert.equal(service.get(plain).meta.get("cryptoType"), "scrypt-chacha20poly1305");
});

test("a scan at creation keeps what was used, gaps included", async () => {
  // Addresses 1 and 3 of the seed; the second receives nothing.
  const activity = activityOf("2CWKrwcLXJ6UW2f1qxytPfhgRuiTzzBY9VT");
  const scanning = await openService(directory, { activity });
  const near = await scanning.create({ ...REQUESTS.deterministic, scan: 3 });
  assert.equal(walletEntries(near).length, 1);
  await scanning.unload(walletId(near));
  const far = await scanning.create({ ...REQUESTS.deterministic, scan: 4 });
  assert.equal(walletEntries(far).length, 4);
  assert.equal(walletEntries(await scanning.create({ ...REQUESTS.collection, scan: 9 })).length, 1);
});

test("a temporary wallet lives in memory only", async () => {
  const id = await create("bip44", { temporary: true });
  await service.newAddresses(id, { count: 2 });
  await service.updateLabel(id, "new");
  assert.deepEqual(await readdir(directory), []);
  assert.equal(walletEntries(service.get(id), "external").length, 3);
});

test("an encrypted bip44 wallet grows without its password, others only with it", async () => {
  const bip44 = await create("bip44", LOCKED);
  assert.deepEqual(texts(await service.newAddresses(bip44, { count: 2 })), [
    "2bjtkT6qDBxhBSLsVK5TmRHfZBy35z7sMVq",
    "ESpFpppHvDqjVqomrywxK6zYc5jgKKLBhP",
  ]);
  await service.newAddresses(bip44, { count: 1, password: "wrong but not needed" });
  assert.ok(isLocked(await onDisk(bip44)));

  const deterministic = await create("deterministic", LOCKED);
  assert.deepEqual(texts(await service.newAddresses(deterministic, { count: 1, password: "pwd" })), [
    "2Y1cFUvJ7XZ9zZM6M1ekBBg3Ncme8dqcc48",
  ]);
  assert.ok(isLocked(await onDisk(deterministic)));
});

test("no number of addresses makes none, and a collection takes keys instead", async () => {
  const id = await create("deterministic");
  assert.deepEqual(await service.newAddresses(id, {}), []);
  const collection = await create("collection", LOCKED);
  assert.deepEqual(await service.newAddresses(collection, { count: 5, password: "pwd" }), []);
  const request = { privateKeys: [key(2), key(2)], password: "pwd" };
  assert.equal((await service.newAddresses(collection, request)).length, 2);
  assert.equal(walletEntries(await onDisk(collection)).length, 3);
});

test("a scan keeps addresses up to the last one used, on both chains of bip44, and reports external ones", async () => {
  const id = await create("bip44", LOCKED);
  const activity = activityOf("ESpFpppHvDqjVqomrywxK6zYc5jgKKLBhP", "2GYJ42YnLfDrwtMQ3V5Mj3TbfRhy2T8BmWK");
  service = await openService(directory, { activity });
  assert.equal((await service.scan(id, { count: 5 })).length, 2);
  assert.equal(walletEntries(service.get(id), "external").length, 3);
  assert.equal(walletEntries(service.get(id), "change").length, 2);
  assert.deepEqual(await service.scan(id, { count: 5 }), []);
});

test("scanning in steps or making addresses gives one and the same wallet", async () => {
  const activity = activityOf("AzP152PakT6a3SEs1u2cDQPab4uPenvqmC");
  service = await openService(directory, { activity });
  const id = await create("deterministic");
  assert.equal((await service.scan(id, { count: 6 })).length, 2);
  const scanned = service.get(id);
  await service.unload(id);
  const other = await create("deterministic");
  await service.newAddresses(other, { count: 2 });
  assert.deepEqual(walletEntries(service.get(other)), walletEntries(scanned));
  assert.equal(service.get(other).meta.get("lastSeed"), scanned.meta.get("lastSeed"));
});

test("encrypting and decrypting go there and back, on disk too", async () => {
  for (const type of ["deterministic", "bip44", "collection"] as const) {
    const id = await create(type);
    service = await openService(directory, { box: inlineBox });
    const before = service.get(id);
    // The default type takes seconds; what is under test here is the way, not the cipher.
    await service.update(id, (w) => ({
      wallet: { ...w, meta: new Map([...w.meta, ["cryptoType", "sha256-xor"]]) },
      result: 0,
    }));
    assert.ok(isLocked(await service.encrypt(id, "pw")));
    assert.ok(isLocked(await onDisk(id)));
    const open = await service.decrypt(id, "pw");
    assert.deepEqual(walletEntries(open), walletEntries(before));
    await onDisk(id);
  }
});

test("the seed is shown for an encrypted wallet and its password", async () => {
  const id = await create("bip44", { ...LOCKED, seedPassphrase: "pass" });
  assert.deepEqual(await service.seed(id, "pwd"), { seed: ABANDON, seedPassphrase: "pass" });
});

test("recovery makes the same wallet under a new password, or none", async () => {
  const id = await create("bip44", { ...LOCKED, seedPassphrase: "pass" });
  await service.newAddresses(id, { count: 3 });
  const before = service.get(id);
  const locked = await service.recover(id, { seed: ABANDON, seedPassphrase: "pass", password: "new" });
  assert.deepEqual(walletEntries(locked), walletEntries(before));
  assert.deepEqual(await service.seed(id, "new"), { seed: ABANDON, seedPassphrase: "pass" });
  const open = await service.recover(id, { seed: ABANDON, seedPassphrase: "pass" });
  assert.ok(!isLocked(await onDisk(id)));
  assert.equal(open.meta.get("tm"), before.meta.get("tm"));
});

test("an unloaded wallet is forgotten, its file stays and its name is not used again", async () => {
  const id = await create("deterministic");
  await service.unload(id);
  await service.unload("unknown");
  assert.throws(() => service.get(id), { code: "WALLET_UNKNOWN" });
  assert.deepEqual(await readdir(directory), [id]);
  let draws = 0;
  const taken = Buffer.from(id.slice(11, 15), "hex");
  const random = (n: number) => (draws++ === 0 ? taken : new Uint8Array(n).fill(draws));
  const other = await openService(await mkdtemp(join(tmpdir(), "wallet-service-")), { random });
  made.push(other.directory());
  assert.equal(walletId(await other.create(REQUESTS.deterministic)), id);
  draws = 0;
  const again = await openService(directory, { random });
  await again.unload(id);
  assert.notEqual(walletId(await again.create(REQUESTS.deterministic)), id);
});

test("changes that come together happen one after the other", async () => {
  const id = await create("deterministic", LOCKED);
  const all = await Promise.all([1, 2, 3].map((count) => service.newAddresses(id, { count, password: "pwd" })));
  const made = all.flatMap(texts);
  assert.equal(new Set(made).size, 6);
  assert.deepEqual(texts(service.addresses(id)).slice(1), made);
});

test("a wallet can be read while another is being unlocked", async () => {
  let release = (): void => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const id = await create("deterministic", LOCKED);
  const open = async (...args: Parameters<typeof inlineBox.open>) => {
    await gate;
    return inlineBox.open(...args);
  };
  const slow = await openService(directory, { box: { ...inlineBox, open } });
  const decrypting = slow.decrypt(id, "pwd");
  assert.ok(isLocked(slow.get(id)));
  release();
  assert.ok(!isLocked(await decrypting));
});

test("too many changes at once are refused", async () => {
  const id = await create("deterministic");
  const calls = Array.from({ length: 80 }, () => service.updateLabel(id, "l"));
  const results = await Promise.allSettled(calls);
  const refused = results.filter((r) => r.status === "rejected");
  assert.equal(refused.length, 16);
  assert.ok(refused.every((r) => (r.reason as { code: string }).code === "WALLET_BUSY"));
});

test("a failing disk changes nothing", async () => {
  const id = await create("deterministic");
  const before = service.get(id);
  await rm(directory, { recursive: true });
  await assert.rejects(service.updateLabel(id, "lost"));
  assert.equal(service.get(id), before);
});

const cases: readonly {
  why: string;
  type?: keyof typeof REQUESTS;
  with?: Partial<CreateWalletRequest>;
  run: (id: string) => Promise<unknown>;
  message: string;
  kind: "WalletError" | "WalletFault" | "CipherError";
}[] = [
  {
    why: "newAddress of an unknown wallet",
    run: () => service.newAddresses("x", {}),
    message: "wallet doesn't exist",
    kind: "WalletError",
  },
  {
    why: "newAddress with a needless password",
    run: (id) => service.newAddresses(id, { count: 1, password: "p" }),
    message: "wallet is not encrypted",
    kind: "WalletError",
  },
  {
    why: "newAddress without a password",
    with: LOCKED,
    run: (id) => service.newAddresses(id, { count: 1 }),
    message: "missing password",
    kind: "WalletError",
  },
  {
    why: "newAddress with a wrong password",
    with: LOCKED,
    run: (id) => service.newAddresses(id, { count: 1, password: "no" }),
    message: "invalid password",
    kind: "WalletError",
  },
  {
    why: "newAddress by the million",
    run: (id) => service.newAddresses(id, { count: 1e6 }),
    message: "too many addresses requested",
    kind: "WalletError",
  },
  {
    why: "scan of a collection",
    type: "collection",
    run: (id) => service.scan(id, { count: 1 }),
    message: "A collection wallet does not implement ScanAddresses",
    kind: "WalletError",
  },
  {
    why: "scan of bip44 with a password",
    type: "bip44",
    run: (id) => service.scan(id, { count: 1, password: "p" }),
    message: "password is not required for scanning bip44 wallet addresses",
    kind: "WalletError",
  },
  {
    why: "scan with a needless password",
    run: (id) => service.scan(id, { count: 1, password: "p" }),
    message: "wallet is not encrypted",
    kind: "WalletError",
  },
  {
    why: "scan without a password",
    with: LOCKED,
    run: (id) => service.scan(id, { count: 1 }),
    message: "missing password",
    kind: "WalletError",
  },
  {
    why: "label of an unknown wallet",
    run: () => service.updateLabel("x", "l"),
    message: "wallet doesn't exist",
    kind: "WalletError",
  },
  {
    why: "encrypt twice",
    with: LOCKED,
    run: (id) => service.encrypt(id, "p"),
    message: "wallet is encrypted",
    kind: "WalletError",
  },
  {
    why: "encrypt without a password",
    run: (id) => service.encrypt(id, ""),
    message: "missing password",
    kind: "WalletError",
  },
  {
    why: "encrypt an xpub wallet",
    type: "xpub",
    run: (id) => service.encrypt(id, "p"),
    message: "xpub wallet does not support encryption",
    kind: "WalletError",
  },
  {
    why: "encrypt a temporary wallet",
    with: { temporary: true },
    run: (id) => service.encrypt(id, "p"),
    message: "temporary wallet does not support encryption",
    kind: "WalletFault",
  },
  {
    why: "decrypt an open wallet",
    run: (id) => service.decrypt(id, "p"),
    message: "wallet is not encrypted",
    kind: "WalletError",
  },
  {
    why: "decrypt without a password",
    with: LOCKED,
    run: (id) => service.decrypt(id, ""),
    message: "missing password",
    kind: "WalletError",
  },
  {
    why: "decrypt with a wrong password",
    with: LOCKED,
    run: (id) => service.decrypt(id, "no"),
    message: "invalid password",
    kind: "WalletError",
  },
  {
    why: "seed of an open wallet",
    run: (id) => service.seed(id, ""),
    message: "wallet is not encrypted",
    kind: "WalletError",
  },
  {
    why: "seed without a password",
    with: LOCKED,
    run: (id) => service.seed(id, ""),
    message: "missing password",
    kind: "WalletError",
  },
  {
    why: "seed of an unknown wallet",
    run: () => service.seed("x", "p"),
    message: "wallet doesn't exist",
    kind: "WalletError",
  },
  {
    why: "recover an open wallet",
    run: (id) => service.recover(id, { seed: "s" }),
    message: "wallet is not encrypted",
    kind: "WalletError",
  },
  {
    why: "recover a collection",
    type: "collection",
    with: LOCKED,
    run: (id) => service.recover(id, { seed: "s" }),
    message: "wallet type is not recoverable",
    kind: "WalletError",
  },
  {
    why: "recover from another seed",
    with: LOCKED,
    run: (id) => service.recover(id, { seed: "other" }),
    message: "wallet recovery seed or seed passphrase is wrong",
    kind: "WalletError",
  },
  {
    why: "recover from no mnemonic",
    type: "bip44",
    with: LOCKED,
    run: (id) => service.recover(id, { seed: "abandon" }),
    message:
      "RecoverWallet failed to create temporary wallet for fingerprint comparison: Mnemonic must have 12, 15, 18, 21 or 24 words",
    kind: "WalletError",
  },
  {
    why: "recover a deterministic wallet with a passphrase",
    with: LOCKED,
    run: (id) => service.recover(id, { seed: "s", seedPassphrase: "p" }),
    message:
      'RecoverWallet failed to create temporary wallet for fingerprint comparison: seedPassphrase is only used for "bip44" wallets',
    kind: "WalletError",
  },
  {
    why: "create what is there",
    run: () => create("deterministic"),
    message: 'fingerprint conflict for "deterministic" wallet',
    kind: "WalletError",
  },
  {
    why: "create encrypted without a password",
    run: () => create("collection", { encrypt: true }),
    message: "missing password",
    kind: "WalletError",
  },
  {
    why: "create bip44 encrypted without a password",
    run: () => create("bip44", { encrypt: true }),
    message: "missing password for encrypting wallet",
    kind: "WalletFault",
  },
  {
    why: "create temporary and encrypted",
    run: () => create("collection", { ...LOCKED, temporary: true }),
    message: "temporary wallet does not support encryption",
    kind: "WalletFault",
  },
  {
    why: "create xpub encrypted",
    run: () => create("xpub", LOCKED),
    message: "xpub wallet does not support encryption",
    kind: "WalletError",
  },
  {
    why: "create bip44 from no mnemonic",
    run: () => create("bip44", { seed: "abandon" }),
    message: "Mnemonic must have 12, 15, 18, 21 or 24 words",
    kind: "CipherError",
  },
  {
    why: "create with a scan without end",
    run: () => create("bip44", { scan: 1e9 }),
    message: "too many addresses requested",
    kind: "WalletError",
  },
];

for (const { why, type = "deterministic", with: changes, run, message, kind } of cases) {
  test(`refuses: ${why}`, async () => {
    const id = await create(type, changes);
    await assert.rejects(run(id), (error: Error) => {
      assert.equal(error.message, message);
      assert.equal(error.constructor.name, kind);
      return true;
    });
  });
}

test("a disabled service reads nothing and refuses everything", async () => {
  const off = await openService(join(directory, "never-made"), { enableWalletApi: false });
  const disabled = { code: "WALLET_API_DISABLED", message: "wallet api is disabled" };
  for (const read of [() => off.directory(), () => off.list(), () => off.get("x"), () => off.addresses("x")]) {
    assert.throws(read, disabled);
  }
  for (const change of [
    () => off.create(REQUESTS.deterministic),
    () => off.newAddresses("x", {}),
    () => off.updateLabel("x", "l"),
    () => off.encrypt("x", "p"),
    () => off.decrypt("x", "p"),
    () => off.seed("x", "p"),
    () => off.recover("x", { seed: "s" }),
    () => off.unload("x"),
    () => off.scan("x", { count: 1 }),
  ]) {
    await assert.rejects(change, disabled);
  }
  assert.deepEqual(await readdir(directory), []);
});

test("without the seed API no seed is shown", async () => {
  const quiet = await openService(directory, { enableSeedApi: false });
  await assert.rejects(quiet.seed("x", "p"), {
    code: "WALLET_SEED_API_DISABLED",
    message: "wallet seed api is disabled",
  });
});
