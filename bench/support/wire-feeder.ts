import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { blockHash, decodeSignedBlock } from "../../src/chain/block.ts";
import { type ChainParams, DEFAULT_VERIFY } from "../../src/chain/params.ts";
import { FrameSplitter } from "../../src/p2p/frame.ts";
import { introductionOf } from "../../src/p2p/introduction.ts";
import { decodeMessage, encode, FRAME_BYTES_MAX } from "../../src/p2p/messages.ts";
import { systemRandom } from "../../src/p2p/system.ts";

export interface FeederOptions {
  readonly params: ChainParams;
  /** As on the wire, the genesis block first. */
  readonly blocks: readonly Uint8Array[];
  readonly port: number;
  /** Says it is one of our nodes: 128 blocks an answer instead of 20. */
  readonly ours: boolean;
  /**
   * Large frames stand alone: 25 ms between them and what is written before or after. A reference node loses its place
   * in the stream when the tail of one frame and the head of another arrive together.
   */
  readonly isolate: boolean;
  /** A node asks for what follows block `last`. All answers so far were held back `heldMs` to stand alone. */
  readonly onAsked?: (last: number, heldMs: number) => void;
  /** Ends it. */
  readonly signal?: AbortSignal;
}

/** Above this a frame stands alone. */
const LARGE_BYTES = 1016;
const GAP_MS = 25;

/** A peer that knows one chain by heart and answers from memory. Resolves with its port once it listens. */
export async function startFeeder(options: FeederOptions): Promise<number> {
  const server = createServer({ noDelay: true }, (socket) => serve(socket, options));
  const { port, signal } = options;
  server.listen({ port, host: "127.0.0.1", ...(signal && { signal }) });
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

function serve(socket: Socket, { params, blocks, port, ours, isolate, onAsked }: FeederOptions): void {
  const identity = {
    mirror: systemRandom.u32(),
    listenPort: Math.max(port, 1024),
    publisherKey: params.publisherKey,
    verify: DEFAULT_VERIFY,
    userAgent: "skycoin:0.27.1(bench)",
    genesisHash: blockHash(decodeSignedBlock(blocks[0] as Uint8Array)),
  };
  const capabilities = ours ? { steadyDecoder: true, blocksPerAnswer: 128 } : undefined;
  const perAnswer = ours ? 128 : 20;
  let heldMs = 0;
  const send = isolate
    ? isolated(socket, (ms) => {
        heldMs += ms;
      })
    : (frame: Uint8Array) => void socket.write(frame);
  const splitter = new FrameSplitter();
  socket.on("error", () => {});
  send(encode.introduction(introductionOf(identity, capabilities)));
  socket.on("data", (chunk) => {
    for (const frame of splitter.push(chunk)) {
      const message = decodeMessage(frame);
      if (message.id === "INTR") send(encode.getBlocks(blocks.length - 1, 20));
      else if (message.id === "PING") send(encode.empty("PONG"));
      else if (message.id === "GETB") {
        onAsked?.(message.last, heldMs);
        const answer = blocksAfter(blocks, message.last, Math.min(message.count, perAnswer));
        if (answer.length > 0) send(encode.blocks(answer));
      }
    }
  });
}

/** As many as fit one frame. */
function blocksAfter(blocks: readonly Uint8Array[], last: number, count: number): Uint8Array[] {
  const answer: Uint8Array[] = [];
  let bytes = 12;
  for (let seq = last + 1; seq < blocks.length && answer.length < count; seq++) {
    const block = blocks[seq] as Uint8Array;
    if (bytes + block.length > FRAME_BYTES_MAX) break;
    bytes += block.length;
    answer.push(block);
  }
  return answer;
}

function isolated(socket: Socket, held: (ms: number) => void): (frame: Uint8Array) => void {
  const queue: { readonly frame: Uint8Array; readonly sinceMs: number }[] = [];
  let last = { ms: Number.NEGATIVE_INFINITY, large: false };
  let timer: NodeJS.Timeout | undefined;
  const pump = (): void => {
    timer = undefined;
    for (let next = queue[0]; next !== undefined; next = queue[0]) {
      const large = next.frame.length > LARGE_BYTES;
      const now = performance.now();
      const wait = large || last.large ? last.ms + GAP_MS - now : 0;
      if (wait > 0) {
        timer = setTimeout(pump, wait);
        return;
      }
      queue.shift();
      held(now - next.sinceMs);
      socket.write(next.frame);
      last = { ms: now, large };
    }
  };
  return (frame) => {
    queue.push({ frame, sinceMs: performance.now() });
    if (timer === undefined) pump();
  };
}
