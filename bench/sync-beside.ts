// Our node and a reference node beside each other: whole processes that catch up with the same wire peer over loopback
// TCP, in turns, every signature verified, each from an empty database.
// usage: npm run bench -- sync-beside [--blocks 2000] [--transactions 20] [--addresses 10000] [--rounds 3]
//        [--only bindings,wasm,go] [--keep DIR] [--marks 1000,10000]
// LOGINCHAIN_GO_NODE: the reference's program (plain build); without it only ours runs. --keep: where the chain is kept
// between runs, since making one takes time. --marks: cost of the blocks up to each mark, for long chains.
import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { toHex } from "../src/base/bytes.ts";
import type { ChainParams } from "../src/chain/params.ts";
import { encodeAddress } from "../src/cipher/address.ts";
import type { Signature } from "../src/cipher/sign.ts";
import { installNativeBackend } from "../src/native/install.ts";
import { cpuSeconds, rssPeakOf } from "../test/support/process-usage.ts";
import { repositoryRoot } from "../test/support/repository.ts";
import { type ChainFiles, makeBenchChain, readBenchParams } from "./support/bench-chain.ts";
import { describeRun } from "./support/measure.ts";
import { optionsOf } from "./support/options.ts";

type Kind = "bindings" | "wasm" | "go";

const flags = process.argv.slice(2);
const optionOf = optionsOf(flags);
const blocks = Number(optionOf("--blocks", "2000"));
const transactions = Number(optionOf("--transactions", "20"));
const addresses = Number(optionOf("--addresses", "10000"));
const rounds = Number(optionOf("--rounds", "3"));
const marks = optionOf("--marks", "").split(",").filter(Boolean).map(Number);
const goNode = process.env.LOGINCHAIN_GO_NODE;
const kinds = (optionOf("--only", "bindings,wasm,go").split(",") as Kind[]).filter((kind) => kind !== "go" || goNode);

interface Sample {
  readonly seq: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly rssMax: number;
  readonly heldMs: number;
}

interface Result {
  readonly perSecond: number;
  readonly cpuMs: number;
  readonly rssMax: number;
  /** Share of the time in which the feeder held an answer back. */
  readonly held: number;
  readonly samples: readonly Sample[];
}

async function main(): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), "bench-sync-beside-"));
  try {
    const files = await chainFiles(scratch);
    const params = await readBenchParams(files.params);
    console.log(describeRun());
    console.log(
      `${blocks} blocks of ${transactions} transactions (1 input, 2 outputs), ${addresses} addresses, ${rounds} rounds`,
    );
    const results = new Map<Kind, Result[]>();
    for (let round = 0; round < rounds; round++) {
      for (const kind of kinds) {
        const directory = await mkdtemp(join(scratch, `${kind}-`));
        const result = await run(kind, { files, params, directory });
        await rm(directory, { recursive: true, force: true });
        results.set(kind, [...(results.get(kind) ?? []), result]);
        const { perSecond, cpuMs, rssMax, held } = result;
        const wait = held > 0 ? `  ${(held * 100).toFixed(1)} % of its time waiting for the feeder` : "";
        console.log(
          `  ${kind.padEnd(8)} ${perSecond.toFixed(0).padStart(7)} tx/s  ${cpuMs.toFixed(4)} CPU ms/tx  ${mb(rssMax)} MB${wait}`,
        );
        printMarks(result);
      }
    }
    summary(results);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function chainFiles(scratch: string): Promise<ChainFiles> {
  const kept = optionOf("--keep", "");
  const directory = kept === "" ? scratch : join(kept, `${blocks}x${transactions}x${addresses}`);
  const files = { chain: join(directory, "chain.jsonl"), params: join(directory, "chain.params.json") };
  if (existsSync(files.params)) return files;
  await mkdir(directory, { recursive: true });
  await installNativeBackend();
  return makeBenchChain(directory, { blocks, transactions, addresses });
}

interface Setting {
  readonly files: ChainFiles;
  readonly params: ChainParams;
  readonly directory: string;
}

/** One catch-up from the first request after the splitting block to the request that says the last has been taken. */
async function run(kind: Kind, setting: Setting): Promise<Result> {
  const feeder = startFeederProcess(kind, setting.files);
  let node: ChildProcess | undefined;
  try {
    const { port, last } = await feeder.ready;
    node = await startNode(kind, setting, port);
    const pid = node.pid as number;
    const samples: Sample[] = [];
    const due = [1, ...marks.filter((mark) => mark < last), last];
    const started = performance.now();
    await new Promise<void>((resolve, reject) => {
      node?.once("exit", (code) => reject(new Error(`${kind} ended with ${code}`)));
      feeder.onAsked((seq, ms) => {
        while (due[0] !== undefined && seq >= due[0]) {
          due.shift();
          samples.push({
            seq,
            seconds: (performance.now() - started) / 1000,
            heldMs: ms,
            cpuSeconds: cpuSeconds(pid),
            rssMax: rssPeakOf(pid),
          });
        }
        if (due.length === 0) resolve();
      });
    });
    const [first, end] = [samples[0] as Sample, samples.at(-1) as Sample];
    const count = (end.seq - first.seq) * transactions;
    return {
      perSecond: count / (end.seconds - first.seconds),
      cpuMs: ((end.cpuSeconds - first.cpuSeconds) * 1000) / count,
      rssMax: end.rssMax,
      held: (end.heldMs - first.heldMs) / 1000 / (end.seconds - first.seconds),
      samples,
    };
  } finally {
    feeder.stop();
    if (node !== undefined && node.exitCode === null) {
      node.removeAllListeners("exit");
      node.kill("SIGKILL");
      await once(node, "exit");
    }
  }
}

function startFeederProcess(kind: Kind, files: ChainFiles) {
  const program = join(dirname(fileURLToPath(import.meta.url)), "sync.js");
  // A plain peer for both; only the pace of frames that the reference needs is different.
  const extra = kind === "go" ? ["--isolate"] : [];
  const child = fork(program, ["--feed", "0", files.chain, files.params, ...extra]);
  let asked: (seq: number, heldMs: number) => void = () => {};
  const ready = new Promise<{ port: number; last: number }>((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`feeder ended with ${code}`)));
    child.on("message", (message: { port?: number; blocks?: number; asked?: number; heldMs?: number }) => {
      if (message.port !== undefined) resolve({ port: message.port, last: message.blocks as number });
      if (message.asked !== undefined) asked(message.asked, message.heldMs as number);
    });
  });
  const stop = () => {
    child.removeAllListeners("exit");
    child.kill("SIGKILL");
  };
  const onAsked = (listener: (seq: number, heldMs: number) => void) => {
    asked = listener;
  };
  return { ready, onAsked, stop };
}

async function startNode(kind: Kind, { params, directory }: Setting, feederPort: number): Promise<ChildProcess> {
  const peers = join(directory, "peers.txt");
  await writeFile(peers, `127.0.0.1:${feederPort}\n`);
  const options = [
    "-localhost-only",
    "-download-peerlist=false",
    "-disable-default-peers",
    "-disable-incoming",
    "-web-interface=false",
    "-log-level=warn",
    `-genesis-address=${encodeAddress(params.genesis.address)}`,
    `-blockchain-public-key=${toHex(params.publisherKey)}`,
    `-genesis-timestamp=${params.genesis.time}`,
    `-genesis-signature=${toHex(params.genesis.signature as Signature)}`,
    `-data-dir=${join(directory, "data")}`,
    `-custom-peers-file=${peers}`,
    "-connection-rate=1s",
  ];
  const stdio = ["ignore", "ignore", "inherit"] as const;
  const env = { ...process.env, HOME: directory };
  if (kind === "go")
    return spawn(goNode as string, [...options, "-launch-browser=false"], { cwd: "/", env, stdio: [...stdio] });
  const program = join(repositoryRoot(), "dist", "cli", "main.js");
  return spawn(process.execPath, [program, "daemon", ...options], {
    env: { ...env, LOGINCHAIN_CIPHER_BACKEND: kind },
    stdio: [...stdio],
  });
}

function printMarks({ samples }: Result): void {
  if (marks.length === 0) return;
  samples.slice(1).forEach((sample, i) => {
    const before = samples[i] as Sample;
    const count = sample.seq - before.seq;
    const wall = (((sample.seconds - before.seconds) * 1000) / count).toFixed(3);
    const cpu = (((sample.cpuSeconds - before.cpuSeconds) * 1000) / count).toFixed(3);
    console.log(
      `    blocks ${before.seq} to ${sample.seq}: ${wall} ms, ${cpu} CPU ms a block; ${mb(sample.rssMax)} MB`,
    );
  });
}

/** Medians, and ours against the reference's. */
function summary(results: ReadonlyMap<Kind, readonly Result[]>): void {
  const go = results.get("go");
  console.log("median of the rounds:");
  for (const [kind, of] of results) {
    const [rate, cpu] = [median(of.map((r) => r.perSecond)), median(of.map((r) => r.cpuMs))];
    const rss = Math.max(...of.map((r) => r.rssMax));
    const beside =
      go === undefined || kind === "go"
        ? ""
        : `  ${(rate / median(go.map((r) => r.perSecond))).toFixed(1)}x the reference's transactions per second, 1/${(median(go.map((r) => r.cpuMs)) / cpu).toFixed(1)} of its CPU`;
    console.log(
      `  ${kind.padEnd(8)} ${rate.toFixed(0).padStart(7)} tx/s  ${cpu.toFixed(4)} CPU ms/tx  at most ${mb(rss)} MB${beside}`,
    );
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}

function mb(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}

await main();
