import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import type { Endpoint } from "./address.ts";
import { CLOSE_POLICY, CLOSE_TEXT, CLOSE_TOO_BIG, closeCode, reasonOfClose } from "./close-codes.ts";
import { type DisconnectReason, INTERNAL, LOCAL } from "./disconnect.ts";
import { MessageMeter, type MeterLimits } from "./message-meter.ts";
import type { Connection, ConnectionHandlers } from "./transport.ts";

export interface WebSocketConnectionOptions extends MeterLimits {
  readonly remote: Endpoint;
  /** For the other side to answer a close frame. */
  readonly closeMs: number;
}

const PONG_SPACING_MS = 1_000;

/** One binary message is one frame of ours. */
export class WebSocketConnection implements Connection {
  readonly transport = "websocket";
  readonly framing = "message";
  readonly remote: Endpoint;
  readonly #ws: WebSocket;
  readonly #meter: MessageMeter;
  readonly #closeMs: number;
  #handlers: ConnectionHandlers | undefined;
  #isOver = false;
  #saidWhy: DisconnectReason | undefined;
  #lastPongMs = Number.NEGATIVE_INFINITY;

  /** `ws` is open and nothing of it has been read; `socket` is what it runs on. */
  constructor(ws: WebSocket, socket: Socket, options: WebSocketConnectionOptions) {
    this.remote = options.remote;
    this.#ws = ws;
    this.#closeMs = options.closeMs;
    this.#meter = new MessageMeter(
      options,
      {
        partial: (head) => this.#handlers?.partial?.(head),
        tooBig: () => this.#refuse(CLOSE_TOO_BIG, LOCAL.TOO_BIG),
        flood: () => this.#refuse(CLOSE_POLICY, INTERNAL.MALFORMED),
      },
      () => performance.now(),
    );
    socket.prependListener("data", (chunk: Buffer) => this.#meter.push(chunk)); // before the library's own
    ws.on("error", () => {}); // "close" follows; errors tell no more
    ws.on("message", (data: Buffer, isBinary: boolean) => {
      if (isBinary) this.#handlers?.data(data);
      else this.#refuse(CLOSE_TEXT, INTERNAL.MALFORMED);
    });
    ws.on("ping", (data) => this.#pong(data));
    ws.on("close", (code) => this.#closed(reasonOfClose(code)));
    ws.pause();
  }

  get bufferedBytes(): number {
    return this.#ws.bufferedAmount;
  }

  get heldBytes(): number {
    return this.#meter.heldBytes;
  }

  open(handlers: ConnectionHandlers): void {
    this.#handlers = handlers;
    if (this.#isOver) queueMicrotask(() => handlers.closed());
    else this.#ws.resume();
  }

  send(frame: Uint8Array): void {
    if (this.#ws.readyState === this.#ws.OPEN) this.#ws.send(frame, { binary: true, compress: false }, this.#written);
  }

  readonly #written = (error?: Error | null): void => {
    if (error == null && this.#ws.bufferedAmount === 0) this.#handlers?.drain();
  };

  pause(): void {
    this.#ws.pause();
  }

  resume(): void {
    this.#ws.resume();
  }

  end(reason: DisconnectReason = LOCAL.CLOSED_BY_PEER): void {
    this.#ws.close(closeCode(reason));
    this.#ws.resume(); // or its answer would not be read
  }

  destroy(reason?: DisconnectReason): void {
    if (this.#isOver) return;
    // Why, for those who can hear it at once. Whoever does not read is not waited for.
    if (reason === undefined || this.#ws.bufferedAmount > 0) this.#ws.terminate();
    else this.#close(closeCode(reason));
    queueMicrotask(() => this.#closed());
  }

  /** The other side's message cannot be taken. */
  #refuse(code: number, reason: DisconnectReason): void {
    if (this.#isOver) return;
    this.#saidWhy = reason;
    this.#close(code);
    queueMicrotask(() => this.#closed());
  }

  #close(code: number): void {
    this.#ws.close(code);
    this.#ws.resume();
    const late = setTimeout(() => this.#ws.terminate(), this.#closeMs);
    this.#ws.once("close", () => clearTimeout(late));
  }

  /** Does not count as life: the frames' own PING decides. */
  #pong(data: Buffer): void {
    const now = performance.now();
    if (now - this.#lastPongMs < PONG_SPACING_MS) return;
    this.#lastPongMs = now;
    this.#ws.pong(data);
  }

  #closed(reason?: DisconnectReason): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const handlers = this.#handlers;
    this.#handlers = undefined;
    handlers?.closed(this.#saidWhy ?? reason);
  }
}
