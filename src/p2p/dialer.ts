import type { Clock } from "../base/clock.ts";
import { errorText } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { isLoopback, splitPeerAddress } from "./address.ts";
import type { Connections } from "./connections.ts";
import type { Limits } from "./limits.ts";
import type { PeerBook } from "./peer-book.ts";
import type { Penalties } from "./penalties.ts";
import type { Connection, Transport } from "./transport.ts";

export interface DialerOptions {
  readonly limits: Pick<Limits, "dialMs" | "dialSpacingMs" | "dialsAtOnceMax">;
  readonly localhostOnly: boolean;
  /** How often untrusted peers are looked for, `connection-rate`. */
  readonly rateMs: number;
  readonly connectionsMax: number;
  readonly outgoingMax: number;
  /** Links to default peers worth having. */
  readonly trustedMax: number;
}

export interface DialerDeps {
  readonly transport: Transport;
  readonly book: PeerBook;
  readonly table: Connections;
  readonly penalties: Penalties;
  readonly clock: Clock;
  readonly log: Logger;
  /** A dial succeeded. */
  readonly connected: (connection: Connection, address: string) => void;
}

/**
 * Looks for peers to dial: trusted ones until `trustedMax` links lead to some, others until there are `outgoingMax`.
 * Dials are spaced and few at once. What is skipped, and why, is rules M1 to M3 and M8 (p2p.md 6.4): a link in either
 * direction to whoever listens at an address makes dialling it pointless.
 */
export class Dialer {
  readonly #options: DialerOptions;
  readonly #deps: DialerDeps;
  readonly #abort = new AbortController();
  #cancelTick: (() => void) | undefined;
  #chosen: string[] = [];
  #nextChoiceMs = 0;
  #stopped = true;

  constructor(options: DialerOptions, deps: DialerDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  start(): void {
    if (!this.#stopped || this.#abort.signal.aborted) return;
    this.#stopped = false;
    this.#nextChoiceMs = this.#deps.clock.monotonicMs();
    this.#tick();
  }

  /** Dials under way are given up. For good. */
  stop(): void {
    this.#stopped = true;
    this.#cancelTick?.();
    this.#abort.abort(new Error("the dialler stops"));
  }

  #tick(): void {
    if (this.#stopped) return;
    this.#cancelTick = this.#deps.clock.after(this.#options.limits.dialSpacingMs, () => this.#tick());
    if (this.#deps.table.pending().length >= this.#options.limits.dialsAtOnceMax) return;
    const target = this.#trustedTarget() ?? this.#otherTarget();
    if (target !== undefined) void this.#dial(target);
  }

  #trustedTarget(): string | undefined {
    const { book, table } = this.#deps;
    // A link that a trusted peer opened is as good as one we did.
    const linked = table.count((peer) => peer.trusted && peer.endReason === undefined && !peer.shadow);
    const pending = table.pending().filter(({ address }) => book.isTrusted(address)).length;
    if (linked + pending >= this.#options.trustedMax) return undefined;
    return book.triableTrusted().find((address) => this.#mayDial(address));
  }

  #otherTarget(): string | undefined {
    const { book, table, clock } = this.#deps;
    const { outgoingMax, connectionsMax, rateMs } = this.#options;
    const outgoing = table.count((peer) => peer.door === "socket" && peer.outgoing) + table.pending().length;
    if (outgoing >= outgoingMax || table.socketSize >= connectionsMax) return undefined;
    if (clock.monotonicMs() >= this.#nextChoiceMs) {
      this.#nextChoiceMs = clock.monotonicMs() + rateMs;
      this.#chosen = book.triable((address) => this.#mayDial(address)).slice(0, outgoingMax - outgoing);
      if (this.#chosen.length === 0) book.resetRetries();
    }
    for (let next = this.#chosen.shift(); next !== undefined; next = this.#chosen.shift()) {
      if (this.#mayDial(next)) return next;
    }
    return undefined;
  }

  #mayDial(address: string): boolean {
    const { book, table, penalties } = this.#deps;
    const remote = splitPeerAddress(address);
    if (book.isSelf(address) || penalties.isBanned(remote.ip)) return false;
    if (this.#options.localhostOnly && !isLoopback(remote.ip)) return false;
    if (table.isPending(address) || table.isConnectedTo(remote) || table.reaches(remote)) return false;
    return !this.#isLinked(address, remote.ip);
  }

  /**
   * A link leads to the node that was last seen there (M3). Every peer is told the mirror of its peers, so whoever dials
   * us can pass for another: only of who is at the same IP, or where we dialled, and for a trusted address of who is
   * trusted, is it believed. Two links to a node with two addresses do no harm.
   */
  #isLinked(address: string, ip: string): boolean {
    const { book, table } = this.#deps;
    const mirror = book.mirrorOf(address);
    if (mirror === undefined) return false;
    const isTrusted = book.isTrusted(address);
    return table
      .withMirror(mirror)
      .some((peer) => (peer.isAtItsIp && peer.remote.ip === ip) || (peer.outgoing && (peer.trusted || !isTrusted)));
  }

  async #dial(address: string): Promise<void> {
    const { transport, book, table, clock, log, connected } = this.#deps;
    const remote = splitPeerAddress(address);
    table.addPending({ address, remote, startedAtMs: clock.nowMs() });
    const attempt = new AbortController();
    const stop = () => attempt.abort(this.#abort.signal.reason);
    this.#abort.signal.addEventListener("abort", stop, { once: true });
    const cancelTimeout = clock.after(this.#options.limits.dialMs, () => attempt.abort(new Error("dial timed out")));
    try {
      const connection = await transport.dial(remote, { signal: attempt.signal });
      table.removePending(address);
      if (this.#stopped) connection.destroy();
      else connected(connection, address);
    } catch (error) {
      table.removePending(address);
      if (this.#stopped) return;
      const isRefusal = (error as { data?: { cause?: unknown } }).data?.cause === "ECONNREFUSED";
      book.failed(address, { counts: isRefusal });
      log.debug({ address, error: errorText(error) }, "dial failed");
    } finally {
      cancelTimeout();
      this.#abort.signal.removeEventListener("abort", stop);
    }
  }
}
