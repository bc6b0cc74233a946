// A process full of attackers. Its first message from the parent says whom to attack and how; one visitor keeps one
// connection at most and comes back when it is closed. Tells the parent four times a second how it goes; ends when told.
import { connect, type Socket } from "node:net";
import { parseHash } from "../../src/cipher/hash.ts";
import { parsePublicKey } from "../../src/cipher/keys.ts";
import { systemRandom } from "../../src/p2p/system.ts";
import {
  type HostileDoor,
  httpKinds,
  PEER_KINDS,
  type Visit,
  type VisitorKind,
  visitContext,
  WEBSOCKET_KINDS,
} from "./hostile-visitors.ts";
import "./native.ts";

export interface CrowdOrder {
  readonly ports: Readonly<Record<HostileDoor, number>>;
  readonly publisherKey: string;
  readonly genesisHash: string;
  /** Visitors by what they do. */
  readonly visitors: {
    readonly p2p: number;
    readonly webSocket: number;
    readonly api: number;
    readonly public: number;
  };
  /** Connections opened each second, at most. */
  readonly rate: number;
}

export interface CrowdReport {
  readonly opened: number;
  readonly failed: number;
  readonly open: number;
  readonly openMax: number;
  /** Open or being opened, once all had begun: at the least, in nine of ten moments at least, in half of them at least. */
  readonly standing: readonly [least: number, tenth: number, median: number];
}

const TICK_MS = 500;
const STEP_MS = 10;

class Visitor {
  readonly #kind: VisitorKind;
  readonly #number: number;
  #socket: Socket | undefined;
  #visit: Visit | undefined;
  #ticks = 0;

  constructor(kind: VisitorKind, number: number) {
    this.#kind = kind;
    this.#number = number;
  }

  open(): void {
    const visit = this.#kind.make(visitContext(chain, systemRandom));
    const socket = connect({ host: "127.0.0.1", port: order.ports[this.#kind.door], localAddress: this.#address() });
    let stood = false;
    counts.opening++;
    socket.on("error", () => {});
    socket.once("connect", () => {
      stood = true;
      counts.opening--;
      counts.opened++;
      counts.open++;
      counts.openMax = Math.max(counts.openMax, counts.open);
      this.#socket = socket;
      this.#visit = visit;
      this.#ticks = 0;
      if (visit.deaf) socket.pause();
      else socket.resume();
      visit.begin(socket);
    });
    socket.once("close", () => {
      if (stood) counts.open--;
      else {
        counts.opening--;
        counts.failed++;
      }
      this.#socket = undefined;
      waiting.push(this);
    });
  }

  tick(): void {
    const socket = this.#socket;
    if (socket === undefined || !socket.writable || socket.pending) return;
    this.#visit?.tick?.(socket, this.#ticks++);
  }

  /** Of 127.0.0.0/8, all of which is this machine: another one for each few visitors. */
  #address(): string {
    const n = this.#number;
    return `127.${1 + (n % 97)}.${(n >> 4) & 255}.${1 + (n % 199)}`;
  }
}

const counts = { opened: 0, failed: 0, opening: 0, open: 0, openMax: 0 };
const waiting: Visitor[] = [];
const order = await new Promise<CrowdOrder>((resolve) => process.once("message", resolve));
const chain = { publisherKey: parsePublicKey(order.publisherKey), genesisHash: parseHash(order.genesisHash) };

const { ports } = order;
const kinds = [
  ...[PEER_KINDS, WEBSOCKET_KINDS, httpKinds("api", ports.api), httpKinds("public", ports.public)].flatMap(
    (list, i) => {
      const { p2p, webSocket, api, public: open } = order.visitors;
      const count = [p2p, webSocket, api, open][i] as number;
      return Array.from({ length: count }, (_, n) => list[n % list.length] as VisitorKind);
    },
  ),
];
const visitors = kinds.map((kind, number) => new Visitor(kind, number));
// Of each kind some from the beginning.
waiting.push(...visitors.toSorted(() => systemRandom.u32() - 2 ** 31));

const started = performance.now();
let begun = 0;
setInterval(() => {
  const due = ((performance.now() - started) / 1000) * order.rate;
  // What was missed is not made up for: that would be a burst of another rate.
  begun = Math.max(begun, due - order.rate / 10);
  for (; begun < due && waiting.length > 0; begun++) waiting.shift()?.open();
  begun = Math.max(begun, due - 1);
}, STEP_MS);
const standing: number[] = [];
let slice = 0;
const SLICES = TICK_MS / STEP_MS;
setInterval(() => {
  for (let i = slice; i < visitors.length; i += SLICES) visitors[i]?.tick();
  slice = (slice + 1) % SLICES;
  if (begun >= visitors.length) standing.push(counts.open + counts.opening);
}, STEP_MS);
setInterval(() => {
  standing.sort((a, b) => a - b);
  const at = (share: number): number => standing[Math.floor(standing.length * share)] ?? 0;
  process.send?.({ ...counts, standing: [at(0), at(0.1), at(0.5)] } satisfies CrowdReport & { opening: number });
}, 250);
process.once("disconnect", () => process.exit(0));
