import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "./repository.ts";

/** A file of test/vectors, parsed. Read from the sources, wherever the tests were compiled to. */
export function vectors<T>(name: string): T {
  return JSON.parse(readFileSync(join(repositoryRoot(), "test", "vectors", name), "utf8")) as T;
}
