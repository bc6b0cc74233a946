import { spawnSync } from "node:child_process";
import { availableParallelism, cpus } from "node:os";

/** Machine, runtime and commit: a figure without them says nothing. */
export function describeRun(): string {
  const git = spawnSync("git", ["describe", "--always", "--dirty"], { encoding: "utf8" });
  const commit = git.status === 0 ? git.stdout.trim() : "unknown";
  const cpu = cpus()[0]?.model.trim() ?? "unknown processor";
  const { node, openssl } = process.versions;
  return `${availableParallelism()} cores of ${cpu}, ${process.platform} ${process.arch}, node ${node}, openssl ${openssl}, commit ${commit}`;
}

/**
 * Operations a second: `run` is called with 0, 1, 2 ... for about `seconds`, after a fifth of that to warm up. A call
 * that does several operations says how many in `each`. The median of five slices, so that one disturbance is no matter.
 */
export async function opsPerSecond(seconds: number, run: (i: number) => unknown, each = 1): Promise<number> {
  await slice(seconds / 5, run, each);
  const rates: number[] = [];
  for (let i = 0; i < 5; i++) rates.push(await slice(seconds / 5, run, each));
  return rates.sort((a, b) => a - b)[2] as number;
}

/** The clock is read every `burst` calls, which grows until a burst takes some milliseconds. */
async function slice(seconds: number, run: (i: number) => unknown, each: number): Promise<number> {
  const start = performance.now();
  let [calls, burst, elapsed] = [0, 1, 0];
  while (elapsed < seconds * 1000) {
    for (let k = 0; k < burst; k++) {
      const pending = run(calls++);
      if (pending instanceof Promise) await pending;
    }
    const now = performance.now() - start;
    if (now - elapsed < 2) burst *= 2;
    elapsed = now;
  }
  return (calls * each * 1000) / elapsed;
}

/** Prints one figure, its time for one operation, and its ratio to Go's figure where one is given. */
export function line(what: string, rate: number, go?: number): void {
  const time = rate >= 1e5 ? `${(1e9 / rate).toFixed(0)} ns` : `${(1e6 / rate).toFixed(1)} us`;
  const ratio = go === undefined ? "" : `${(rate / go).toFixed(2)}x Go`;
  console.log(
    `  ${what.padEnd(46)} ${Math.round(rate).toLocaleString("en").padStart(11)}/s ${time.padStart(10)}  ${ratio}`,
  );
}
