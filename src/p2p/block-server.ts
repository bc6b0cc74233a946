import type { Clock } from "../base/clock.ts";
import { errorText } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { NetworkChain } from "./deps.ts";
import type { Limits } from "./limits.ts";
import { encode, FRAME_HEAD_BYTES, LIST_MAX } from "./messages.ts";
import type { Peer } from "./peer.ts";
import { TokenBucket } from "./token-bucket.ts";
import type { Turnstile, Waiting } from "./turnstile.ts";

export interface BlockServerOptions {
  /** Largest frame to send. */
  readonly frameBytesMax: number;
  readonly limits: Limits;
}

export interface BlockServerDeps {
  readonly chain: Pick<NetworkChain, "head" | "store">;
  readonly turnstile: Pick<Turnstile, "ready">;
  readonly clock: Clock;
  readonly log: Logger;
}

interface Request {
  readonly last: number;
  readonly count: number;
}

interface Client extends Waiting {
  readonly requests: TokenBucket;
  readonly bytes: TokenBucket;
  waiting: Request[];
  isTimed: boolean;
  /** When it was given blocks it has not asked beyond, monotonic. */
  answeredAtMs: number | undefined;
}

const RECENT_BYTES_MAX = 4 * 1024 * 1024;

/**
 * Answers GETB with the stored bytes of the blocks. An answer is made only when there is room for it on the way out, so
 * a slow reader holds one or two of them and not as many as it asked for (W7).
 */
export class BlockServer {
  readonly #options: BlockServerOptions;
  readonly #deps: BlockServerDeps;
  readonly #clients = new WeakMap<Peer, Client>();
  readonly #requestsAll: TokenBucket;
  readonly #bytesAll: TokenBucket;
  /** Blocks given lately: who asks for the same ones again costs no reading. */
  readonly #recent = new Map<number, Uint8Array>();
  #recentBytes = 0;

  constructor(options: BlockServerOptions, deps: BlockServerDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#requestsAll = new TokenBucket(options.limits.getBlocksAll, deps.clock);
    this.#bytesAll = new TokenBucket(options.limits.givenBytesAll, deps.clock);
  }

  /** GETB. Few requests of a stranger wait, the oldest gives way; our own nodes ask further ahead. */
  asked(peer: Peer, last: number, count: number): void {
    const { blocksPerAnswer, blocksPerAnswerOurs, blockRequestsWaiting } = this.#options.limits;
    const client = this.#client(peer);
    client.answeredAtMs = undefined;
    const wanted = Math.min(count, peer.isOurs ? blocksPerAnswerOurs : blocksPerAnswer);
    // Nothing to give, no answer: GETB(head, 0) only tells a height.
    if (wanted === 0 || last >= this.#deps.chain.head().seq) return;
    if (client.waiting.length >= (peer.isOurs ? blockRequestsWaiting : blockRequestsWaiting / 4))
      client.waiting.shift();
    client.waiting.push({ last, count: wanted });
    this.serve(peer);
  }

  /** Once a second: strangers whose decoder may have lost an answer hear of the head again, and ask again (S5). */
  remind(peers: readonly Peer[]): void {
    const now = this.#deps.clock.monotonicMs();
    const { seq } = this.#deps.chain.head();
    for (const peer of peers) {
      const client = this.#clients.get(peer);
      if (peer.isOurs || client?.answeredAtMs === undefined || peer.height >= seq) continue;
      if (now - client.answeredAtMs < this.#options.limits.remindAfterMs) continue;
      client.answeredAtMs = undefined;
      peer.send(encode.announceBlocks(seq));
    }
  }

  /** Answers what waits, one request at a time, as far as there is room and the rates allow. */
  serve(peer: Peer): void {
    const client = this.#clients.get(peer);
    if (client !== undefined && client.waiting.length > 0) this.#deps.turnstile.ready(client);
  }

  /** False when there is nothing to answer now. */
  #serveOne(peer: Peer, client: Client): boolean {
    if (client.isTimed || client.waiting.length === 0 || peer.endReason !== undefined) return false;
    if (peer.queuedBytes >= this.#options.limits.answerBelowBytes) return false; // goes on when the peer has drained
    const waits = [client.requests, client.bytes, this.#requestsAll, this.#bytesAll].map(({ waitMs }) => waitMs);
    const waitMs = Math.max(...waits);
    if (waitMs > 0) {
      client.isTimed = true;
      this.#deps.clock.after(waitMs, () => {
        client.isTimed = false;
        this.serve(peer);
      });
      return false;
    }
    this.#answer(peer, client, client.waiting.shift() as Request);
    return client.waiting.length > 0;
  }

  #answer(peer: Peer, client: Client, { last, count }: Request): void {
    const head = this.#deps.chain.head().seq;
    const blocks: Uint8Array[] = [];
    let bytes = FRAME_HEAD_BYTES + 4;
    try {
      for (let seq = last + 1; seq <= head && blocks.length < Math.min(count, LIST_MAX.GIVB); seq++) {
        const block = this.#blockBytes(seq);
        if (block === undefined || bytes + block.length > this.#options.frameBytesMax) break;
        bytes += block.length;
        blocks.push(block);
      }
    } catch (error) {
      this.#deps.log.warn({ error: errorText(error) }, "blocks for a peer could not be read");
    }
    if (blocks.length === 0) return;
    client.answeredAtMs = this.#deps.clock.monotonicMs();
    client.requests.spend(1);
    client.bytes.spend(bytes);
    this.#requestsAll.spend(1);
    this.#bytesAll.spend(bytes);
    peer.send(encode.blocks(blocks));
  }

  /** A block never changes. */
  #blockBytes(seq: number): Uint8Array | undefined {
    const known = this.#recent.get(seq);
    if (known !== undefined) return known;
    const bytes = this.#deps.chain.store.signedBlockBytes(seq);
    if (bytes === undefined) return undefined;
    this.#recent.set(seq, bytes);
    this.#recentBytes += bytes.length;
    for (const [oldest, { length }] of this.#recent) {
      if (this.#recentBytes <= RECENT_BYTES_MAX) break;
      this.#recent.delete(oldest);
      this.#recentBytes -= length;
    }
    return bytes;
  }

  #client(peer: Peer): Client {
    const known = this.#clients.get(peer);
    if (known !== undefined) return known;
    const { limits } = this.#options;
    const client: Client = {
      handleOne: () => this.#serveOne(peer, client),
      requests: new TokenBucket(limits.getBlocks, this.#deps.clock),
      bytes: new TokenBucket(peer.isOurs ? limits.givenBytesOurs : limits.givenBytes, this.#deps.clock),
      waiting: [],
      isTimed: false,
      answeredAtMs: undefined,
    };
    this.#clients.set(peer, client);
    return client;
  }
}
