// Read endpoints of a reference node and of ours on the same chain, in turns, under the same load (wrk).
// usage: npm run build && npm run bench -- reads [--blocks 1000] [--transactions 20] [--addresses 10000] [--seconds 3]
//        [--connections 16] [--rounds 1] [--only health,outputs] [--keep DIR] [--cold] [--bare]
// LOGINCHAIN_GO_NODE: the reference's program; without it only ours is measured. --keep: where chain and nodes' data
// stay between runs, since making them takes minutes. Queries about one thing ask for another of 200 each time.
// A second of load goes before what is measured, unless --cold: then what first answers cost shows in the p99. --bare:
// first, what a server does that reads and writes sockets and looks at nothing.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toHex } from "../src/base/bytes.ts";
import type { ChainParams } from "../src/chain/params.ts";
import { encodeAddress } from "../src/cipher/address.ts";
import type { Signature } from "../src/cipher/sign.ts";
import { installNativeBackend } from "../src/native/install.ts";
import { GoNode, goNode } from "../test/support/p2p-go.ts";
import { eventually, freePorts, PROGRAM } from "../test/support/processes.ts";
import { type ChainFiles, makeBenchChain, readBenchParams } from "./support/bench-chain.ts";
import { describeRun } from "./support/measure.ts";

const flags = process.argv.slice(2);
const optionOf = (flag: string, fallback: string) => {
  const at = flags.indexOf(flag);
  return at < 0 ? fallback : (flags[at + 1] as string);
};
const blocks = Number(optionOf("--blocks", "1000"));
const transactions = Number(optionOf("--transactions", "20"));
const addresses = Number(optionOf("--addresses", "10000"));
const seconds = Number(optionOf("--seconds", "3"));
const connections = Number(optionOf("--connections", "16"));
const rounds = Number(optionOf("--rounds", "1"));
const isCold = flags.includes("--cold");
const only = optionOf("--only", "").split(",").filter(Boolean);

/** Things of the chain that queries ask for, `SAMPLES` of each. */
const SAMPLES = 200;

interface Facts {
  readonly addresses: readonly string[];
  readonly txids: readonly string[];
  readonly seqs: readonly number[];
}

interface Case {
  readonly name: string;
  /** Requests a second of ours wanted, in those of the reference. */
  readonly times: number;
  /** What one client after another asks for. */
  targets(facts: Facts): readonly string[];
}

const CASES: readonly Case[] = [
  { name: "health", times: 2, targets: () => ["/api/v1/health"] },
  { name: "version", times: 2, targets: () => ["/api/v1/version"] },
  { name: "metadata", times: 2, targets: () => ["/api/v1/blockchain/metadata"] },
  { name: "balance", times: 2, targets: (f) => f.addresses.map((address) => `/api/v1/balance?addrs=${address}`) },
  { name: "transaction", times: 2, targets: (f) => f.txids.map((txid) => `/api/v1/transaction?txid=${txid}`) },
  { name: "block", times: 2, targets: (f) => f.seqs.map((seq) => `/api/v1/block?seq=${seq}`) },
  { name: "outputs", times: 10, targets: (f) => f.addresses.map((address) => `/api/v1/outputs?addrs=${address}`) },
  {
    name: "transactions",
    times: 10,
    targets: (f) => f.addresses.map((address) => `/api/v1/transactions?verbose=1&addrs=${address}`),
  },
  { name: "last_blocks", times: 10, targets: () => ["/api/v1/last_blocks?num=10"] },
  { name: "coinSupply", times: 10, targets: () => ["/api/v1/coinSupply"] },
  { name: "richlist", times: 10, targets: () => ["/api/v1/richlist"] },
  { name: "outputs-all", times: 10, targets: () => ["/api/v1/outputs"] },
  { name: "transactions-all", times: 10, targets: () => ["/api/v1/transactions?verbose=1"] },
];

interface Figures {
  readonly perSecond: number;
  readonly p99Ms: number;
  readonly failed: number;
}

async function main(): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), "bench-reads-"));
  const kept = optionOf("--keep", "");
  const directory = kept === "" ? scratch : join(kept, `${blocks}x${transactions}x${addresses}`);
  const stops: (() => Promise<unknown>)[] = [];
  try {
    const files = await chainFiles(directory);
    const params = await readBenchParams(files.params);
    const ours = await startOurs(params, files, join(directory, "reads-ours"));
    stops.unshift(ours.stop);
    const webs = [ours.web];
    if (goNode !== undefined) {
      const go = await startGo(params, ours.port, join(directory, "reads-go"));
      stops.unshift(() => go.stop({ keep: true }));
      webs.push(go.web);
    }
    console.log(describeRun());
    console.log(
      `${blocks} blocks of ${transactions} transactions, ${addresses} addresses; ${connections} connections, ` +
        `${rounds} rounds of ${seconds} s each`,
    );
    await measureAll(webs, await factsOf(ours.web), scratch);
  } finally {
    for (const stop of stops) await stop();
    await rm(scratch, { recursive: true, force: true });
  }
}

async function chainFiles(directory: string): Promise<ChainFiles> {
  const files = { chain: join(directory, "chain.jsonl"), params: join(directory, "chain.params.json") };
  if (existsSync(files.params)) return files;
  await mkdir(directory, { recursive: true });
  await installNativeBackend();
  return makeBenchChain(directory, { blocks, transactions, addresses });
}

async function startOurs(params: ChainParams, files: ChainFiles, data: string) {
  const [web, port] = (await freePorts(2)) as [number, number];
  const chain = [
    `--genesis-address=${encodeAddress(params.genesis.address)}`,
    `--genesis-timestamp=${params.genesis.time}`,
    `--genesis-signature=${toHex(params.genesis.signature as Signature)}`,
    `--blockchain-public-key=${toHex(params.publisherKey)}`,
    `--data-dir=${data}`,
    "--disable-default-peers",
  ];
  const stdio = ["ignore", "ignore", "inherit"] as const;
  if (!existsSync(data)) {
    const [code] = await once(
      spawn(process.execPath, [PROGRAM, "chain", "import", files.chain, ...chain], { stdio: [...stdio] }),
      "exit",
    );
    if (code !== 0) throw new Error(`import ended with ${code}`);
  }
  const own = [
    "--localhost-only",
    "--download-peerlist=false",
    "--disable-outgoing",
    "--log-level=warn",
    "--enable-all-api-sets",
  ];
  const child = spawn(
    process.execPath,
    [PROGRAM, "daemon", ...chain, ...own, `--web-interface-port=${web}`, `--port=${port}`],
    { stdio: [...stdio] },
  );
  const exited = once(child, "exit");
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    await exited;
  };
  const base = `http://127.0.0.1:${web}`;
  await eventually(
    () => fetch(`${base}/api/v1/health`),
    ({ ok }) => ok,
    { timeoutMs: 60_000 },
  );
  return { web: base, port, stop };
}

/** Its own copy of the chain comes from our node. */
async function startGo(params: ChainParams, peer: number, directory: string): Promise<GoNode> {
  await mkdir(directory, { recursive: true });
  const go = await GoNode.start({
    params,
    genesisSignature: params.genesis.signature as Signature,
    peers: [`127.0.0.1:${peer}`],
    directory,
    flags: ["-log-level=warn"],
  });
  await go.until(async () => (await go.seq()) > blocks, "the chain to arrive", 1_200_000);
  return go;
}

async function factsOf(web: string): Promise<Facts> {
  const get = async <T>(target: string): Promise<T> => (await fetch(`${web}${target}`)).json() as Promise<T>;
  const seqs = Array.from({ length: SAMPLES }, (_, i) => 2 + Math.floor((i * (blocks - 2)) / SAMPLES));
  interface Found {
    readonly blocks: readonly {
      readonly body: {
        readonly txns: readonly { readonly txid: string; readonly outputs: { readonly dst: string }[] }[];
      };
    }[];
  }
  const found = await get<Found>(`/api/v1/blocks?seqs=${[...new Set(seqs)].join(",")}`);
  const txns = found.blocks.flatMap(({ body }) => body.txns);
  return {
    seqs,
    txids: txns.slice(0, SAMPLES).map(({ txid }) => txid),
    addresses: [...new Set(txns.map(({ outputs }) => outputs[0]?.dst as string))].slice(0, SAMPLES),
  };
}

async function measureAll(webs: readonly string[], facts: Facts, scratch: string): Promise<void> {
  console.log("request".padEnd(18), "  ours/s   p99 ms       go/s   p99 ms     ratio  wanted");
  if (flags.includes("--bare"))
    console.log("bare sockets".padEnd(18), shown(await bareSockets(webs[0] as string, scratch)));
  for (const one of CASES.filter(({ name }) => only.length === 0 || only.includes(name))) {
    const script = join(scratch, `${one.name}.lua`);
    await writeFile(script, rotation(one.targets(facts)));
    if (!isCold) for (const web of webs) await load(web, script, 1);
    const runs: Figures[][] = webs.map(() => []);
    for (let round = 0; round < rounds; round++) {
      for (const [i, web] of webs.entries()) runs[i]?.push(await rested(web).then(() => load(web, script)));
    }
    const [ours, go] = runs.map(median) as [Figures, Figures | undefined];
    const ratio =
      go === undefined
        ? ""
        : `   ${shown(go)} ${(ours.perSecond / go.perSecond).toFixed(2).padStart(9)} ${String(one.times).padStart(7)}`;
    console.log(one.name.padEnd(18), shown(ours), ratio);
  }
}

function shown({ perSecond, p99Ms, failed }: Figures): string {
  const rate = perSecond.toFixed(perSecond < 100 ? 1 : 0).padStart(8);
  return `${rate} ${p99Ms.toFixed(2).padStart(8)}${failed > 0 ? ` (${failed} failed)` : ""}`;
}

/** The answer to version by a process that does not look at the request: as fast as this machine's Node can be. */
async function bareSockets(web: string, scratch: string): Promise<Figures> {
  const target = "/api/v1/version";
  const body = await answerTo(web, target);
  const head = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
  const program = `const answer = Buffer.from(${JSON.stringify(head + body)});
    require("node:net").createServer((socket) => socket.on("error", () => {}).on("data", () => socket.write(answer)))
      .listen(0, "127.0.0.1", function () { console.log(this.address().port); });`;
  const server = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const [port] = await once(server.stdout, "data");
    const script = join(scratch, "bare.lua");
    await writeFile(script, rotation([target]));
    return await load(`http://127.0.0.1:${String(port).trim()}`, script);
  } finally {
    server.kill();
  }
}

async function answerTo(web: string, target: string): Promise<string> {
  return (await fetch(`${web}${target}`)).text();
}

/** Waits until a node has done with what earlier clients left behind. */
async function rested(web: string): Promise<void> {
  for (let quick = 0; quick < 10; ) {
    const start = performance.now();
    await (await fetch(`${web}/api/v1/version`)).arrayBuffer();
    quick = performance.now() - start < 10 ? quick + 1 : 0;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A program for wrk: the targets in turn, made before the load, since wrk itself is what is busiest in some cases. */
function rotation(targets: readonly string[]): string {
  const list = targets.map((target) => JSON.stringify(target)).join(", ");
  return `local targets = {${list}}
local requests = {}
local next = 0
init = function(arguments)
  for i, target in ipairs(targets) do requests[i] = wrk.format("GET", target) end
end
request = function()
  next = next % #requests + 1
  return requests[next]
end
done = function(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format("FIGURES %f %f %d\\n", summary.requests / summary.duration * 1e6, latency:percentile(99) / 1000, failed))
end
`;
}

async function load(web: string, script: string, forSeconds = seconds): Promise<Figures> {
  const args = ["-t1", `-c${connections}`, `-d${forSeconds}s`, "--timeout", "60s", "-s", script, web];
  const wrk = spawn("wrk", args, { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  wrk.stdout.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  await once(wrk, "close");
  const [, perSecond, p99Ms, failed] = /^FIGURES (\S+) (\S+) (\S+)$/m.exec(text) ?? [];
  if (perSecond === undefined) throw new Error(`wrk said: ${text}`);
  return { perSecond: Number(perSecond), p99Ms: Number(p99Ms), failed: Number(failed) };
}

function median(figures: readonly Figures[]): Figures {
  const middle = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;
  return {
    perSecond: middle(figures.map((f) => f.perSecond)),
    p99Ms: middle(figures.map((f) => f.p99Ms)),
    failed: figures.reduce((sum, f) => sum + f.failed, 0),
  };
}

await main();
