import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Emitter } from "../../../src/base/emitter.ts";
import { silentLogger } from "../../../src/base/log.ts";
import type { BlockEvent } from "../../../src/chain/blockchain.ts";
import type { Head, IdentifiedUxOut } from "../../../src/chain/store.ts";
import type { Droplets, Hours } from "../../../src/chain/uxout.ts";
import { type Address, encodeAddress } from "../../../src/cipher/address.ts";
import { type Hash, hashHex } from "../../../src/cipher/hash.ts";
import { Funding } from "../../../src/login/funding.ts";
import type { StockState } from "../../../src/login/service.ts";
import { GENESIS_TIME, owners } from "../../support/chain.ts";
import { LoginTestClock } from "../../support/login-rig.ts";

const AMOUNT = 10_000n;
const BATCH_MAX = 4;
const VISITORS = owners("wishing", 4).map(({ address }) => address);

interface Sending {
  readonly addresses: readonly Address[];
  readonly outputs: readonly IdentifiedUxOut[];
}

/** Funding on a stock, a pool and a chain of coins alone: what is handed in is in the pool after a moment. */
class Rig {
  readonly clock = new LoginTestClock();
  readonly funding: Funding;
  /** What the listener was told. */
  readonly told: { address: string; outcome: string }[] = [];
  /** Coins the stock has ready. */
  ready = Number.POSITIVE_INFINITY;
  isDown = false;
  condition: StockState["condition"] = "ok";
  readonly batches: (readonly Address[])[] = [];
  readonly #onBlock = new Emitter<BlockEvent>();
  readonly #onLost = new Emitter<readonly Address[]>();
  /** Being handed in, and in the pool. */
  readonly #leaving = new Set<Sending>();
  readonly #pooled = new Set<Sending>();
  readonly #unspent: IdentifiedUxOut[] = [];
  #coins = 0;

  constructor() {
    const head = { time: GENESIS_TIME } as Head;
    this.funding = new Funding(
      AMOUNT,
      {
        chain: {
          head: () => head,
          onBlock: this.#onBlock,
          store: {
            unspentsOf: (address) => this.#unspent.filter(({ ux }) => same(ux.body.address, address)),
          },
        },
        pool: { incoming: () => [...this.#pooled].flatMap(({ outputs }) => outputs), outgoing: () => [] },
        stock: {
          fund: (addresses) => this.#fund(addresses),
          onLost: this.#onLost,
          state: () => ({ condition: this.condition }) as StockState,
        },
        clock: this.clock,
        log: silentLogger,
      },
      {
        onFunded: (address) => void this.told.push({ address, outcome: "funded" }),
        onFailed: (address, { code }) => void this.told.push({ address, outcome: code }),
      },
    );
    this.funding.start();
  }

  async #fund(addresses: readonly Address[]) {
    const count = Math.min(addresses.length, this.ready, BATCH_MAX);
    if (count === 0) return undefined;
    this.ready -= count;
    const funded = addresses.slice(0, count);
    this.batches.push(funded);
    const sending = { addresses: funded, outputs: funded.map((address) => this.#coin(address)) };
    this.#leaving.add(sending);
    await new Promise<void>((resolve) => this.clock.after(10, resolve));
    this.#leaving.delete(sending);
    if (this.isDown) {
      this.ready += count;
      throw new Error("the network is down");
    }
    this.#pooled.add(sending);
    return { txid: hashHex(sending.outputs[0]?.id as Hash), funded: count };
  }

  #coin(address: Address): IdentifiedUxOut {
    const id = new Uint8Array(32) as Hash;
    new DataView(id.buffer).setUint32(0, ++this.#coins);
    const body = { srcTransaction: id, address, coins: AMOUNT as Droplets, hours: 4n as Hours };
    return { id, ux: { head: { time: GENESIS_TIME, seq: 1 }, body } };
  }

  /** Coins on their way to an address. */
  coming(address: Address): number {
    const all = [...this.#leaving, ...this.#pooled].flatMap(({ addresses }) => addresses);
    return all.filter((other) => same(other, address)).length;
  }

  /** A block of what is in the pool. */
  async mine(): Promise<void> {
    const created = [...this.#pooled].flatMap(({ outputs }) => outputs);
    this.#pooled.clear();
    this.#unspent.push(...created);
    this.#onBlock.emit({ change: { created: [created] } } as unknown as BlockEvent);
    await this.clock.advance(1);
  }

  /** The pool drops the oldest sending. */
  lose(): void {
    for (const sending of this.#pooled) {
      this.#pooled.delete(sending);
      this.#onLost.emit(sending.addresses);
      return;
    }
  }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.from(a).equals(b);
}

const [first, second] = VISITORS as [Address, Address];

test("wishes of one moment share a transaction, and each is told once its coin is in a block", async () => {
  const rig = new Rig();
  rig.funding.wish(first);
  rig.funding.wish(second);
  rig.funding.wish(first);
  await rig.clock.advance(20);
  assert.deepEqual(rig.batches, [[first, second]]);
  assert.deepEqual([rig.told, rig.funding.canReturn(first)], [[], false]);
  await rig.mine();
  assert.deepEqual(
    rig.told,
    [first, second].map((address) => ({ address: encodeAddress(address), outcome: "funded" })),
  );
  assert.equal(rig.funding.canReturn(first), true);
});

test("without a ready coin a wish is tried again, and fails after half a minute with the reason", async () => {
  for (const [condition, outcome] of [
    ["ok", "funding_failed"],
    ["exhausted", "funding_exhausted"],
  ] as const) {
    const rig = new Rig();
    rig.ready = 0;
    rig.condition = condition;
    rig.funding.wish(first);
    await rig.clock.advance(29_000);
    assert.deepEqual(rig.told, []);
    await rig.clock.advance(4_000);
    assert.deepEqual(rig.told, [{ address: encodeAddress(first), outcome }]);
    await rig.funding.stop();
    assert.equal(rig.clock.waiting, 0);
  }
});

test("a refill that arrives with a block is used at once", async () => {
  const rig = new Rig();
  rig.ready = 0;
  rig.funding.wish(first);
  await rig.clock.advance(5_000);
  rig.ready = 1;
  await rig.mine();
  await rig.clock.advance(10);
  assert.equal(rig.coming(first), 1);
});

test("a wish made anew while its coin is being handed in does not ask for another", async () => {
  const rig = new Rig();
  rig.funding.wish(first);
  await rig.clock.advance(5); // handed in, not yet in the pool
  rig.funding.forget(first);
  rig.funding.wish(first);
  await rig.clock.advance(20);
  assert.deepEqual([rig.batches.length, rig.coming(first)], [1, 1]);
  await rig.mine();
  assert.equal(rig.told.length, 1);
});

test("a wish made anew while its coin waits for a block does not ask for another", async () => {
  const rig = new Rig();
  rig.funding.wish(first);
  await rig.clock.advance(20); // in the pool
  rig.funding.forget(first);
  rig.funding.wish(first);
  await rig.clock.advance(20);
  assert.equal(rig.coming(first), 1);
  await rig.mine();
  assert.deepEqual(rig.told, [{ address: encodeAddress(first), outcome: "funded" }]);
});

test("more wishes than are kept are refused at once", () => {
  const rig = new Rig();
  rig.isDown = true;
  const last = new Uint8Array(21);
  for (let i = 0; i <= 10_000; i++) {
    const address = new Uint8Array(21) as Address;
    new DataView(address.buffer).setUint32(0, i);
    rig.funding.wish(address);
    last.set(address);
  }
  assert.deepEqual(rig.told, [{ address: encodeAddress(last as Address), outcome: "funding_exhausted" }]);
});

type Act = "wish" | "forget" | "mine" | "lose" | "go down" | "come up" | "no coins" | "coins" | "wait" | "wait long";
const act = fc.record({
  act: fc.constantFrom<Act>(
    ...(["wish", "wish", "wish", "wish", "forget", "mine", "mine", "lose", "wait", "wait"] as const),
    ...(["go down", "come up", "no coins", "coins", "wait long"] as const),
  ),
  who: fc.nat({ max: VISITORS.length - 1 }),
});

test("whatever happens: never two coins on their way to one address, and each wish ends once", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 5, maxLength: 80 }), async (acts) => {
      const rig = new Rig();
      const open = new Set<string>();
      const settle = (): void => {
        for (const { address } of rig.told.splice(0)) {
          assert.ok(open.delete(address), `${address} was told of a wish that is over`);
        }
      };
      const take = async (act: Act, address: Address): Promise<void> => {
        if (act === "wish") {
          rig.funding.wish(address);
          open.add(encodeAddress(address));
        } else if (act === "forget") {
          rig.funding.forget(address);
          open.delete(encodeAddress(address));
        } else if (act === "mine") await rig.mine();
        else if (act === "lose") rig.lose();
        else if (act === "go down" || act === "come up") rig.isDown = act === "go down";
        else if (act === "no coins" || act === "coins") rig.ready = act === "coins" ? Number.POSITIVE_INFINITY : 0;
        else await rig.clock.advance(act === "wait" ? 7 : 9_000);
        await rig.clock.advance(0);
        settle();
        for (const visitor of VISITORS) assert.ok(rig.coming(visitor) <= 1);
      };
      for (const { act, who } of acts) await take(act, VISITORS[who] as Address);
      for (const act of ["come up", "coins", "wait long", "mine", "wait long", "mine"] as const) await take(act, first);
      assert.deepEqual([...open], [], "every wish has ended");
      await rig.funding.stop();
      assert.equal(rig.clock.waiting, 0);
    }),
    { numRuns: process.env.LOGINCHAIN_LONG === "1" ? 2_000 : 60 },
  );
});
