import type { Clock } from "../../src/base/clock.ts";
import { CoinError } from "../../src/base/errors.ts";
import type { Logger } from "../../src/base/log.ts";
import { type Block, blockHash } from "../../src/chain/block.ts";
import { Blockchain, type BlockEvent } from "../../src/chain/blockchain.ts";
import { EquivocationWatch } from "../../src/chain/equivocation.ts";
import type { PoolLimits } from "../../src/chain/pool-limits.ts";
import { Publisher, type PublisherDeps } from "../../src/chain/publisher.ts";
import { PublisherGuard, type PublisherMark } from "../../src/chain/publisher-guard.ts";
import { inlineRecovery } from "../../src/chain/signatures.ts";
import type { BlockChange } from "../../src/chain/store.ts";
import type { Transaction } from "../../src/chain/transaction.ts";
import { UnconfirmedPool } from "../../src/chain/unconfirmed-pool.ts";
import { Maintenance } from "../../src/node/maintenance.ts";
import { Publishing, type PublishOptions } from "../../src/node/publishing.ts";
import type { Limits } from "../../src/p2p/limits.ts";
import { NETWORK_DEFAULTS, Network, type NetworkOptions } from "../../src/p2p/network.ts";
import type { VirtualClock } from "../support/virtual-clock.ts";
import { BASE, PARAMS, PUBLISHER } from "./coins.ts";
import type { Dice } from "./dice.ts";
import { type Disk, DiskStore } from "./disk.ts";
import type { Wires } from "./wires.ts";

export const PORT = 6000;
export const LEAD_SECONDS_MAX = 5;
const ON_DEMAND: PublishOptions = { mode: "on-demand", companyWindowMs: 20, leadSecondsMax: LEAD_SECONDS_MAX };

/** Block 1 counts as made by whoever publishes in a run. */
const BASE_MARK: PublisherMark = { seq: 1, hash: (BASE.changes[1] as BlockChange).hash };

/** What a node is from birth on. */
export interface NodePlan {
  readonly name: string;
  readonly ip: string;
  readonly isPublisher: boolean;
  readonly network: Partial<NetworkOptions>;
  readonly limits: Partial<Limits>;
  readonly poolLimits: PoolLimits;
}

/** As the node's defaults are, in proportion to a run. */
const PUBLISHER_WAIT_MS = 5_000;
export const TAKEOVER_MS = 5_000;
const LOOK_MS = 100;

export interface NodeDeps {
  readonly clock: VirtualClock;
  readonly wires: Wires;
  readonly dice: Dice;
  /** The process has opened its disk and nothing has happened to it yet. */
  readonly opened: (node: SimNode, store: DiskStore) => void;
  /** A block has become durable here. */
  readonly onBlock: (node: SimNode, event: BlockEvent) => void;
  /** A publisher is about to sign a block. */
  readonly making: (node: SimNode, block: Block) => void;
  readonly log: (node: SimNode, level: string, fields: object, message: string) => void;
}

/** The time of one process on one host: the world's, seen through a wall clock that may be wrong. Ends with it. */
class NodeClock implements Clock {
  readonly #world: VirtualClock;
  readonly #offset: () => number;
  isOver = false;
  /** Timers not run and not cancelled. */
  waiting = 0;

  constructor(world: VirtualClock, offset: () => number) {
    this.#world = world;
    this.#offset = offset;
  }

  nowMs(): number {
    return this.#world.nowMs() + this.#offset();
  }

  monotonicMs(): number {
    return this.#world.monotonicMs();
  }

  after(ms: number, run: () => void): () => void {
    if (this.isOver) return () => {};
    this.waiting++;
    let isWaiting = true;
    const cancel = this.#world.after(ms, () => {
      isWaiting = false;
      this.waiting--;
      if (!this.isOver) run();
    });
    return () => {
      if (isWaiting) this.waiting--;
      isWaiting = false;
      cancel();
    };
  }
}

/** The publisher, seen just before it signs. */
class WatchedPublisher extends Publisher {
  readonly #making: (block: Block) => void;

  constructor(deps: PublisherDeps, making: (block: Block) => void) {
    super(deps);
    this.#making = making;
  }

  override async buildBlock(whenSeconds: number): Promise<Block> {
    const block = await super.buildBlock(whenSeconds);
    this.#making(block);
    return block;
  }
}

/** What runs while a node is up. */
interface Process {
  readonly clock: NodeClock;
  readonly store: DiskStore;
  readonly chain: Blockchain;
  readonly pool: UnconfirmedPool;
  readonly network: Network;
  readonly maintenance: Maintenance;
  readonly publishing: Publishing | undefined;
  readonly guard: PublisherGuard | undefined;
  readonly stopLooking: () => void;
}

/** A node on its host: the parts that `src/node/node.ts` puts together, on the simulated disk, wires and clock. */
export class SimNode {
  readonly plan: NodePlan;
  disk: Disk;
  /** The last block it made, remembered beside the database. */
  mark: PublisherMark | undefined = BASE_MARK;
  /** The wall clock is wrong by so much. */
  offsetMs = 0;
  /** When it was last set to another time, on the world's clock. */
  clockSetAtMs = Number.NEGATIVE_INFINITY;
  /** Hashes of the blocks this disk has acknowledged. */
  acknowledged: string[] = [];
  /** How often it was started. */
  starts = 0;
  readonly #deps: NodeDeps;
  #process: Process | undefined;
  #starting: NodeClock | undefined;
  #stopping: Promise<void> | undefined;

  constructor(plan: NodePlan, disk: Disk, deps: NodeDeps) {
    this.plan = plan;
    this.disk = disk;
    this.#deps = deps;
  }

  get name(): string {
    return this.plan.name;
  }

  get ip(): string {
    return this.plan.ip;
  }

  get isUp(): boolean {
    return this.#process !== undefined;
  }

  /** @throws when it is down */
  get process(): Process {
    if (this.#process === undefined) throw new Error(`${this.name} is down`);
    return this.#process;
  }

  get head(): { readonly seq: number; readonly hash: Uint8Array } {
    return this.process.chain.head();
  }

  /** Starts the process on whatever its disk holds. */
  async start(): Promise<void> {
    if (this.#process !== undefined || this.#starting !== undefined) return;
    const { wires, dice } = this.#deps;
    wires.wake(this.ip);
    this.starts++;
    const clock = new NodeClock(this.#deps.clock, () => this.offsetMs);
    this.#starting = clock;
    await this.#stopping;
    const log = this.#logger();
    const store = await DiskStore.open(this.disk, clock, dice.fork());
    this.#deps.opened(this, store);
    const recovery = inlineRecovery();
    const chain = await Blockchain.open({ params: PARAMS, store, recovery, log });
    const pool = new UnconfirmedPool({ chain, store, params: PARAMS, clock, log, limits: this.plan.poolLimits });
    await pool.load();
    const rivals = new EquivocationWatch(chain);
    const network = new Network(
      { ...NETWORK_DEFAULTS, listenIp: this.ip, port: PORT, ...this.plan.network, limits: this.plan.limits },
      {
        ...{ chain, pool, clock, log, rivals },
        transport: wires.host(this.ip),
        random: dice.fork(),
        turn: () => new Promise<void>((resolve) => clock.after(0, resolve)),
      },
    );
    chain.onBlock.on((event) => {
      if (!clock.isOver) this.#deps.onBlock(this, event);
    });
    await network.start();
    const maintenance = new Maintenance({ pool, clock, log, announce: (ids) => network.announceTransactions(ids) });
    maintenance.start();
    let stopLooking = () => {};
    let publishing: Publishing | undefined;
    let guard: PublisherGuard | undefined;
    if (this.plan.isPublisher) {
      ({ publishing, guard } = this.#publishing({ chain, pool, network, clock, log }));
      const watched = guard;
      rivals.onFound.on(({ ours }) => watched.halt(`two blocks ${ours.header.seq}`));
      const look = (): void => {
        watched.look(network.heardHeads());
        if (watched.state === "checking") stopLooking = clock.after(LOOK_MS, look);
      };
      look();
    }
    if (clock.isOver) return;
    this.#starting = undefined;
    this.#process = {
      clock,
      store,
      chain,
      pool,
      network,
      maintenance,
      publishing,
      guard,
      stopLooking: () => stopLooking(),
    };
    publishing?.start();
  }

  #publishing(parts: {
    readonly chain: Blockchain;
    readonly pool: UnconfirmedPool;
    readonly network: Network;
    readonly clock: Clock;
    readonly log: Logger;
  }): { publishing: Publishing; guard: PublisherGuard } {
    const { chain, pool, network, clock, log } = parts;
    const guard = new PublisherGuard(
      {
        mark: this.mark,
        knowsPeers: network.knownPeers() > 0,
        knowsTrusted: network.knownTrusted() > 0,
        waitMs: PUBLISHER_WAIT_MS,
        takeoverMs: TAKEOVER_MS,
        accepted: false,
      },
      { chain, genesisTime: chain.genesis.header.time, clock },
    );
    const refusal = (): string | undefined => (guard.waitMs(true) === 0 ? undefined : (guard.refusal ?? guard.state));
    const secretKey = PUBLISHER.secret;
    const publisher = new WatchedPublisher({ chain, pool, params: PARAMS, secretKey, refusal }, (block) => {
      this.#deps.making(this, block);
    });
    chain.onBlock.on(({ block, hash }) => {
      if (!publisher.madeLast(hash)) guard.foreignBlock(block.header);
    });
    const publishing = new Publishing(ON_DEMAND, {
      publisher,
      guard,
      record: async ({ header }) => {
        const { latencyMs } = this.disk;
        if (latencyMs > 0) await new Promise<void>((resolve) => clock.after(latencyMs / 2, resolve));
        this.mark = { seq: header.seq, hash: blockHash({ header }) };
      },
      ...{ chain, pool, clock, log },
      broadcast: (block) => {
        try {
          network.broadcastBlock(block);
        } catch (error) {
          if (!(error instanceof CoinError)) throw error;
        }
      },
    });
    return { publishing, guard };
  }

  /** A user's transaction, sent out and kept. @throws as the API would answer */
  async inject(txn: Transaction): Promise<void> {
    const { pool, network } = this.process;
    await pool.injectFromUser(txn, { broadcast: (checked) => network.broadcastTransaction(checked) });
  }

  /** The process is killed, or the machine loses power: what is not on disk is gone. */
  crash({ power }: { readonly power: boolean }): void {
    const running = this.#process;
    if (running !== undefined) {
      running.clock.isOver = true;
      running.store.die();
    } else if (this.#starting !== undefined) this.#starting.isOver = true;
    else return;
    this.#process = undefined;
    this.#starting = undefined;
    this.#deps.wires.kill(this.ip, { power });
  }

  /** Timers that a stopped process still has. None of them is periodic, so in the end there are none. */
  forgotten = (): number => 0;

  /** An orderly stop, in the order of the node. */
  async stop(): Promise<void> {
    const running = this.#process;
    if (running === undefined) return this.#stopping;
    this.#process = undefined;
    this.#stopping = this.#stop(running);
    await this.#stopping;
    this.#stopping = undefined;
  }

  async #stop(running: Process): Promise<void> {
    const { publishing, stopLooking, maintenance, network, pool, store, clock } = running;
    stopLooking();
    await publishing?.stop();
    maintenance.stop();
    await network.stop();
    await pool.close();
    store.die();
    this.forgotten = () => clock.waiting;
    this.#deps.wires.kill(this.ip, { power: false });
  }

  setClock(offsetMs: number): void {
    this.offsetMs = offsetMs;
    this.clockSetAtMs = this.#deps.clock.monotonicMs();
  }

  #logger(): Logger {
    const say = (level: string) => (fields: object, message: string) => this.#deps.log(this, level, fields, message);
    const log: Logger = {
      debug: say("debug"),
      info: say("info"),
      warn: say("warn"),
      error: say("error"),
      child: () => log,
    };
    return log;
  }
}
