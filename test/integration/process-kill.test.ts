import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { makeBenchChain, readBenchBlocks, readBenchParams } from "../../bench/support/bench-chain.ts";
import { startFeeder } from "../../bench/support/wire-feeder.ts";
import { toHex } from "../../src/base/bytes.ts";
import { blockHash, decodeSignedBlock } from "../../src/chain/block.ts";
import { encodeAddress } from "../../src/cipher/address.ts";
import { randomFrom } from "../support/fake-blocks.ts";
import { loginChain } from "../support/login-chain.ts";
import "../support/native.ts";
import { eventually, type RunningNode, runProgram, startDaemon, temporaryDirectory } from "../support/processes.ts";
import { askIfUp, Spender } from "../support/spender.ts";
import { childPid, startUp } from "../support/up.ts";

const isLong = process.env.LOGINCHAIN_LONG === "1";
const KILLS = Number(process.env.LOGINCHAIN_KILLS ?? (isLong ? 50 : 2));
const STOPS = Number(process.env.LOGINCHAIN_STOPS ?? (isLong ? 200 : 2));
const SYNC_BLOCKS = isLong ? 4_000 : 1_000;
/** A supervisor gives up on a node that ends nine times in quick succession. */
const KILLS_PER_START = 8;
const seed = Number(process.env.LOGINCHAIN_SEED ?? Date.now() % 1_000_000);

interface Head {
  readonly head: { readonly seq: number; readonly block_hash: string };
}

/** What a node has said its blocks are. */
class Acknowledged {
  readonly hashes = new Map<number, string>();

  /** Asks until the signal fires. */
  async watch(api: string, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const answer = await askIfUp<Head>(`${api}/api/v1/blockchain/metadata`);
      if (answer !== undefined) this.note(answer.head);
      await pause(20);
    }
  }

  note({ seq, block_hash }: Head["head"]): void {
    assert.equal(this.hashes.get(seq) ?? block_hash, block_hash, `block ${seq} has changed`);
    this.hashes.set(seq, block_hash);
  }

  async check(api: string, from = 0): Promise<void> {
    for (const [seq, hash] of this.hashes) {
      if (seq < from) continue;
      const block = await askIfUp<{ header: { block_hash: string } }>(`${api}/api/v1/block?seq=${seq}`);
      assert.equal(block?.header.block_hash, hash, `${api}: block ${seq}`);
    }
  }
}

test(`${KILLS} kills of a node while blocks are made: it is back, and no acknowledged block or transaction is lost`, async (t) => {
  const random = randomFrom(seed);
  const directory = await temporaryDirectory(t);
  const blocks = new Acknowledged();
  const transactions: string[] = [];
  const restarts: number[] = [];
  for (let kill = 0; kill < KILLS; ) {
    const up = await startUp(t, directory);
    const spender = await Spender.open(up.peer, join(directory, "login_genesis.json"));
    for (let i = 0; i < KILLS_PER_START && kill < KILLS; i++, kill++) {
      const name = random() < 0.6 ? "publisher" : "peer";
      const backs = () => up.output().split(`${name} is back after`).length;
      const before = backs();
      const ending = new AbortController();
      const { signal } = ending;
      const load = spender.run(up.peer, { lanes: 3, signal });
      const watching = [up.publisher, up.peer].map((api) => blocks.watch(api, signal));
      await pause(50 + random() * 400);
      process.kill(await childPid(up, name), "SIGKILL");
      const killedAt = performance.now();
      await eventually(
        async () => backs(),
        (now) => now > before,
      );
      restarts.push(performance.now() - killedAt);
      const seqThen = Math.max(...blocks.hashes.keys());
      ending.abort();
      await Promise.all([load, ...watching]); // the last transactions are confirmed: the chain goes on
      for (const api of [up.publisher, up.peer]) await blocks.check(api, seqThen - 50);
    }
    transactions.push(...spender.confirmed);
    for (const id of transactions) {
      for (const api of [up.publisher, up.peer]) {
        const found = await askIfUp<{ status: { confirmed: boolean } }>(`${api}/api/v1/transaction?txid=${id}`);
        assert.equal(found?.status.confirmed, true, `${id} at ${api}`);
      }
    }
    for (const api of [up.publisher, up.peer]) await blocks.check(api);
    assert.equal(await up.stop(), 0);
  }
  for (const data of ["login_data", "login_peer_data"]) await verified(join(directory, data), directory);
  report(t, restarts, `${blocks.hashes.size} blocks and ${transactions.length} transactions acknowledged`);
});

async function verified(data: string, directory: string): Promise<void> {
  const env = { FIBER_TOML: join(directory, "login_peer.toml") };
  const { code, stdout, stderr } = await runProgram(["chain", "verify", `--data-dir=${data}`], { env });
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /nothing wrong/);
}

test(`${KILLS} kills of a node that catches up: it goes on from there, and no acknowledged block is lost`, async (t) => {
  const random = randomFrom(seed + 1);
  const directory = await temporaryDirectory(t);
  const files = await makeBenchChain(directory, { blocks: SYNC_BLOCKS, transactions: 1, addresses: 100 });
  const [params, blocks] = [await readBenchParams(files.params), await readBenchBlocks(files.chain)];
  const hashAt = (seq: number) => toHex(blockHash(decodeSignedBlock(blocks[seq] as Uint8Array)));
  const ending = new AbortController();
  t.after(() => ending.abort());
  let askedFor = 0;
  const port = await startFeeder({
    params,
    blocks,
    port: 0,
    ours: true,
    isolate: false,
    signal: ending.signal,
    onAsked: (last) => {
      askedFor = last;
    },
  });
  const peers = join(directory, "peers.txt");
  await writeFile(peers, `127.0.0.1:${port}\n`);
  const { genesis, publisherKey } = params;
  const data = join(directory, "data");
  const flags = [
    `--genesis-address=${encodeAddress(genesis.address)}`,
    `--genesis-timestamp=${genesis.time}`,
    `--genesis-signature=${toHex(genesis.signature as Uint8Array)}`,
    `--blockchain-public-key=${toHex(publisherKey)}`,
    "--disable-default-peers",
    `--custom-peers-file=${peers}`,
    "--connection-rate=10ms",
    `--data-dir=${data}`,
  ];
  const top = blocks.length - 1;
  const restarts: number[] = [];
  const heads: number[] = [];
  let acknowledged = 0;
  const start = async (): Promise<RunningNode> => {
    askedFor = 0;
    const startedAt = performance.now();
    const node = await startDaemon(t, flags);
    restarts.push(performance.now() - startedAt);
    const { head } = (await node.get("/api/v1/blockchain/metadata")) as Head;
    assert.ok(head.seq >= acknowledged, `head ${head.seq}, acknowledged ${acknowledged}`);
    assert.equal(head.block_hash, hashAt(head.seq));
    const block = (await node.get(`/api/v1/block?seq=${acknowledged}`)) as { header: { block_hash: string } };
    assert.equal(block.header.block_hash, hashAt(acknowledged));
    acknowledged = head.seq;
    heads.push(head.seq);
    return node;
  };
  for (let kill = 0; kill < KILLS; kill++) {
    const node = await start();
    const watch = new Acknowledged();
    const stop = new AbortController();
    const watching = watch.watch(node.web, stop.signal);
    const target = acknowledged + Math.floor(random() * (top - acknowledged));
    while (askedFor < target) await pause(1);
    await pause(random() * 150);
    await node.kill();
    stop.abort();
    await watching;
    acknowledged = Math.max(acknowledged, ...watch.hashes.keys());
    if (acknowledged === top) {
      await rm(data, { recursive: true });
      acknowledged = 0; // from the beginning
    }
  }
  let node = await start();
  await eventually(
    () => node.get("/api/v1/blockchain/metadata") as Promise<Head>,
    ({ head }) => head.seq === top,
    {
      timeoutMs: 60_000,
    },
  );
  await node.kill();
  acknowledged = top;
  restarts.length = 0; // now with the whole chain, set hash checked
  for (let i = 0; i < (isLong ? 5 : 1); i++) {
    node = await start();
    await node.kill();
  }
  report(t, restarts, `start on ${top} blocks; gone on from ${heads.join(" ")}`);
});

test(`${STOPS} orderly stops under load: exit code 0 within 5 s, nothing to repair`, async (t) => {
  const random = randomFrom(seed + 2);
  const chain = await loginChain(t);
  const blocks = new Acknowledged();
  let node = await chain.startPublisher();
  await chain.bootstrap(node);
  await eventually(
    () => node.get("/api/v1/blockchain/metadata") as Promise<Head>,
    ({ head }) => head.seq === 1,
  );

  const took: number[] = [];
  for (let stop = 0; stop < STOPS; stop++) {
    const spender = await Spender.open(node.web, chain.files.genesis, { alone: true });
    const ending = new AbortController();
    const load = spender.run(node.web, { lanes: 1, signal: ending.signal }).catch(() => {}); // the node goes away
    const watching = blocks.watch(node.web, ending.signal);
    await pause(30 + random() * 200);
    const stoppedAt = performance.now();
    ending.abort();
    assert.equal(await node.stop(), 0, `stop ${stop}: ${node.lines.slice(-3).join("\n")}`);
    took.push(performance.now() - stoppedAt);
    await watching;
    node = await chain.startPublisher();
    await blocks.check(node.web, Math.max(...blocks.hashes.keys()) - 20);
    void load;
  }
  assert.ok(Math.max(...took) < 5_000, `${Math.max(...took)} ms`);
  assert.equal(await node.stop(), 0);
  report(t, took, `${blocks.hashes.size} blocks acknowledged`);
});

test("a disk that refuses stops the publisher, /readyz says so, and all resumes by itself", {
  skip: prlimitMissing(),
}, async (t) => {
  const chain = await loginChain(t);
  const node = await chain.startPublisher();
  await chain.bootstrap(node);
  const head = async () => ((await node.get("/api/v1/blockchain/metadata")) as Head).head;
  await eventually(head, ({ seq }) => seq === 1);
  const readiness = async () => (await fetch(`${node.web}/readyz`)).status;
  const limit = (bytes: string) => execFileSync("prlimit", ["--pid", `${node.process.pid}`, `--fsize=${bytes}:`]);
  const spender = await Spender.open(node.web, chain.files.genesis, { alone: true });
  await spender.once(node.web);
  const before = await head();
  limit("1024"); // every file is longer: each write gets EFBIG
  const spent = spender.once(node.web, { timeoutMs: 20_000 });
  await eventually(readiness, (status) => status === 503);
  assert.deepEqual(await head(), before, "reads go on, nothing is made");
  limit("unlimited");
  await spent;
  await eventually(readiness, (status) => status === 200);
  assert.ok((await head()).seq > before.seq);
  assert.equal(await node.stop(), 0);
});

function prlimitMissing(): string | false {
  try {
    execFileSync("prlimit", ["--version"]);
    return false;
  } catch {
    return "needs prlimit, of util-linux";
  }
}

function report(t: TestContext, times: readonly number[], more: string): void {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.floor((sorted.length - 1) * share)] as number);
  t.diagnostic(
    `seed ${seed}; ${times.length} times: shortest ${at(0)} ms, median ${at(0.5)} ms, longest ${at(1)} ms; ${more}`,
  );
  assert.ok(at(0) < (isLong ? 2_000 : 10_000), `shortest ${at(0)} ms`); // the others depend on what else the machine does
}
