import { errorText } from "../base/errors.ts";
import { encodeSignedBlock, type SignedBlock } from "../chain/block.ts";
import type { VerifyParams } from "../chain/params.ts";
import { RuleError } from "../chain/rules.ts";
import type { Transaction } from "../chain/transaction.ts";
import type { UxOut } from "../chain/uxout.ts";
import { type Hash, hashHex } from "../cipher/hash.ts";
import { endpointText } from "./address.ts";
import { BlockServer } from "./block-server.ts";
import { BookKeeper } from "./book-keeper.ts";
import { type ConnectionInfo, connectionInfo, pendingInfo } from "./connection-info.ts";
import { Connections } from "./connections.ts";
import { Dialer } from "./dialer.ts";
import { DISC, LOCAL } from "./disconnect.ts";
import { Dispatcher } from "./dispatcher.ts";
import { Doorway } from "./doorway.ts";
import { NetworkError } from "./errors.ts";
import { FoldedLog } from "./folded-log.ts";
import { Gossip } from "./gossip.ts";
import { Handshake } from "./handshake.ts";
import { LIMITS, type Limits } from "./limits.ts";
import { encode } from "./messages.ts";
import { NETWORK_DEFAULTS, type NetworkDeps, type NetworkOptions } from "./network-options.ts";
import type { Peer } from "./peer.ts";
import { PeerBook } from "./peer-book.ts";
import { Penalties } from "./penalties.ts";
import { PeerExchange } from "./pex.ts";
import { Pools } from "./pools.ts";
import { Schedule } from "./schedule.ts";
import { type MetricFamily, Statistics } from "./statistics.ts";
import { BlockSync } from "./sync.ts";
import type { Listener, ListenHandlers } from "./transport.ts";
import { Turnstile } from "./turnstile.ts";
import { UrlDialer } from "./url-dialer.ts";

export type { ConnectionInfo } from "./connection-info.ts";
export { NETWORK_DEFAULTS, type NetworkDeps, type NetworkOptions } from "./network-options.ts";

const MINUTE_MS = 60_000;
/** Places for those on their way in, beside all that may take part. */
const STRANGERS_MAX = 64;
/** Of the genesis hash: enough to tell chains apart in a file, short enough for one with thousands of entries. */
const CHAIN_NAME_DIGITS = 16;
/** Peers whose deadlines are looked at before other work may get its turn. */
const DEADLINES_AT_ONCE = 32;
const SAVE_MS = 10 * MINUTE_MS;
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
  readonly #log: FoldedLog;
  readonly #statistics = new Statistics();
  readonly #pools: Pools;
  readonly #table = new Connections();
  readonly #penalties: Penalties;
  readonly #book: PeerBook;
  readonly #exchange: PeerExchange;
  readonly #gossip: Gossip;
  readonly #sync: BlockSync;
  readonly #server: BlockServer;
  readonly #turnstile: Turnstile;
  readonly #schedule: Schedule;
  readonly #keeper: BookKeeper;
  #doorway: Doorway | undefined;
  #dialer: Dialer | undefined;
  #urlDialer: UrlDialer | undefined;
  #listener: Listener | undefined;
  #webSocketListener: Listener | undefined;
  #checkingDeadlines = false;
  #state: "new" | "running" | "stopping" | "stopped" = "new";
  #stopping: Promise<void> | undefined;

  /** @throws RangeError when a largest block would not fit the largest frame */
  constructor(options: NetworkOptions, deps: NetworkDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#limits = { ...LIMITS, ...options.limits };
    const limits = this.#limits;
    this.#log = new FoldedLog(limits, deps);
    this.#pools = new Pools(limits, (pool) => this.#relieve(pool));
    const frameBytesMax = options.outgoingMessageBytesMax;
    const blockBytes = ONE_BLOCK_OVERHEAD + deps.chain.params.maxBlockTransactionsSize;
    if (frameBytesMax < blockBytes) throw new RangeError(`max outgoing message length must be at least ${blockBytes}`);
    const { clock, random, turn, chain } = deps;
    const log = this.#log;
    const statistics = this.#statistics;
    const peers = () => this.#table.active();
    this.#turnstile = new Turnstile(limits, { clock, turn });
    this.#schedule = new Schedule({ clock, log });
    this.#penalties = new Penalties(limits, { clock, log, statistics });
    this.#book = new PeerBook(
      {
        allowLoopback: options.localhostOnly,
        sizeMax: options.peerListSize,
        chain: hashHex(chain.genesisHash).slice(0, CHAIN_NAME_DIGITS),
        limits,
      },
      { clock, random, log },
    );
    this.#keeper = new BookKeeper(this.#book, { file: deps.peersFile, download: deps.downloadPeers, log });
    this.#exchange = new PeerExchange(
      { enabled: options.peerExchange, frameBytesMax, limits },
      { book: this.#book, clock, random, log },
    );
    const penalties = this.#penalties;
    this.#gossip = new Gossip(
      { frameBytesMax, limits },
      {
        chain,
        pool: deps.pool,
        peers,
        penalties,
        isBehind: () => this.#sync.isBehind,
        clock,
        turnstile: this.#turnstile,
        log,
      },
    );
    this.#sync = new BlockSync(limits, {
      chain,
      peers,
      penalties,
      rivals: deps.rivals,
      advanced: () => this.#announceHead(),
      clock,
      turn,
      log,
    });
    this.#server = new BlockServer({ frameBytesMax, limits }, { chain, turnstile: this.#turnstile, clock, log });
  }

  /** Where peers can connect; undefined while it does not listen. */
  get listenPort(): number | undefined {
    return this.#listener?.local.port;
  }

  /** Where WebSocket peers can connect, by a listener of its own; undefined when it has none. */
  get webSocketPort(): number | undefined {
    return this.#webSocketListener?.local.port;
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
    await this.#keeper.load(this.#options);
    if (this.#options.incoming) await this.#listen();
    // From here to the end of this method nothing is awaited: whoever connects finds everything in place.
    // Reference nodes refuse an announced port below 1024, though nobody can be reached there either way.
    const port = this.listenPort ?? (this.#options.port >= 1024 ? this.#options.port : NETWORK_DEFAULTS.port);
    const doorway = this.#makeDoorway(this.#makeHandshake(port));
    this.#doorway = doorway;
    if (this.#options.outgoing) {
      this.#dialer = this.#makeDialer(doorway);
      this.#urlDialer = this.#makeUrlDialer(doorway);
    }
    if (this.#listener !== undefined) this.#book.markSelf(endpointText(this.#listener.local));
    if (this.#options.incoming) this.#deps.webSocket?.admit(this.#webSocketHandlers());
    this.#dialer?.start();
    this.#urlDialer?.tick();
    this.#schedule.every(this.#limits.sweepMs, () => this.#sweep());
    this.#schedule.every(MINUTE_MS, () => this.#minute());
    this.#schedule.every(SAVE_MS, () => {
      this.#book.expire();
      void this.#keeper.save();
    });
    void this.#keeper.download();
  }

  /** DISC 15 to everybody, a moment to get it out, the peer list saved. Bounded; may be called twice. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const wasRunning = this.#state === "running";
    this.#state = "stopping";
    this.#schedule.stop();
    this.#keeper.stop();
    this.#dialer?.stop();
    this.#urlDialer?.stop();
    this.#deps.webSocket?.admit(undefined);
    const closed = Promise.all([this.#listener?.close(), this.#webSocketListener?.close()]);
    await this.#doorway?.close(this.#limits.stopFlushMs);
    await closed;
    await this.#sync.stop();
    await this.#gossip.flush();
    if (wasRunning) await this.#keeper.save();
    this.#log.flush();
    this.#state = "stopped";
  }

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
    const dials = this.#table.pending().map((dial) => pendingInfo(dial, this.#book.isTrusted(dial.address)));
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

  /** What introduced peers have said of their chains. */
  heardHeads(): { readonly height: number; readonly trusted: boolean }[] {
    return this.#table
      .active()
      .filter((peer) => peer.saidHeight)
      .map(({ height, trusted }) => ({ height, trusted }));
  }

  /** The longest chain anybody is known to have, our own included. */
  highestKnown(): number {
    return this.peerHeights().reduce((highest, { height }) => Math.max(highest, height), this.#deps.chain.head().seq);
  }

  /** Trusted addresses in the peer list. */
  knownTrusted(): number {
    return this.#book.trusted().length;
  }

  /** Addresses in the peer list, for status and tests. */
  knownPeers(): number {
    return this.#book.size;
  }

  /** Counters, what is held at present, and the limits in force. */
  statistics(): MetricFamily[] {
    const sockets: Record<string, number> = {};
    for (const peer of this.#table.all()) {
      const key = `${peer.transport} ${peer.state}`;
      sockets[key] = (sockets[key] ?? 0) + 1;
    }
    return this.#statistics.families({
      held: this.#pools.held,
      sockets,
      knownPeers: this.#book.size,
      bans: this.#penalties.bans,
      limits: this.#limits,
    });
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
    if (!peer.isLegacy) return true;
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

  // Starting

  async #listen(): Promise<void> {
    const { listenIp, port, localhostOnly } = this.#options;
    const ip = listenIp === "" && localhostOnly ? "127.0.0.1" : listenIp;
    this.#listener = await this.#deps.transport.listen(
      { ip, port },
      {
        accept: (connection) => (this.#doorway === undefined ? connection.destroy() : this.#doorway.accept(connection)),
        failed: (error) => this.#log.error({ error: errorText(error) }, "listening for peers has ended"),
      },
    );
    this.#log.info({ address: endpointText(this.#listener.local) }, "listening for peers");
    const { webSocketListen } = this.#options;
    if (webSocketListen === undefined || this.#deps.webSocket === undefined) return;
    this.#webSocketListener = await this.#deps.webSocket.listen(webSocketListen, this.#webSocketHandlers());
    const where = `ws://${endpointText(this.#webSocketListener.local)}`;
    this.#log.info({ address: where }, "listening for websocket peers");
  }

  #webSocketHandlers(): ListenHandlers {
    return {
      accept: (connection) =>
        this.#doorway === undefined ? connection.destroy() : this.#doorway.acceptWebSocket(connection),
      failed: (error) => this.#log.error({ error: errorText(error) }, "listening for websocket peers has ended"),
      refusal: (remote) => (this.#doorway === undefined ? "stopping" : this.#doorway.webSocketRefusal(remote)),
      refused: (why) => this.#statistics.refused("websocket", why),
    };
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
    const { legacyPeerCompat, incomingMax, outgoingMax, webSocketMax, localhostOnly } = this.#options;
    const places = { incomingMax, outgoingMax, webSocketMax };
    return new Handshake(
      { identity, legacyPeerCompat, ...places, allowLoopback: localhostOnly, limits: this.#limits },
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

  #makeDoorway(handshake: Handshake): Doorway {
    const { clock } = this.#deps;
    const { localhostOnly, incomingMax, connectionsMax, webSocketMax } = this.#options;
    const { incomingMessageBytesMax: lengthMax } = this.#options;
    const socketsMax = socketsMaxFor(this.#limits, connectionsMax);
    const shared = {
      handshake,
      sync: this.#sync,
      server: this.#server,
      penalties: this.#penalties,
      clock,
      log: this.#log,
    };
    const dispatcher = new Dispatcher(this.#limits, { ...shared, exchange: this.#exchange, gossip: this.#gossip });
    return new Doorway(
      { limits: this.#limits, localhostOnly, socketsMax, incomingMax, webSocketMax, lengthMax },
      {
        ...shared,
        dispatcher,
        table: this.#table,
        book: this.#book,
        turnstile: this.#turnstile,
        pools: this.#pools,
        statistics: this.#statistics,
      },
    );
  }

  #makeUrlDialer(doorway: Doorway): UrlDialer | undefined {
    const { webSocketUrls: urls } = this.#options;
    const { webSocket, clock } = this.#deps;
    if (urls.length === 0 || webSocket === undefined) return undefined;
    return new UrlDialer(
      { urls, limits: this.#limits },
      {
        dial: (url, options) => webSocket.dialUrl(url, options),
        ...{ clock, log: this.#log },
        connected: (connection) => doorway.add(connection, { outgoing: true, trusted: true }),
      },
    );
  }

  #makeDialer(doorway: Doorway): Dialer {
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
        connected: (connection, address) =>
          doorway.add(connection, { outgoing: true, trusted: this.#book.isTrusted(address) }),
      },
    );
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

  #sweep(): void {
    void this.#checkDeadlines();
    this.#server.remind(this.#table.active());
    this.#sync.tick();
    this.#gossip.tick();
    this.#urlDialer?.tick();
  }

  /** A flood of newcomers is late all at once: what ends them must not hold up everybody else. */
  async #checkDeadlines(): Promise<void> {
    if (this.#checkingDeadlines) return;
    this.#checkingDeadlines = true;
    for (const [i, peer] of this.#table.all().entries()) {
      if (i % DEADLINES_AT_ONCE === DEADLINES_AT_ONCE - 1) await this.#turnstile.pass();
      peer.checkDeadlines();
    }
    this.#checkingDeadlines = false;
  }

  /** Memory for all peers together is bounded too: whoever holds most has to go. */
  #relieve(pool: "inputBytes" | "outputBytes"): void {
    const peers = this.#table.all().sort((a, b) => b.held[pool] - a.held[pool]);
    for (const peer of peers) {
      if (!this.#pools.isOver(pool)) return;
      this.#log.info({ peer: peer.address, pool, bytes: peer.held[pool] }, "peer closed to free memory");
      peer.drop(LOCAL.SLOW_READER);
    }
  }

  #minute(): void {
    this.#announceHead(this.#sync.poll());
    this.#exchange.ask(this.#table.active());
  }
}

/** Sockets in any state: more peers may take part when the operator says so, and strangers keep their places. */
export function socketsMaxFor({ socketsMax }: Pick<Limits, "socketsMax">, connectionsMax: number): number {
  return Math.max(socketsMax, connectionsMax + STRANGERS_MAX);
}
