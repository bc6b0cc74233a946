// How fast a node follows a wire peer over loopback TCP: a feeder in a child process answers GETB from memory, a whole
// node (level database, recovery threads, network) catches up with it.
// usage: node <build>/bench/sync.js [chain.jsonl chain.params.json] [--ours] [--blocks N] [--memory]
//        node <build>/bench/sync.js --feed PORT chain.jsonl chain.params.json [--isolate]   (feeder alone, for other nodes)
// The files are those of the reference's generator: one block a line with block_hex and sig_hex, and its parameters.
// Without files a small chain is made. --ours: the feeder says it is one of our nodes (128 blocks an answer instead of
// 20). --isolate: large frames stand alone for 20 ms, as a reference node needs it.
import { fork } from "node:child_process";
import { createReadStream } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { fromHex, toHex } from "../src/base/bytes.ts";
import { silentLogger } from "../src/base/log.ts";
import { blockHash, encodeBlock } from "../src/chain/block.ts";
import { Blockchain } from "../src/chain/blockchain.ts";
import { makeGenesisBlock } from "../src/chain/genesis.ts";
import { type ChainParams, DEFAULT_VERIFY } from "../src/chain/params.ts";
import { UnconfirmedPool } from "../src/chain/unconfirmed-pool.ts";
import type { Droplets } from "../src/chain/uxout.ts";
import { decodeAddress, encodeAddress } from "../src/cipher/address.ts";
import type { Hash } from "../src/cipher/hash.ts";
import { parsePublicKey } from "../src/cipher/keys.ts";
import { parseSignature } from "../src/cipher/sign.ts";
import { paramsOfGenesisFile } from "../src/config/genesis-file.ts";
import { SKYCOIN } from "../src/config/skycoin.ts";
import { installNativeBackend } from "../src/native/install.ts";
import { RecoveryPool } from "../src/native/recovery-pool.ts";
import { HeapTrim, processHeap } from "../src/node/heap-trim.ts";
import { systemClock } from "../src/node/system-clock.ts";
import { FrameSplitter } from "../src/p2p/frame.ts";
import { introductionOf } from "../src/p2p/introduction.ts";
import { decodeMessage, encode, FRAME_BYTES_MAX } from "../src/p2p/messages.ts";
import { NETWORK_DEFAULTS, Network } from "../src/p2p/network.ts";
import { eventLoopTurn, systemRandom } from "../src/p2p/system.ts";
import { TcpTransport } from "../src/p2p/tcp.ts";
import { openLevelStore } from "../src/storage/level-store.ts";
import { MemoryStore } from "../src/storage/memory-store.ts";
import { type Coin, out, owners, spend, TestChain } from "../test/support/chain.ts";

interface ParamsFile {
  readonly blockchain_public_key: string;
  readonly genesis_address: string;
  readonly genesis_coins: number;
  readonly genesis_timestamp: number;
  readonly genesis_hash: string;
  readonly genesis_signature: string;
}

const flags = process.argv.slice(2);
const has = (flag: string) => flags.includes(flag);
const optionOf = (flag: string) => (has(flag) ? flags[flags.indexOf(flag) + 1] : undefined);
const files = flags.filter((arg, i) => !arg.startsWith("--") && !["--feed", "--blocks"].includes(flags[i - 1] ?? ""));

async function main(): Promise<void> {
  if (has("--feed")) return feed(files[0] as string, files[1] as string, Number(optionOf("--feed")));
  await installNativeBackend();
  const scratch = await mkdtemp(join(tmpdir(), "bench-sync-"));
  try {
    const [chainFile, paramsFile] = files.length >= 2 ? (files as [string, string]) : await makeChain(scratch);
    await measure(chainFile, paramsFile, scratch);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** A peer that knows one chain by heart. */
async function feed(chainFile: string, paramsFile: string, port: number): Promise<void> {
  const params = JSON.parse(await readFile(paramsFile, "utf8")) as ParamsFile;
  const blocks: Uint8Array[] = [];
  const lines = createInterface({ input: createReadStream(chainFile), crlfDelay: Number.POSITIVE_INFINITY });
  const blocksMax = Number(optionOf("--blocks") ?? Number.POSITIVE_INFINITY);
  for await (const line of lines) {
    const { block_hex, sig_hex } = JSON.parse(line) as { block_hex: string; sig_hex: string };
    blocks.push(fromHex(block_hex + sig_hex));
    if (blocks.length > blocksMax) break;
  }
  const server = createServer({ noDelay: true }, (socket) => serve(socket, blocks, params, port));
  server.listen(port, "127.0.0.1", () => {
    const address = server.address() as { port: number };
    const transactions = blocks.length - 1;
    process.send?.({ port: address.port, blocks: transactions });
    if (process.send === undefined) console.log(`feeding ${transactions} blocks on 127.0.0.1:${address.port}`);
  });
}

function serve(socket: Socket, blocks: readonly Uint8Array[], params: ParamsFile, port: number): void {
  const isOurs = has("--ours");
  const perAnswer = isOurs ? 128 : 20;
  const splitter = new FrameSplitter();
  const identity = {
    mirror: systemRandom.u32(),
    listenPort: Math.max(port, 1024),
    publisherKey: parsePublicKey(params.blockchain_public_key),
    verify: DEFAULT_VERIFY,
    userAgent: "skycoin:0.27.1(bench)",
    genesisHash: fromHex(params.genesis_hash) as Hash,
  };
  const capabilities = isOurs ? { steadyDecoder: true, blocksPerAnswer: 128 } : undefined;
  const queue: Uint8Array[] = [];
  let isWaiting = false;
  const next = () => {
    const frame = queue.shift();
    isWaiting = frame !== undefined;
    if (frame === undefined) return;
    socket.write(frame);
    if (has("--isolate") && frame.length > 1016) setTimeout(next, 25);
    else next();
  };
  const send = (frame: Uint8Array) => {
    queue.push(frame);
    if (isWaiting) return;
    isWaiting = true;
    if (has("--isolate") && frame.length > 1016) setTimeout(next, 25);
    else next();
  };
  socket.on("error", () => {});
  send(encode.introduction(introductionOf(identity, capabilities)));
  socket.on("data", (chunk) => {
    for (const frame of splitter.push(chunk)) {
      const message = decodeMessage(frame);
      if (message.id === "INTR") send(encode.getBlocks(blocks.length - 1, 20));
      else if (message.id === "PING") send(encode.empty("PONG"));
      else if (message.id === "GETB") {
        const answer: Uint8Array[] = [];
        let bytes = 12;
        for (
          let seq = message.last + 1;
          seq < blocks.length && answer.length < Math.min(message.count, perAnswer);
          seq++
        ) {
          const block = blocks[seq] as Uint8Array;
          if (bytes + block.length > FRAME_BYTES_MAX) break;
          bytes += block.length;
          answer.push(block);
        }
        if (answer.length > 0) send(encode.blocks(answer));
      }
    }
  });
}

function chainParams(file: ParamsFile): ChainParams {
  return {
    ...paramsOfGenesisFile(SKYCOIN),
    publisherKey: parsePublicKey(file.blockchain_public_key),
    genesis: {
      address: decodeAddress(file.genesis_address),
      time: file.genesis_timestamp,
      volume: BigInt(file.genesis_coins) as Droplets,
      signature: parseSignature(file.genesis_signature),
    },
  };
}

async function measure(chainFile: string, paramsFile: string, scratch: string): Promise<void> {
  const backend = await installNativeBackend();
  const params = chainParams(JSON.parse(await readFile(paramsFile, "utf8")) as ParamsFile);
  const extra = [
    ...(has("--ours") ? ["--ours"] : []),
    ...(has("--blocks") ? ["--blocks", optionOf("--blocks") as string] : []),
  ];
  const child = fork(process.argv[1] as string, ["--feed", "0", chainFile, paramsFile, ...extra]);
  const { port, blocks } = await new Promise<{ port: number; blocks: number }>((resolve, reject) => {
    child.once("message", (message) => resolve(message as { port: number; blocks: number }));
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
  const trim = new HeapTrim({ clock: systemClock, ...processHeap() });
  trim.start();
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
  trim.stop();
  clearInterval(keepAlive);
}

/** 200 blocks of 20 one-in-two-out payments, in the generator's format. */
async function makeChain(scratch: string): Promise<[string, string]> {
  const [owner] = owners("bench", 1) as [ReturnType<typeof owners>[number]];
  const source = await TestChain.open();
  const lines: string[] = [];
  const { chain } = source;
  const line = (block: typeof chain.genesis) =>
    JSON.stringify({ block_hex: toHex(encodeBlock(block)), sig_hex: toHex(block.sig) });
  lines.push(line(chain.genesis));
  chain.onBlock.on(({ block }) => lines.push(line(block)));
  let coins: Coin[] = await source.fund(owner, 20, 100_000_000n);
  for (let i = 0; i < 200; i++) {
    const txns = coins.map((coin) => {
      const { coins: amount, hours } = coin.ux.body;
      return spend([coin], [out(owner, amount - 1_000_000n, hours / 2n), out(owner, 1_000_000n, hours / 4n)]);
    });
    const block = await source.add(txns);
    coins = txns.map((txn) => source.coinsOf(owner, txn, block)[0] as Coin);
  }
  const { publisherKey, genesis } = chain.params;
  const params: ParamsFile = {
    blockchain_public_key: toHex(publisherKey),
    genesis_address: encodeAddress(genesis.address),
    genesis_coins: Number(genesis.volume),
    genesis_timestamp: genesis.time,
    genesis_hash: toHex(chain.genesisHash),
    genesis_signature: toHex(chain.genesis.sig),
  };
  const [chainFile, paramsFile] = [join(scratch, "chain.jsonl"), join(scratch, "params.json")];
  await writeFile(chainFile, `${lines.join("\n")}\n`);
  await writeFile(paramsFile, JSON.stringify(params));
  return [chainFile, paramsFile];
}

function round(value: number, digits = 2): number {
  return Number(value.toFixed(digits));
}

await main();
