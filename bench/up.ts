/**
 * What a newcomer waits for, in whole processes: npm run bench -- up [ROUNDS] [TRANSACTIONS]
 * From exec of `loginchain up` in an empty directory to "is up" (both nodes healthy, block 1 on both), then from the
 * injection of a transaction at the peer to "confirmed" there, one at a time on an idle chain.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { installNativeBackend } from "../src/native/install.ts";
import { Spender } from "../test/support/spender.ts";
import { startUp } from "../test/support/up.ts";
import { describeRun } from "./support/measure.ts";

const [rounds = 10, transactions = 60] = process.argv.slice(2).map(Number);
await installNativeBackend();
console.log(describeRun());
const starts: number[] = [];
for (let round = 0; round < rounds; round++) {
  const directory = await mkdtemp(join(tmpdir(), "bench-up-"));
  const cleanups: (() => unknown)[] = [];
  try {
    const up = await startUp({ after: (run) => void cleanups.push(run as () => unknown) }, directory);
    starts.push(up.readyMs);
    if (round === rounds - 1) await confirmations(up.peer, join(directory, "login_genesis.json"));
    await up.stop();
  } finally {
    for (const run of cleanups) run();
    await rm(directory, { recursive: true, force: true });
  }
}
report("exec to both nodes ready", starts);

async function confirmations(api: string, wallet: string): Promise<void> {
  const spender = await Spender.open(api, wallet);
  for (let i = 0; i < transactions; i++) {
    await spender.once(api, { pollMs: 2 });
    await pause(1_100); // the chain is idle again: block times are whole seconds
  }
  report("inject at the peer to confirmed there", spender.latencies);
}

function report(name: string, times: readonly number[]): void {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number) => `${Math.round(sorted[Math.floor((sorted.length - 1) * share)] ?? 0)} ms`;
  console.log(`${name}: ${times.length} times, median ${at(0.5)}, p95 ${at(0.95)}, p99 ${at(0.99)}, most ${at(1)}`);
}
