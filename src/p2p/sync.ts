import { equalBytes } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { errorText } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { SignedBlock } from "../chain/block.ts";
import type { RuleError } from "../chain/rules.ts";
import { isLoopback } from "./address.ts";
import { BlockPipeline } from "./block-pipeline.ts";
import type { RivalBlocks, SyncChain, Turn } from "./deps.ts";
import { DISC } from "./disconnect.ts";
import type { Limits } from "./limits.ts";
import { encode } from "./messages.ts";
import type { Peer } from "./peer.ts";
import type { Penalties } from "./penalties.ts";
import { type HeldBlock, SyncWindow } from "./sync-window.ts";

export interface BlockSyncDeps {
  readonly chain: SyncChain;
  readonly peers: () => readonly Peer[];
  readonly penalties: Penalties;
  /** Looks at blocks that differ from ours; absent: nobody does. */
  readonly rivals?: RivalBlocks | undefined;
  /** The head moved; tell the others. */
  readonly advanced: () => void;
  readonly clock: Clock;
  readonly turn: Turn;
  readonly log: Logger;
}

/** A GETB not answered yet. */
interface Ask {
  readonly peer: Peer;
  readonly from: number;
  readonly to: number;
  readonly askedAtMs: number;
  /** The peer was not known to have these blocks: no answer is an answer. */
  readonly isGuess: boolean;
  /** It became known soon after it was asked, which may have been before it had them. */
  readonly wasGuess?: boolean;
}

interface Range {
  readonly from: number;
  readonly to: number;
}

/** What an answer of one of our nodes is aimed at: below the 256 KiB where it would be cut. */
const ANSWER_BYTES = 200 * 1024;
/** A guess this young may still be answered when the peer's height becomes known. */
const GUESS_FRESH_MS = 300;
/** An answer that takes longer is not waited for by others. */
const BEHIND_MS = 2_000;
/** Who has waited in vain hopes again when nothing was asked for so long. */
const HOPELESS_MS = 60_000;
const SLOW_REST_MS = 60_000;
const SLOW_HOSTS_MAX = 1024;
const WRONG_REST_MS = 10_000;
const ANNOUNCE_MS = 1_000;
const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 30_000;
/** Requests of one peer on the way down to where its chain leaves ours. */
const LOOKBACKS_MAX = 64;

/**
 * Follows the longest peer: asks one of them at a time, several answers ahead, and hands what comes to the pipeline in
 * order (p2p.md 9.2). What is held is bounded in blocks and bytes; who does not answer or answers wrongly is left aside.
 */
export class BlockSync {
  readonly #limits: Limits;
  readonly #deps: BlockSyncDeps;
  readonly #window = new SyncWindow();
  readonly #pipeline: BlockPipeline;
  #target: Peer | undefined;
  #asks: Ask[] = [];
  #gaps: Range[] = [];
  /** Everything up to here is asked for, held, or in the chain. */
  #cursor = 0;
  #blockBytes = 1024;
  readonly #restUntilMs = new WeakMap<Peer, number>();
  /** By host: whoever comes back is no faster than before. */
  readonly #slowUntilMs = new Map<string, number>();
  readonly #answerMs = new WeakMap<Peer, number>();
  readonly #answeredAtMs = new WeakMap<Peer, number>();
  readonly #lookbacks = new WeakMap<Peer, { below: number; asked: number }>();
  #lastAnnounceMs = Number.NEGATIVE_INFINITY;
  #isUnannounced = false;
  #polls = 0;
  /** Blocks are asked for since then, and none has come. */
  #waitsSinceMs: number | undefined;
  #lastAskMs = 0;
  #retryAtMs = 0;
  #retryMs = RETRY_FIRST_MS;

  constructor(limits: Limits, deps: BlockSyncDeps) {
    this.#limits = limits;
    this.#deps = deps;
    this.#pipeline = new BlockPipeline(limits, {
      chain: deps.chain,
      clock: deps.clock,
      turn: deps.turn,
      advanced: () => this.#advanced(),
      rejected: (held, error, behind) => this.#rejected(held, error, behind),
      failed: (error) => this.#failed(error),
      room: () => this.#pump(),
    });
  }

  /** Blocks are on their way. Those who only claim to have some make us wait for moments, however many come one by one. */
  get isBehind(): boolean {
    if (!this.#pipeline.isIdle) return true;
    if (!this.#asks.some((ask) => !ask.isGuess)) return false;
    return this.#deps.clock.monotonicMs() - (this.#waitsSinceMs ?? 0) < BEHIND_MS;
  }

  /** Blocks that somebody claims to have were asked for. */
  #waits(): void {
    const now = this.#deps.clock.monotonicMs();
    if (this.#waitsSinceMs === undefined || now - this.#lastAskMs >= HOPELESS_MS) this.#waitsSinceMs = now;
    this.#lastAskMs = now;
  }

  /** Just introduced: asks it for what follows our head, which also tells it how far we are. */
  welcome(peer: Peer): void {
    const { seq } = this.#deps.chain.head();
    const isBusy = this.#asks.some((ask) => !ask.isGuess);
    if (isBusy) peer.send(encode.getBlocks(seq, 0));
    else this.#guess(peer, seq);
  }

  /**
   * Once a minute: asks one peer, in turn, for what follows our head, in case an announcement was lost. Returns it.
   * Those under way make that needless.
   */
  poll(): Peer | undefined {
    if (this.isBehind) return undefined;
    const peers = this.#deps.peers();
    const peer = peers[this.#polls++ % Math.max(1, peers.length)];
    if (peer !== undefined) this.#guess(peer, this.#deps.chain.head().seq);
    return peer;
  }

  /** It says, asking for more, that it has blocks up to `height`. A fresh guess is still on its way to it. */
  noteHeight(peer: Peer, height: number): void {
    this.#noteHeight(peer, height, GUESS_FRESH_MS);
  }

  /** ANNB: its head has moved. What it was asked before, on a guess, found nothing there and stays unanswered. */
  announcedBy(peer: Peer, height: number): void {
    this.#noteHeight(peer, height, Number.NEGATIVE_INFINITY);
  }

  #noteHeight(peer: Peer, height: number, freshMs: number): void {
    peer.saidHeight = true;
    if (height > peer.height) peer.height = height;
    if (height < this.#pipeline.nextSeq) return;
    const now = this.#deps.clock.monotonicMs();
    this.#asks = this.#asks.filter((ask) => !(ask.isGuess && ask.peer === peer && now - ask.askedAtMs > freshMs));
    this.#pump();
  }

  /** GIVB, asked for or not. */
  receive(peer: Peer, blocks: readonly SignedBlock[], frameBytes: number): void {
    const first = blocks[0]?.header.seq;
    const last = blocks.at(-1)?.header.seq;
    if (first === undefined || last === undefined) return;
    // Answers begin with what was asked for. Else somebody who leaves that out would be asked for ever.
    const ask = this.#asks.find(({ peer: asked, from }) => asked === peer && first === from);
    const bytes = frameBytes / blocks.length;
    const nextSeq = this.#pipeline.nextSeq;
    this.#compare(peer, blocks);
    for (const block of blocks) {
      const { seq } = block.header;
      if (seq < nextSeq || (ask === undefined && this.#window.has(seq))) {
        // Another's block of that height is being judged or waits. Should it be refused, this peer is asked for its own.
        if (seq > this.#deps.chain.stagedHead().seq) peer.height = Math.max(peer.height, seq);
        continue;
      }
      if (ask === undefined && !this.#takesStray(seq)) {
        // It comes again when its turn has come; a publisher says of its own blocks no more than this.
        peer.height = Math.max(peer.height, last);
        break;
      }
      this.#window.put(seq, { block, from: peer, bytes });
    }
    if (ask !== undefined) this.#answered(ask, blocks.length, last, bytes);
    this.#pump();
    this.#askBefore();
  }

  /** Blocks of heights we have: the same ones, or proof that the publisher's key signs two chains. */
  #compare(peer: Peer, blocks: readonly SignedBlock[]): void {
    const { rivals } = this.#deps;
    if (rivals === undefined) return;
    for (const block of blocks) {
      const relation = rivals.relation(block);
      if (relation === "ahead") return;
      if (relation === "held") continue;
      if (relation === "unlinked") this.#lookBelow(peer, block.header.seq);
      else void this.#examine(peer, block, rivals);
      return; // what follows hangs on this one
    }
  }

  async #examine(peer: Peer, block: SignedBlock, rivals: RivalBlocks): Promise<void> {
    try {
      if ((await rivals.examine(block)) === "forged") this.#deps.penalties.punish(peer, "forgedBlock");
    } catch (error) {
      this.#deps.log.error({ peer: peer.address, error: errorText(error) }, "a block that differs was not examined");
    }
  }

  /** Its block `seq` hangs on another than ours: asks for those before, down to where the two chains part. */
  #lookBelow(peer: Peer, seq: number): void {
    const before = this.#lookbacks.get(peer) ?? { below: Number.POSITIVE_INFINITY, asked: 0 };
    if (seq < 2 || seq >= before.below || before.asked >= LOOKBACKS_MAX) return;
    const last = Math.max(0, seq - 1 - this.#limits.blocksPerAnswer);
    if (!peer.send(encode.getBlocks(last, seq - 1 - last))) return;
    this.#lookbacks.set(peer, { below: seq, asked: before.asked + 1 });
  }

  /** Blocks are here ahead of their turn and nothing is under way: those before were lost, and nobody else might tell. */
  #askBefore(): void {
    if (this.isBehind) return;
    const { nextSeq } = this.#pipeline;
    this.#window.drop((seq) => seq < nextSeq);
    for (const peer of this.#window.senders()) {
      if (peer.isActive && !this.#asks.some((ask) => ask.peer === peer)) this.#guess(peer, nextSeq - 1);
    }
  }

  /** Blocks pushed to us: the next one, or a few ahead of their turn (B4). */
  #takesStray(seq: number): boolean {
    if (seq === this.#pipeline.nextSeq) return true;
    return seq <= this.#deps.chain.stagedHead().seq + this.#limits.strayBlocksMax && this.#hasRoom(0, 0);
  }

  #answered(ask: Ask, count: number, last: number, blockBytes: number): void {
    const { peer } = ask;
    this.#asks = this.#asks.filter((other) => other !== ask);
    this.#blockBytes += (blockBytes - this.#blockBytes) / 8;
    const tookMs = this.#deps.clock.monotonicMs() - ask.askedAtMs;
    const before = this.#answerMs.get(peer) ?? tookMs;
    this.#answerMs.set(peer, before + (tookMs - before) / 8);
    this.#answeredAtMs.set(peer, this.#deps.clock.monotonicMs());
    this.#slowUntilMs.delete(hostOf(peer));
    this.#waitsSinceMs = this.#asks.some(({ isGuess }) => !isGuess) ? this.#deps.clock.monotonicMs() : undefined;
    const end = Math.min(ask.to, Math.max(peer.height, ask.isGuess ? 0 : ask.to));
    const isFull = count >= ask.to - ask.from + 1 || count * blockBytes > ANSWER_BYTES;
    if (last < end) {
      this.#gaps.push({ from: last + 1, to: end });
      if (peer === this.#target) this.#cursor = Math.max(this.#cursor, end); // asked for as a gap, and not again
    }
    // A full answer to a guess: there may be more, though it did not say so.
    else if (ask.isGuess && isFull && last >= peer.height) this.#guess(peer, last);
  }

  peerEnded(peer: Peer): void {
    if (this.#target === peer) this.#forgetTarget();
    this.#asks = this.#asks.filter((ask) => ask.peer !== peer);
    this.#pump();
  }

  /** Once a second: repeats what was not answered, elsewhere if possible. */
  tick(): void {
    const now = this.#deps.clock.monotonicMs();
    const overdue = this.#asks.filter((ask) => this.#isOverdue(ask, now));
    if (overdue.length > 0) {
      this.#asks = this.#asks.filter((ask) => !overdue.includes(ask));
      for (const { peer, isGuess, wasGuess, from, to } of overdue) {
        if (isGuess) continue;
        if (wasGuess) {
          this.#gaps.push({ from, to }); // asked for in earnest
          continue;
        }
        this.#deps.log.debug({ peer: peer.address, from }, "blocks asked for did not come");
        this.#setSlow(peer, now);
        if (this.#target === peer) this.#forgetTarget();
      }
    }
    if (this.#isUnannounced && now - this.#lastAnnounceMs >= ANNOUNCE_MS) this.#announce();
    this.#pump();
    this.#askBefore();
  }

  /** Whoever says nothing at all is waited for only as long as nobody else has the blocks. */
  #isOverdue({ peer, from, askedAtMs, isGuess, wasGuess }: Ask, now: number): boolean {
    if (now - askedAtMs >= this.#limits.syncStallMs) return true;
    const silentMs = now - Math.max(askedAtMs, this.#answeredAtMs.get(peer) ?? 0);
    if (isGuess || silentMs < BEHIND_MS) return false;
    if (wasGuess) return true;
    return this.#deps
      .peers()
      .some(
        (other) => other !== peer && other.height >= from && !this.#isResting(other, now) && !this.#isSlow(other, now),
      );
  }

  #isResting(peer: Peer, now: number): boolean {
    return (this.#restUntilMs.get(peer) ?? 0) > now;
  }

  #isSlow(peer: Peer, now: number): boolean {
    return (this.#slowUntilMs.get(hostOf(peer)) ?? 0) > now;
  }

  #setSlow(peer: Peer, now: number): void {
    this.#slowUntilMs.delete(hostOf(peer));
    this.#slowUntilMs.set(hostOf(peer), now + SLOW_REST_MS);
    const [oldest] = this.#slowUntilMs.keys();
    if (this.#slowUntilMs.size > SLOW_HOSTS_MAX && oldest !== undefined) this.#slowUntilMs.delete(oldest);
  }

  async stop(): Promise<void> {
    this.#retryAtMs = Number.POSITIVE_INFINITY;
    this.#window.clear();
    await this.#pipeline.stop();
  }

  #pump(): void {
    if (this.#deps.clock.monotonicMs() < this.#retryAtMs) return;
    this.#pipeline.feed(this.#window);
    this.#request();
  }

  #request(): void {
    const have = this.#pipeline.nextSeq - 1;
    const target = this.#chooseTarget(have);
    if (target === undefined) return;
    const portion = this.#portion(target);
    let open = this.#asks.filter((ask) => ask.peer === target && !ask.isGuess).length;
    this.#cursor = Math.max(this.#cursor, have);
    while (open < this.#limits.blockRequestsOutstanding) {
      const range =
        this.#nextGap(have, portion) ??
        (this.#isBlocked(open, have) || this.#hasRoom(open, portion) ? this.#nextRange(target, portion) : undefined);
      if (range === undefined) return;
      const count = target.isOurs ? range.to - range.from + 1 : Math.max(range.to - range.from + 1, portion);
      if (!target.send(encode.getBlocks(range.from - 1, count))) return;
      target.expect(3 * this.#limits.syncStallMs);
      this.#asks.push({ peer: target, ...range, askedAtMs: this.#deps.clock.monotonicMs(), isGuess: false });
      this.#waits();
      open++;
    }
  }

  /** What an answer left out comes first, room or not: everything behind it waits for it. */
  #nextGap(have: number, portion: number): Range | undefined {
    for (let gap = this.#gaps.shift(); gap !== undefined; gap = this.#gaps.shift()) {
      const from = Math.max(gap.from, have + 1);
      if (from > gap.to) continue;
      const to = Math.min(gap.to, from + portion - 1);
      if (to < gap.to) this.#gaps.unshift({ from: to + 1, to: gap.to });
      return { from, to };
    }
    return undefined;
  }

  #nextRange(target: Peer, portion: number): Range | undefined {
    while (this.#window.has(this.#cursor + 1)) this.#cursor++;
    const from = this.#cursor + 1;
    const to = Math.min(target.height, this.#cursor + portion);
    if (from > to) return undefined;
    // A guess under way covers it.
    if (this.#asks.some((ask) => ask.peer === target && ask.isGuess && from >= ask.from && from <= ask.to)) {
      const guess = this.#asks.find((ask) => ask.isGuess && ask.peer === target) as Ask;
      const to = Math.min(guess.to, target.height);
      this.#cursor = to;
      this.#asks = this.#asks.map((ask) => (ask === guess ? { ...ask, to, isGuess: false, wasGuess: true } : ask));
      this.#waits();
      return this.#nextRange(target, portion);
    }
    this.#cursor = to;
    return { from, to };
  }

  /** The very next block is neither here nor asked for: it comes first, room or not, as everything held waits for it. */
  #isBlocked(open: number, have: number): boolean {
    return open === 0 && this.#cursor === have && !this.#window.has(have + 1);
  }

  #hasRoom(open: number, portion: number): boolean {
    const { syncBytesMax, syncBlocksMax } = this.#limits;
    const coming = open * portion;
    return this.#window.size + coming < syncBlocksMax && this.#window.bytes + coming * this.#blockBytes < syncBytesMax;
  }

  /** Blocks to ask for at once. */
  #portion(target: Peer): number {
    const { blocksPerAnswer, blocksPerAnswerOurs } = this.#limits;
    const offered = target.introduction?.capabilities?.blocksPerAnswer;
    if (offered === undefined) return blocksPerAnswer;
    const fitting = Math.floor(ANSWER_BYTES / this.#blockBytes);
    return Math.max(1, Math.min(fitting, offered, blocksPerAnswerOurs));
  }

  /** The one we ask now, else the best: not resting, answering, known to answer, highest, fastest (B2). */
  #chooseTarget(have: number): Peer | undefined {
    const current = this.#target;
    const isAsked = this.#asks.some((ask) => ask.peer === current && !ask.isGuess);
    if (current?.isActive && (current.height > have || isAsked)) return current;
    this.#forgetTarget();
    const now = this.#deps.clock.monotonicMs();
    const slow = (peer: Peer) => Number(this.#isSlow(peer, now));
    const unproved = (peer: Peer) => Number(!this.#answerMs.has(peer));
    const [best] = this.#deps
      .peers()
      .filter((peer) => peer.height > have && !this.#isResting(peer, now))
      .sort(
        (a, b) =>
          slow(a) - slow(b) ||
          unproved(a) - unproved(b) ||
          b.height - a.height ||
          (this.#answerMs.get(a) ?? 0) - (this.#answerMs.get(b) ?? 0) ||
          a.id - b.id,
      );
    this.#target = best;
    return best;
  }

  #forgetTarget(): void {
    this.#target = undefined;
    this.#asks = this.#asks.filter((ask) => ask.isGuess);
    this.#gaps = [];
    this.#cursor = 0;
  }

  #guess(peer: Peer, last: number): void {
    const { blocksPerAnswer } = this.#limits;
    const askedAtMs = this.#deps.clock.monotonicMs();
    if (!peer.send(encode.getBlocks(last, blocksPerAnswer))) return;
    peer.expect(this.#limits.syncStallMs);
    this.#asks = this.#asks.filter((ask) => !(ask.isGuess && ask.peer === peer));
    this.#asks.push({ peer, from: last + 1, to: last + blocksPerAnswer, askedAtMs, isGuess: true });
  }

  #advanced(): void {
    this.#retryMs = RETRY_FIRST_MS;
    const now = this.#deps.clock.monotonicMs();
    const isCatchingUp = this.#window.size > 0 || this.#asks.some((ask) => !ask.isGuess);
    this.#isUnannounced = true;
    if (isCatchingUp && now - this.#lastAnnounceMs < ANNOUNCE_MS) return;
    this.#announce();
  }

  #announce(): void {
    this.#isUnannounced = false;
    this.#lastAnnounceMs = this.#deps.clock.monotonicMs();
    this.#deps.advanced();
  }

  #rejected({ from, block }: HeldBlock, error: RuleError, behind: readonly HeldBlock[]): void {
    const { seq } = block.header;
    // Others' blocks are gone with it; that they have them is not forgotten.
    for (const { from, block } of behind) from.height = Math.max(from.height, block.header.seq);
    this.#deps.log.warn({ peer: from.address, seq, code: error.code }, "block refused");
    this.#restUntilMs.set(from, this.#deps.clock.monotonicMs() + WRONG_REST_MS);
    this.#window.drop((_, held) => held.from === from);
    this.#forgetTarget();
    const isForged = error.code.startsWith("BLOCK_SIGN");
    if (!isForged && this.#isOfAnotherFork(block)) {
      this.#lookBelow(from, seq); // the peer only passes on what the publisher signed
      return;
    }
    // A legacy peer names no chain when it introduces itself: its first forged block says that it is on another.
    if (isForged && from.isLegacy) from.disconnect(DISC.PUBLIC_KEY);
    else this.#deps.penalties.punish(from, isForged ? "forgedBlock" : "invalidBlock");
  }

  /** Signed by the publisher, and not built on our head. */
  #isOfAnotherFork({ header }: SignedBlock): boolean {
    const head = this.#deps.chain.stagedHead();
    return this.#deps.rivals !== undefined && header.seq === head.seq + 1 && !equalBytes(header.prevHash, head.hash);
  }

  #failed(error: unknown): void {
    this.#deps.log.error({ error: errorText(error) }, "blocks could not be executed, trying again later");
    this.#window.clear();
    this.#forgetTarget();
    this.#retryAtMs = this.#deps.clock.monotonicMs() + this.#retryMs;
    this.#retryMs = Math.min(RETRY_MAX_MS, this.#retryMs * 2);
  }
}

/** Nodes of one machine share its address and are told apart by their ports. */
function hostOf(peer: Peer): string {
  return isLoopback(peer.remote.ip) ? peer.address : peer.host;
}
