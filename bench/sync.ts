// How fast a node follows a wire peer over loopback TCP: a feeder in a child process answers GETB from memory, a whole
// node (level database, recovery threads, network) catches up with it.
// usage: node <build>/bench/sync.js [chain.jsonl chain.params.json] [--ours] [--blocks N] [--memory]
//        node <build>/bench/sync.js --feed PORT chain.jsonl chain.params.json [--isolate]   (feeder alone, for other nodes)
// The files are one block a line with block_hex and sig_hex, and the chain's parameters; bench/sync-beside.ts keeps such.
// Without files a small chain is made. --ours: the feeder says it is one of our nodes (128 blocks an answer instead of
// 20). --isolate: large frames stand alone, as a reference node needs it.
import { fork } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { silentLogger } from "../src/base/log.ts";
import { blockHash } from "../src/chain/block.ts";
import { Blockchain } from "../src/chain/blockchain.ts";
import { makeGenesisBlock } from "../src/chain/genesis.ts";
import { UnconfirmedPool } from "../src/chain/unconfirmed-pool.ts";
import { installNativeBackend } from "../src/native/install.ts";
import { RecoveryPool } from "../src/native/recovery-pool.ts";
import { limitHeapGrowth } from "../src/node/heap-growth.ts";
import { systemClock } from "../src/node/system-clock.ts";
import { NETWORK_DEFAULTS, Network } from "../src/p2p/network.ts";
import { eventLoopTurn, systemRandom } from "../src/p2p/system.ts";
import { TcpTransport } from "../src/p2p/tcp.ts";
import { openLevelStore } from "../src/storage/level-store.ts";
import { MemoryStore } from "../src/storage/memory-store.ts";
import { type ChainFiles, makeBenchChain, readBenchBlocks, readBenchParams } from "./support/bench-chain.ts";
import { startFeeder } from "./support/wire-feeder.ts";

const flags = process.argv.slice(2);
const has = (flag: string) => flags.includes(flag);
const optionOf = (flag: string) => (has(flag) ? flags[flags.indexOf(flag) + 1] : undefined);
const files = flags.filter((arg, i) => !arg.startsWith("--") && !["--feed", "--blocks"].includes(flags[i - 1] ?? ""));

function givenFiles(): ChainFiles {
  return { chain: files[0] as string, params: files[1] as string };
}

async function main(): Promise<void> {
  if (has("--feed")) return feed(givenFiles(), Number(optionOf("--feed")));
  await installNativeBackend();
  const scratch = await mkdtemp(join(tmpdir(), "bench-sync-"));
  try {
    const small = { blocks: 200, transactions: 20, addresses: 1000 };
    await measure(files.length >= 2 ? givenFiles() : await makeBenchChain(scratch, small), scratch);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The feeder alone, until it is killed. */
async function feed(files: ChainFiles, port: number): Promise<void> {
  const blocks = await readBenchBlocks(files.chain, Number(optionOf("--blocks") ?? Number.POSITIVE_INFINITY));
  const params = await readBenchParams(files.params);
  const bound = await startFeeder({
    ...{ params, blocks, port },
    ours: has("--ours"),
    isolate: has("--isolate"),
    onAsked: (last, heldMs) => process.send?.({ asked: last, heldMs }),
  });
  process.send?.({ port: bound, blocks: blocks.length - 1 });
  if (process.send === undefined) console.log(`feeding ${blocks.length - 1} blocks on 127.0.0.1:${bound}`);
}

async function measure(files: ChainFiles, scratch: string): Promise<void> {
  const backend = await installNativeBackend();
  const params = await readBenchParams(files.params);
  const extra = [
    ...(has("--ours") ? ["--ours"] : []),
    ...(has("--blocks") ? ["--blocks", optionOf("--blocks") as string] : []),
  ];
  const child = fork(process.argv[1] as string, ["--feed", "0", files.chain, files.params, ...extra]);
  const { port, blocks } = await new Promise<{ port: number; blocks: number }>((resolve, reject) => {
    const ready = (message: { port?: number; blocks: number }) => {
      if (message.port === undefined) return;
      child.off("message", ready);
      resolve({ port: message.port, blocks: message.blocks });
    };
    child.on("message", ready);
    child.once("exit", (code) => reject(new Error(`feeder ended with ${code}`)));
  });
  const log = silentLogger;
  const genesis = makeGenesisBlock(params.genesis);
  const store = has("--memory")
    ? new MemoryStore()
    : await openLevelStore({
        dir: join(scratch, "db"),
        create: true,
        chain: { genesisHash: blockHash(genesis), publisherKey: params.publisherKey },
        log,
      });
  const recovery = new RecoveryPool({ backend: backend.kind });
  const chain = await Blockchain.open({ params, store, recovery, log });
  const pool = new UnconfirmedPool({ chain, store, params, clock: systemClock, log });
  const network = new Network(
    { ...NETWORK_DEFAULTS, localhostOnly: true, incoming: false, defaultConnections: [`127.0.0.1:${port}`] },
    {
      chain,
      pool,
      transport: new TcpTransport({ socketsMax: 192 }, { log }),
      clock: systemClock,
      random: systemRandom,
      log,
      turn: eventLoopTurn,
    },
  );
  const keepAlive = setInterval(() => {}, 1000);
  limitHeapGrowth();
  let transactions = 0;
  let startedMs = 0;
  let cpuBefore = process.cpuUsage();
  let rssMax = 0;
  const delay = monitorEventLoopDelay({ resolution: 5 });
  const done = new Promise<void>((resolve) => {
    chain.onBlock.on(({ block }) => {
      if (startedMs === 0) {
        startedMs = performance.now();
        cpuBefore = process.cpuUsage();
        delay.enable();
      } else transactions += block.transactions.length;
      if (block.header.seq % 100 === 0) rssMax = Math.max(rssMax, process.memoryUsage.rss());
      if (block.header.seq >= blocks) resolve();
    });
  });
  await network.start();
  await done;
  const seconds = (performance.now() - startedMs) / 1000;
  const cpu = process.cpuUsage(cpuBefore);
  delay.disable();
  const cpuMs = (cpu.user + cpu.system) / 1000;
  const row = {
    blocks,
    transactions,
    seconds: round(seconds),
    "tx/s": Math.round(transactions / seconds),
    "CPU ms/tx": round(cpuMs / transactions, 4),
    "RSS MB": Math.round(rssMax / 1e6),
    "loop delay max ms": round(delay.max / 1e6 - 5, 1),
    backend: backend.name,
    store: has("--memory") ? "memory" : "level",
    machine: `${cpus().length}x ${cpus()[0]?.model}`,
  };
  console.log(JSON.stringify(row));
  child.kill();
  await network.stop();
  await pool.close();
  await recovery.close();
  await store.close();
  clearInterval(keepAlive);
}

function round(value: number, digits = 2): number {
  return Number(value.toFixed(digits));
}

await main();
