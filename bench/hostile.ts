// A node under attack: npm run bench -- hostile [--connections 10000] [--rate 5000] [--seconds 30] [--private] [--flags "..."]
// Attackers of many kinds on every door that a publisher opens to strangers (--private: on its private API too), from many loopback addresses, in a process of their own; behind
// it an honest peer that has to see each new block, and users of its API.
import type { TestContext } from "node:test";
import { type HostileFigures, runHostile } from "../test/support/hostile-run.ts";
import { describeRun } from "./support/measure.ts";
import { optionsOf } from "./support/options.ts";

const flags = process.argv.slice(2);
const optionOf = optionsOf(flags);

const after: (() => unknown)[] = [];
const context = { after: (run: () => unknown) => void after.push(run) } as unknown as TestContext;
console.log(describeRun());
try {
  const figures = await runHostile(context, {
    visitors: Number(optionOf("--connections", "10000")),
    rate: Number(optionOf("--rate", "5000")),
    seconds: Number(optionOf("--seconds", "30")),
    privateToo: flags.includes("--private"),
    flags: optionOf("--flags", "").split(" ").filter(Boolean),
    progress: (line) => flags.includes("--progress") && console.log(`  ${line}`),
  });
  print(figures);
  if (flags.includes("--metrics")) console.log(figures.metrics);
} finally {
  for (const run of after.reverse()) await run();
}

function print(figures: HostileFigures): void {
  const { crowd } = figures;
  const [least, tenth, median] = crowd.standing;
  console.log(`connections opened ${crowd.opened}, at once at most ${crowd.openMax}, failed ${crowd.failed}`);
  console.log(
    `open or opening once all had begun: at least ${least}, in nine of ten moments ${tenth}, in half ${median}`,
  );
  console.log(
    `resident memory ${mb(figures.rssBefore)} MB before, at most ${mb(figures.rssMax)} MB, afterwards ${mb(figures.rssAfter)} MB`,
  );
  console.log(`processor ${(figures.cpuShare * 100).toFixed(0)} % of one core`);
  console.log(`event loop delay p99 ${ms(figures.loopDelayP99 * 1000)}, most ${ms(figures.loopDelayMax * 1000)}`);
  console.log(`injected to block on the honest peer: ${spread(figures.blockMs)}`);
  for (const { who, times, failures } of figures.users) {
    console.log(`${who}: ${spread(times)}; not answered ${failures.length} ${kinds(failures)}`);
  }
  console.log(
    `open files ${figures.openBefore} before, ${figures.openAfter} after; released in ${ms(figures.releasedMs)}; left: ${figures.left.join("; ") || "nothing"}`,
  );
}

function spread(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (part: number) => ms(sorted[Math.floor((sorted.length - 1) * part)] ?? Number.NaN);
  return `${times.length} times, median ${at(0.5)}, p99 ${at(0.99)}, most ${at(1)}`;
}

function kinds(failures: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const failure of failures) counts.set(failure, (counts.get(failure) ?? 0) + 1);
  return [...counts].map(([failure, n]) => `(${n} ${failure})`).join(" ");
}

function mb(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}

function ms(value: number): string {
  return `${value.toFixed(0)} ms`;
}
