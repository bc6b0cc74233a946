// Transactions per second through decode, prepare and stage, with and without signature recovery.
// usage: node <build>/bench/execute.js [blocks] [transactions per block] [rounds]
import { cpus } from "node:os";
import { decodeSignedBlock, encodeSignedBlock } from "../src/chain/block.ts";
import { inlineRecovery, type SignatureRecovery } from "../src/chain/signatures.ts";
import { installNativeBackend } from "../src/native/install.ts";
import { RecoveryPool } from "../src/native/recovery-pool.ts";
import { MemoryStore } from "../src/storage/memory-store.ts";
import { type Coin, out, owners, spend, TestChain } from "../test/support/chain.ts";

const blocks = Number(process.argv[2] ?? 20);
const perBlock = Number(process.argv[3] ?? 148);
const rounds = Number(process.argv[4] ?? 5);

/** One-in-two-out spends, as payments are: block 1 funds, each later block spends the change of the one before. */
async function makeChain(): Promise<Uint8Array[]> {
  const [owner] = owners("bench", 1) as [ReturnType<typeof owners>[number]];
  const source = await TestChain.open();
  const encoded: Uint8Array[] = [];
  source.chain.onBlock.on(({ block }) => encoded.push(encodeSignedBlock(block)));
  let coins: Coin[] = await source.fund(owner, perBlock, 100_000_000n);
  for (let i = 0; i < blocks; i++) {
    const txns = coins.map((coin) => {
      const { coins: amount, hours } = coin.ux.body;
      return spend([coin], [out(owner, amount - 1_000_000n, hours / 2n), out(owner, 1_000_000n, hours / 4n)]);
    });
    const block = await source.add(txns);
    coins = txns.map((txn) => source.coinsOf(owner, txn, block)[0] as Coin);
  }
  return encoded;
}

/** Keeps the answers of one run and gives them again in the next: what remains is the work of the main thread. */
class Replay implements SignatureRecovery {
  readonly name = "replayed";
  readonly #answers: Uint8Array[] = [];
  readonly #source: SignatureRecovery;
  #next = 0;

  constructor(source: SignatureRecovery) {
    this.#source = source;
  }

  rewind(): void {
    this.#next = 0;
  }

  async recover(records: Uint8Array): Promise<Uint8Array> {
    const i = this.#next++;
    const answer = this.#answers[i] ?? (await this.#source.recover(records));
    this.#answers[i] = answer;
    return answer;
  }

  async close(): Promise<void> {}
}

type Phase = "decode" | "prepare" | "stage" | "all";

async function run(encoded: readonly Uint8Array[], recovery: SignatureRecovery): Promise<Record<Phase, number>> {
  const { chain } = await TestChain.open({ recovery, store: new MemoryStore() });
  const start = performance.now();
  const decoded = encoded.map((bytes) => decodeSignedBlock(bytes));
  const afterDecode = performance.now();
  const prepared = await chain.prepare(decoded);
  const afterPrepare = performance.now();
  for (const block of prepared) chain.stagePrepared(block);
  const end = performance.now();
  return {
    decode: afterDecode - start,
    prepare: afterPrepare - afterDecode,
    stage: end - afterPrepare,
    all: end - start,
  };
}

function report(name: string, txns: number, runs: readonly Record<Phase, number>[]): void {
  const best = runs.reduce((a, b) => (a.all < b.all ? a : b));
  const us = (ms: number) => ((ms * 1000) / txns).toFixed(1);
  const rate = Math.round((txns / best.all) * 1000);
  const parts = `decode ${us(best.decode)}, prepare ${us(best.prepare)}, stage ${us(best.stage)}`;
  console.log(`${name}: ${rate} tx/s, ${us(best.all)} us/tx (${parts})`);
}

const backend = await installNativeBackend();
console.log(
  `node ${process.version}, ${cpus()[0]?.model ?? "?"} x${cpus().length}, ${backend.name}; ${backend.detail}`,
);
const encoded = await makeChain();
const txns = 1 + blocks * perBlock;
console.log(`${encoded.length} blocks, ${txns} transactions`);

const pool = new RecoveryPool();
const replay = new Replay(inlineRecovery());
for (const [name, recovery] of [
  ["main thread only", replay],
  [pool.name, pool],
] as const) {
  const runs: Record<Phase, number>[] = [];
  for (let i = 0; i < rounds; i++) {
    replay.rewind();
    runs.push(await run(encoded, recovery));
  }
  report(name, txns, runs);
}
await pool.close();
