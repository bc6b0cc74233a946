import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Folder of data recorded from the reference node. Not part of the repository: tests without it skip. */
const directory = process.env.CONFORMANCE_DIR ?? join(repositoryRoot(), "..", "shared", "conformance");

function repositoryRoot(): string {
  let at = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(at, "package.json"))) at = dirname(at);
  return at;
}

/** For the `skip` option of a test: false when the data are there, else why not. */
export const conformanceMissing: string | false = existsSync(directory)
  ? false
  : "no conformance data: set CONFORMANCE_DIR";

export function conformancePath(path: string): string {
  return join(directory, path);
}

export function conformanceText(path: string): string {
  return readFileSync(conformancePath(path), "utf8");
}

export function conformanceJson<T>(path: string): T {
  return JSON.parse(conformanceText(path)) as T;
}

/** One value per line. */
export function conformanceLines<T>(path: string): T[] {
  return conformanceText(path)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as T);
}
