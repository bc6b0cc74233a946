// Writing and reading the chain database: cost per transaction on the main thread and in the whole process.
// usage: node <build>/bench/storage.js [blocks per case, default 2000] [transactions per block, default 20] [addresses]
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "../src/base/log.ts";
import type { IdentifiedUxOut } from "../src/chain/store.ts";
import { sha256 } from "../src/cipher/hash.ts";
import { installNativeBackend } from "../src/native/install.ts";
import { type LevelStore, openLevelStore } from "../src/storage/level-store.ts";
import { FakeChain } from "../test/support/fake-blocks.ts";

const blocks = Number(process.argv[2] ?? 2000);
const txnsPerBlock = Number(process.argv[3] ?? 20);
const addresses = Number(process.argv[4] ?? 10_000);
const backend = await installNativeBackend();
const machine = `${cpus()[0]?.model ?? "?"} x${cpus().length}`;
console.log(`node ${process.version}, ${machine}, ${backend.name}`);
console.log(`${blocks} blocks of ${txnsPerBlock} transactions, 1 input and 2 outputs each, ${addresses} addresses`);

/** Time the main thread was on a processor, microseconds; wall time where the system does not say. */
function mainThreadUs(): number {
  const path = `/proc/self/task/${process.pid}/schedstat`;
  if (!existsSync(path)) return performance.now() * 1000;
  return Number(readFileSync(path, "latin1").split(" ")[0]) / 1000;
}

function processUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

function diskBytes(dir: string): number {
  const size = (name: string) => statSync(join(dir, name), { throwIfNoEntry: false })?.size ?? 0; // or compacted away
  return readdirSync(dir).reduce((sum, name) => sum + size(name), 0);
}

const round = (n: number, digits = 1) => n.toFixed(digits).padStart(8);

interface Cost {
  readonly blocks: number;
  readonly txns: number;
  readonly wall: number;
  readonly main: number;
  readonly process: number;
  readonly longest: number;
  readonly bytes: number;
}

/** Writes a chain, flushing every `per` blocks; only staging and flushing is counted. */
async function write(store: LevelStore, chain: FakeChain, per: number, count: number): Promise<Cost> {
  const cost = { blocks: count, txns: 0, wall: 0, main: 0, process: 0, longest: 0, bytes: 0 };
  // Outputs enough for every transaction of a block to spend one.
  for (let i = 0; i < 3; i++) store.stage(chain.next(txnsPerBlock, 40));
  await store.flush();
  for (let at = 0; at < count; at += per) {
    const changes = chain.chain(Math.min(per, count - at), txnsPerBlock, 2);
    for (const { txids } of changes) cost.txns += txids.length;
    const before = { wall: performance.now(), main: mainThreadUs(), process: processUs() };
    for (const change of changes) store.stage(change);
    await store.flush();
    const wall = performance.now() - before.wall;
    cost.longest = Math.max(cost.longest, wall);
    cost.wall += wall;
    cost.main += mainThreadUs() - before.main;
    cost.process += processUs() - before.process;
  }
  return { ...cost, bytes: diskBytes(store.dir) };
}

function show(per: number, { blocks, txns, wall, main, process: all, longest, bytes }: Cost): void {
  const figures = [
    `flush every ${String(per).padStart(4)}`,
    `${round((blocks / wall) * 1000, 0)} blocks/s`,
    `${round((txns / wall) * 1000, 0)} txns/s`,
    `${round(main / txns)} us main`,
    `${round(all / txns)} us process per txn`,
    `${round(longest, 0)} ms longest`,
    `${round(process.memoryUsage.rss() / 2 ** 20, 0)} MiB rss`,
    `${round(bytes / txns, 0)} bytes/txn`,
  ];
  console.log(figures.join(" "));
}

function read(name: string, count: number, work: (i: number) => unknown): void {
  const before = mainThreadUs();
  for (let i = 0; i < count; i++) work(i);
  console.log(`${name.padEnd(36)} ${round((mainThreadUs() - before) / count, 2)} us`);
}

async function readAll(store: LevelStore, chain: FakeChain): Promise<void> {
  const coins = chain.unspents;
  const coin = (i: number) => coins[(i * 7919) % coins.length] as IdentifiedUxOut;
  const head = store.head()?.seq ?? 0;
  const n = Math.min(20_000, coins.length);
  read("unspent, present", n, (i) => store.unspent(coin(i).id));
  const absent = Array.from({ length: n }, (_, i) => sha256(Buffer.of(i, i >> 8, i >> 16)));
  read("unspent, absent", n, (i) => store.unspent(absent[i] as (typeof absent)[0]));
  read("transaction", n, (i) => store.transaction(coin(i).ux.body.srcTransaction));
  read("block bytes", 2000, (i) => store.signedBlockBytes((i * 31) % head));
  read("block", 2000, (i) => store.blockBySeq((i * 31) % head));
  read("unspentsOf", 2000, (i) => store.unspentsOf(coin(i).ux.body.address));
  read("historyOf, last", 2000, (i) => {
    const history = store.historyOf(coin(i).ux.body.address);
    return history.at(history.length - 1);
  });
  let before = performance.now();
  let found = 0;
  for await (const chunk of store.scanUnspents()) found += chunk.length;
  console.log(`scan of ${found} outputs: ${round(performance.now() - before, 0)} ms`);
  before = performance.now();
  found = 0;
  for await (const chunk of store.holdings()) found += chunk.length;
  console.log(`scan of ${found} addresses: ${round(performance.now() - before, 0)} ms`);
}

// The first round warms the compiler up and is not shown.
for (const per of [0, 1, 10, 100]) {
  const dir = mkdtempSync(join(tmpdir(), "bench-storage-"));
  try {
    const chain = new FakeChain({ seed: per, addresses });
    let store = await openLevelStore({ dir: join(dir, "chain"), log: silentLogger });
    if (per === 0) await write(store, chain, 5, Math.min(300, blocks));
    else show(per, await write(store, chain, per, blocks));
    await store.close();
    if (per !== 100) continue;
    const before = performance.now();
    store = await openLevelStore({ dir: join(dir, "chain"), log: silentLogger });
    console.log(`opened and verified in ${round(performance.now() - before, 0)} ms`);
    await readAll(store, chain);
    await store.close();
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
