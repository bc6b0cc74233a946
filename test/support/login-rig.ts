import { toHex } from "../../src/base/bytes.ts";
import { silentLogger } from "../../src/base/log.ts";
import type { SignedBlock } from "../../src/chain/block.ts";
import { type Transaction, type TxOut, txid } from "../../src/chain/transaction.ts";
import { UnconfirmedPool } from "../../src/chain/unconfirmed-pool.ts";
import { type Address, decodeAddress, encodeAddress } from "../../src/cipher/address.ts";
import { hashHex } from "../../src/cipher/hash.ts";
import { platformRandom } from "../../src/cipher/random.ts";
import { signHash } from "../../src/cipher/sign.ts";
import type { ChallengeRecord, ChallengeStatus } from "../../src/login/challenge.ts";
import { statusOf } from "../../src/login/challenge.ts";
import type { LoginClock } from "../../src/login/deadline.ts";
import type { LoginLimits } from "../../src/login/limits.ts";
import { Login, type LoginDeps } from "../../src/login/login.ts";
import { messageDigest } from "../../src/login/message.ts";
import type { Caller, ChallengeRequest, IssuedChallenge } from "../../src/login/service.ts";
import type { Json } from "../../src/login/store.ts";
import { MemoryLoginStore } from "../../src/storage/memory-login-store.ts";
import { MemoryStore } from "../../src/storage/memory-store.ts";
import {
  alice,
  bob,
  type Coin,
  GENESIS_TIME,
  genesisOwner,
  type Owner,
  out,
  owners,
  spend,
  TestChain,
  testParams,
  VOLUME,
} from "./chain.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** A clock as the login service's: its monotonic half survives restarts of the process, not of the machine. */
export class LoginTestClock extends VirtualClock implements LoginClock {
  epoch = "first start of the machine";

  constructor() {
    super(GENESIS_TIME * 1000 + 1_000_000_000);
  }
}

export const CALLER: Caller = { key: undefined, ip: "192.0.2.7" };
export const ISSUER = "https://login.example.org";
/** Droplets to return. */
export const AMOUNT = 1_000_000n;

/** Addresses of the stock, when there is one. */
export const LANES = owners("login stock", 8);

export interface LoginRigOptions {
  /** The service lends coins to who has none. */
  readonly withStock?: boolean;
  readonly limits?: Partial<LoginLimits>;
  /** What the service sees of the chain and its pool; absent: all of it. */
  readonly wrap?: (deps: LoginDeps) => LoginDeps;
}

/**
 * A login service on a chain in memory, on a clock that moves when told. Nobody is funded: alice and bob hold coins.
 * `restart` is the end of the process and another on the same store and keys.
 */
export class LoginRig {
  readonly chain: TestChain;
  readonly pool: UnconfirmedPool;
  readonly clock: LoginTestClock;
  readonly store: MemoryLoginStore;
  login: Login;
  readonly #open: () => Promise<Login>;
  readonly #coins: ReadonlyMap<Owner, Coin[]>;

  private constructor(
    parts: Pick<LoginRig, "chain" | "pool" | "clock" | "store" | "login">,
    open: () => Promise<Login>,
    coins: ReadonlyMap<Owner, Coin[]>,
  ) {
    this.chain = parts.chain;
    this.pool = parts.pool;
    this.clock = parts.clock;
    this.store = parts.store;
    this.login = parts.login;
    this.#open = open;
    this.#coins = coins;
  }

  static async start({
    limits = {},
    wrap = (deps) => deps,
    withStock = false,
  }: LoginRigOptions = {}): Promise<LoginRig> {
    const [clock, store, chainStore] = [new LoginTestClock(), new MemoryLoginStore(), new MemoryStore()];
    const chain = await TestChain.open({ store: chainStore });
    const pool = new UnconfirmedPool({
      chain: chain.chain,
      store: chainStore,
      params: testParams(),
      clock,
      log: silentLogger,
    });
    let keys: string | undefined;
    const vault = {
      load: async () => keys,
      save: async (text: string) => {
        keys = text;
      },
    };
    const submit = async (txn: Transaction) => void (await pool.injectFromPeer(txn));
    const deps = { chain: chain.chain, pool, submit, store, vault, clock, random: platformRandom, log: silentLogger };
    const stock = { amount: AMOUNT, readyTarget: 16 };
    const stockKeys = withStock ? LANES.map(({ secret }) => secret) : undefined;
    const open = () => Login.open({ issuer: ISSUER, coin: "Testcoin", limits, stock, stockKeys }, wrap(deps));
    const each = [alice, bob].flatMap((owner) =>
      Array.from({ length: 8 }, (_, i) => out(owner, 10n * AMOUNT, 1_000n + BigInt(i))),
    );
    if (withStock) each.push(...LANES.map((lane) => out(lane, 100n * AMOUNT, 10_000n)));
    const rest = each.reduce((left, { coins }) => left - coins, VOLUME);
    const first = spend([chain.genesisCoin()], [...each, out(genesisOwner, rest, 1_000n)]);
    const block = await chain.add([first]);
    const coins = new Map([alice, bob].map((owner) => [owner, chain.coinsOf(owner, first, block)]));
    return new LoginRig({ chain, pool, clock, store, login: await open() }, open, coins);
  }

  /** A challenge that waits for its proof. */
  async challenge(request: Partial<ChallengeRequest> = {}, caller: Caller = CALLER): Promise<IssuedChallenge> {
    const address = encodeAddress(alice.address);
    const issued = await this.login.challenges.create({ address, method: "return", ...request }, caller);
    await this.clock.advance(1);
    return issued;
  }

  async status(id: string): Promise<ChallengeStatus> {
    return statusOf(await this.login.challenges.get(id));
  }

  /** One of an owner's coins, each given once. */
  coin(owner: Owner): Coin {
    return this.#coins.get(owner)?.pop() as Coin;
  }

  /** The transaction that returns what a challenge asks for, from coins of alice unless told otherwise. */
  giveBack(
    { returnAddress }: Pick<ChallengeRecord, "returnAddress">,
    { from = [this.coin(alice)], coins = AMOUNT }: { readonly from?: readonly Coin[]; readonly coins?: bigint } = {},
  ): Transaction {
    const total = from.reduce((sum, { ux }) => sum + ux.body.coins, 0n);
    const back = { address: from[0]?.ux.body.address as Address };
    const outputs: TxOut[] = [out({ address: decodeAddress(returnAddress) }, coins, 1n), out(back, total - coins, 2n)];
    return spend(from, outputs);
  }

  /** Puts transactions into the next block; the service has heard of it when this resolves. */
  async mine(...transactions: readonly Transaction[]): Promise<SignedBlock> {
    const block = await this.chain.add(transactions);
    await this.settle();
    return block;
  }

  /** A whole proof by return: the challenge is confirmed. */
  async confirmed(request: Partial<ChallengeRequest> = {}): Promise<IssuedChallenge & { readonly txn: Transaction }> {
    const issued = await this.challenge(request);
    const txn = this.giveBack(issued.record);
    await this.mine(txn);
    return { ...issued, txn };
  }

  /** The visitor's signature of the message of a challenge. */
  sign({ message }: Pick<ChallengeRecord, "message">, owner: Owner = alice): string {
    return toHex(signHash(messageDigest(message), owner.secret));
  }

  /** Steps that are under way are taken. */
  async settle(): Promise<void> {
    await this.clock.advance(1);
    await this.login.challenges.settle();
  }

  /** `meanwhile`: what happens while there is no service. */
  async restart({ ofMachine = false, meanwhile = async (): Promise<void> => {} } = {}): Promise<void> {
    await this.login.close();
    await meanwhile();
    if (ofMachine) this.clock.epoch = `${this.clock.epoch}, and once more`;
    this.login = await this.#open();
    await this.settle();
  }

  async audit(): Promise<readonly Record<string, Json>[]> {
    return (await this.store.list("audit")).map(({ value }) => value as Record<string, Json>);
  }
}

export function idOf(txn: Transaction): string {
  return hashHex(txid(txn));
}
