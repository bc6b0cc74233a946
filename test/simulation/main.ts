// Runs many seeds: --seeds N --from S [--cpu SECONDS] [--trace] [--log FILE]. Ends with the first that fails unless
// --keep-going; with --cpu also when so much time is used up.
import { appendFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { FAULTS, type Outcome, simulate } from "./simulation.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    cpu: { type: "string", default: "Infinity" },
    trace: { type: "boolean", default: false },
    "keep-going": { type: "boolean", default: false },
    log: { type: "string" },
  },
});
const [count, from, cpuSeconds] = [Number(values.seeds), Number(values.from), Number(values.cpu)];
if (!Number.isSafeInteger(count) || !Number.isSafeInteger(from) || count < 1 || from < 0 || !(cpuSeconds > 0)) {
  console.error(
    "usage: npm run simulate -- [--seeds N] [--from S] [--cpu SECONDS] [--trace] [--keep-going] [--log FILE]",
  );
  process.exit(2);
}

// Thousands of refusals a second are made and thrown away; a failing seed is run again with its stacks.
if (!values.trace) Error.stackTraceLimit = 0;
const begun = process.cpuUsage();
const agreed: number[] = [];
const faults = new Map<string, number>(FAULTS.map((fault) => [fault, 0]));
const happened = new Map<string, number>();
let [done, failed, events, blocks, virtualMs] = [0, 0, 0, 0, 0];
for (let seed = from; seed < from + count && cpuUsed() < cpuSeconds; seed++) {
  const outcome = await simulate(seed, values.trace ? (line) => console.log(line) : undefined);
  if (values.trace) say(`trace ${outcome.fingerprint}`);
  done++;
  events += outcome.events;
  blocks += outcome.blocks;
  virtualMs += outcome.virtualMs;
  if (outcome.agreedMs !== undefined) agreed.push(outcome.agreedMs);
  for (const fault of outcome.faults) faults.set(fault, (faults.get(fault) ?? 0) + 1);
  for (const [what, n] of outcome.happened) happened.set(what, (happened.get(what) ?? 0) + n);
  if (done % 1000 === 0 && done < count) report();
  if (outcome.failures.length === 0) continue;
  failed++;
  reportFailure(outcome);
  if (!values["keep-going"]) break;
}
report();
say(`runs with: ${listOf(faults)}`);
say(`happened: ${listOf(happened)}`);
process.exit(failed === 0 ? 0 : 1);

function listOf(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([what, n]) => `${what} ${n}`).join(", ");
}

function cpuUsed(): number {
  const { user, system } = process.cpuUsage(begun);
  return (user + system) / 1e6;
}

function report(): void {
  const seconds = cpuUsed();
  agreed.sort((a, b) => a - b);
  const at = (share: number) => agreed[Math.min(agreed.length - 1, Math.floor(share * agreed.length))] ?? 0;
  say(
    `seeds ${from} to ${from + done - 1}: ${failed} failed, ${(done / seconds).toFixed(1)} a second of CPU (${seconds.toFixed(0)} s), ` +
      `${events} events, ${blocks} blocks, ${(virtualMs / 3_600_000).toFixed(1)} hours of virtual time, ` +
      `agreement after p50 ${at(0.5)} p99 ${at(0.99)} max ${at(1)} ms, ${Math.round(process.memoryUsage.rss() / 1e6)} MB`,
  );
}

function reportFailure({ seed, failures, faults, nodes, fingerprint }: Outcome): void {
  say(`seed ${seed} FAILED (${nodes} nodes; ${faults.join(", ")}; trace ${fingerprint}):`);
  for (const failure of failures) say(`  ${failure}`);
  say(`  replay: npm run simulate -- --seeds 1 --from ${seed} --trace`);
}

function say(line: string): void {
  console.log(line);
  if (values.log !== undefined) appendFileSync(values.log, `${line}\n`);
}
