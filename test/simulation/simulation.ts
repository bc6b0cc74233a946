import { toHex } from "../../src/base/bytes.ts";
import { CoinError, errorText } from "../../src/base/errors.ts";
import type { Block } from "../../src/chain/block.ts";
import { POOL_LIMITS } from "../../src/chain/pool-limits.ts";
import type { Transaction } from "../../src/chain/transaction.ts";
import { endpointText, splitPeerAddress } from "../../src/p2p/address.ts";
import { LIMITS } from "../../src/p2p/limits.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { BASE } from "./coins.ts";
import { Dice } from "./dice.ts";
import { Disk } from "./disk.ts";
import { Hostile } from "./hostile.ts";
import { LEAD_SECONDS_MAX, type NodePlan, PORT, SimNode, TAKEOVER_MS } from "./node.ts";
import { Trace } from "./trace.ts";
import { Watch } from "./watch.ts";
import { Wires } from "./wires.ts";

/** What may go wrong in a run; each run has some of it. */
export const FAULTS = [
  "delays",
  "repeats",
  "pieces",
  "partitions",
  "one-way partitions",
  "cut connections",
  "slow readers",
  "kills",
  "power cuts",
  "stops",
  "lost disks",
  "slow disks",
  "failing disks",
  "wrong clocks",
  "clock jumps",
  "hostile peers",
  "rivals",
  "small limits",
  "small pools",
  "long outage",
  "twins",
  "old backup",
  "stolen key",
  "cut writes",
] as const;
export type Fault = (typeof FAULTS)[number];

/** How often each takes part, where it is not one run in three. */
const CHANCES: Partial<Record<Fault, number>> = {
  "long outage": 0.03,
  twins: 0.03,
  "old backup": 0.05,
  "stolen key": 0.15,
  "failing disks": 0.1,
  "small pools": 0.05,
};

/** After healing, once there is a way from each node to each other: they agree this soon. */
const AGREE_MS = 10_000;
/** Until then dials rest at most so long: the back-off, a dial into silence, and a sweep. */
const LINK_MS = LIMITS.backoffMaxMs + LIMITS.dialMs + 5_000;
/** A disk that has failed for long is tried again after so long. */
const DISK_RETRY_MS = 30_000;
const POLL_MS = 250;
/** Whatever a stopped node still waits for: a deadline of a connection that is gone. */
const LAST_TIMER_MS = 15_000;
const HOUR_MS = 3_600_000;

export interface Outcome {
  readonly seed: number;
  readonly failures: readonly string[];
  readonly fingerprint: string;
  readonly events: number;
  readonly faults: readonly Fault[];
  readonly nodes: number;
  readonly blocks: number;
  readonly virtualMs: number;
  /** From a way between all nodes to agreement; undefined where agreement was not to be expected. */
  readonly agreedMs: number | undefined;
  /** How often what went wrong did. */
  readonly happened: ReadonlyMap<string, number>;
}

/** One run. The same seed gives the same run, to the last byte. */
export async function simulate(seed: number, say?: (line: string) => void): Promise<Outcome> {
  const run = new Run(seed, say);
  const rejected = (error: unknown) => run.watch.fail(`unhandled rejection: ${stackOf(error)}`);
  process.on("unhandledRejection", rejected);
  try {
    await run.all();
  } catch (error) {
    run.watch.fail(stackOf(error));
  } finally {
    await new Promise((resolve) => setImmediate(resolve)); // rejections are reported between turns
    process.off("unhandledRejection", rejected);
  }
  return run.outcome();
}

class Run {
  readonly watch: Watch;
  readonly #seed: number;
  readonly #clock = new VirtualClock();
  readonly #dice: Dice;
  /** For faults that came to the simulator later: the runs of seeds without them stay what they were. */
  readonly #lateDice: Dice;
  readonly #trace: Trace;
  readonly #wires: Wires;
  readonly #faults: ReadonlySet<Fault>;
  readonly #nodes: SimNode[];
  readonly #hostile: Hostile[] = [];
  readonly #chaosMs: number;
  #isChaos = true;
  #agreedMs: number | undefined;
  readonly #happened = new Map<string, number>();
  readonly #count = (what: string): void => void this.#happened.set(what, (this.#happened.get(what) ?? 0) + 1);

  constructor(seed: number, say: ((line: string) => void) | undefined) {
    this.#seed = seed;
    const dice = new Dice(seed);
    this.#dice = dice;
    this.#trace = new Trace(() => this.#clock.monotonicMs(), say);
    this.#lateDice = new Dice(seed ^ 0x5bd1_e995);
    const diceOf = (fault: Fault) => (fault === "cut writes" ? this.#lateDice : dice);
    this.#faults = new Set(FAULTS.filter((fault) => diceOf(fault).chance(CHANCES[fault] ?? 1 / 3)));
    this.watch = new Watch({ forks: this.#mayFork }, this.#clock, this.#trace);
    this.#wires = new Wires(this.#clock, dice.fork());
    this.#wires.dialled = (from, to, ok) => {
      if (this.#nodes.some(({ ip }) => ip === from)) this.watch.dialled(from, to, ok);
    };
    this.#wires.happened = this.#count;
    this.#wires.arrived = (from, to, bytes) => {
      this.#trace.bytes(endpointText(from), to, bytes);
      this.watch.forgive(from.ip, to);
    };
    this.#chaosMs = this.#has("long outage") ? dice.int(40_000, 90_000) : dice.int(2_000, 10_000);
    this.#nodes = this.#plans().map((plan) => this.#makeNode(plan));
  }

  #has(fault: Fault): boolean {
    return this.#faults.has(fault);
  }

  /** Two publishers that may not hear of each other in time. */
  get #mayFork(): boolean {
    return this.#has("twins");
  }

  outcome(): Outcome {
    return {
      seed: this.#seed,
      failures: this.watch.failures,
      fingerprint: this.#trace.fingerprint,
      events: this.#trace.events,
      faults: [...this.#faults],
      nodes: this.#nodes.length,
      blocks: Math.max(...this.#nodes.map(({ disk }) => disk.changes.length)) - BASE.changes.length,
      virtualMs: this.#clock.monotonicMs(),
      agreedMs: this.#agreedMs,
      happened: this.#happened,
    };
  }

  async all(): Promise<void> {
    this.#trace.note(`seed ${this.#seed}: ${this.#nodes.length} nodes, ${[...this.#faults].join(", ")}`);
    await this.#begin();
    this.#disturb();
    await this.#advance(this.#chaosMs);
    this.#heal();
    await this.#agree();
    if (this.watch.failures.length === 0) await this.#end();
  }

  // Who takes part

  #plans(): NodePlan[] {
    const dice = this.#dice.fork();
    const count = dice.chance(0.65) ? 3 : dice.chance(0.7) ? dice.int(4, 5) : dice.int(6, 8);
    const ips = Array.from({ length: count }, (_, i) => `10.0.${i}.1`);
    const addressOf = (i: number) => `${ips[i]}:${PORT}`;
    const limits = this.#has("small limits") ? smallLimits(dice) : {};
    const poolLimits = this.#has("small pools") ? { ...POOL_LIMITS, transactionsMax: dice.int(1, 6) } : POOL_LIMITS;
    // Two trusted peers at most, each of whom everybody counts as a link: more would not be dialled.
    const trusted = ips.map(() => new Set<number>());
    for (let i = 1; i < count; i++) trusted[i]?.add(dice.chance(0.5) ? 0 : dice.int(0, i - 1));
    for (let i = 0; i < count; i++) {
      if (dice.chance(0.4)) trusted[i]?.add((i + dice.int(1, count - 1)) % count);
    }
    return ips.map((ip, i) => {
      const others = ips.map((_, k) => k).filter((k) => k !== i && !trusted[i]?.has(k));
      return {
        name: `n${i}`,
        ip,
        isPublisher: i === 0 || (i === 1 && this.#has("twins")),
        network: {
          defaultConnections: [...(trusted[i] as Set<number>)].map(addressOf),
          customPeers: dice.chance(0.5) ? others.map(addressOf) : [],
          peerExchange: dice.chance(0.5),
        },
        ...{ limits, poolLimits },
      };
    });
  }

  #makeNode(plan: NodePlan): SimNode {
    const node = new SimNode(plan, new Disk(), {
      clock: this.#clock,
      wires: this.#wires,
      dice: this.#dice.fork(),
      opened: (from, store) => {
        this.watch.forgiveAll(from.ip);
        this.watch.opened(from, store);
      },
      onBlock: (from, event) => this.watch.acknowledged(from, event),
      making: (from: SimNode, block: Block) => this.watch.making(from, block),
      log: (from, level, fields, message) => this.#heard(from, level, fields, message),
    });
    node.disk.happened = this.#count;
    node.acknowledged = node.disk.changes.map(({ hash }) => toHex(hash));
    return node;
  }

  /** What a node logs as an error is one, unless its disk is to blame. */
  #heard(node: SimNode, level: string, fields: object, message: string): void {
    this.#trace.remark(() => `${node.name} ${level} ${message} ${JSON.stringify(fields, replacer)}`);
    // Heard from before a dial failed, and listened to afterwards.
    const { peer } = fields as { readonly peer?: string };
    if (message === "peer introduced" && peer !== undefined) this.watch.forgive(node.ip, splitPeerAddress(peer).ip);
    if (level !== "error" || this.#has("failing disks")) return;
    this.watch.fail(`${node.name} logs an error: ${message} ${JSON.stringify(fields, replacer)}`);
  }

  async #begin(): Promise<void> {
    const dice = this.#dice.fork();
    if (this.#has("wrong clocks")) {
      for (const node of this.#nodes) if (dice.chance(0.5)) node.setClock(dice.int(-HOUR_MS, HOUR_MS));
    }
    if (this.#has("slow disks")) for (const { disk } of this.#nodes) disk.latencyMs = dice.pick([0, 5, 50, 300]);
    if (this.#has("failing disks")) dice.pick(this.#nodes).disk.failPercent = dice.pick([10, 50]);
    if (this.#has("delays"))
      this.#wires.delayMs = dice.pick([
        [0, 50],
        [20, 300],
        [0, 1500],
      ] as const);
    if (this.#has("repeats")) this.#wires.repeatPercent = dice.pick([2, 20]);
    if (this.#has("pieces")) this.#wires.cutPercent = dice.pick([10, 50]);
    if (this.#has("hostile peers") || this.#has("stolen key")) await this.#beginHostile(dice);
    for (const node of this.#nodes) this.#after(dice.int(0, 300), () => this.#start(node));
  }

  async #beginHostile(dice: Dice): Promise<void> {
    const { clock, watch, trace, wires } = {
      clock: this.#clock,
      watch: this.watch,
      trace: this.#trace,
      wires: this.#wires,
    };
    const happened = this.#count;
    const deps = { clock, watch, trace, wires, happened, honest: this.#nodes, hasKey: this.#has("stolen key") };
    for (let i = dice.int(1, 2); i > 0; i--) this.#hostile.push(new Hostile(`10.9.${i}.1`, dice.fork(), deps));
    for (const hostile of this.#hostile) {
      this.#trace.note(`${hostile.ip} is hostile: ${hostile.tricks.join(", ")}`);
      await hostile.start();
    }
  }

  #start(node: SimNode): void {
    const opened = node.start().then(() => {
      if (node.isUp) this.#trace.note(`${node.name} is up at ${node.head.seq}`);
    });
    opened.catch((error: unknown) => {
      // A disk that fails while the node starts keeps it down; somebody starts it again.
      const isDisk = error instanceof CoinError && error.code === "STORE_WRITE";
      if (!isDisk) this.watch.fail(`${node.name} does not start: ${stackOf(error)}`);
      node.crash({ power: false });
      this.#after(1000, () => this.#start(node));
    });
  }

  // What happens to them

  #after(ms: number, run: () => void): void {
    this.#clock.after(ms, run);
  }

  /** Throws the dice for everything that happens until the wires heal. */
  #disturb(): void {
    const dice = this.#dice.fork();
    const during = (run: () => void) => this.#after(dice.int(0, this.#chaosMs), () => this.#isChaos && run());
    for (let i = dice.int(2, 10); i > 0; i--) during(() => this.#pay(dice));
    const count = () => (this.#has("long outage") ? dice.int(1, 3) : dice.int(1, 5));
    const faults: Partial<Record<Fault, () => void>> = {
      partitions: () => this.#part(dice, "partition", (a, b) => this.#wires.partition(a, b)),
      "one-way partitions": () => this.#part(dice, "one-way partition", (a, b) => this.#wires.silence(a, b)),
      "cut connections": () => this.#two(dice, "cut", (a, b) => this.#wires.sever(a.ip, b.ip)),
      "slow readers": () => this.#stall(dice),
      kills: () => this.#down(dice, (node) => node.crash({ power: false }), "killed"),
      "power cuts": () => this.#down(dice, (node) => node.crash({ power: true }), "without power"),
      stops: () => this.#down(dice, (node) => void node.stop(), "stopped"),
      "lost disks": () => this.#loseDisk(dice),
      "clock jumps": () => this.#jump(dice),
    };
    for (const [fault, happen] of Object.entries(faults)) {
      if (this.#has(fault as Fault)) for (let i = count(); i > 0; i--) during(happen);
    }
    if (this.#has("rivals")) for (let i = dice.int(1, 3); i > 0; i--) during(() => this.#storm(dice));
    if (this.#has("old backup")) during(() => this.#restore(dice));
    if (this.#has("cut writes")) {
      const late = this.#lateDice;
      for (let i = late.int(1, 5); i > 0; i--) {
        this.#after(late.int(0, this.#chaosMs), () => this.#isChaos && this.#cutWrite(late));
      }
    }
  }

  /** A user of some node pays; rarely what it cannot. */
  #pay(dice: Dice): void {
    const purse = dice.pick(BASE.purses);
    const [rival, child] = [dice.pick([0, 0, 1, 2]), dice.chance(0.3)];
    const txn = (child ? purse.children : purse.rivals)[rival] as Transaction;
    void this.#inject(dice.pick(this.#nodes), dice.chance(0.05) ? dice.pick(purse.invalid) : txn);
  }

  /** The same coins to several receivers at several nodes at once. */
  #storm(dice: Dice): void {
    const { rivals } = dice.pick(BASE.purses);
    this.#count("rival payments");
    for (const node of this.#nodes) void this.#inject(node, dice.pick(rivals));
  }

  async #inject(node: SimNode, txn: Transaction): Promise<void> {
    if (!node.isUp) return;
    try {
      await node.inject(txn);
    } catch (error) {
      if (!(error instanceof CoinError)) throw error;
      this.#trace.note(`${node.name} refuses a payment: ${error.code}`);
      return;
    }
    this.#trace.note(`${node.name} takes a payment`);
    this.watch.promise(node, txn);
  }

  #two(dice: Dice, what: string, run: (a: SimNode, b: SimNode) => void): void {
    const a = dice.pick(this.#nodes);
    const b = dice.pick(this.#nodes.filter((node) => node !== a));
    this.#trace.note(`${what}: ${a.name} ${b.name}`);
    this.#count(what);
    run(a, b);
  }

  #part(dice: Dice, what: string, run: (a: string, b: string) => void): void {
    this.#two(dice, what, (a, b) => {
      // One pair, or one side against the other.
      const side = dice.chance(0.5) ? this.#nodes.filter(() => dice.chance(0.5)) : [a];
      const others = side.length > 1 ? this.#nodes.filter((node) => !side.includes(node)) : [b];
      const pairs = side.flatMap((x) => others.map((y) => [x.ip, y.ip] as const));
      for (const pair of pairs) run(...pair);
      this.#after(dice.int(100, this.#chaosMs), () => {
        for (const pair of pairs) this.#wires.heal(...pair);
      });
    });
  }

  #stall(dice: Dice): void {
    const { ip, name } = dice.pick(this.#nodes);
    this.#trace.note(`${name} reads nothing`);
    this.#count("reader stalled");
    this.#wires.setSlow(ip, true);
    this.#after(dice.int(100, this.#chaosMs), () => this.#wires.setSlow(ip, false));
  }

  #down(dice: Dice, end: (node: SimNode) => void, how: string): void {
    const node = dice.pick(this.#nodes);
    if (!node.isUp) return;
    this.#trace.note(`${node.name} is ${how}`);
    this.#count(how);
    end(node);
    this.#after(dice.int(50, this.#chaosMs / 2), () => this.#start(node));
  }

  /** The process or the machine ends in the middle of the node's next write. */
  #cutWrite(dice: Dice): void {
    const node = dice.pick(this.#nodes);
    const { disk } = node;
    disk.interrupt = () => {
      if (!node.isUp || node.disk !== disk) return;
      this.#trace.note(`${node.name} ends while it writes`);
      this.#count("end in a write");
      node.crash({ power: dice.chance(0.5) });
      this.#after(dice.int(50, this.#chaosMs / 2), () => this.#start(node));
    };
  }

  /** Peers only: whoever signs blocks and loses them must not go on as if nothing had been. */
  #loseDisk(dice: Dice): void {
    const node = dice.pick(this.#nodes.filter(({ plan }) => !plan.isPublisher));
    if (node === undefined || !node.isUp) return;
    this.#trace.note(`${node.name} loses its disk`);
    this.#count("disk lost");
    node.crash({ power: dice.chance(0.5) });
    this.#exchange(node, new Disk());
    this.#after(dice.int(50, this.#chaosMs / 2), () => this.#start(node));
  }

  #restore(dice: Dice): void {
    const [node] = this.#nodes;
    // A block made and not yet remembered beside the database has not been told to anybody either: nothing can hold it.
    if (node === undefined || !node.isUp || (node.mark?.seq ?? 0) < node.disk.changes.length - 1) return;
    this.#trace.note(`${node.name} is restored from an old backup`);
    this.#count("old backup");
    node.crash({ power: false });
    this.#exchange(node, node.disk.backup(dice.int(1, 3)));
    this.#after(dice.int(50, 1000), () => this.#start(node));
  }

  #exchange(node: SimNode, disk: Disk): void {
    disk.latencyMs = node.disk.latencyMs;
    disk.happened = this.#count;
    node.disk = disk;
    node.acknowledged = disk.changes.map(({ hash }) => toHex(hash));
  }

  #jump(dice: Dice): void {
    const node = dice.pick(this.#nodes);
    const jump = dice.pick([-HOUR_MS, -60_000, -2_000, 2_000, 60_000, HOUR_MS]);
    this.#trace.note(`${node.name} sets its clock ${jump} ms`);
    this.#count("clock set");
    node.setClock(node.offsetMs + jump);
  }

  // How it ends

  #heal(): void {
    this.#isChaos = false;
    this.#trace.note("healed");
    this.#wires.delayMs = [1, 20];
    this.#wires.repeatPercent = 0;
    this.#wires.cutPercent = 0;
    for (const node of this.#nodes) {
      for (const other of this.#nodes) if (other !== node) this.#wires.heal(node.ip, other.ip);
      this.#wires.setSlow(node.ip, false);
      node.disk.failPercent = 0;
      node.disk.interrupt = undefined;
      node.disk.latencyMs = Math.min(node.disk.latencyMs, 20);
      this.#start(node);
    }
    if (this.#dice.chance(0.5)) for (const hostile of this.#hostile) hostile.leave();
  }

  /** Until all are one again, or long enough. */
  async #agree(): Promise<void> {
    const healedMs = this.#clock.monotonicMs();
    let linkedMs: number | undefined;
    let hasProbed = false;
    const isLate = () => {
      const now = this.#clock.monotonicMs();
      if (linkedMs === undefined) return now > healedMs + LINK_MS;
      const restMs = this.#has("failing disks") ? DISK_RETRY_MS : 0;
      return now > linkedMs + AGREE_MS + restMs + (this.#isTakingOver() ? TAKEOVER_MS : 0);
    };
    for (;;) {
      await this.#advance(POLL_MS);
      if (this.watch.failures.length > 0) return;
      if (this.#isForked()) return; // nobody can tell which is right; that nobody changed sides is seen all along
      if (!this.#areLinked()) linkedMs = undefined;
      else linkedMs ??= this.#clock.monotonicMs();
      if (linkedMs !== undefined && !hasProbed) {
        hasProbed = true;
        this.#pay(this.#dice);
      }
      const apart = linkedMs === undefined ? "no way between them" : this.#apart();
      if (apart === undefined && linkedMs !== undefined) {
        this.#agreedMs = this.#clock.monotonicMs() - linkedMs;
        return;
      }
      if (isLate()) {
        this.watch.fail(
          linkedMs === undefined ? `not together ${LINK_MS} ms after healing: ${this.#states()}` : `${apart}`,
        );
        return;
      }
    }
  }

  /** Its head is not known to be its own, so it lets others go first for a while. */
  #isTakingOver(): boolean {
    return this.#nodes.some((node) => node.isUp && node.process.guard?.state === "takeover");
  }

  /** What keeps them apart; undefined when nothing does. */
  #apart(): string | undefined {
    const heads = new Set(this.#nodes.map(({ head }) => toHex(head.hash)));
    const heights = this.#nodes.map(({ name, head }) => `${name} ${head.seq}`).join(", ");
    if (heads.size > 1) return `the nodes do not agree: ${heights}`;
    // A full pool drops payments; a disk that fails for long makes a node refuse them more often than it asks again.
    if (this.#has("small pools") || this.#has("failing disks") || this.#mayFork || this.#isWaitingForTime())
      return undefined;
    if (this.#isHalted()) return undefined;
    const { unsettled } = this.watch;
    return unsettled.length > 0 ? `payments are forgotten: ${unsettled.join(", ")}; ${heights}` : undefined;
  }

  /** It has seen its key misused, or its own last block is nowhere any more. */
  #isHalted(): boolean {
    const state = this.#nodes[0]?.process.guard?.state;
    if (state === "halted" && !this.#has("stolen key")) this.watch.fail(`halted for no reason: ${this.#states()}`);
    return state === "halted" || (state === "checking" && this.#has("old backup"));
  }

  /** The publisher's clock was set back: its blocks must not lead it further, so there are none for a while. */
  #isWaitingForTime(): boolean {
    return this.#nodes.some((node) => {
      if (!node.plan.isPublisher) return false;
      const now = Math.floor((this.#clock.nowMs() + node.offsetMs) / 1000);
      return node.process.chain.head().time + 1 > now + LEAD_SECONDS_MAX;
    });
  }

  #isForked(): boolean {
    if (!this.#mayFork) return false;
    const chains = this.#nodes.map(({ disk }) => disk.changes);
    return chains.some((a) =>
      chains.some((b) => {
        const last = Math.min(a.length, b.length) - 1;
        return toHex(a[last]?.hash as Uint8Array) !== toHex(b[last]?.hash as Uint8Array);
      }),
    );
  }

  #states(): string {
    const state = (node: SimNode) =>
      node.isUp
        ? `${node.head.seq} ${node.process.guard?.state ?? ""} ${node.process.guard?.refusal ?? ""}`.trim()
        : "down";
    return this.#nodes.map((node) => `${node.name} ${state(node)}`).join(", ");
  }

  /** All are up, the publisher has looked around, and there is a way of links that both ends know from each to each. */
  #areLinked(): boolean {
    if (this.#nodes.some(({ isUp }) => !isUp)) return false;
    if (this.#nodes.some((n) => n.process.guard?.state === "checking") && !this.#has("old backup")) return false;
    const peersOf = (node: SimNode) =>
      node.process.network
        .connections()
        .filter(({ state }) => state === "introduced")
        .map(({ address }) => address.split(":")[0]);
    const links = new Map(this.#nodes.map((node) => [node.ip, peersOf(node)]));
    const reached = new Set<string>();
    const visit = (ip: string): void => {
      if (reached.has(ip)) return;
      reached.add(ip);
      for (const other of links.get(ip) ?? []) if (other !== undefined && links.get(other)?.includes(ip)) visit(other);
    };
    visit(this.#nodes[0]?.ip as string);
    return reached.size === this.#nodes.length;
  }

  async #end(): Promise<void> {
    for (const node of this.#nodes) {
      if (!node.isUp) continue;
      this.watch.bounded(node);
      this.watch.settled(node);
    }
    for (const hostile of this.#hostile) hostile.leave();
    const stopping = Promise.all(this.#nodes.map((node) => node.stop()));
    await this.#advance(1500);
    let hasStopped = false;
    void stopping.then(() => {
      hasStopped = true;
    });
    await this.#advance(0);
    if (!hasStopped) this.watch.fail("a node does not stop within 1.5 s");
    await this.#advance(LAST_TIMER_MS);
    for (const { name, forgotten } of this.#nodes) {
      if (forgotten() > 0) this.watch.fail(`${name} has ${forgotten()} timers left long after it stopped`);
    }
  }

  /** Moves time on and looks at every node's memory now and then. */
  async #advance(ms: number): Promise<void> {
    for (let left = ms; left > 0 && this.watch.failures.length === 0; left -= 3000) {
      await this.#clock.advance(Math.min(left, 3000));
      if (ms > POLL_MS) for (const node of this.#nodes) if (node.isUp) this.watch.bounded(node);
    }
    if (ms === 0) await this.#clock.advance(0);
  }
}

/** Bounds so tight that every queue is full at some time; none may cost anybody a block. */
function smallLimits(dice: Dice): NodePlan["limits"] {
  const blocksPerAnswer = dice.int(1, 4);
  return {
    ...{ blocksPerAnswer, blocksPerAnswerOurs: blocksPerAnswer },
    strayBlocksMax: dice.int(1, 4),
    syncBlocksMax: dice.int(4, 16),
    syncStagedMax: dice.int(1, 4),
    syncFlushBlocks: dice.int(1, 4),
    syncPrepareSignatures: dice.int(1, 8),
    blockRequestsOutstanding: dice.int(1, 3),
    turnBlocks: 1,
    turnFrames: dice.int(1, 4),
    inboxFramesMax: dice.int(2, 8),
    knownIdsMax: dice.int(4, 32),
  };
}

function stackOf(error: unknown): string {
  return error instanceof Error ? `${errorText(error)}\n${error.stack}` : String(error);
}

function replacer(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}` : value;
}
