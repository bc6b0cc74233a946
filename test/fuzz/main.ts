// usage: npm run fuzz -- [--inputs N (each target)] [--seed S] [--target NAME] [--keep]

import { loadCorpus, saveCorpus } from "./corpus.ts";
import { fuzz } from "./engine.ts";
import { TARGETS } from "./targets.ts";

const flags = process.argv.slice(2);
const option = (name: string) => (flags.includes(name) ? flags[flags.indexOf(name) + 1] : undefined);
const seed = Number(option("--seed") ?? Date.now() % 1_000_000_007);
const inputs = Number(option("--inputs") ?? 100_000);
const only = option("--target");

let found = 0;
let total = 0;
for (const target of TARGETS.filter(({ name }) => only === undefined || name === only)) {
  const corpus = loadCorpus(target.name);
  const result = fuzz(target, { seed, inputs, corpus });
  const { findings, blocks, slowestMs, seconds } = result;
  console.log(
    `${target.name.padEnd(17)} ${result.inputs} inputs, ${Math.round(result.inputs / seconds)}/s, ${blocks} blocks of code, ` +
      `${result.corpus.length} new in the corpus, slowest ${slowestMs.toFixed(1)} ms, ${findings.length} findings`,
  );
  for (const finding of findings) console.log(`  ${finding}`);
  if (flags.includes("--keep")) saveCorpus(target.name, [...corpus, ...result.corpus]);
  found += findings.length;
  total += result.inputs;
}
console.log(`${total} inputs, ${found} findings, seed ${seed}`);
process.exitCode = found === 0 ? 0 : 1;
