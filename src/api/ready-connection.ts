import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { ReadyAnswers } from "./ready-answers.ts";

/** Longer requests are not looked for: browsers and clients of the API send less. */
const REQUEST_BYTES_MAX = 2048;
const HEAD_END = "\r\n\r\n";
/** Node stops listening to a connection that changes protocol, which it could not do through us. */
const OFFERS_UPGRADE = /\nupgrade[ \t]*:/i;

/** A piece of input given to node's parser, and what it made of it. */
interface Parsed {
  readonly text: string;
  request: IncomingMessage | undefined;
  requests: number;
}

export interface ReadyConnectionDeps {
  readonly answers: ReadyAnswers;
  /** Of answers that do not fit the system's buffers. */
  readonly responseTimeoutMs: number;
  /** Told of each ready answer that was sent. */
  readonly onAnswer: () => void;
}

/**
 * Stands between a connection and node's HTTP parser, and answers requests that have a ready answer by itself.
 *
 * A piece of input is compared only when the parser expects a request (everything before was whole requests without
 * body, one to a piece) and nobody waits for an answer. It is then either, byte for byte, what the parser took for
 * exactly one such request when the answer was made, or goes to the parser. At the first piece that is anything else
 * (half a request, two, one with a body, not HTTP) the parser has the connection to itself for good. So no bytes are
 * ever read in another way than node's.
 */
export class ReadyConnection {
  readonly #socket: Socket;
  readonly #deps: ReadyConnectionDeps;
  readonly #parse: (piece: Buffer) => void;
  #parsing: Parsed | undefined;
  #unanswered = 0;
  #isReleased = false;

  /** Once node's HTTP server serves `socket`. Undefined when it does so in a way not foreseen here. */
  static over(socket: Socket, deps: ReadyConnectionDeps): ReadyConnection | undefined {
    const [parse, ...others] = socket.listeners("data") as ((piece: Buffer) => void)[];
    return parse === undefined || others.length > 0 ? undefined : new ReadyConnection(socket, deps, parse);
  }

  private constructor(socket: Socket, deps: ReadyConnectionDeps, parse: (piece: Buffer) => void) {
    this.#socket = socket;
    this.#deps = deps;
    this.#parse = parse;
    socket.removeListener("data", parse);
    socket.on("data", this.#onData);
  }

  /** The parser has made a request of the connection's input; to be told of each at once. */
  asked(request: IncomingMessage, response: ServerResponse): void {
    const parsed = this.#parsing;
    if (parsed === undefined) return;
    parsed.request = request;
    parsed.requests++;
    this.#unanswered++;
    response.once("close", () => {
      this.#unanswered--;
      if (!this.#isReleased && response.writableFinished) this.#deps.answers.keep(parsed.text, response);
    });
  }

  /** Stops listening: the connection is somebody else's. */
  release(): void {
    this.#isReleased = true;
    this.#socket.removeListener("data", this.#onData);
  }

  /** True: the piece is answered. To be shown pieces that the stream has not seen; `onData` gets the others. */
  readonly answer = (memory: Buffer, length: number): boolean => {
    if (this.#isReleased || length > REQUEST_BYTES_MAX) return false;
    const { readableFlowing, readableLength } = this.#socket;
    if (readableFlowing !== true || readableLength > 0) return false;
    return this.#answer(memory.toString("latin1", 0, length));
  };

  #answer(text: string): boolean {
    if (this.#unanswered > 0 || this.#socket.writableLength > 0) return false;
    const message = this.#deps.answers.find(text);
    if (message === undefined) return false;
    this.#send(message);
    return true;
  }

  readonly #onData = (piece: Buffer): void => {
    const text = piece.length <= REQUEST_BYTES_MAX ? piece.toString("latin1") : "";
    if (this.#answer(text)) return;
    const isPlain = isOneHead(text);
    if (!isPlain) this.#giveUp();
    const parsed: Parsed = { text, request: undefined, requests: 0 };
    this.#parsing = parsed;
    this.#parse(piece);
    this.#parsing = undefined;
    if (isPlain && !this.#isReleased && (parsed.requests !== 1 || !isWhole(parsed.request))) this.#giveUp();
  };

  #send(message: Uint8Array): void {
    this.#deps.onAnswer();
    const socket = this.#socket;
    if (message.length <= socket.writableHighWaterMark) return void socket.write(message);
    const late = setTimeout(() => socket.destroy(), this.#deps.responseTimeoutMs).unref();
    socket.write(message, () => clearTimeout(late));
  }

  #giveUp(): void {
    this.release();
    this.#socket.on("data", this.#parse);
  }
}

/** The head of one GET and nothing else, as far as can be told without parsing it. */
function isOneHead(text: string): boolean {
  return text.startsWith("GET ") && text.indexOf(HEAD_END) === text.length - 4 && !OFFERS_UPGRADE.test(text);
}

/** Nothing of it is still to come, and the connection stays open behind it. */
function isWhole(request: IncomingMessage | undefined): boolean {
  if (request === undefined || !request.complete || request.httpVersion !== "1.1") return false;
  const { connection = "keep-alive", expect } = request.headers;
  const { "content-length": length, "transfer-encoding": encoding } = request.headers;
  return connection.toLowerCase() === "keep-alive" && (expect ?? length ?? encoding) === undefined;
}
