import type { ServerResponse } from "node:http";
import { BoundedCache } from "./cache.ts";

/** Of one listener. Encoded blocks and transactions have a memory of their own. */
export const READY_BYTES_MAX = 8 * 1024 * 1024;

/** An answer that may be given again to the same request while it is current: the same bytes but for the date. */
export interface ReadyAnswer {
  /** Status line and header, each line ended, but for date and connection. With `make` without the length, too. */
  readonly head: string;
  readonly body: Uint8Array | MakeBody;
  /** False once something that the answer follows from has changed. */
  readonly isCurrent: () => boolean;
  /** Counts and logs it as one more request that was answered. */
  readonly given: (elapsedMs: number) => void;
}

/** The body of this moment. Undefined: to be asked for in the usual way. */
type MakeBody = () => Uint8Array | undefined;

const offers = new WeakMap<ServerResponse, ReadyAnswer>();

/** Says that what `response` carries may be given again. Whether it is remembered is the listener's choice. */
export function offerAgain(response: ServerResponse, answer: ReadyAnswer): void {
  offers.set(response, answer);
}

interface Kept {
  readonly answer: Pick<ReadyAnswer, "head" | "isCurrent" | "given">;
  readonly make: MakeBody | undefined;
  /** With `make` only its beginning. */
  message: Buffer;
  /** The one that the message names. */
  second: number;
}

/**
 * Answers ready to be sent, by all the bytes of the request they were given to. Nothing is parsed here: what method,
 * Host, Origin, encoding or anything else in a request lead to was found in the usual way, by node's parser and the
 * gate, and is the same for the same bytes.
 */
export class ReadyAnswers {
  readonly #kept: BoundedCache<Kept>;
  readonly #connectionLines: string;
  #isOpen = true;
  #second = 0;
  #dateLine = "";

  constructor({ bytesMax, idleTimeoutMs }: { readonly bytesMax: number; readonly idleTimeoutMs: number }) {
    this.#kept = new BoundedCache({ bytesMax });
    this.#connectionLines = `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(idleTimeoutMs / 1000)}\r\n\r\n`;
  }

  /** Remembers what `response`, the answer to these bytes, was offered as. */
  keep(request: string, response: ServerResponse): void {
    const offered = offers.get(response);
    if (offered === undefined || !this.#isOpen || !offered.isCurrent()) return;
    const { head, body, isCurrent, given } = offered;
    const make = typeof body === "function" ? body : undefined;
    this.#tick();
    const message = this.#compose(head, typeof body === "function" ? new Uint8Array() : body);
    const kept = { answer: { head, isCurrent, given }, make, message, second: this.#second };
    this.#kept.add(request, kept, message.length + head.length);
  }

  /** The message that answers these bytes, which thereby counts as given. */
  find(request: string): Uint8Array | undefined {
    const kept = this.#kept.find(request);
    if (kept === undefined) return undefined;
    if (!kept.answer.isCurrent()) {
      this.#kept.delete(request);
      return undefined;
    }
    if (kept.make !== undefined) return this.#made(kept.answer, kept.make);
    kept.answer.given(0); // below what the clock tells
    return this.#dated(kept);
  }

  /** Of the system's clock, as of the last answer. */
  get second(): number {
    return this.#second;
  }

  /** There are none from now on: whoever asks is to be told that the connection ends. */
  close(): void {
    this.#isOpen = false;
    this.#kept.clear();
  }

  /** A new copy each second: the last one may still be on its way. */
  #dated(kept: Kept): Buffer {
    this.#tick();
    if (kept.second !== this.#second) {
      const { message } = kept;
      kept.message = Buffer.allocUnsafeSlow(message.length);
      message.copy(kept.message);
      kept.message.write(this.#dateLine, kept.answer.head.length, "latin1");
      kept.second = this.#second;
    }
    return kept.message;
  }

  #made({ head, given }: Kept["answer"], make: MakeBody): Buffer | undefined {
    const start = performance.now();
    const body = make();
    if (body === undefined) return undefined;
    this.#tick();
    const message = this.#compose(`${head}content-length: ${body.length}\r\n`, body);
    given(performance.now() - start);
    return message;
  }

  #compose(head: string, body: Uint8Array): Buffer {
    const lines = head + this.#dateLine + this.#connectionLines;
    const message = Buffer.allocUnsafeSlow(lines.length + body.length); // not of the pool, which it would keep alive
    message.write(lines, "latin1");
    message.set(body, lines.length);
    return message;
  }

  /** By the system's clock, as node dates its own messages. */
  #tick(): void {
    const second = Math.floor(Date.now() / 1000);
    if (second === this.#second) return;
    this.#second = second;
    this.#dateLine = `Date: ${new Date(second * 1000).toUTCString()}\r\n`;
  }
}
