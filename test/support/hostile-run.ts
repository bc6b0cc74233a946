import { fork } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { Agent, get } from "node:http";
import { constants, setPriority } from "node:os";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { loadGenesisWallet } from "../../src/config/genesis-wallet.ts";
import { waitForBlock } from "../../src/orchestrator/bootstrap.ts";
import type { CrowdOrder, CrowdReport } from "./hostile-crowd.ts";
import { loginChain } from "./login-chain.ts";
import { cpuSeconds, rssOf } from "./process-usage.ts";
import { eventually, type RunningNode } from "./processes.ts";
import { Spender } from "./spender.ts";

const OPENING_MS_MAX = 20_000;
/** Files that stay open on purpose: handles of two listeners that had a rush, and some of Node's own. */
const FILES_KEPT = 2 * 31 + 3;
const CROWD = fileURLToPath(new URL("./hostile-crowd.js", import.meta.url));

export interface HostileOptions {
  /** Visitors in all: half of them at the peer-to-peer door, the others over HTTP and WebSocket at the public one. */
  readonly visitors: number;
  /** A part of them at the private API as well, which no operator shows to strangers. */
  readonly privateToo?: boolean;
  readonly rate: number;
  readonly seconds: number;
  /** More flags of the node under attack. */
  readonly flags?: readonly string[];
  readonly progress?: (line: string) => void;
}

export interface HostileFigures {
  readonly crowd: CrowdReport;
  readonly rssBefore: number;
  readonly rssMax: number;
  readonly rssAfter: number;
  /** Seconds, from the node's own metrics, over the whole attack. */
  readonly loopDelayP99: number;
  readonly loopDelayMax: number;
  /** From the injection of a transaction at the node under attack to its block on the honest peer. */
  readonly blockMs: readonly number[];
  /** How users were answered. */
  readonly users: readonly UserFigures[];
  readonly openBefore: number;
  readonly openAfter: number;
  /** What is above zero afterwards and should not be. */
  readonly left: readonly string[];
  readonly releasedMs: number;
  readonly cpuShare: number;
  readonly metrics: string;
  /** What the node logged, at level error. */
  readonly log: readonly string[];
}

/** A publisher attacked on all its doors, with an honest peer behind it and users on its API. */
export async function runHostile(t: TestContext, options: HostileOptions): Promise<HostileFigures> {
  const { visitors, seconds, progress = () => {} } = options;
  const chain = await loginChain(t);
  const { publicKey: publisherKey } = await loadGenesisWallet(chain.files.genesis);
  const node = await chain.startPublisher(
    "--public-addr=127.0.0.1:0",
    "--enable-all-api-sets=true",
    "--log-level=error",
    ...(options.flags ?? []),
  );
  const honest = await chain.startPeer(node.port, "--log-level=error");
  await chain.bootstrap(node);
  await waitForBlock({ api: honest.web, seq: 1, timeoutMs: 30_000 });
  const spender = await Spender.open(node.web, chain.files.genesis);
  await spender.once(node.web, { confirmedAt: honest.web });
  const pid = node.process.pid as number;
  const [rssBefore, openBefore] = [rssOf(pid), openFiles(pid)];
  await metricsOf(node); // from here on the delay counts
  const cpuBefore = cpuSeconds(pid);

  const crowd = fork(CROWD, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  t.after(() => crowd.kill("SIGKILL"));
  // Attackers have machines of their own: here they get what processor time the others leave.
  setPriority(crowd.pid as number, constants.priority.PRIORITY_BELOW_NORMAL);
  let report: CrowdReport = { opened: 0, failed: 0, open: 0, openMax: 0, standing: [0, 0, 0] };
  const begun = once(crowd, "message");
  crowd.on("message", (message) => {
    report = message as CrowdReport;
    progress(`${JSON.stringify(report)} rss ${(rssOf(pid) / 1e6).toFixed(0)} MB, ${openFiles(pid)} files`);
  });
  crowd.send(await orderFor(node, publisherKey, options));
  await begun;

  const calm = new AbortController();
  const begunAt = performance.now();
  // On a busy machine the attackers come to open their connections late: the attack goes on until half have had theirs.
  const isOver = () => {
    const lasted = performance.now() - begunAt;
    return lasted >= seconds * 1000 && (report.opened >= visitors / 2 || lasted >= seconds * 1000 + OPENING_MS_MAX);
  };
  let rssMax = 0;
  const watching = (async () => {
    for (; !calm.signal.aborted; await pause(50)) rssMax = Math.max(rssMax, rssOf(pid));
  })();
  const users = Object.entries({ private: node.web, public: node.publicWeb ?? "" }).flatMap(([name, base]) =>
    [false, true].map((kept) => new User(name, base, kept)),
  );
  users.push(new Stranger("public", node.publicWeb ?? "", false));
  const using = users.map((user) => user.run(calm.signal));
  spender.latencies.length = 0;
  while (!isOver()) {
    await spender.once(node.web, { confirmedAt: honest.web, timeoutMs: 60_000 });
    await pause(Math.min(500, seconds * 100));
  }
  calm.abort();
  await Promise.all([...using, watching]);
  const cpuShare = (cpuSeconds(pid) - cpuBefore) / ((performance.now() - begunAt) / 1000);
  const metrics = await eventually(
    () => metricsOf(node),
    () => true,
    { timeoutMs: 10_000 },
  );

  const gone = once(crowd, "exit");
  crowd.kill("SIGKILL");
  await gone;
  const endedAt = performance.now();
  let left: string[] = ["nothing was asked"];
  await eventually(
    async () => {
      left = leftOver(await metricsOf(node));
      const more = openFiles(pid) - openBefore;
      return more > FILES_KEPT ? [...left, `${more} more open files`] : left;
    },
    ({ length }) => length === 0,
    { timeoutMs: 40_000, everyMs: 100 },
  ).catch((error: unknown) => left.push(String(error)));
  const releasedMs = performance.now() - endedAt;
  await pause(Math.min(seconds * 100, 3_000));
  const [rssAfter, openAfter] = [rssOf(pid), openFiles(pid)];
  await node.stop();
  const sample = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(metrics)?.[1] ?? Number.NaN);
  return {
    ...{
      crowd: report,
      rssBefore,
      rssMax,
      rssAfter,
      openBefore,
      openAfter,
      left,
      releasedMs,
      cpuShare,
    },
    loopDelayP99: sample('nodejs_eventloop_delay_seconds\\{quantile="0.99"\\}'),
    loopDelayMax: sample('nodejs_eventloop_delay_seconds\\{quantile="1"\\}'),
    blockMs: [...spender.latencies],
    users,
    metrics,
    log: node.lines,
  };
}

const PATHS = [
  "/api/v1/health",
  "/api/v1/version",
  "/api/v1/blockchain/metadata",
  "/api/v1/last_blocks?num=10",
  "/api/v1/coinSupply",
];

export interface UserFigures {
  readonly who: string;
  readonly times: readonly number[];
  readonly failures: readonly string[];
}

/** Asks for this and that, one request after the other. */
class User implements UserFigures {
  readonly who: string;
  readonly times: number[] = [];
  readonly failures: string[] = [];
  readonly #base: string;
  readonly #kept: boolean;

  constructor(name: string, base: string, kept: boolean) {
    this.#base = base;
    this.#kept = kept;
    this.who = `${name} API, ${kept ? "one connection" : "a connection for each request"}`;
  }

  /** Where request `i` comes from, of 127.0.0.0/8: not where a proxy on this machine would be. */
  protected addressOf(_i: number): string {
    return "127.240.0.1";
  }

  async run(signal: AbortSignal): Promise<void> {
    const agent = new Agent({ keepAlive: this.#kept, maxSockets: 1 });
    for (let i = 0; !signal.aborted; i++) {
      const started = performance.now();
      try {
        await ask(`${this.#base}${PATHS[i % PATHS.length]}`, { agent, localAddress: this.addressOf(i) });
        this.times.push(performance.now() - started);
      } catch (error) {
        this.failures.push(error instanceof Error ? error.message : String(error));
      }
      await pause(20);
    }
    agent.destroy();
  }
}

/** Each time somebody who has not been there yet. */
class Stranger extends User {
  override readonly who = "public API, somebody else each time";

  protected override addressOf(i: number): string {
    return `127.241.${(i >> 8) & 255}.${i & 255}`;
  }
}

function ask(url: string, options: { readonly agent: Agent; readonly localAddress: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = get(url, { ...options, timeout: 5_000 }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => {
        if (response.statusCode !== 200) body += text;
      });
      response.once("end", () =>
        response.statusCode === 200 ? resolve() : reject(new Error(`status ${response.statusCode} of ${url}: ${body}`)),
      );
      response.once("error", reject);
    });
    request.once("timeout", () => request.destroy(new Error("no answer within 5 s")));
    request.once("error", reject);
  });
}

async function orderFor(
  node: RunningNode,
  publisherKey: string,
  { visitors, privateToo = false, rate }: HostileOptions,
): Promise<CrowdOrder> {
  const genesis = (await node.get("/api/v1/block?seq=0")) as { header: { block_hash: string } };
  const share = (part: number) => Math.round(visitors * part);
  return {
    ports: { p2p: node.port, api: portOf(node.web), public: portOf(node.publicWeb ?? "") },
    publisherKey,
    genesisHash: genesis.header.block_hash,
    visitors: {
      p2p: share(0.5),
      webSocket: share(0.15),
      api: share(privateToo ? 0.15 : 0),
      public: share(privateToo ? 0.2 : 0.35),
    },
    rate,
  };
}

const portOf = (url: string): number => Number(new URL(url).port);

async function metricsOf(node: RunningNode): Promise<string> {
  const response = await fetch(`${node.web}/metrics`, { signal: AbortSignal.timeout(5_000) });
  if (!response.ok) throw new Error(`metrics: ${response.status}`);
  return response.text();
}

/** Queues, pools and connections that are not empty, but for the honest peer and the request for these figures. */
function leftOver(metrics: string): string[] {
  const lines = metrics.split("\n").filter((line) => !line.startsWith("#"));
  const allowed: Readonly<Record<string, number>> = { http_requests_in_flight: 1, open_connections: 1, p2p_sockets: 1 };
  return lines.filter((line) => {
    const name = /^[a-z0-9_]+/.exec(line)?.[0] ?? "";
    const watched =
      /^(p2p_(sockets|frames_waiting|input_bytes|output_bytes)|open_connections|http_requests_in_flight)$/;
    return watched.test(name) && Number(line.split(" ").at(-1)) > (allowed[name] ?? 0);
  });
}

function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}
