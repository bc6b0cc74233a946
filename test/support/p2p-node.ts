import type { Clock } from "../../src/base/clock.ts";
import { type Logger, silentLogger } from "../../src/base/log.ts";
import type { ChainParams } from "../../src/chain/params.ts";
import type { ChainStore } from "../../src/chain/store.ts";
import { UnconfirmedPool } from "../../src/chain/unconfirmed-pool.ts";
import type { Random } from "../../src/p2p/deps.ts";
import { NETWORK_DEFAULTS, Network, type NetworkDeps, type NetworkOptions } from "../../src/p2p/network.ts";
import { eventLoopTurn } from "../../src/p2p/system.ts";
import type { Transport } from "../../src/p2p/transport.ts";
import { TestChain, testParams } from "./chain.ts";
import { PlainStore } from "./plain-store.ts";
import { seededRandom } from "./seeded-random.ts";

export { seededRandom };

export interface PeerNodeOptions extends Partial<NetworkOptions> {
  readonly clock: Clock;
  readonly transport: Transport;
  readonly params?: ChainParams;
  readonly store?: ChainStore;
  readonly log?: Logger;
  readonly random?: Random;
  readonly deps?: Partial<NetworkDeps>;
}

/** Chain, pool and network of a node, without the rest of one. */
export class PeerNode {
  readonly test: TestChain;
  readonly pool: UnconfirmedPool;
  readonly network: Network;

  private constructor(test: TestChain, pool: UnconfirmedPool, network: Network) {
    this.test = test;
    this.pool = pool;
    this.network = network;
  }

  /** Made and started: listens in localhost-only mode, on a port of the system's choice unless told. */
  static async start(options: PeerNodeOptions): Promise<PeerNode> {
    const node = await PeerNode.make(options);
    await node.network.start();
    return node;
  }

  static async make(options: PeerNodeOptions): Promise<PeerNode> {
    const { clock, transport, params = testParams(), store = new PlainStore(), log = silentLogger } = options;
    const test = await TestChain.open({ params, store });
    const pool = new UnconfirmedPool({ chain: test.chain, store, params, clock, log });
    const random = options.random ?? seededRandom(nextSeed++);
    const network = new Network(
      { ...NETWORK_DEFAULTS, listenIp: "127.0.0.1", port: 0, localhostOnly: true, ...options },
      { chain: test.chain, pool, transport, clock, random, log, turn: eventLoopTurn, ...options.deps },
    );
    return new PeerNode(test, pool, network);
  }

  get seq(): number {
    return this.test.chain.head().seq;
  }

  get address(): string {
    return this.network.listenAddress ?? "";
  }

  /** Resolves when the head is at least there. */
  async reaches(seq: number): Promise<void> {
    if (this.seq >= seq) return;
    await new Promise<void>((resolve) => {
      const off = this.test.chain.onBlock.on(() => {
        if (this.seq < seq) return;
        off();
        resolve();
      });
    });
  }

  introduced(): number {
    return this.network.connections().filter(({ state }) => state === "introduced").length;
  }

  async stop(): Promise<void> {
    await this.network.stop();
    await this.pool.close();
  }
}

let nextSeed = 1;
