// Two nodes of one machine that name each other, for as many virtual hours as the argument says. Prints what became of
// their links as JSON. A program of its own: the test runner follows every promise, which makes a day last minutes.
import { countingLog, MemoryWorld } from "./p2p-memory.ts";

const HOUR_MS = 3_600_000;
const world = new MemoryWorld();
const { log, counts } = countingLog();
const nodes = [
  await world.node({ port: 20001, defaultConnections: ["127.0.0.1:20002"], log }),
  await world.node({ port: 20002, defaultConnections: ["127.0.0.1:20001"], log }),
];

/** Connections at the moment, dials, and connections that have ended for whatever reason. */
function links(): { readonly ids: number[][]; readonly dials: number; readonly ended: number } {
  const ended = [...counts].filter(([key]) => key.startsWith("leaves: ")).reduce((sum, [, n]) => sum + n, 0);
  const ids = nodes.map((node) => node.network.connections().map(({ id }) => id));
  return { ids, dials: world.dials.length, ended };
}

await world.run(5_000);
const before = links();
await world.run(Number(process.argv[2]) * HOUR_MS);
console.log(JSON.stringify({ before, after: links(), hours: world.clock.monotonicMs() / HOUR_MS }));
