import type { Clock } from "../base/clock.ts";
import { type Endpoint, endpointText } from "./address.ts";
import type { DisconnectReason } from "./disconnect.ts";
import { WireError } from "./errors.ts";
import type { Connection, ConnectionHandlers, Listener, ListenHandlers, Transport } from "./transport.ts";

export interface MemoryNetOptions {
  /** One-way delay of a chunk from one address to another, asked anew for each; order is kept whatever it says. */
  readonly delayMs?: (from: Endpoint, to: Endpoint) => number;
  /** How a chunk is cut on its way; default: not at all. Ignored with "message" framing. */
  readonly cut?: (bytes: Uint8Array) => Iterable<Uint8Array>;
  readonly framing?: "stream" | "message";
}

const FIRST_EPHEMERAL_PORT = 49_152;

/**
 * A network inside this process, moved by the clock alone: with a virtual clock every run with the same inputs is the
 * same. Whoever has no transport of an address cannot be dialled; `partition` makes silence, as a pulled cable does.
 */
export class MemoryNet {
  readonly clock: Clock;
  readonly options: Required<MemoryNetOptions>;
  readonly #listeners = new Map<string, { local: Endpoint; handlers: ListenHandlers }>();
  readonly #silenced = new Set<string>();
  readonly #waiting: (() => void)[] = [];
  #nextPort = FIRST_EPHEMERAL_PORT;

  constructor(clock: Clock, options: MemoryNetOptions = {}) {
    this.clock = clock;
    this.options = {
      delayMs: options.delayMs ?? (() => 0),
      cut: options.cut ?? ((bytes) => [bytes]),
      framing: options.framing ?? "stream",
    };
  }

  /** The transport of a host with this address. */
  host(ip: string): Transport {
    return {
      listen: async (local, handlers) =>
        this.#listen({ ip: local.ip === "" ? ip : local.ip, port: local.port }, handlers),
      dial: (remote, { signal }) => this.#dial(ip, remote, signal),
    };
  }

  /** Holds back everything between two hosts until `heal`. */
  partition(ipA: string, ipB: string): void {
    this.silence(ipA, ipB);
    this.silence(ipB, ipA);
  }

  /** The same in one direction only: as a broken route does. */
  silence(from: string, to: string): void {
    this.#silenced.add(wayKey(from, to));
  }

  /** Both directions carry again, and what was held back arrives. */
  heal(ipA: string, ipB: string): void {
    this.#silenced.delete(wayKey(ipA, ipB));
    this.#silenced.delete(wayKey(ipB, ipA));
    for (const retry of this.#waiting.splice(0)) retry();
  }

  /** Runs `deliver` when the second host can hear the first. */
  whenAudible(from: Endpoint, to: Endpoint, deliver: () => void): void {
    if (this.#silenced.has(wayKey(from.ip, to.ip))) this.#waiting.push(() => this.whenAudible(from, to, deliver));
    else deliver();
  }

  /** To open a connection takes an answer. */
  #whenBothHear(a: Endpoint, b: Endpoint, then: () => void): void {
    this.whenAudible(a, b, () => {
      if (this.#silenced.has(wayKey(b.ip, a.ip))) this.whenAudible(b, a, () => this.#whenBothHear(a, b, then));
      else then();
    });
  }

  #listen(wanted: Endpoint, handlers: ListenHandlers): Listener {
    const local = { ip: wanted.ip, port: wanted.port === 0 ? this.#nextPort++ : wanted.port };
    const key = endpointText(local);
    if (this.#listeners.has(key)) {
      throw new WireError("P2P_LISTEN_FAILED", "the peer port is in use", { ...local, cause: "EADDRINUSE" });
    }
    this.#listeners.set(key, { local, handlers });
    return { local, close: async () => void this.#listeners.delete(key) };
  }

  #dial(ip: string, remote: Endpoint, signal: AbortSignal): Promise<Connection> {
    const local = { ip, port: this.#nextPort++ };
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const aborted = () => reject(signal.reason);
      signal.addEventListener("abort", aborted, { once: true });
      this.clock.after(this.options.delayMs(local, remote) + this.options.delayMs(remote, local), () =>
        this.#whenBothHear(local, remote, () => {
          signal.removeEventListener("abort", aborted);
          if (signal.aborted) return;
          const listener = this.#listeners.get(endpointText(remote));
          if (listener === undefined) {
            reject(new WireError("P2P_DIAL_FAILED", "peer did not accept", { ...remote, cause: "ECONNREFUSED" }));
            return;
          }
          const near = new MemoryConnection(this, local, remote);
          const far = new MemoryConnection(this, remote, local);
          near.join(far);
          far.join(near);
          listener.handlers.accept(far);
          resolve(near);
        }),
      );
    });
  }
}

function wayKey(from: string, to: string): string {
  return `${from} ${to}`;
}

type Parcel = { readonly bytes: Uint8Array } | { readonly end: DisconnectReason | undefined };

class MemoryConnection implements Connection {
  readonly transport = "memory";
  readonly framing: "stream" | "message";
  readonly remote: Endpoint;
  readonly #local: Endpoint;
  readonly #net: MemoryNet;
  #twin: MemoryConnection | undefined;
  #handlers: ConnectionHandlers | undefined;
  /** Arrived and not yet delivered. */
  readonly #arrived: Parcel[] = [];
  #paused = false;
  #closed = false;
  #ending = false;
  #bufferedBytes = 0;
  /** No parcel overtakes the one before. */
  #lastArrivalMs = 0;

  constructor(net: MemoryNet, local: Endpoint, remote: Endpoint) {
    this.#net = net;
    this.#local = local;
    this.remote = remote;
    this.framing = net.options.framing;
  }

  join(twin: MemoryConnection): void {
    this.#twin = twin;
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  open(handlers: ConnectionHandlers): void {
    this.#handlers = handlers;
    if (this.#closed) this.#net.clock.after(0, () => handlers.closed());
    else this.#deliver();
  }

  send(frame: Uint8Array): void {
    if (this.#closed || this.#ending) return;
    this.#bufferedBytes += frame.length;
    const pieces = this.framing === "message" ? [frame] : this.#net.options.cut(frame);
    for (const bytes of pieces) this.#ship({ bytes });
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#net.clock.after(0, () => this.#deliver());
  }

  end(reason?: DisconnectReason): void {
    if (this.#closed || this.#ending) return;
    this.#ending = true;
    this.#ship({ end: reason });
    this.#net.clock.after(0, () => this.#close());
  }

  destroy(): void {
    if (this.#closed) return;
    if (!this.#ending) this.#ship({ end: undefined });
    this.#net.clock.after(0, () => this.#close());
    this.#closed = true;
  }

  #ship(parcel: Parcel): void {
    const twin = this.#twin as MemoryConnection;
    const { clock, options } = this.#net;
    const now = clock.monotonicMs();
    const arrival = Math.max(this.#lastArrivalMs, now + options.delayMs(this.#local, this.remote));
    this.#lastArrivalMs = arrival;
    clock.after(arrival - now, () => this.#net.whenAudible(this.#local, this.remote, () => twin.#arrive(parcel)));
  }

  #arrive(parcel: Parcel): void {
    if (this.#closed) return;
    this.#arrived.push(parcel);
    this.#deliver();
  }

  #deliver(): void {
    while (!this.#paused && !this.#closed && this.#handlers !== undefined) {
      const parcel = this.#arrived.shift();
      if (parcel === undefined) return;
      if ("end" in parcel) {
        this.#close(parcel.end);
        return;
      }
      this.#handlers.data(parcel.bytes);
      (this.#twin as MemoryConnection).#taken(parcel.bytes.length);
    }
  }

  /** The other side has read so much: what is unread counts as unsent, so that slow readers show. */
  #taken(bytes: number): void {
    this.#bufferedBytes -= bytes;
    if (this.#bufferedBytes === 0 && !this.#closed) this.#handlers?.drain();
  }

  #close(reason?: DisconnectReason): void {
    const handlers = this.#handlers;
    this.#closed = true;
    this.#handlers = undefined;
    this.#arrived.length = 0;
    handlers?.closed(reason);
  }
}
