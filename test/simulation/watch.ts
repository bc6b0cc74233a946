import { equalBytes, toHex } from "../../src/base/bytes.ts";
import { unixSeconds } from "../../src/base/clock.ts";
import { type Block, blockHash, type SignedBlock } from "../../src/chain/block.ts";
import type { BlockEvent } from "../../src/chain/blockchain.ts";
import type { ChainStore } from "../../src/chain/store.ts";
import { type Transaction, txid } from "../../src/chain/transaction.ts";
import { snapshotHash } from "../../src/chain/uxout.ts";
import { LIMITS } from "../../src/p2p/limits.ts";
import { FRAME_BYTES_MAX } from "../../src/p2p/messages.ts";
import type { VirtualClock } from "../support/virtual-clock.ts";
import { BASE } from "./coins.ts";
import { LEAD_SECONDS_MAX, type SimNode } from "./node.ts";
import type { Trace } from "./trace.ts";

/** A clock that was just set back may find a block dated by the time before. */
const CLOCK_SETTLES_MS = 2000;
/** Timers of one node: some for each connection, and its own. */
const TIMERS_MAX = 1000;

/** A transaction that a node told its user it has. */
interface Promised {
  readonly txn: Transaction;
  readonly key: string;
  readonly node: SimNode;
  readonly disk: SimNode["disk"];
}

export interface WatchOptions {
  /** Two publishers sign with one key: chains may part, but none may be exchanged for another. */
  readonly forks: boolean;
}

/** Sees everything the honest nodes acknowledge, and what must never be. */
export class Watch {
  readonly failures: string[] = [];
  /** The chain all agree on, as first acknowledged by anybody: hashes and blocks by height. */
  readonly hashes: string[] = [];
  readonly blocks: SignedBlock[] = [];
  readonly promised: Promised[] = [];
  readonly #options: WatchOptions;
  readonly #clock: VirtualClock;
  readonly #trace: Trace;
  /** Blocks that an honest publisher made. */
  readonly #made = new Set<string>();
  readonly #unspent = new Map<string, bigint>();
  readonly #confirmed = new Set<string>();
  readonly #spent = new Set<string>();
  readonly #refusals = new Map<string, { count: number; atMs: number }>();

  constructor(options: WatchOptions, clock: VirtualClock, trace: Trace) {
    this.#options = options;
    this.#clock = clock;
    this.#trace = trace;
    for (const { block, hash } of BASE.changes) {
      this.hashes.push(toHex(hash));
      this.blocks.push(block);
      this.#made.add(toHex(hash));
    }
    for (const { id, ux } of BASE.changes.at(-1)?.created.flat() ?? []) this.#unspent.set(toHex(id), ux.body.coins);
  }

  fail(text: string): void {
    this.#trace.note(`FAILED: ${text}`);
    this.failures.push(`${this.#clock.monotonicMs().toFixed(0)} ms: ${text}`);
  }

  /** An honest publisher is about to sign. */
  making(node: SimNode, block: Block): void {
    this.#made.add(toHex(blockHash(block)));
    const now = unixSeconds({ nowMs: () => this.#clock.nowMs() + node.offsetMs } as VirtualClock);
    const isSettled = this.#clock.monotonicMs() - node.clockSetAtMs > CLOCK_SETTLES_MS;
    if (isSettled && block.header.time > now + LEAD_SECONDS_MAX) {
      this.fail(`${node.name} dates block ${block.header.seq} ${block.header.time - now} s ahead of its clock`);
    }
  }

  /** A node has acknowledged a block. */
  acknowledged(node: SimNode, { block, hash, change }: BlockEvent): void {
    const { seq, time } = block.header;
    const key = toHex(hash);
    this.#trace.note(`${node.name} has block ${seq} ${key.slice(0, 8)}`);
    const { acknowledged } = node;
    if (seq !== acknowledged.length) this.fail(`${node.name} acknowledges ${seq} after ${acknowledged.length - 1}`);
    if (!this.#made.has(key)) this.fail(`${node.name} accepts block ${seq}, which no honest publisher made`);
    const stored = node.disk.changes[seq];
    if (stored === undefined || toHex(stored.hash) !== key) {
      this.fail(`${node.name} acknowledges block ${seq}, which is not on its disk`);
    }
    if (toHex(block.header.prevHash) !== acknowledged[seq - 1]) {
      this.fail(`${node.name} has block ${seq} on something else than its block ${seq - 1}`);
    }
    const before = node.disk.changes[seq - 1]?.block.header.time ?? 0;
    if (time <= before) this.fail(`${node.name} has block ${seq} dated ${time}, not after ${before}`);
    acknowledged[seq] = key;
    if (this.#options.forks) return;
    const agreed = this.hashes[seq];
    if (agreed === undefined) this.#extend(node, block, key, change.txids.map(toHex));
    else if (agreed !== key) this.fail(`${node.name} has another block ${seq} than others`);
    else if (!equalBytes(block.sig, (this.blocks[seq] as SignedBlock).sig)) {
      this.fail(`${node.name} has another signature of block ${seq} than others`);
    }
  }

  /** The ledger kept here knows nothing of the rules: outputs exist until they are spent, coins stay as many. */
  #extend(node: SimNode, block: SignedBlock, key: string, txids: readonly string[]): void {
    const { seq } = block.header;
    if (seq !== this.hashes.length) this.fail(`${node.name} has block ${seq} before anybody has ${this.hashes.length}`);
    this.hashes[seq] = key;
    this.blocks[seq] = block;
    block.transactions.forEach((txn, i) => {
      let balance = 0n;
      for (const input of txn.inputs.map(toHex)) {
        const coins = this.#unspent.get(input);
        if (coins === undefined) this.fail(`block ${seq} spends what is not there or spent`);
        balance += coins ?? 0n;
        this.#unspent.delete(input);
        this.#spent.add(input);
      }
      for (const { coins } of txn.outputs) balance -= coins;
      if (balance !== 0n) this.fail(`block ${seq} makes or loses ${-balance} droplets`);
      this.#confirmed.add(txids[i] as string);
    });
    for (const { id, ux } of changeOf(node, seq).created.flat()) this.#unspent.set(toHex(id), ux.body.coins);
  }

  isUnspent(id: Uint8Array): boolean {
    return this.#unspent.has(toHex(id));
  }

  isConfirmed(txn: Transaction): boolean {
    return this.#confirmed.has(toHex(txid(txn)));
  }

  /** A node has opened its disk: what it had acknowledged before must be there. */
  opened(node: SimNode, store: ChainStore): void {
    node.acknowledged.forEach((hash, seq) => {
      const stored = store.blockHashAt(seq);
      if (stored === undefined || toHex(stored) !== hash) this.fail(`${node.name} has lost its block ${seq}`);
    });
    // What was written and not acknowledged any more counts from now on.
    node.acknowledged = node.disk.changes.map(({ hash }) => toHex(hash));
    if (this.#options.forks) return;
    for (const { hash, block, txids } of node.disk.changes.slice(this.hashes.length)) {
      this.#extend(node, block, toHex(hash), txids.map(toHex));
    }
  }

  /**
   * What the database of a node holds in the end: its unspent outputs are those of the ledger here, and the hash of
   * them that it kept up from block to block is the one made anew.
   */
  settled(node: SimNode): void {
    const { store } = node.process;
    const outputs = [...store.allUnspents()];
    const sum = new Uint8Array(32);
    for (const hash of outputs.map(({ ux }) => snapshotHash(ux))) {
      for (let i = 0; i < 32; i++) sum[i] = (sum[i] as number) ^ (hash[i] as number);
    }
    if (!equalBytes(sum, node.process.chain.head().setHash)) this.fail(`${node.name} has a wrong hash of its outputs`);
    if (this.#options.forks || node.head.seq !== this.hashes.length - 1) return;
    const isSame = outputs.length === this.#unspent.size && outputs.every(({ id }) => this.isUnspent(id));
    if (!isSame) this.fail(`${node.name} holds other unspent outputs than its blocks leave`);
  }

  promise(node: SimNode, txn: Transaction): void {
    this.promised.push({ txn, key: toHex(txid(txn)), node, disk: node.disk });
  }

  /** Transactions promised to a user that are neither confirmed nor beaten by a rival. */
  get unsettled(): readonly string[] {
    const open = this.promised.filter(
      ({ txn, key, node, disk }) =>
        node.disk === disk && !this.#confirmed.has(key) && !txn.inputs.some((id) => this.#spent.has(toHex(id))),
    );
    return open.map(({ key, node }) => `${key.slice(0, 8)} of ${node.name}`);
  }

  /** Every dial, and how it went: who does not answer is asked less and less often. */
  dialled(from: string, to: string, ok: boolean | undefined): void {
    const now = this.#clock.monotonicMs();
    const ip = to.slice(0, to.indexOf(":"));
    const key = `${from} ${ip}`;
    if (ok === true) {
      this.forgive(from, ip);
      return;
    }
    const past = this.#refusals.get(key) ?? { count: 0, atMs: Number.NEGATIVE_INFINITY };
    if (ok === false) {
      this.#refusals.set(key, { count: past.count + 1, atMs: now });
    } else if (past.count > 0) {
      const rest = Math.min(LIMITS.backoffMaxMs, LIMITS.backoffFirstMs * 2 ** (past.count - 1));
      if (now - past.atMs < rest - 1)
        this.fail(`${from} dials ${to} ${now - past.atMs} ms after failure ${past.count}`);
    }
  }

  /** They have met, or one of them is new. */
  forgive(a: string, b: string): void {
    if (this.#refusals.size === 0) return;
    this.#refusals.delete(`${a} ${b}`);
    this.#refusals.delete(`${b} ${a}`);
  }

  forgiveAll(ip: string): void {
    for (const key of [...this.#refusals.keys()]) if (key.startsWith(`${ip} `)) this.#refusals.delete(key);
  }

  /** What a node holds in memory at the moment. */
  bounded(node: SimNode): void {
    const { network, pool, clock } = node.process;
    const limits = { ...LIMITS, ...node.plan.limits };
    const { poolLimits } = node.plan;
    const held = new Map(network.statistics().map(({ name, samples }) => [name, samples[0]?.[1] ?? 0]));
    const most = (what: string, value: number, max: number) => {
      if (value > max) this.fail(`${node.name} holds ${value} ${what}, at most ${max} are allowed`);
    };
    most("frames", held.get("p2p_frames_waiting") ?? 0, limits.framesWaitingMax);
    most("bytes of input", held.get("p2p_input_bytes") ?? 0, limits.inputBytesMax);
    most("bytes of output", held.get("p2p_output_bytes") ?? 0, limits.outputBytesMax);
    most("known peers", network.knownPeers(), limits.neverReachedMax + 64);
    most("connections", network.connections().length, limits.socketsMax);
    for (const bytes of network.queuedBytes()) most("bytes for one peer", bytes, limits.sendBytesMax + FRAME_BYTES_MAX);
    most("transactions in the pool", pool.size, poolLimits.transactionsMax);
    most("timers", clock.waiting, TIMERS_MAX);
  }
}

function changeOf(node: SimNode, seq: number) {
  return node.disk.changes[seq] as SimNode["disk"]["changes"][number];
}
