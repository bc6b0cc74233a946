import type { Clock } from "../base/clock.ts";
import { AssertionFailure, errorText } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { encodeSignedBlock, type SignedBlock } from "../chain/block.ts";
import { DEFAULT_VERIFY, type VerifyParams } from "../chain/params.ts";
import { RuleError } from "../chain/rules.ts";
import type { Transaction } from "../chain/transaction.ts";
import type { UxOut } from "../chain/uxout.ts";
import type { Hash } from "../cipher/hash.ts";
import { type Endpoint, endpointText, isLoopback } from "./address.ts";
import { BlockServer } from "./block-server.ts";
import { Connections } from "./connections.ts";
import type { NetworkChain, NetworkPool, PeersFile, Random, Turn } from "./deps.ts";
import { Dialer } from "./dialer.ts";
import { DISC, disconnectName, holdAfterDisconnect, INTERNAL, LOCAL } from "./disconnect.ts";
import { NetworkError, type WireError } from "./errors.ts";
import { Gossip } from "./gossip.ts";
import { Handshake } from "./handshake.ts";
import { LIMITS, type Limits } from "./limits.ts";
import { encode, FRAME_BYTES_MAX, type Message } from "./messages.ts";
import { Peer, reasonOf } from "./peer.ts";
import { PeerBook } from "./peer-book.ts";
import { Penalties } from "./penalties.ts";
import { PeerExchange } from "./pex.ts";
import { BlockSync } from "./sync.ts";
import { TokenBucket } from "./token-bucket.ts";
import type { Connection, Listener, Transport } from "./transport.ts";
import { Turnstile } from "./turnstile.ts";

/** The flags of p2p.md 6.5 to 6.8 and 11.1; `node` maps the configuration. */
export interface NetworkOptions {
  /** Empty: every interface, or loopback in localhost-only mode. */
  readonly listenIp: string;
  /** 0: the system chooses. */
  readonly port: number;
  readonly localhostOnly: boolean;
  readonly incoming: boolean;
  readonly outgoing: boolean;
  readonly peerExchange: boolean;
  readonly legacyPeerCompat: boolean;
  readonly userAgent: string;
  /** Checked `ip:port`. */
  readonly defaultConnections: readonly string[];
  readonly customPeers: readonly string[];
  readonly peerListSize: number;
  readonly connectionRateMs: number;
  readonly connectionsMax: number;
  readonly outgoingMax: number;
  readonly incomingMax: number;
  readonly defaultPeerOutgoingMax: number;
  /** Largest frame sent, prefix included. */
  readonly outgoingMessageBytesMax: number;
  /** Largest length prefix received. */
  readonly incomingMessageBytesMax: number;
  readonly limits?: Partial<Limits>;
}

export const NETWORK_DEFAULTS: NetworkOptions = Object.freeze({
  listenIp: "",
  port: 6000,
  localhostOnly: false,
  incoming: true,
  outgoing: true,
  peerExchange: true,
  legacyPeerCompat: false,
  userAgent: "skycoin:0.27.1",
  defaultConnections: [],
  customPeers: [],
  peerListSize: 65_535,
  connectionRateMs: 5_000,
  connectionsMax: 128,
  outgoingMax: 8,
  incomingMax: 120,
  defaultPeerOutgoingMax: 2,
  outgoingMessageBytesMax: FRAME_BYTES_MAX,
  incomingMessageBytesMax: 1_048_576,
});

export interface NetworkDeps {
  readonly chain: NetworkChain;
  readonly pool: NetworkPool;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Absent: the peer list lives and dies with the process. */
  readonly peersFile?: PeersFile;
  /** Fetches a list of peers, one `ip:port` a line. Absent: none is fetched. */
  readonly downloadPeers?: (signal: AbortSignal) => Promise<string>;
  readonly turn: Turn;
}

/** One connection as the API shows it (api.md 13.16). Times are unix seconds, 0 for never. */
export interface ConnectionInfo {
  /** 0 while it is being dialled. */
  readonly id: number;
  readonly address: string;
  readonly lastSent: number;
  readonly lastReceived: number;
  readonly connectedAt: number;
  readonly outgoing: boolean;
  readonly state: "pending" | "connected" | "introduced";
  readonly mirror: number;
  readonly listenPort: number;
  readonly height: number;
  readonly userAgent: string;
  readonly trusted: boolean;
  readonly unconfirmedVerify: VerifyParams;
}

const MINUTE_MS = 60_000;
const SAVE_MS = 10 * MINUTE_MS;
const UNSAID: VerifyParams = { burnFactor: 0, maxTransactionSize: 0, maxDecimals: 0 };
/** What releases up to 0.24 relay; they do not say (p2p.md 8.4). */
const LEGACY_VERIFY: VerifyParams = { burnFactor: 2, maxTransactionSize: 32_768, maxDecimals: 3 };
/** Fixed bytes of a GIVB with one block. */
const ONE_BLOCK_OVERHEAD = 4 + 4 + 193;

/**
 * The node among others: listens, dials, introduces itself, follows the longest chain, passes transactions on. Starts
 * once and stops once; between the two it never throws at anybody but the callers of the methods below.
 */
export class Network {
  readonly #options: NetworkOptions;
  readonly #deps: NetworkDeps;
  readonly #limits: Limits;
  readonly #log: Logger;
  readonly #table = new Connections();
  readonly #penalties: Penalties;
  readonly #book: PeerBook;
  readonly #exchange: PeerExchange;
  readonly #gossip: Gossip;
  readonly #sync: BlockSync;
  readonly #server: BlockServer;
  readonly #turnstile: Turnstile;
  readonly #buckets = new WeakMap<Peer, { pings: TokenBucket; flood: TokenBucket; heads: TokenBucket }>();
  readonly #cancels = new Set<() => void>();
  readonly #downloads = new AbortController();
  #handshake: Handshake | undefined;
  #dialer: Dialer | undefined;
  #listener: Listener | undefined;
  #nextId = 1;
  #state: "new" | "running" | "stopping" | "stopped" = "new";
  #stopping: Promise<void> | undefined;

  /** @throws NetworkError never; RangeError when a largest block would not fit the largest frame */
  constructor(options: NetworkOptions, deps: NetworkDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#limits = { ...LIMITS, ...options.limits };
    this.#log = deps.log;
    const limits = this.#limits;
    const frameBytesMax = options.outgoingMessageBytesMax;
    const blockBytes = ONE_BLOCK_OVERHEAD + deps.chain.params.maxBlockTransactionsSize;
    if (frameBytesMax < blockBytes) throw new RangeError(`max outgoing message length must be at least ${blockBytes}`);
    const { clock, random, log, turn, chain } = deps;
    const peers = () => this.#table.active();
    this.#turnstile = new Turnstile(limits, { clock, turn });
    this.#penalties = new Penalties(limits, { clock, log });
    this.#book = new PeerBook(
      { allowLoopback: options.localhostOnly, sizeMax: options.peerListSize, limits },
      { clock, random, log },
    );
    this.#exchange = new PeerExchange(
      { enabled: options.peerExchange, frameBytesMax, limits },
      { book: this.#book, clock, random, log },
    );
    const penalties = this.#penalties;
    this.#gossip = new Gossip(
      { frameBytesMax, limits },
      { chain, pool: deps.pool, peers, penalties, isBehind: () => this.#sync.isBehind, clock, turn, log },
    );
    this.#sync = new BlockSync(limits, {
      chain,
      peers,
      penalties,
      advanced: () => this.#announceHead(),
      clock,
      turn,
      log,
    });
    this.#server = new BlockServer({ frameBytesMax, limits }, { chain, clock, log });
  }

  /** Where peers can connect; undefined while it does not listen. */
  get listenPort(): number | undefined {
    return this.#listener?.local.port;
  }

  /** The same as `ip:port`. */
  get listenAddress(): string | undefined {
    return this.#listener === undefined ? undefined : endpointText(this.#listener.local);
  }

  /**
   * Reads the peer list, listens, begins to dial.
   * @throws WireError P2P_PEERS_FILE, P2P_ADDRESS (a default connection), P2P_LISTEN_FAILED
   */
  async start(): Promise<void> {
    if (this.#state !== "new") return;
    this.#state = "running";
    await this.#loadBook();
    if (this.#options.incoming) await this.#listen();
    // Reference nodes refuse an announced port below 1024, though nobody can be reached there either way.
    const port = this.listenPort ?? (this.#options.port >= 1024 ? this.#options.port : NETWORK_DEFAULTS.port);
    this.#handshake = this.#makeHandshake(port);
    if (this.#options.outgoing) this.#dialer = this.#makeDialer();
    if (this.#listener !== undefined) this.#book.markSelf(endpointText(this.#listener.local));
    this.#dialer?.start();
    this.#every(this.#limits.sweepMs, () => this.#sweep());
    this.#every(MINUTE_MS, () => this.#minute());
    this.#every(SAVE_MS, () => {
      this.#book.expire();
      void this.#saveBook();
    });
    void this.#download();
  }

  /** DISC 15 to everybody, a moment to get it out, the peer list saved. Bounded; may be called twice. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const wasRunning = this.#state === "running";
    this.#state = "stopping";
    for (const cancel of this.#cancels) cancel();
    this.#downloads.abort();
    this.#dialer?.stop();
    const closed = this.#listener?.close();
    for (const peer of this.#table.all()) peer.disconnect(DISC.OPERATOR);
    await this.#allGone();
    await closed;
    await this.#sync.stop();
    await this.#gossip.flush();
    if (wasRunning) await this.#saveBook();
    this.#state = "stopped";
  }

  /** Each peer closes its connection within the flush time by itself. */
  async #allGone(): Promise<void> {
    if (this.#table.all().length === 0) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#deps.clock.after(this.#limits.stopFlushMs, () => {
        for (const peer of this.#table.all()) peer.drop(INTERNAL.SHUTDOWN);
        resolve();
      });
      this.#whenEmpty = () => {
        cancel();
        resolve();
      };
    });
  }
  #whenEmpty: (() => void) | undefined;

  // What others ask of the network

  /**
   * Sends a whole transaction of our user to every peer. Queued is sent; delivery may still fail.
   * @throws NetworkError with the reference's texts when nobody could be reached or nobody would pass it on
   */
  broadcastTransaction(txn: Transaction): void {
    this.#requireAudience();
    const reached = this.#gossip.give(txn);
    if (reached.length === 0) throw new NetworkError("NETWORK_UNREACHABLE");
    if (!reached.some((peer) => this.#wouldRelay(peer, txn))) throw new NetworkError("NETWORK_NO_PEER_ACCEPTS");
  }

  /** Pushes a new block to every peer. @throws NetworkError when nobody could be reached; the block stands anyway */
  broadcastBlock(block: SignedBlock): void {
    this.#requireAudience();
    const frame = encode.blocks([encodeSignedBlock(block)]);
    const reached = this.#table.active().filter((peer) => peer.send(frame));
    if (reached.length === 0) throw new NetworkError("NETWORK_UNREACHABLE");
  }

  /** Tells all peers that these transactions are in the pool. Nobody there is no error. */
  announceTransactions(ids: readonly Hash[]): void {
    if (this.#state === "running") this.#gossip.announce(ids);
  }

  /** Dials under way and connections, one entry per node. */
  connections(): ConnectionInfo[] {
    const dials = this.#table.pending().map(({ address, remote }) => this.#pendingInfo(address, remote));
    const peers = this.#table.all().filter((peer) => !peer.shadow && peer.endReason === undefined);
    return [...dials, ...peers.map(connectionInfo)];
  }

  connection(address: string): ConnectionInfo | undefined {
    return this.connections().find((info) => info.address === address);
  }

  /** Sends a peer away with DISC 15; false when there is no such connection. */
  disconnect(id: number): boolean {
    const peer = this.#table.byId(id);
    if (peer === undefined || peer.endReason !== undefined) return false;
    peer.disconnect(DISC.OPERATOR);
    return true;
  }

  defaultConnections(): string[] {
    return [...this.#options.defaultConnections];
  }

  trustedConnections(): string[] {
    return this.#book.trusted();
  }

  /** What peers are told on GETP: known to take connections, not failing at present. */
  exchangeablePeers(): string[] {
    return this.#book.exchangeable();
  }

  /** Height of every connection, as far as it is known. */
  peerHeights(): { readonly address: string; readonly height: number }[] {
    return this.connections()
      .filter(({ state }) => state !== "pending")
      .map(({ address, height }) => ({ address, height }));
  }

  /** The longest chain anybody is known to have, our own included. */
  highestKnown(): number {
    return this.peerHeights().reduce((highest, { height }) => Math.max(highest, height), this.#deps.chain.head().seq);
  }

  /** Addresses in the peer list, for status and tests. */
  knownPeers(): number {
    return this.#book.size;
  }

  /** Bytes waiting to leave, by connection: what slow readers cost. */
  queuedBytes(): number[] {
    return this.#table.all().map((peer) => peer.queuedBytes);
  }

  /** @throws NetworkError NETWORK_CLOSED, NETWORK_NO_ADDRESSES */
  #requireAudience(): void {
    if (this.#state !== "running") throw new NetworkError("NETWORK_CLOSED");
    if (this.#table.active().length === 0) throw new NetworkError("NETWORK_NO_ADDRESSES");
  }

  /** Only releases up to 0.24 keep what breaks their policy to themselves; they send no user agent (8.4). */
  #wouldRelay(peer: Peer, txn: Transaction): boolean {
    if (peer.introduction?.userAgent !== undefined) return true;
    const { chain } = this.#deps;
    const inputs = txn.inputs.map((id) => chain.store.unspent(id));
    if (inputs.includes(undefined)) return false;
    try {
      chain.checkSoft(txn, { head: chain.head(), inputs: inputs as UxOut[] }, LEGACY_VERIFY);
      return true;
    } catch (error) {
      if (error instanceof RuleError) return false;
      throw error;
    }
  }

  #pendingInfo(address: string, remote: Endpoint): ConnectionInfo {
    const unset = { id: 0, lastSent: 0, lastReceived: 0, connectedAt: 0, mirror: 0, height: 0, userAgent: "" };
    const trusted = this.#book.isTrusted(address);
    const known = { address, outgoing: true, state: "pending", listenPort: remote.port, trusted } as const;
    return { ...unset, ...known, unconfirmedVerify: UNSAID };
  }

  // Starting

  async #loadBook(): Promise<void> {
    this.#book.load((await this.#deps.peersFile?.read()) ?? "");
    for (const address of this.#options.defaultConnections) this.#book.addConfigured(address, { trusted: true });
    for (const address of this.#options.customPeers) this.#book.addConfigured(address, { trusted: false });
    await this.#saveBook();
  }

  async #saveBook(): Promise<void> {
    try {
      await this.#deps.peersFile?.write(this.#book.serialize());
    } catch (error) {
      this.#log.warn({ error: errorText(error) }, "peer list could not be saved");
    }
  }

  async #listen(): Promise<void> {
    const { listenIp, port, localhostOnly } = this.#options;
    const ip = listenIp === "" && localhostOnly ? "127.0.0.1" : listenIp;
    this.#listener = await this.#deps.transport.listen(
      { ip, port },
      {
        accept: (connection) => this.#accept(connection),
        failed: (error) => this.#log.error({ error: errorText(error) }, "listening for peers has ended"),
      },
    );
    this.#log.info({ address: endpointText(this.#listener.local) }, "listening for peers");
  }

  #makeHandshake(listenPort: number): Handshake {
    const { chain, random, clock } = this.#deps;
    const identity = {
      mirror: random.u32(),
      listenPort,
      publisherKey: chain.params.publisherKey,
      verify: chain.params.unconfirmed,
      userAgent: this.#options.userAgent,
      genesisHash: chain.genesisHash,
    };
    const { legacyPeerCompat, incomingMax, outgoingMax, localhostOnly } = this.#options;
    return new Handshake(
      { identity, legacyPeerCompat, incomingMax, outgoingMax, allowLoopback: localhostOnly, limits: this.#limits },
      {
        table: this.#table,
        book: this.#book,
        exchange: this.#exchange,
        clock,
        log: this.#log,
        welcome: (peer) => {
          this.#sync.welcome(peer);
          this.#gossip.welcome(peer);
        },
      },
    );
  }

  #makeDialer(): Dialer {
    const { localhostOnly, connectionRateMs, connectionsMax, outgoingMax, defaultPeerOutgoingMax } = this.#options;
    const { transport, clock } = this.#deps;
    return new Dialer(
      {
        limits: this.#limits,
        localhostOnly,
        rateMs: connectionRateMs,
        connectionsMax,
        outgoingMax,
        trustedMax: defaultPeerOutgoingMax,
      },
      {
        transport,
        book: this.#book,
        table: this.#table,
        penalties: this.#penalties,
        clock,
        log: this.#log,
        connected: (connection, address) => this.#add(connection, true, this.#book.isTrusted(address)),
      },
    );
  }

  async #download(): Promise<void> {
    if (this.#deps.downloadPeers === undefined) return;
    try {
      const text = await this.#deps.downloadPeers(this.#downloads.signal);
      const lines = text.split("\n").map((line) => line.replaceAll(/\s/g, ""));
      const addresses = lines.filter(
        (line) => line !== "" && !line.startsWith("#") && !isLoopback(line.split(":")[0] ?? ""),
      );
      this.#log.info(
        { listed: addresses.length, added: this.#book.addHeard(addresses, "download") },
        "peer list downloaded",
      );
    } catch (error) {
      if (!this.#downloads.signal.aborted)
        this.#log.warn({ error: errorText(error) }, "peer list could not be downloaded");
    }
  }

  // Connections come and go

  #accept(connection: Connection): void {
    if (this.#state !== "running" || !this.#mayEnter(connection.remote)) connection.destroy();
    else this.#add(connection, false, false);
  }

  /** Over a limit a socket is closed without a word, before anything is spent on it (p2p.md 12.2). */
  #mayEnter({ ip }: Endpoint): boolean {
    const { socketsMax, perIpMax, perIpUnintroducedMax, perSubnetMax } = this.#limits;
    const { incomingMax } = this.#options;
    if (this.#table.size >= socketsMax || this.#penalties.isBanned(ip)) return false;
    const isExempt = this.#options.localhostOnly && isLoopback(ip);
    if (!isExempt) {
      if (this.#table.countIp(ip) >= perIpMax || this.#table.countSubnet(ip) >= perSubnetMax) return false;
      const strangers = this.#table.count((peer) => peer.remote.ip === ip && peer.introduction === undefined);
      if (strangers >= perIpUnintroducedMax) return false;
    }
    if (this.#table.count((peer) => !peer.outgoing) < incomingMax) return true;
    const stranger = this.#table.oldestStranger();
    stranger?.drop(LOCAL.FULL);
    return stranger !== undefined;
  }

  #add(connection: Connection, outgoing: boolean, trusted: boolean): void {
    if (this.#state !== "running") {
      connection.destroy();
      return;
    }
    const { clock } = this.#deps;
    const { incomingMessageBytesMax: lengthMax } = this.#options;
    const peer = new Peer(
      { id: this.#nextId++, outgoing, limits: this.#limits, lengthMax },
      {
        connection,
        clock,
        log: this.#log,
        message: (from, message, bytes) => this.#message(from, message, bytes),
        broken: (from, error) => this.#broken(from, error),
        ready: (source) => this.#turnstile.ready(source),
        drained: (from) => this.#server.serve(from),
        ended: (gone) => this.#ended(gone),
      },
    );
    peer.trusted = trusted;
    this.#table.add(peer);
    peer.open();
    this.#handshake?.begin(peer);
  }

  #broken(peer: Peer, error: WireError): void {
    this.#log.debug({ peer: peer.address, code: error.code, ...error.data }, "peer sends what cannot be read");
    if (error.code === "P2P_FRAME_NOT_ALLOWED") {
      this.#outOfTurn(peer);
      return;
    }
    this.#penalties.punish(peer, error.code === "P2P_UNKNOWN_ID" ? "unknownId" : "malformed");
    peer.drop(reasonOf(error.code));
  }

  #outOfTurn(peer: Peer): void {
    this.#penalties.punish(peer, "beforeIntroduction");
    peer.disconnect(DISC.NO_INTRODUCTION);
  }

  #ended(peer: Peer): void {
    this.#table.remove(peer);
    const reason = peer.endReason ?? LOCAL.CLOSED_BY_PEER;
    if (peer.introduction !== undefined) {
      this.#log.info({ peer: peer.address, reason: disconnectName(reason), byPeer: peer.endedByPeer }, "peer gone");
    }
    if (peer.outgoing) this.#judgeDial(peer, reason);
    this.#sync.peerEnded(peer);
    this.#handshake?.ended(peer);
    if (this.#table.all().length === 0) this.#whenEmpty?.();
  }

  /** What the end of a connection we dialled says about the address (p2p.md 7). */
  #judgeDial(peer: Peer, reason: number): void {
    const { address } = peer;
    const hold = holdAfterDisconnect(reason);
    if (peer.endedByPeer && reason === DISC.SELF) this.#book.markSelf(address);
    const isStranger = peer.introduction === undefined;
    const isEarlyEnd = reason === LOCAL.CLOSED_BY_PEER || reason === DISC.VERSION || reason === DISC.SELF;
    if (isStranger || isEarlyEnd || hold === 0) this.#book.failed(address, { counts: isEarlyEnd });
    // A trusted peer that stops says the same as one whose operator wants us gone; it is expected back.
    if (hold > 0 && !(reason === DISC.OPERATOR && peer.trusted)) this.#book.hold(address, hold);
    const isHopeless = [DISC.PUBLIC_KEY, DISC.EXTRA, DISC.USER_AGENT, DISC.INTRODUCTION_TIMEOUT].some(
      (r) => r === reason,
    );
    if (isHopeless && (!peer.endedByPeer || reason === DISC.PUBLIC_KEY)) this.#book.dismiss(address, hold);
  }

  // Messages

  #message(peer: Peer, message: Message, frameBytes: number): void | Promise<void> {
    if (message.id === "DISC") {
      this.#log.debug({ peer: peer.address, reason: disconnectName(message.reason) }, "peer says why it leaves");
      peer.drop(message.reason, true);
      return;
    }
    if (message.id === "INTR") {
      this.#handshake?.received(peer, message.introduction);
      return;
    }
    if (!peer.isIntroduced) {
      // A GIVP of a stranger is nothing to us, and PONG is harmless; all else is out of turn.
      if (message.id !== "GIVP" && message.id !== "PONG") this.#outOfTurn(peer);
      return;
    }
    switch (message.id) {
      case "PING":
        this.#ping(peer);
        return;
      case "PONG":
        return;
      case "GETP":
        this.#exchange.asked(peer);
        return;
      case "GIVP":
        this.#exchange.told(peer, message.peers);
        return;
      case "GETB":
        this.#sync.noteHeight(peer, message.last);
        this.#server.asked(peer, message.last, message.count);
        return;
      case "GIVB":
        this.#sync.receive(peer, message.blocks, frameBytes);
        return;
      case "ANNB":
        if (this.#bucketsOf(peer).heads.take()) this.#sync.noteHeight(peer, message.head);
        return;
      case "ANNT":
        this.#gossip.announcedBy(peer, message.txids);
        return;
      case "GETT":
        this.#gossip.askedBy(peer, message.txids);
        return;
      case "GIVT":
        return this.#gossip.givenBy(peer, message.transactions);
    }
  }

  #ping(peer: Peer): void {
    const { pings, flood } = this.#bucketsOf(peer);
    if (!flood.take()) {
      this.#penalties.punish(peer, "flood");
      peer.drop(INTERNAL.DEADLINE);
    } else if (pings.take()) peer.send(encode.empty("PONG"), "control");
  }

  #bucketsOf(peer: Peer): { pings: TokenBucket; flood: TokenBucket; heads: TokenBucket } {
    let buckets = this.#buckets.get(peer);
    if (buckets === undefined) {
      const { clock } = this.#deps;
      const { pings, pingFloodPerSecond, announceBlocks, framesOurs } = this.#limits;
      const flood = { perSecond: pingFloodPerSecond, burst: 10 * pingFloodPerSecond };
      buckets = {
        pings: new TokenBucket(pings, clock),
        flood: new TokenBucket(flood, clock),
        heads: new TokenBucket(peer.isOurs ? framesOurs : announceBlocks, clock),
      };
      this.#buckets.set(peer, buckets);
    }
    return buckets;
  }

  /** ANNB to all; to strangers also a GETB that asks for nothing, since heights are read from those alone (B3, B5). */
  #announceHead(asked?: Peer): void {
    const { seq } = this.#deps.chain.head();
    const announcement = encode.announceBlocks(seq);
    const height = encode.getBlocks(seq, 0);
    for (const peer of this.#table.active()) {
      peer.send(announcement);
      if (!peer.isOurs && peer !== asked) peer.send(height);
    }
  }

  // Periodic work

  #every(ms: number, run: () => void): void {
    let cancel = () => {};
    const again = () => {
      this.#cancels.delete(cancel);
      cancel = this.#deps.clock.after(ms, () => {
        try {
          run();
        } catch (error) {
          if (error instanceof AssertionFailure) throw error;
          this.#log.error({ error: errorText(error) }, "periodic work failed");
        }
        again();
      });
      this.#cancels.add(cancel);
    };
    again();
  }

  #sweep(): void {
    for (const peer of this.#table.all()) peer.checkDeadlines();
    this.#relieve();
    this.#server.remind(this.#table.active());
    this.#sync.tick();
    this.#gossip.tick();
  }

  /** Memory for all peers together is bounded too: whoever holds most has to go. */
  #relieve(): void {
    const peers = this.#table.all().sort((a, b) => b.heldBytes - a.heldBytes);
    let held = peers.reduce((sum, peer) => sum + peer.heldBytes, 0);
    for (const peer of peers) {
      if (held <= this.#limits.heldBytesMax) return;
      held -= peer.heldBytes;
      this.#log.info({ peer: peer.address, bytes: peer.heldBytes }, "peer closed to free memory");
      peer.drop(LOCAL.SLOW_READER);
    }
  }

  #minute(): void {
    this.#announceHead(this.#sync.poll());
    this.#exchange.ask(this.#table.active());
  }
}

function connectionInfo(peer: Peer): ConnectionInfo {
  return {
    id: peer.id,
    address: peer.address,
    lastSent: Math.floor(peer.lastSentAtMs / 1000),
    lastReceived: Math.floor(peer.lastReceivedAtMs / 1000),
    connectedAt: Math.floor(peer.connectedAtMs / 1000),
    outgoing: peer.outgoing,
    state: peer.state,
    mirror: peer.introduction?.mirror ?? 0,
    listenPort: peer.listenPort,
    height: peer.height,
    userAgent: peer.userAgent,
    trusted: peer.trusted,
    unconfirmedVerify: peer.verify ?? (peer.state === "introduced" ? DEFAULT_VERIFY : UNSAID),
  };
}
