import type { Logger } from "../../src/base/log.ts";
import { silentLogger } from "../../src/base/log.ts";
import { splitPeerAddress } from "../../src/p2p/address.ts";
import { MemoryNet, type MemoryNetOptions } from "../../src/p2p/memory.ts";
import type { Transport } from "../../src/p2p/transport.ts";
import { WireClient } from "./p2p-client.ts";
import { PeerNode, type PeerNodeOptions } from "./p2p-node.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** Nodes in one process, on a network and a clock that move when told: every run is the same. */
export class MemoryWorld {
  readonly clock = new VirtualClock();
  readonly net: MemoryNet;
  readonly nodes: PeerNode[] = [];
  /** Every dial: when (ms since start), from which address, to which. */
  readonly dials: { atMs: number; from: string; to: string }[] = [];

  constructor(options: MemoryNetOptions = {}) {
    this.net = new MemoryNet(this.clock, { delayMs: () => 1, ...options });
  }

  /** A host's transport, its dials written down. */
  host(ip: string): Transport {
    const transport = this.net.host(ip);
    return {
      listen: (local, handlers) => transport.listen(local, handlers),
      dial: (remote, options) => {
        this.dials.push({ atMs: this.clock.monotonicMs(), from: ip, to: `${remote.ip}:${remote.port}` });
        return transport.dial(remote, options);
      },
    };
  }

  async node(options: Partial<PeerNodeOptions> & { readonly ip?: string } = {}): Promise<PeerNode> {
    const { ip = "127.0.0.1", ...rest } = options;
    const { clock } = this;
    const node = await PeerNode.start({
      clock,
      transport: this.host(ip),
      listenIp: ip,
      localhostOnly: ip.startsWith("127."),
      ...rest,
      deps: { turn: () => new Promise((resolve) => clock.after(0, resolve)), ...rest.deps },
    });
    this.nodes.push(node);
    return node;
  }

  /** A hand-made peer connected to the node. */
  async client(node: PeerNode, ip = "127.0.0.1"): Promise<WireClient> {
    const dialled = this.net
      .host(ip)
      .dial(splitPeerAddress(`${node.network.listenAddress}`), { signal: new AbortController().signal });
    await this.clock.advance(2);
    return new WireClient(await dialled);
  }

  /** Moves time on, in steps small enough that long chains of promises keep up with it. */
  async run(ms: number): Promise<void> {
    const step = Math.max(10, ms / 200);
    for (let left = ms; left > 0; left -= step) {
      await this.clock.advance(Math.min(step, left));
      await new Promise((resolve) => setImmediate(resolve)); // every promise that can settle has
    }
  }

  async stop(): Promise<void> {
    const stopping = Promise.all(this.nodes.map((node) => node.stop()));
    await this.clock.advance(1000);
    await stopping;
  }
}

/** A log that counts messages, and reasons for which peers left. */
export function countingLog(counts = new Map<string, number>()): { log: Logger; counts: Map<string, number> } {
  const count = (fields: object, message: string) => {
    const { reason } = fields as { reason?: unknown };
    const key = message === "peer leaves" ? `leaves: ${reason}` : message;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  };
  const log: Logger = { ...silentLogger, debug: count, info: count, warn: count, error: count, child: () => log };
  return { log, counts };
}
