import type { Clock } from "../base/clock.ts";
import { unixSeconds } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { type AddressRules, checkPeerAddress, isPeerAddress, splitPeerAddress } from "./address.ts";
import type { Random } from "./deps.ts";
import { WireError } from "./errors.ts";
import type { Limits } from "./limits.ts";

export interface PeerBookOptions extends AddressRules {
  /** `peerlist-size`. */
  readonly sizeMax: number;
  /** Names the chain in the stored list: entries of another are left out. */
  readonly chain: string;
  readonly limits: Pick<
    Limits,
    "backoffFirstMs" | "backoffMaxMs" | "neverReachedMax" | "pexPerSourceMax" | "portsPerIpMax"
  >;
}

export interface PeerBookDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

interface Entry {
  readonly address: string;
  /** Unix seconds. */
  lastSeen: number;
  trusted: boolean;
  hasIncomingPort: boolean;
  userAgent: string;
  /** The reference's counter: refused dials, early ends. Not stored. */
  retries: number;
  /** Dials in a row that led to no introduction (M8), and since when to try again, monotonic. */
  failures: number;
  notBeforeMs: number;
  /** Who told us of what we never reached, itself (its IP) or another; undefined once a dial of ours found it. */
  source: string | undefined;
}

/** One value of peers.json; all of the names the reference ever wrote. */
interface StoredPeer {
  readonly Addr?: unknown;
  readonly LastSeen?: unknown;
  readonly HasIncomePort?: unknown;
  readonly HasIncomingPort?: unknown;
  readonly UserAgent?: unknown;
  readonly Chain?: unknown;
}

const EXPIRE_SECONDS = 7 * 24 * 3600;
const EVICT_UNSEEN_SECONDS = 24 * 3600;
/** Entries with a higher counter are not written. */
const STORED_RETRIES_MAX = 10;
const INCOMING_PORT_FAILURES_MAX = 5;
const ALIASES_MAX = 4096;
const SELVES_MAX = 4096;
/** Source of what an earlier process had not reached either. */
const STORED = "stored";

/**
 * Addresses of other nodes, and how dialling them went (p2p.md 11.1, 6.4). Keeps the reference's peers.json, its retry
 * counter and its choice; adds a back-off of its own for each address (M8) and what it learnt about itself and about
 * several addresses of one node (M2, M3), until restart.
 */
export class PeerBook {
  readonly #options: PeerBookOptions;
  readonly #deps: PeerBookDeps;
  readonly #entries = new Map<string, Entry>();
  readonly #selves = new Set<string>();
  readonly #mirrors = new Map<string, number>();

  constructor(options: PeerBookOptions, deps: PeerBookDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  get size(): number {
    return this.#entries.size;
  }

  get isFull(): boolean {
    return this.size >= this.#options.sizeMax;
  }

  has(address: string): boolean {
    return this.#entries.has(address);
  }

  /**
   * Reads peers.json. Entries that make no sense or belong to another chain are left out.
   * Differs: what a reference node wrote names no chain. Such peers are dialled, but told to nobody before they have
   * introduced themselves: a list of another coin ends here.
   * @throws WireError P2P_PEERS_FILE when it is no JSON
   */
  load(text: string): void {
    if (text.trim() === "") return;
    let stored: unknown;
    try {
      stored = JSON.parse(text);
    } catch (cause) {
      throw new WireError(
        "P2P_PEERS_FILE",
        "the peers file is damaged: delete peers.json in the data directory, it fills again",
        {},
        { cause },
      );
    }
    if (typeof stored !== "object" || stored === null || Array.isArray(stored)) {
      throw new WireError(
        "P2P_PEERS_FILE",
        "the peers file is no JSON object: delete peers.json in the data directory, it fills again",
      );
    }
    let skipped = 0;
    for (const [address, value] of Object.entries(stored)) {
      if (this.isFull) break;
      const entry = this.#readEntry(address, value as StoredPeer);
      if (entry === undefined) skipped++;
      else this.#entries.set(entry.address, entry);
    }
    if (skipped > 0) this.#deps.log.warn({ skipped }, "peers file holds entries that were left out");
  }

  #readEntry(key: string, value: StoredPeer | null): Entry | undefined {
    if (typeof value !== "object" || value === null || !isPeerAddress(key, this.#options)) return undefined;
    const { Chain: chain } = value;
    if (chain !== undefined && chain !== this.#options.chain) return undefined;
    const address = checkPeerAddress(key, this.#options);
    if (typeof value.Addr !== "string" || value.Addr.replaceAll(/\s/g, "") !== address) return undefined;
    const lastSeen = readLastSeen(value.LastSeen);
    if (lastSeen === undefined) return undefined;
    const entry = this.#fresh(address);
    entry.lastSeen = lastSeen;
    entry.hasIncomingPort = chain !== undefined && (value.HasIncomingPort ?? value.HasIncomePort) === true;
    entry.userAgent = typeof value.UserAgent === "string" ? value.UserAgent : "";
    if (!entry.hasIncomingPort) entry.source = STORED;
    return entry;
  }

  /** The text of peers.json, as the reference writes it and with the chain, which it passes over. */
  serialize(): string {
    const stored: Record<string, unknown> = {};
    for (const address of [...this.#entries.keys()].sort()) {
      const entry = this.#entries.get(address) as Entry;
      if (entry.retries > STORED_RETRIES_MAX) continue;
      stored[address] = {
        Addr: address,
        LastSeen: entry.lastSeen,
        Private: false,
        Trusted: entry.trusted,
        HasIncomingPort: entry.hasIncomingPort,
        UserAgent: entry.userAgent,
        Chain: this.#options.chain,
      };
    }
    return `${JSON.stringify(stored, undefined, 4)}\n`;
  }

  /** From the configuration. @throws WireError P2P_ADDRESS */
  addConfigured(address: string, { trusted }: { readonly trusted: boolean }): void {
    const entry = this.#touch(checkPeerAddress(address, this.#options));
    if (trusted) entry.trusted = true;
    entry.source = undefined;
  }

  /**
   * A peer that dialled us and says it listens there. Nobody can check that before a dial, so an IP has few such ports,
   * the newest. @throws WireError P2P_ADDRESS
   */
  addIncoming(address: string, userAgent: string): "ok" | "full" {
    const clean = checkPeerAddress(address, this.#options);
    if (!this.has(clean)) {
      const { ip } = splitPeerAddress(clean);
      this.#keepPortsFew(ip);
      if (this.isFull && !this.#evict()) return "full";
      this.#makeRoom(ip, this.#unreachedBySource(), { ownToo: true });
      this.#touch(clean).source = ip;
    }
    const entry = this.#touch(clean);
    entry.userAgent = userAgent;
    this.#succeeded(entry);
    return "ok";
  }

  /** What another peer or a download says. Returns how many were taken. */
  addHeard(addresses: readonly string[], source: string): number {
    if (this.isFull) return 0;
    const counts = this.#unreachedBySource();
    let taken = 0;
    for (const address of addresses) {
      if (!isPeerAddress(address, this.#options)) continue;
      const clean = checkPeerAddress(address, this.#options);
      if (this.#selves.has(clean)) continue;
      const known = this.#entries.get(clean);
      if (known !== undefined) {
        known.lastSeen = this.#now();
        continue;
      }
      const count = counts.get(source) ?? 0;
      if (this.isFull || count >= this.#options.limits.pexPerSourceMax) break;
      if (!this.#makeRoom(source, counts, { ownToo: false })) break;
      this.#touch(clean).source = source;
      counts.set(source, count + 1);
      taken++;
    }
    return taken;
  }

  /** We dialled it and it introduced itself. */
  reached(address: string, userAgent: string): void {
    const entry = this.#entries.get(address);
    if (entry === undefined) return;
    entry.lastSeen = this.#now();
    entry.hasIncomingPort = true;
    entry.userAgent = userAgent;
    entry.source = undefined;
    this.#succeeded(entry);
  }

  /** A dial led to no introduction. `counts` raises the reference's counter: a refusal, an early end. */
  failed(address: string, { counts }: { readonly counts: boolean }): void {
    const entry = this.#entries.get(address);
    if (entry === undefined) return;
    if (counts) {
      entry.retries++;
      entry.lastSeen = this.#now();
    }
    const { backoffFirstMs, backoffMaxMs } = this.#options.limits;
    const wait = Math.min(backoffMaxMs, backoffFirstMs * 2 ** Math.min(entry.failures, 30));
    entry.failures++;
    if (entry.failures >= INCOMING_PORT_FAILURES_MAX) entry.hasIncomingPort = false;
    this.#holdUntil(entry, wait);
  }

  /** Do not dial it for so long. */
  hold(address: string, ms: number): void {
    const entry = this.#entries.get(address);
    if (entry !== undefined) this.#holdUntil(entry, ms);
  }

  /** Forgets an untrusted address; a trusted one only rests for `restMs`. */
  dismiss(address: string, restMs: number): void {
    const entry = this.#entries.get(address);
    if (entry === undefined) return;
    if (entry.trusted) this.#holdUntil(entry, restMs);
    else this.#entries.delete(address);
  }

  /** It is ourselves (M2): never dialled, stored or handed out again. */
  markSelf(address: string): void {
    this.#selves.delete(address);
    this.#selves.add(address);
    // Whoever knows our mirror can have us mark any port of its own.
    if (this.#selves.size > SELVES_MAX) this.#selves.delete(this.#selves.values().next().value as string);
    if (!this.isTrusted(address)) this.#entries.delete(address);
  }

  isSelf(address: string): boolean {
    return this.#selves.has(address);
  }

  /** Whoever listens there has this mirror (M3). */
  setMirror(address: string, mirror: number): void {
    this.#mirrors.delete(address);
    this.#mirrors.set(address, mirror);
    if (this.#mirrors.size > ALIASES_MAX) this.#mirrors.delete(this.#mirrors.keys().next().value as string);
  }

  mirrorOf(address: string): number | undefined {
    return this.#mirrors.get(address);
  }

  isTrusted(address: string): boolean {
    return this.#entries.get(address)?.trusted === true;
  }

  trusted(): string[] {
    return this.#addresses((entry) => entry.trusted);
  }

  /** Trusted ones that may be dialled now. */
  triableTrusted(): string[] {
    return this.#addresses((entry) => entry.trusted && this.#mayTry(entry) && this.#isRested(entry));
  }

  /** Untrusted ones that may be dialled now, in random order. */
  triable(wanted: (address: string) => boolean): string[] {
    return this.#shuffled(
      this.#addresses(
        (entry) => !entry.trusted && this.#mayTry(entry) && this.#isRested(entry) && wanted(entry.address),
      ),
    );
  }

  /** Those known to take connections, in random order: what peers are told, and what the API shows. */
  exchangeable(): string[] {
    return this.#shuffled(this.#addresses((entry) => entry.hasIncomingPort && this.#mayTry(entry)));
  }

  /** Nobody left to try: the reference starts over with all. Back-offs of our own stay. */
  resetRetries(): void {
    for (const entry of this.#entries.values()) entry.retries = 0;
  }

  /** Untrusted and unseen for 7 days: gone. */
  expire(): void {
    const now = this.#now();
    for (const entry of [...this.#entries.values()]) {
      if (!entry.trusted && now - entry.lastSeen > EXPIRE_SECONDS) this.#entries.delete(entry.address);
    }
  }

  #addresses(wanted: (entry: Entry) => boolean): string[] {
    const found: string[] = [];
    for (const entry of this.#entries.values()) {
      if (!this.#selves.has(entry.address) && wanted(entry)) found.push(entry.address);
    }
    return found;
  }

  /** Go: Peer.CanTry. */
  #mayTry(entry: Entry): boolean {
    const range = (2 ** Math.min(entry.retries, 40) - 1) * 5;
    if (range === 0) return true;
    entry.lastSeen = Math.min(entry.lastSeen, this.#now()); // the clock was set back: not before it is there again
    return this.#now() - entry.lastSeen > Math.floor(this.#deps.random.fraction() * range);
  }

  #isRested(entry: Entry): boolean {
    return this.#deps.clock.monotonicMs() >= entry.notBeforeMs;
  }

  #holdUntil(entry: Entry, ms: number): void {
    entry.notBeforeMs = Math.max(entry.notBeforeMs, this.#deps.clock.monotonicMs() + ms);
  }

  #succeeded(entry: Entry): void {
    entry.retries = 0;
    entry.failures = 0;
    entry.notBeforeMs = 0;
  }

  #touch(address: string): Entry {
    let entry = this.#entries.get(address);
    if (entry === undefined) {
      entry = this.#fresh(address);
      this.#entries.set(address, entry);
    }
    entry.lastSeen = this.#now();
    return entry;
  }

  /** Makes room: the untrusted one unseen for longest, if that is a day. */
  #evict(): boolean {
    let oldest: Entry | undefined;
    for (const entry of this.#entries.values()) {
      if (!entry.trusted && (oldest === undefined || entry.lastSeen < oldest.lastSeen)) oldest = entry;
    }
    if (oldest === undefined || this.#now() - oldest.lastSeen < EVICT_UNSEEN_SECONDS) return false;
    this.#entries.delete(oldest.address);
    return true;
  }

  /** Of the ports an IP says it listens on and nobody reached, the oldest gives way to one more. */
  #keepPortsFew(ip: string): void {
    const ports: Entry[] = [];
    for (const entry of this.#entries.values()) {
      if (entry.source === ip && splitPeerAddress(entry.address).ip === ip) ports.push(entry);
    }
    if (ports.length >= this.#options.limits.portsPerIpMax) this.#entries.delete(oldestOf(ports).address);
  }

  #unreachedBySource(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { source } of this.#entries.values()) {
      if (source !== undefined) counts.set(source, (counts.get(source) ?? 0) + 1);
    }
    return counts;
  }

  /**
   * Room for one more that was never reached: whoever told most gives one up for another that told less, so that few
   * cannot keep all others out. `ownToo`: else one of the source's own goes. False: there is none to be had.
   */
  #makeRoom(source: string, counts: Map<string, number>, { ownToo }: { readonly ownToo: boolean }): boolean {
    let [unreached, most] = [0, source];
    for (const [other, count] of counts) {
      unreached += count;
      if (count > (counts.get(most) ?? 0)) most = other;
    }
    if (unreached < this.#options.limits.neverReachedMax) return true;
    const [own, largest] = [counts.get(source) ?? 0, counts.get(most) ?? 0];
    const from = largest > own + 1 || own === 0 ? most : source;
    if (from === source && !ownToo) return false;
    const oldest = oldestOf([...this.#entries.values()].filter((entry) => entry.source === from));
    this.#entries.delete(oldest.address);
    counts.set(from, (counts.get(from) ?? 0) - 1);
    return true;
  }

  #fresh(address: string): Entry {
    return {
      address,
      lastSeen: this.#now(),
      trusted: false,
      hasIncomingPort: false,
      userAgent: "",
      retries: 0,
      failures: 0,
      notBeforeMs: 0,
      source: undefined,
    };
  }

  #shuffled(list: string[]): string[] {
    for (let i = list.length - 1; i > 0; i--) {
      const k = Math.floor(this.#deps.random.fraction() * (i + 1));
      [list[i], list[k]] = [list[k] as string, list[i] as string];
    }
    return list;
  }

  #now(): number {
    return unixSeconds(this.#deps.clock);
  }
}

/** Unseen for longest, of equals the first; `entries` must not be empty. */
function oldestOf(entries: readonly Entry[]): Entry {
  return entries.reduce((oldest, entry) => (entry.lastSeen < oldest.lastSeen ? entry : oldest));
}

/** Unix seconds, or RFC 3339 text as older releases wrote. */
function readLastSeen(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isSafeInteger(value) ? value : undefined;
  if (typeof value !== "string" || !/^\d{4}-\d\d-\d\dT/.test(value)) return undefined;
  const ms = Date.parse(value);
  return Number.isNaN(ms) ? undefined : Math.floor(ms / 1000);
}
