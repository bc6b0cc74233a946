import { type Endpoint, endpointText } from "../../src/p2p/address.ts";
import type { DisconnectReason } from "../../src/p2p/disconnect.ts";
import { MemoryNet } from "../../src/p2p/memory.ts";
import type { Connection, ConnectionHandlers, Listener, Transport } from "../../src/p2p/transport.ts";
import type { VirtualClock } from "../support/virtual-clock.ts";
import type { Dice } from "./dice.ts";

/** How long bytes are under way, from and to in ms. */
export type DelayRange = readonly [number, number];

/**
 * The memory network with what happens to real ones: connections are cut with bytes under way, hosts die with or
 * without a word, readers stall, messages come twice. Inside one connection bytes keep their order, between
 * connections they do not.
 */
export class Wires {
  readonly #net: MemoryNet;
  readonly #dice: Dice;
  readonly #wires = new Map<string, Set<Wire>>();
  readonly #listeners = new Map<string, Set<Listener>>();
  /** Counts how often a host has died: what it began before is nobody's any more. */
  readonly #lives = new Map<string, number>();
  readonly #slow = new Set<string>();
  delayMs: DelayRange = [1, 5];
  /** Frames in a hundred that arrive twice. */
  repeatPercent = 0;
  /** Frames in a hundred that arrive in pieces. */
  cutPercent = 0;
  /** Told of every dial and its outcome. */
  dialled: (from: string, to: string, ok: boolean | undefined) => void = () => {};
  /** Told of what goes wrong. */
  happened: (what: string) => void = () => {};
  /** Told of everything that arrives. */
  arrived: (from: Endpoint, to: string, bytes: Uint8Array) => void = () => {};

  constructor(clock: VirtualClock, dice: Dice) {
    this.#dice = dice;
    this.#net = new MemoryNet(clock, {
      delayMs: () => dice.int(...this.delayMs),
      cut: (bytes) => (this.cutPercent > 0 && dice.chance(this.cutPercent / 100) ? this.#cut(bytes) : [bytes]),
    });
  }

  *#cut(bytes: Uint8Array): Iterable<Uint8Array> {
    this.happened("frame in pieces");
    const at = this.#dice.int(1, Math.max(1, bytes.length - 1));
    yield bytes.subarray(0, at);
    if (at < bytes.length) yield bytes.subarray(at);
  }

  /** The transport of a host, for the life it begins now. */
  host(ip: string): Transport {
    const inner = this.#net.host(ip);
    const life = this.#lives.get(ip) ?? 0;
    const isOver = () => (this.#lives.get(ip) ?? 0) !== life;
    return {
      listen: async (local, handlers) => {
        const listener = await inner.listen(local, {
          ...handlers,
          accept: (connection) => handlers.accept(this.#wire(ip, connection)),
        });
        setOf(this.#listeners, ip).add(listener);
        return listener;
      },
      dial: async (remote, options) => {
        const to = endpointText(remote);
        this.dialled(ip, to, undefined);
        let connection: Connection;
        try {
          connection = await inner.dial(remote, options);
        } catch (error) {
          if (isOver()) return new Promise(() => {});
          this.dialled(ip, to, false);
          throw error;
        }
        if (isOver()) {
          connection.destroy();
          return new Promise(() => {});
        }
        this.dialled(ip, to, true);
        return this.#wire(ip, connection);
      },
    };
  }

  #wire(ip: string, connection: Connection): Wire {
    const wires = setOf(this.#wires, ip);
    const wire = new Wire(connection, {
      isSlow: this.#slow.has(ip),
      repeats: () => {
        if (this.repeatPercent === 0 || !this.#dice.chance(this.repeatPercent / 100)) return false;
        this.happened("frame twice");
        return true;
      },
      arrived: (bytes) => this.arrived(connection.remote, ip, bytes),
      closed: () => wires.delete(wire),
    });
    wires.add(wire);
    return wire;
  }

  partition(a: string, b: string): void {
    this.#net.partition(a, b);
  }

  silence(from: string, to: string): void {
    this.#net.silence(from, to);
  }

  heal(a: string, b: string): void {
    this.#net.heal(a, b);
  }

  /** Every connection between the two is cut; what is under way is lost. */
  sever(a: string, b: string): void {
    const between = [
      ...[...setOf(this.#wires, a)].filter(({ remote }) => remote.ip === b),
      ...[...setOf(this.#wires, b)].filter(({ remote }) => remote.ip === a),
    ];
    for (const wire of between) wire.cut();
  }

  /** The host reads nothing, or reads again. */
  setSlow(ip: string, isSlow: boolean): void {
    if (isSlow) this.#slow.add(ip);
    else this.#slow.delete(ip);
    for (const wire of setOf(this.#wires, ip)) wire.setSlow(isSlow);
  }

  /** The process ends without a word; its system closes the connections, or, when the power goes, not even that. */
  kill(ip: string, { power }: { readonly power: boolean }): void {
    this.#lives.set(ip, (this.#lives.get(ip) ?? 0) + 1);
    for (const listener of setOf(this.#listeners, ip)) void listener.close();
    setOf(this.#listeners, ip).clear();
    for (const wire of [...setOf(this.#wires, ip)]) wire.kill(power);
  }

  /** The power is back: whoever still believes in an old connection learns the truth. */
  wake(ip: string): void {
    for (const wire of [...setOf(this.#wires, ip)]) wire.wake();
  }
}

interface WireDeps {
  readonly isSlow: boolean;
  readonly repeats: () => boolean;
  readonly arrived: (bytes: Uint8Array) => void;
  readonly closed: () => void;
}

/** One end of a connection. */
class Wire implements Connection {
  readonly transport = "memory";
  readonly framing: Connection["framing"];
  readonly remote: Endpoint;
  readonly #inner: Connection;
  readonly #deps: WireDeps;
  #handlers: ConnectionHandlers | undefined;
  #isPaused = false;
  #isSlow: boolean;
  #isDead = false;
  #isOver = false;

  constructor(inner: Connection, deps: WireDeps) {
    this.#inner = inner;
    this.#deps = deps;
    this.framing = inner.framing;
    this.remote = inner.remote;
    this.#isSlow = deps.isSlow;
    if (deps.isSlow) inner.pause();
  }

  get bufferedBytes(): number {
    return this.#inner.bufferedBytes;
  }

  open(handlers: ConnectionHandlers): void {
    this.#handlers = handlers;
    this.#inner.open({
      data: (bytes) => {
        this.#deps.arrived(bytes);
        this.#handlers?.data(bytes);
      },
      drain: () => this.#handlers?.drain(),
      closed: (reason) => this.#over(reason),
    });
  }

  send(frame: Uint8Array): void {
    if (this.#isDead || this.#isOver) return;
    this.#inner.send(frame);
    if (this.#deps.repeats()) this.#inner.send(frame);
  }

  pause(): void {
    this.#isPaused = true;
    this.#inner.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (!this.#isSlow && !this.#isDead) this.#inner.resume();
  }

  setSlow(isSlow: boolean): void {
    this.#isSlow = isSlow;
    if (isSlow) this.#inner.pause();
    else if (!this.#isPaused && !this.#isDead) this.#inner.resume();
  }

  end(reason?: DisconnectReason): void {
    if (!this.#isDead) this.#inner.end(reason);
  }

  destroy(): void {
    if (!this.#isDead) this.#inner.destroy();
  }

  cut(): void {
    if (this.#isOver) return;
    if (!this.#isDead) this.#over(undefined);
    this.#inner.destroy();
  }

  kill(power: boolean): void {
    this.#handlers = undefined;
    this.#isDead = true;
    this.#inner.pause();
    if (!power) this.wake();
  }

  wake(): void {
    if (!this.#isDead) return;
    this.#deps.closed();
    this.#inner.destroy();
  }

  #over(reason: DisconnectReason | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#deps.closed();
    const handlers = this.#handlers;
    this.#handlers = undefined;
    handlers?.closed(reason);
  }
}

function setOf<T>(map: Map<string, Set<T>>, key: string): Set<T> {
  let set = map.get(key);
  if (set === undefined) {
    set = new Set();
    map.set(key, set);
  }
  return set;
}
