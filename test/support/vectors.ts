import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** A file of test/vectors, parsed. Read from the sources, wherever the tests were compiled to. */
export function vectors<T>(name: string): T {
  let root = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(root, "package.json"))) root = dirname(root);
  return JSON.parse(readFileSync(join(root, "test", "vectors", name), "utf8")) as T;
}
