import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Transaction, txid } from "../../../src/chain/transaction.ts";
import { encodeAddress } from "../../../src/cipher/address.ts";
import { installNativeBackend } from "../../../src/native/install.ts";
import { type Owner, owners } from "../../support/chain.ts";
import { type Endowment, READY_TARGET, StockRig } from "../../support/stock-rig.ts";

await installNativeBackend();

const RICH: Endowment = { parts: 8, fundings: 1_000n, hours: 100_000n };
const POOR: Endowment = { parts: 4, fundings: 6n, hours: 40n };
const VISITORS = owners("visitors", 24);

type Act =
  | { readonly act: "fund" | "return"; readonly count: number }
  | { readonly act: "mine" | "mine some" | "restart" | "go down" | "come up" | "spend behind its back" }
  | { readonly act: "wait"; readonly ms: number };

const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ act: fc.constant("fund" as const), count: fc.integer({ min: 1, max: 12 }) }) },
  { weight: 3, arbitrary: fc.record({ act: fc.constant("return" as const), count: fc.integer({ min: 1, max: 12 }) }) },
  {
    weight: 6,
    arbitrary: fc.record({ act: fc.constantFrom("mine" as const, "mine" as const, "mine some", "restart") }),
  },
  { weight: 2, arbitrary: fc.record({ act: fc.constantFrom("go down" as const, "come up", "spend behind its back") }) },
  { weight: 2, arbitrary: fc.record({ act: fc.constant("wait" as const), ms: fc.integer({ min: 100, max: 5_000 }) }) },
);

/** Runs the stock through it; the rig judges what is handed in. */
class Run {
  readonly rig: StockRig;
  /** Coins sent to each visitor, less those given up. */
  readonly sent = new Map<string, number>();
  #step = 0;

  constructor(rig: StockRig) {
    this.rig = rig;
  }

  async take(act: Act): Promise<void> {
    const { rig } = this;
    this.#step++;
    if (act.act === "wait") await rig.clock.advance(act.ms);
    else if (act.act === "fund") await this.#fund(act.count);
    else if (act.act === "return") for (const visitor of VISITORS.slice(0, act.count)) await rig.giveBack(visitor);
    else if (act.act === "mine") await rig.mine();
    else if (act.act === "mine some") await rig.mine((i) => (i + this.#step) % 2 === 0);
    else if (act.act === "restart") await this.#restart();
    else if (act.act === "go down") rig.isDown = true;
    else if (act.act === "come up") rig.isDown = false;
    else await rig.spendBehindItsBack(this.#step * 7);
    await rig.settle();
    for (const address of rig.lost.splice(0)) this.#count(encodeAddress(address), -1);
  }

  async #fund(count: number): Promise<void> {
    const wanting = VISITORS.filter(({ address }) => this.#sentTo(address) === 0).slice(0, count);
    const addresses = wanting.map(({ address }) => address);
    const sending = this.rig.stock.fund(addresses).then(
      (sent) => {
        for (const address of addresses.slice(0, sent?.funded ?? 0)) this.#count(encodeAddress(address), 1);
      },
      () => assert.ok(this.rig.isDown, "nothing the stock hands in is refused"),
    );
    await this.rig.settle();
    await sending;
  }

  #sentTo(address: Owner["address"]): number {
    return this.sent.get(encodeAddress(address)) ?? 0;
  }

  #count(address: string, by: number): void {
    this.sent.set(address, (this.sent.get(address) ?? 0) + by);
  }

  /** The chain is the memory: nothing is known afterwards that was not before, and nothing forgotten. */
  async #restart(): Promise<void> {
    const { rig } = this;
    await rig.pool.removeInvalid();
    const before = rig.stock.state();
    rig.isDown = true; // so that upkeep changes nothing between the two looks
    await rig.restart();
    const { ready, reserved, outputs, coins, hours } = rig.stock.state();
    assert.deepEqual(
      { ready, reserved, outputs, coins, hours },
      {
        ready: before.ready,
        reserved: before.reserved,
        outputs: before.outputs,
        coins: before.coins,
        hours: before.hours,
      },
    );
    rig.isDown = false;
  }

  /** Everything that is under way comes to its end. */
  async rest(): Promise<void> {
    await this.take({ act: "come up" });
    for (let i = 0; i < 6; i++) {
      await this.take({ act: "mine" });
      await this.take({ act: "wait", ms: 2_500 });
    }
    await this.take({ act: "mine" });
  }
}

async function play(endowment: Endowment, acts: readonly Act[]): Promise<Run> {
  const run = new Run(await StockRig.start(endowment));
  for (const one of acts) await run.take(one);
  await run.rest();
  return run;
}

const runs = process.env.LOGINCHAIN_LONG === "1" ? 400 : 12;
for (const [name, endowment] of Object.entries({ rich: RICH, poor: POOR })) {
  test(`a ${name} stock, whatever happens: no coin is spent twice, refills keep within bounds, a restart forgets nothing`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(act, { minLength: 5, maxLength: 40 }), async (acts) => {
        const { rig, sent } = await play(endowment, acts);
        assert.deepEqual(rig.faults, []);
        assert.deepEqual(rig.living(), [], "nothing waits for ever");
        assert.equal(rig.stock.state().reserved, 0);
        const paid = new Map<string, number>();
        for (const txn of rig.sent.values()) {
          if (rig.chain.store.transaction(txid(txn)) === undefined || !rig.isFunding(txn)) continue;
          for (const { address } of txn.outputs)
            paid.set(encodeAddress(address), (paid.get(encodeAddress(address)) ?? 0) + 1);
        }
        const counted = [...sent].filter(([, count]) => count > 0);
        assert.deepEqual([...paid].sort(), counted.sort(), "who was told of a coin has one, and nobody else");
        if (endowment === RICH) assert.ok(rig.stock.ready >= (READY_TARGET * 3) / 4);
      }),
      { numRuns: runs },
    );
  });
}

test("a funding is one transaction for as many as are ready, without change", async () => {
  const rig = await StockRig.start(RICH);
  await rig.mine();
  await rig.mine();
  assert.equal(rig.stock.ready, READY_TARGET);
  const addresses = VISITORS.slice(0, 5).map(({ address }) => address);
  const funding = rig.stock.fund(addresses);
  await rig.settle();
  assert.equal((await funding)?.funded, 5);
  const txn = [...rig.sent.values()].find((one) => rig.isFunding(one)) as Transaction;
  assert.deepEqual([txn.inputs.length, txn.outputs.map(({ address }) => address)], [5, addresses]);
});

/** In a stock just started: each visitor gets a coin in one block and has given it back in another. */
async function lendAndReturn(rig: StockRig, visitors: typeof VISITORS): Promise<void> {
  await rig.mine();
  await rig.mine();
  const funding = rig.stock.fund(visitors.map(({ address }) => address));
  await rig.settle();
  await funding;
  await rig.mine();
  for (const visitor of visitors) await rig.giveBack(visitor);
  await rig.mine();
}

test("a few returned coins are swept home after ten minutes, one alone never is, and nothing else is done for it", async () => {
  for (const count of [1, 2]) {
    const rig = await StockRig.start(RICH);
    await lendAndReturn(rig, VISITORS.slice(0, count));
    const before = rig.sent.size;
    const returned = (): number => rig.chain.store.unspentsOf(rig.returnAddress).length;
    await rig.clock.advance(590_000);
    await rig.mine();
    assert.deepEqual([returned(), rig.sent.size], [count, before], "they wait for company");
    await rig.clock.advance(20_000);
    await rig.mine();
    await rig.clock.advance(60_000);
    await rig.mine();
    assert.deepEqual([returned(), rig.sent.size - before], count === 1 ? [1, 0] : [0, 1]);
  }
});

test("a sweep that waits for a block when the process ends is not done again by the next", async () => {
  const rig = await StockRig.start(RICH);
  await lendAndReturn(rig, VISITORS.slice(0, 3));
  await rig.clock.advance(601_000);
  assert.equal(rig.living().length, 1);
  await rig.restart();
  await rig.clock.advance(601_000);
  assert.deepEqual([rig.faults, rig.living().length], [[], 1]);
});

test("without coins nothing is funded, and the state says so", async () => {
  const rig = await StockRig.start({ parts: 1, fundings: 1n, hours: 2n });
  assert.equal(await rig.stock.fund([(VISITORS[0] as Owner).address]), undefined);
  assert.deepEqual([rig.stock.state().condition, rig.sent.size], ["exhausted", 0]);
});
