import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { equalBytes } from "../../../src/base/bytes.ts";
import { type Transaction, txid } from "../../../src/chain/transaction.ts";
import { decodeAddress, encodeAddress } from "../../../src/cipher/address.ts";
import { hashHex } from "../../../src/cipher/hash.ts";
import { type ChallengeRecord, statusOf } from "../../../src/login/challenge.ts";
import { installNativeBackend } from "../../../src/native/install.ts";
import type { MemoryLoginStore } from "../../../src/storage/memory-login-store.ts";
import { alice, bob, type Coin, type Owner, out, owners, spend } from "../../support/chain.ts";
import { AMOUNT, CALLER, idOf, LoginRig } from "../../support/login-rig.ts";

await installNativeBackend();

const VISITORS = owners("visitors of the login service", 5);
const [visitor] = VISITORS as [Owner];
const HOUR = 3_600_000;

/** A service that lends coins, and visitors who begin with none. */
class Service {
  readonly rig: LoginRig;
  readonly issued: ChallengeRecord[] = [];
  /** What the service did that it promises not to. */
  readonly faults: string[] = [];
  /** What blocks took, with the addresses of the inputs. */
  readonly #mined: { readonly txn: Transaction; readonly from: ReadonlySet<string>; readonly seq: number }[] = [];
  /** Steps that cannot be stored from now on. */
  readonly #disk: { failing: number };

  private constructor(rig: LoginRig, disk: { failing: number }) {
    this.rig = rig;
    this.#disk = disk;
  }

  static async start(): Promise<Service> {
    const disk = { failing: 0 };
    const judge = { lending: (_: Transaction): void => {} };
    const rig = await LoginRig.start({
      withStock: true,
      limits: { challengeMs: HOUR, claimMs: HOUR },
      wrap: (deps) => ({
        ...deps,
        store: failing(deps.store as MemoryLoginStore, disk),
        submit: (txn) => {
          judge.lending(txn);
          return deps.submit(txn);
        },
      }),
    });
    const service = new Service(rig, disk);
    judge.lending = (txn) => service.#judgeLending(txn);
    await rig.clock.advance(1);
    for (let i = 0; i < 3; i++) await service.mine(); // coins are made ready
    return service;
  }

  failWrites(count: number): void {
    this.#disk.failing = count;
  }

  async challenge(owner: Owner = visitor): Promise<ChallengeRecord | undefined> {
    const address = encodeAddress(owner.address);
    try {
      const { record } = await this.rig.login.challenges.create({ address, method: "return" }, CALLER);
      this.issued.push(record);
      await this.settle();
      return record;
    } catch (error) {
      const { code, message } = error as Error & { code?: string };
      assert.ok(code === "too_many_open" || message === "the disk fails", message);
      return undefined;
    }
  }

  coinsOf(owner: Owner): Coin[] {
    const leaving = new Set(this.rig.pool.outgoing().map(({ id }) => hashHex(id)));
    return this.rig.chain.store
      .unspentsOf(owner.address)
      .filter(({ id }) => !leaving.has(hashHex(id)))
      .map((output) => ({ ...output, secret: owner.secret }));
  }

  /** Nobody is lent a coin who has one to return, or one on its way. */
  #judgeLending(txn: Transaction): void {
    if (this.rig.pool.has(txid(txn))) return; // told again
    for (const { address } of txn.outputs) {
      const owner = VISITORS.find((one) => equalBytes(one.address, address));
      if (owner === undefined) continue;
      const coming = this.rig.pool
        .incoming()
        .filter(({ ux }) => equalBytes(ux.body.address, address) && ux.body.coins >= AMOUNT);
      if (coming.length > 0 || this.#returnable(owner).length > 0)
        this.faults.push(`${encodeAddress(address)} has one`);
    }
  }

  #returnable(owner: Owner): Coin[] {
    return this.coinsOf(owner).filter(({ ux }) => ux.body.coins >= AMOUNT && ux.body.hours > 1n);
  }

  /** What a visitor hands in, `how` well. False: there is nothing to return. */
  async giveBack({ loginAddress, returnAddress }: ChallengeRecord, how: How = "right"): Promise<boolean> {
    const owner = VISITORS.find(({ address }) => encodeAddress(address) === loginAddress) as Owner;
    const [coin] = this.#returnable(owner);
    if (coin === undefined && how !== "from another") return false;
    const own = coin === undefined ? [] : [coin];
    const others = { right: [], small: [], mixed: [bob], "from another": [alice] }[how].map((one) =>
      this.rig.coin(one),
    );
    const coins = [...(how === "from another" ? [] : own), ...others];
    if (coins.some((one) => one === undefined)) return false; // they have no more of them
    const total = coins.reduce((sum, { ux }) => sum + ux.body.coins, 0n);
    const paid = how === "small" ? AMOUNT - 1_000n : AMOUNT;
    const outputs = [out({ address: decodeAddress(returnAddress) }, paid, 1n)];
    if (total > paid) outputs.push(out(coins.at(-1)?.secret === owner.secret ? owner : bob, total - paid, 0n));
    await this.rig.pool.injectFromPeer(spend(coins, outputs));
    await this.settle();
    return true;
  }

  /** The visitor takes back what is in the pool, by a block that has something else. */
  async takeBack(owner: Owner): Promise<void> {
    const spending = new Set(this.rig.pool.outgoing().map(({ id }) => hashHex(id)));
    const coin = this.rig.chain.store.unspentsOf(owner.address).find(({ id }) => spending.has(hashHex(id)));
    if (coin === undefined || coin.ux.body.hours < 2n) return;
    await this.#block([
      spend([{ ...coin, secret: owner.secret }], [out(owner, coin.ux.body.coins, coin.ux.body.hours - 1n)]),
    ]);
    await this.rig.pool.removeInvalid();
    await this.settle();
  }

  /** A block of the pool. */
  async mine(wanted: (index: number) => boolean = () => true): Promise<void> {
    const spent = new Set<string>();
    const chosen = this.rig.pool
      .all()
      .map(({ txn }) => txn)
      .filter(({ inputs }, i) => {
        const free = inputs.every((id) => !spent.has(hashHex(id)) && this.rig.chain.store.unspent(id) !== undefined);
        if (free && wanted(i)) for (const id of inputs) spent.add(hashHex(id));
        return free && wanted(i);
      });
    if (chosen.length > 0) await this.#block(chosen);
    await this.settle();
  }

  async #block(txns: readonly Transaction[]): Promise<void> {
    const owner = (txn: Transaction) =>
      txn.inputs.map((id) => encodeAddress(this.rig.chain.store.unspent(id)?.body.address ?? visitor.address));
    const mined = txns.map((txn) => ({ txn, from: new Set(owner(txn)) }));
    const { header } = await this.rig.chain.add(txns);
    for (const one of mined) this.#mined.push({ ...one, seq: header.seq });
  }

  async restart(meanwhile: () => Promise<void> = async () => {}): Promise<void> {
    await this.rig.restart({ meanwhile });
  }

  async settle(): Promise<void> {
    await this.rig.settle();
  }

  /** What the chain itself says of a challenge, by the rules alone: the transaction that proves it. */
  proofOf({ loginAddress, returnAddress, issuedSeq }: ChallengeRecord): Transaction | undefined {
    return this.#mined.find(
      ({ txn, from, seq }) =>
        seq > issuedSeq &&
        from.size === 1 &&
        from.has(loginAddress) &&
        txn.outputs.some(({ address, coins }) => encodeAddress(address) === returnAddress && coins >= AMOUNT),
    )?.txn;
  }

  async statusOf({ id }: ChallengeRecord): Promise<string> {
    return statusOf(await this.rig.login.challenges.get(id));
  }
}

type How = "right" | "small" | "mixed" | "from another";

/** The same store, but for writes while the disk fails. */
function failing(store: MemoryLoginStore, disk: { failing: number }): MemoryLoginStore {
  return new Proxy(store, {
    get(target, name) {
      const value = target[name as keyof MemoryLoginStore];
      if (typeof value !== "function") return value;
      if (name !== "write") return value.bind(target);
      return async (...args: Parameters<MemoryLoginStore["write"]>) => {
        if (disk.failing > 0) {
          disk.failing--;
          throw new Error("the disk fails");
        }
        return target.write(...args);
      };
    },
  });
}

test("who has nothing is lent a coin, and two challenges of one address share it until one has used it", async () => {
  const service = await Service.start();
  const first = (await service.challenge()) as ChallengeRecord;
  const second = (await service.challenge()) as ChallengeRecord;
  assert.deepEqual([await service.statusOf(first), await service.statusOf(second)], ["funding", "funding"]);
  await service.mine();
  assert.deepEqual([await service.statusOf(first), await service.statusOf(second)], ["waiting", "waiting"]);
  assert.equal(service.coinsOf(visitor).length, 1);
  await service.giveBack(first);
  await service.mine();
  assert.deepEqual([await service.statusOf(first), await service.statusOf(second)], ["confirmed", "funding"]);
  await service.mine();
  await service.giveBack(second);
  await service.mine();
  assert.equal(await service.statusOf(second), "confirmed");
});

test("a return that was swept home before its proof could be stored proves all the same", async () => {
  const service = await Service.start();
  const early = await Promise.all(VISITORS.slice(0, 3).map((one) => service.challenge(one)));
  await service.mine();
  for (const record of early) await service.giveBack(record as ChallengeRecord);
  service.failWrites(early.length);
  await service.mine();
  for (const one of VISITORS.slice(3)) await service.challenge(one); // their coins make a refill due
  await service.mine();
  for (const record of early as ChallengeRecord[]) {
    assert.deepEqual(service.rig.chain.store.unspentsOf(decodeAddress(record.returnAddress)), [], "it is home");
    assert.equal(await service.statusOf(record), "seen");
  }
  await service.rig.clock.advance(1_100);
  for (const record of early as ChallengeRecord[]) assert.equal(await service.statusOf(record), "confirmed");
});

test("a return that leaves the pool without a block is waited for again", async () => {
  const service = await Service.start();
  const record = (await service.challenge()) as ChallengeRecord;
  await service.mine();
  await service.giveBack(record);
  assert.equal(await service.statusOf(record), "seen");
  await service.takeBack(visitor);
  assert.equal(await service.statusOf(record), "waiting");
});

test("a step that cannot be stored is taken again, and nobody is told of it before it is", async () => {
  const service = await Service.start();
  const record = (await service.challenge()) as ChallengeRecord;
  await service.mine();
  service.failWrites(1);
  await service.giveBack(record);
  assert.equal(await service.statusOf(record), "waiting");
  await service.rig.clock.advance(1_100);
  assert.equal(await service.statusOf(record), "seen");
  service.failWrites(1);
  await service.mine();
  assert.equal(await service.statusOf(record), "seen");
  await service.rig.clock.advance(1_100);
  assert.equal(await service.statusOf(record), "confirmed");
  assert.equal(
    (await service.rig.login.challenges.get(record.id)).history.at(-1)?.txid,
    idOf(service.proofOf(record) as Transaction),
  );
});

const act = fc.record({
  act: fc.constantFrom(
    ...(["challenge", "challenge", "return", "return", "return", "return badly", "mine", "mine", "mine"] as const),
    ...(["mine some", "take back", "restart", "restart, and a block meanwhile", "disk fails", "wait"] as const),
  ),
  which: fc.nat({ max: 1_000 }),
});

test("whatever happens, a challenge is confirmed by its proof and by nothing else, and nobody is lent two coins", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 10, maxLength: 40 }), async (acts) => {
      const service = await Service.start();
      for (const { act, which } of acts) {
        const record = service.issued[which % Math.max(1, service.issued.length)];
        const owner = VISITORS[which % VISITORS.length] as Owner;
        if (act === "challenge") await service.challenge(owner);
        else if (act === "return" && record !== undefined) await service.giveBack(record);
        else if (act === "return badly" && record !== undefined) {
          await service.giveBack(record, (["small", "mixed", "from another"] as const)[which % 3] as How);
        } else if (act === "mine") await service.mine();
        else if (act === "mine some") await service.mine((i) => (i + which) % 2 === 0);
        else if (act === "take back") await service.takeBack(owner);
        else if (act === "restart") await service.restart();
        else if (act === "restart, and a block meanwhile") await service.restart(() => service.mine());
        else if (act === "disk fails") service.failWrites(1 + (which % 3));
        else if (act === "wait") await service.rig.clock.advance(which * 5);
        assert.deepEqual(service.faults, []);
        for (const one of service.issued) {
          if ((await service.statusOf(one)) === "confirmed") assert.ok(service.proofOf(one), "nothing else confirms");
        }
      }
      service.failWrites(0);
      await service.rig.clock.advance(2_500); // steps that could not be stored
      const statuses = () => Promise.all(service.issued.map((record) => service.statusOf(record)));
      const before = await statuses();
      service.issued.forEach((record, i) => {
        assert.equal(before[i] === "confirmed", service.proofOf(record) !== undefined, `${before[i]}`);
      });
      await service.restart();
      // One that counts on a coin that another is returning asks for its own at a restart, and else after the block.
      const settled = (all: readonly string[]) => all.map((status) => (status === "funding" ? "waiting" : status));
      assert.deepEqual(settled(await statuses()), settled(before), "a restart changes nothing");
      await service.rig.login.close();
    }),
    { numRuns: process.env.LOGINCHAIN_LONG === "1" ? 300 : 8 },
  );
});
