import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { equalBytes, toHex } from "../../../src/base/bytes.ts";
import { silentLogger } from "../../../src/base/log.ts";
import type { TxOut } from "../../../src/chain/transaction.ts";
import { UnconfirmedPool } from "../../../src/chain/unconfirmed-pool.ts";
import { type Address, encodeAddress, NULL_ADDRESS } from "../../../src/cipher/address.ts";
import { NULL_HASH } from "../../../src/cipher/hash.ts";
import { MemoryStore } from "../../../src/storage/memory-store.ts";
import { chainActivity, chainLedger } from "../../../src/wallet/chain-ledger.ts";
import type { WalletService } from "../../../src/wallet/service.ts";
import { parseShareFactor } from "../../../src/wallet/share-factor.ts";
import { isFullySigned } from "../../../src/wallet/sign.ts";
import type { CreatedTransaction, SpendParams } from "../../../src/wallet/spend.ts";
import { walletEntries, walletId } from "../../../src/wallet/wallet.ts";
import { type SpendSelection, type WalletSpend, WalletSpending } from "../../../src/wallet/wallet-spending.ts";
import { alice, genesisOwner, ManualClock, out, spend, TestChain, VOLUME } from "../../support/chain.ts";
import { ABANDON, ABANDON_XPUB, openService } from "../../support/wallets.ts";

const COIN = 1_000_000n;
let directory = "";
let chain: TestChain;
let pool: UnconfirmedPool;
let wallets: WalletService;
let spending: WalletSpending;
/** Holds the genesis output. */
let genesis = "";
/** bip44, two outputs on external addresses. */
let bip44 = "";
let bip44Own: Address[] = [];
/** deterministic, encrypted, one output. */
let locked = "";
let watch = "";

const params = (to: readonly TxOut[], changes: Partial<SpendParams> = {}): SpendParams => ({
  hoursSelection: { type: "auto", mode: "share", shareFactor: parseShareFactor("0.5") },
  to,
  ...changes,
});
const want = (changes: Partial<WalletSpend> = {}): WalletSpend => ({
  params: params([out(alice, COIN, 0n)]),
  selection: {},
  ...changes,
});

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "wallet-spending-"));
  chain = await TestChain.open({ store: new MemoryStore() });
  const clock = new ManualClock();
  pool = new UnconfirmedPool({
    chain: chain.chain,
    store: chain.store,
    params: chain.chain.params,
    clock,
    log: silentLogger,
  });
  await pool.load();
  const node = { chain: chain.chain, pool };
  wallets = await openService(directory, { activity: chainActivity(node) });
  spending = new WalletSpending(
    { burnFactor: chain.chain.params.user.burnFactor },
    { ledger: chainLedger(node), wallets },
  );
  const collection = { type: "collection", label: "g", privateKeys: [genesisOwner.secret] };
  genesis = walletId(await wallets.create(collection));
  bip44 = walletId(await wallets.create({ type: "bip44", label: "b", seed: ABANDON }));
  await wallets.newAddresses(bip44, { count: 1 });
  bip44Own = walletEntries(wallets.get(bip44), "external").map((entry) => entry.address);
  const request = { type: "deterministic", label: "l", seed: "locked", encrypt: true, password: "pwd" };
  locked = walletId(await wallets.create(request));
});
after(() => rm(directory, { recursive: true, force: true }));

test("the output of block 0 is spent by every path", async () => {
  const created = await spending.createFromWallet(genesis, want());
  assert.equal(created.inputs.length, 1);
  assert.ok(equalBytes(created.inputs[0]?.srcTransaction as Uint8Array, NULL_HASH));
  assert.ok(isFullySigned(created.txn));
  const unsigned = await spending.createFromWallet(genesis, want({ unsigned: true }));
  assert.deepEqual(unsigned.txn.innerHash, created.txn.innerHash);
  const signed = await spending.sign(genesis, { txn: unsigned.txn });
  assert.ok(isFullySigned(signed.txn));
  const anybody = await spending.create(want().params, { addresses: [genesisOwner.address] });
  assert.deepEqual(anybody.txn, unsigned.txn);
});

test("funding the wallets of the following tests", async () => {
  const [first, second] = bip44Own as [Address, Address];
  const outputs = [
    { address: first, coins: 10n * COIN, hours: 100n },
    { address: second, coins: 20n * COIN, hours: 40n },
    { address: wallets.addresses(locked)[0] as Address, coins: 5n * COIN, hours: 50n },
    { address: alice.address, coins: VOLUME - 35n * COIN, hours: 1000n },
  ] as TxOut[];
  await chain.add([spend([chain.genesisCoin()], outputs)]);
});

test("a bip44 wallet's change goes to its own change chain", async () => {
  const { txn } = await spending.createFromWallet(bip44, want());
  assert.equal(encodeAddress((txn.outputs[1] as TxOut).address), "2RKPZ1rhvxjWFX4zWNSbtLW1QLqBTrokP7U");
  assert.equal(walletEntries(wallets.get(bip44), "change").length, 1);
});

test("a change address in use makes way for a new one, saved at once even when the spend then fails", async () => {
  const [used] = walletEntries(wallets.get(bip44), "change");
  const created = await spending.createFromWallet(bip44, want());
  await pool.injectFromUser(created.txn);
  assert.ok(created.txn.outputs.some((o) => equalBytes(o.address, used?.address as Address)));
  await assert.rejects(spending.createFromWallet(bip44, want()), { code: "SPEND_PENDING" });
  const reopened = await openService(directory);
  assert.equal(walletEntries(reopened.get(bip44), "change").length, 2);
});

test("an output that the pool spends is refused, or left out on request", async () => {
  const created = await spending.createFromWallet(bip44, want({ selection: { ignoreUnconfirmed: true } }));
  assert.deepEqual(
    created.inputs.map((c) => c.coins),
    [10n * COIN],
  );
  const uxOuts = created.inputs.map((c) => c.id);
  await assert.rejects(spending.create(want().params, { addresses: bip44Own }), {
    message: "Please spend after your pending transaction is confirmed",
  });
  assert.deepEqual((await spending.create(want().params, { uxOuts })).inputs, created.inputs);
});

test("an encrypted wallet spends with its password and stays encrypted", async () => {
  const created = await spending.createFromWallet(locked, want({ password: "pwd" }));
  assert.ok(isFullySigned(created.txn));
  const unsigned = await spending.createFromWallet(locked, want({ unsigned: true }));
  const signed = await spending.sign(locked, { txn: unsigned.txn, indexes: [0], password: "pwd" });
  assert.ok(isFullySigned(signed.txn));
  assert.deepEqual(signed.inputs, unsigned.inputs);
});

let taken: CreatedTransaction;
test("a wallet that only watches makes unsigned transactions and no others", async () => {
  watch = walletId(await wallets.create({ type: "xpub", label: "", xpub: ABANDON_XPUB, scan: 3 }));
  const selection = { ignoreUnconfirmed: true };
  taken = await spending.createFromWallet(watch, want({ selection, unsigned: true }));
  await assert.rejects(spending.createFromWallet(watch, want({ selection })), { code: "WALLET_CANNOT_SIGN" });
  await assert.rejects(spending.sign(watch, { txn: taken.txn }), { code: "WALLET_CANNOT_SIGN" });
});
const select = (selection: SpendSelection) => () => spending.createFromWallet(bip44, want({ selection }));
const pay = (changes: Partial<WalletSpend>) => () => spending.createFromWallet(locked, want(changes));
const ONES = new Uint8Array(32).fill(0x11) as typeof NULL_HASH;

for (const { why, run, message } of [
  {
    why: "outputs and addresses together",
    run: select({ uxOuts: [ONES], addresses: [alice.address] }),
    message: "UxOuts and Addresses cannot be combined",
  },
  {
    why: "a null address",
    run: select({ addresses: [NULL_ADDRESS] }),
    message: "Addresses must not contain the null address",
  },
  {
    why: "an address twice",
    run: select({ addresses: [alice.address, alice.address] }),
    message: "Addresses contains duplicate values",
  },
  { why: "an output twice", run: select({ uxOuts: [ONES, ONES] }), message: "UxOuts contains duplicate values" },
  { why: "another's address", run: select({ addresses: [alice.address] }), message: "address not found in wallet" },
  {
    why: "an unknown output",
    run: select({ uxOuts: [ONES] }),
    message: `unspent output of ${"11".repeat(32)} does not exist`,
  },
  {
    why: "another's output",
    run: () => select({ uxOuts: [chain.store.unspentsOf(alice.address)[0]?.id as typeof NULL_HASH] })(),
    message: "uxout is not owned by any address in the wallet",
  },
  {
    why: "only outputs that the pool spends",
    run: () => {
      const uxOuts = pool.all().flatMap(({ txn }) => txn.inputs);
      return select({ uxOuts, ignoreUnconfirmed: true })();
    },
    message: "All selected outputs are unavailable for spending",
  },
  { why: "an empty wallet", run: () => spending.createFromWallet(genesis, want()), message: "no unspents to spend" },
  {
    why: "too much",
    run: pay({ params: params([out(alice, 6n * COIN, 0n)]), password: "pwd" }),
    message: "balance is not sufficient",
  },
  { why: "no password", run: pay({}), message: "missing password" },
  { why: "a wrong password", run: pay({ password: "no" }), message: "invalid password" },
  {
    why: "a needless password",
    run: () => spending.createFromWallet(genesis, want({ password: "p" })),
    message: "wallet is not encrypted",
  },
  {
    why: "an unknown wallet",
    run: () => spending.createFromWallet("x", want()),
    message: "wallet doesn't exist",
  },
  {
    why: "parameters, before the password",
    run: pay({ params: params([]) }),
    message: "To is required",
  },
  {
    why: "neither outputs nor addresses without a wallet",
    run: () => spending.create(want().params, {}),
    message: "UxOuts or Addresses must not be empty",
  },
  {
    why: "too many decimals",
    run: pay({ params: params([out(alice, 1n, 0n)]), password: "pwd" }),
    message: "invalid amount, too many decimal places",
  },
  {
    why: "signing what another owns",
    run: () => spending.sign(genesis, { txn: taken.txn }),
    message: "Wallet cannot sign all requested inputs",
  },
  {
    why: "signing what is signed",
    run: async () =>
      spending.sign("x", { txn: (await spending.createFromWallet(locked, want({ password: "pwd" }))).txn }),
    message: "Transaction is already fully signed",
  },
] as const) {
  test(`refuses: ${why}`, () => assert.rejects(run, { message }));
}

test("ids in errors are those asked for", async () => {
  await assert.rejects(select({ uxOuts: [ONES] })(), (error: Error) => error.message.includes(toHex(ONES)));
});
