import type { Clock } from "../base/clock.ts";
import { Emitter } from "../base/emitter.ts";
import { errorText } from "../base/errors.ts";
import type { SignedBlock } from "../chain/block.ts";
import { DEFAULT_VERIFY } from "../chain/params.ts";
import type { Transaction } from "../chain/transaction.ts";
import type { Hash } from "../cipher/hash.ts";
import { DISC, disconnectName, INTERNAL } from "../p2p/disconnect.ts";
import { lengthPrefix } from "../p2p/frame.ts";
import { checkIntroduction, introductionOf } from "../p2p/introduction.ts";
import { decodeMessage, encode, type Message } from "../p2p/messages.ts";
import { type OpenSocket, openPlatformSocket, type WireSocket } from "./socket.ts";
import { type FollowedChain, type Position, verifyBlock } from "./verify-block.ts";

export interface ChainFollowerOptions extends FollowedChain {
  /** `ws://host:port/p2p/v2`, or `wss:`. */
  readonly url: string;
  /**
   * Where to begin: behind the genesis block, behind a block already checked, or so many blocks below the node's head.
   * Blocks of the last are linked to each other and signed; what came before them is the publisher's word.
   */
  readonly from?: "genesis" | Position | { readonly blocksBeforeHead: number };
  /** `coin:version(remark)`. */
  readonly userAgent?: string;
}

/** Default: the platform's. */
export interface ChainFollowerDeps {
  readonly open?: OpenSocket;
  readonly clock?: Clock;
  readonly randomU32?: () => number;
}

export interface FollowedBlock {
  readonly block: SignedBlock;
  readonly hash: Hash;
}

export type FollowerState =
  | { readonly name: "stopped" | "connecting" }
  /** Introduced; the node says it has blocks up to `height`. */
  | { readonly name: "following"; readonly height: number }
  /** Not connected, for this reason; tries again after so long. */
  | { readonly name: "waiting"; readonly reason: string; readonly retryMs: number };

const PROTOCOL = "fiber-gnet.2";
const BLOCKS_PER_ANSWER = 128;
const TICK_MS = 1_000;
const INTRODUCTION_MS = 10_000;
const ANSWER_MS = 10_000;
const SILENCE_MS = 60_000;
const PING_MS = 5_000;
const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 60_000;
/** Frames waiting while blocks are checked; what is lost beyond is asked for again. */
const WAITING_MAX = 64;
/** Checking pauses this often, so that a page stays alive: a signature takes about a millisecond. */
const BLOCKS_PER_TURN = 4;
const NODE_CLOSE = 4_000;

/** One connection's state. */
interface Link {
  readonly socket: WireSocket;
  readonly waiting: Message[];
  isBusy: boolean;
  isIntroduced: boolean;
  isOver: boolean;
  readonly openedMs: number;
  heardMs: number;
  saidMs: number;
  askedMs: number | undefined;
}

/**
 * Follows a chain over WebSocket and believes nothing but the publisher's key: every block is checked before anybody
 * hears of it. Keeps no blocks, takes no connections, answers no requests. Runs in browsers as it is.
 */
export class ChainFollower {
  readonly onBlock = new Emitter<FollowedBlock>();
  readonly onState = new Emitter<FollowerState>();
  readonly #options: ChainFollowerOptions;
  readonly #open: OpenSocket;
  readonly #clock: Clock;
  readonly #mirror: number;
  #state: FollowerState = { name: "stopped" };
  #position: Position | undefined;
  #height = 0;
  #link: Link | undefined;
  #failures = 0;
  #cancelTimer: (() => void) | undefined;

  constructor(options: ChainFollowerOptions, deps: ChainFollowerDeps = {}) {
    this.#options = options;
    this.#open = deps.open ?? openPlatformSocket;
    this.#clock = deps.clock ?? platformClock;
    this.#mirror = (deps.randomU32 ?? platformRandom)();
    const { from = "genesis", genesisHash } = options;
    if (from === "genesis") this.#position = { seq: 0, time: 0, hash: genesisHash };
    else if ("seq" in from) this.#position = from;
  }

  get state(): FollowerState {
    return this.#state;
  }

  /** Last block checked; undefined before any, when following begins below the node's head. */
  get position(): Position | undefined {
    return this.#position;
  }

  start(): void {
    if (this.#state.name === "stopped") this.#connect();
  }

  /** Ends the connection, and trying. `start` goes on where this ended. */
  stop(): void {
    this.#cancelTimer?.();
    const link = this.#link;
    this.#link = undefined;
    if (link !== undefined) this.#close(link, DISC.OPERATOR);
    this.#say({ name: "stopped" });
  }

  /** Gives a transaction to the node; false when there is none connected. What becomes of it is seen in the blocks. */
  send(transaction: Transaction): boolean {
    const link = this.#link;
    if (link?.isIntroduced !== true) return false;
    this.#write(link, encode.transactions([transaction]));
    return true;
  }

  // The connection

  #connect(): void {
    this.#say({ name: "connecting" });
    let socket: WireSocket;
    try {
      socket = this.#open(this.#options.url, PROTOCOL);
    } catch (error) {
      this.#retry(errorText(error));
      return;
    }
    socket.binaryType = "arraybuffer";
    const now = this.#clock.monotonicMs();
    const times = { openedMs: now, heardMs: now, saidMs: now, askedMs: undefined };
    const link: Link = { socket, waiting: [], isBusy: false, isIntroduced: false, isOver: false, ...times };
    this.#link = link;
    socket.addEventListener("open", () => {
      if (!link.isOver) this.#introduce(link);
    });
    socket.addEventListener("error", () => {}); // "close" follows
    socket.addEventListener("close", ({ code }) => this.#lost(link, closeText(code)));
    socket.addEventListener("message", ({ data }) => this.#receive(link, data));
    this.#tickLater(link);
  }

  #introduce(link: Link): void {
    const { publisherKey, genesisHash, userAgent = "loginchain-follower:0.1.0" } = this.#options;
    const identity = {
      mirror: this.#mirror,
      listenPort: 0,
      publisherKey,
      verify: DEFAULT_VERIFY,
      userAgent,
      genesisHash,
    };
    // It reads messages whole, and may be asked for nothing: it has no blocks.
    const capabilities = { steadyDecoder: true, blocksPerAnswer: 0 };
    this.#write(link, encode.introduction(introductionOf(identity, capabilities)));
  }

  #write(link: Link, frame: Uint8Array): void {
    link.saidMs = this.#clock.monotonicMs();
    link.socket.send(frame);
  }

  /** A DISC where the reason has one, then the close frame. */
  #close(link: Link, reason: number): void {
    if (link.isOver) return;
    link.isOver = true;
    if (reason < INTERNAL.DEADLINE) trying(() => link.socket.send(encode.disconnect(reason)));
    // Browsers may say 3000 to 4999 only.
    trying(() => link.socket.close(reason < INTERNAL.DEADLINE ? NODE_CLOSE + reason : 3_100 + reason));
  }

  #fail(link: Link, reason: number, text: string): void {
    this.#close(link, reason);
    this.#lost(link, text);
  }

  #lost(link: Link, reason: string): void {
    link.isOver = true;
    if (this.#link !== link) return;
    this.#link = undefined;
    this.#retry(reason);
  }

  #retry(reason: string): void {
    this.#cancelTimer?.();
    const retryMs = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(this.#failures++, 30));
    this.#cancelTimer = this.#clock.after(retryMs, () => this.#connect());
    this.#say({ name: "waiting", reason, retryMs });
  }

  #tickLater(link: Link): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#clock.after(TICK_MS, () => this.#tick(link));
  }

  #tick(link: Link): void {
    if (link.isOver) return;
    const now = this.#clock.monotonicMs();
    this.#tickLater(link);
    if (link.isBusy) return;
    if (!link.isIntroduced) {
      if (now - link.openedMs >= INTRODUCTION_MS) this.#fail(link, DISC.INTRODUCTION_TIMEOUT, "no introduction");
    } else if (now - link.heardMs >= SILENCE_MS) this.#fail(link, DISC.IDLE, "silence");
    else if (link.askedMs !== undefined && now - link.askedMs >= ANSWER_MS) {
      this.#fail(link, INTERNAL.DEADLINE, "no answer");
    } else if (now - link.saidMs >= PING_MS) this.#write(link, encode.empty("PING"));
  }

  // What the node says

  #receive(link: Link, data: unknown): void {
    if (link.isOver) return;
    link.heardMs = this.#clock.monotonicMs();
    try {
      const frame = data instanceof ArrayBuffer ? new Uint8Array(data) : undefined;
      if (frame === undefined || frame.length < 8 || lengthPrefix(frame) !== frame.length - 4) {
        this.#fail(link, INTERNAL.LENGTH, "a message is no frame");
        return;
      }
      const message = decodeMessage(frame);
      if (link.waiting.length >= WAITING_MAX) return;
      link.waiting.push(message);
    } catch (error) {
      this.#fail(link, INTERNAL.MALFORMED, errorText(error));
      return;
    }
    if (!link.isBusy) void this.#work(link);
  }

  async #work(link: Link): Promise<void> {
    link.isBusy = true;
    try {
      for (let next = link.waiting.shift(); next !== undefined && !link.isOver; next = link.waiting.shift()) {
        await this.#take(link, next);
      }
    } catch (error) {
      // A node that gives what its publisher did not make is none to follow.
      this.#fail(link, INTERNAL.MALFORMED, errorText(error));
    } finally {
      link.isBusy = false;
    }
  }

  #take(link: Link, message: Message): void | Promise<void> {
    if (message.id === "DISC") {
      this.#fail(link, INTERNAL.SHUTDOWN, disconnectName(message.reason));
      return;
    }
    if (message.id === "INTR") {
      const checked = checkIntroduction(message.introduction, {
        ...this.#options,
        ...{ mirror: this.#mirror, legacyPeerCompat: false },
      });
      if (!checked.ok) {
        this.#fail(link, checked.reason, disconnectName(checked.reason));
        return;
      }
      link.isIntroduced = true;
      return;
    }
    if (!link.isIntroduced) return;
    switch (message.id) {
      case "PING":
        this.#write(link, encode.empty("PONG"));
        return;
      case "GETB":
        this.#heard(link, message.last);
        return;
      case "ANNB":
        this.#heard(link, message.head);
        return;
      case "GIVB":
        return this.#blocks(link, message.blocks);
      default:
        return; // transactions and peers are nothing to a follower
    }
  }

  /** The node's height: how far there is to go. */
  #heard(link: Link, height: number): void {
    this.#height = height;
    this.#failures = 0;
    const { from } = this.#options;
    if (this.#position === undefined && typeof from === "object" && "blocksBeforeHead" in from) {
      const seq = Math.max(0, height - from.blocksBeforeHead);
      this.#position = { seq, time: 0, hash: seq === 0 ? this.#options.genesisHash : undefined };
    }
    this.#say({ name: "following", height });
    this.#ask(link);
  }

  #ask(link: Link): void {
    const seq = this.#position?.seq ?? 0;
    if (link.askedMs !== undefined || seq >= this.#height) return;
    link.askedMs = this.#clock.monotonicMs();
    this.#write(link, encode.getBlocks(seq, BLOCKS_PER_ANSWER));
  }

  async #blocks(link: Link, blocks: readonly SignedBlock[]): Promise<void> {
    link.askedMs = undefined;
    let taken = 0;
    for (const block of blocks) {
      const before = this.#position;
      if (before === undefined || block.header.seq <= before.seq) continue;
      if (block.header.seq > before.seq + 1) break; // pushed, and others are missing
      const hash = verifyBlock(block, before, this.#options);
      const { seq, time } = block.header;
      this.#position = { seq, time, hash };
      this.onBlock.emit({ block, hash });
      if (++taken % BLOCKS_PER_TURN === 0) await this.#turn();
      if (link.isOver) return;
    }
    const last = blocks.at(-1)?.header.seq ?? 0;
    this.#heard(link, Math.max(this.#height, last));
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.after(0, resolve);
    });
  }

  #say(state: FollowerState): void {
    this.#state = state;
    this.onState.emit(state);
  }
}

function closeText(code: number): string {
  if (code >= NODE_CLOSE && code <= NODE_CLOSE + 19) return disconnectName(code - NODE_CLOSE);
  return code === 1006 ? "connection lost" : code === 1013 ? "no place" : `closed with ${code}`;
}

/** A socket that is closing already refuses both, and needs neither. */
function trying(act: () => void): void {
  try {
    act();
  } catch {}
}

const platformClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

function platformRandom(): number {
  return globalThis.crypto.getRandomValues(new Uint32Array(1))[0] as number;
}
