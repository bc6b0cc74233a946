// A process that stores a known chain until it is stopped. Arguments: directory, seed, blocks. Prints the height
// after each flush, which is then acknowledged; a refused flush prints its code, drops what is staged and goes on.
import { writeSync } from "node:fs";
import { silentLogger } from "../../src/base/log.ts";
import { StoreError } from "../../src/storage/errors.ts";
import { openLevelStore } from "../../src/storage/level-store.ts";
import { randomFrom, sampleChain } from "./fake-blocks.ts";

const [dir = "", seed = "1", blocks = "100"] = process.argv.slice(2);
const store = await openLevelStore({ dir, log: silentLogger });
const { changes } = sampleChain(Number(seed), Number(blocks));
const random = randomFrom(Number(seed) + (store.head()?.seq ?? 0));
let failures = 0;
while ((store.head()?.seq ?? -1) + 1 < changes.length) {
  const from = (store.head()?.seq ?? -1) + 1;
  for (const change of changes.slice(from, from + 1 + Math.floor(random() * 4))) store.stage(change);
  try {
    await store.flush();
    failures = 0;
    writeSync(1, `${store.head()?.seq}\n`);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    writeSync(1, `${error.code}\n`);
    store.discardStaged();
    if (++failures === 3) break;
  }
}
await store.close();
writeSync(1, "done\n");
