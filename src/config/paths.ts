import { existsSync, statSync } from "node:fs";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { panic } from "./errors.ts";

/** Replaces the first `$HOME`, as the reference does for every path option. `~` is not expanded. */
export function expandHome(path: string, home: string): string {
  return path.replace("$HOME", () => home);
}

/**
 * The absolute data directory. Refuses the home and working directory and everything above them, since the node
 * treats the directory as its own.
 * Differs: compares whole path components; the reference also refuses siblings whose name is a prefix.
 * @throws ConfigError CONFIG_INVALID, exit code 2
 */
export function dataDirectory(given: string, { home, cwd }: { home: string; cwd: string }): string {
  const expanded = expandHome(given, home);
  if (expanded === "") throw panic("Invalid DataDirectory: data directory must not be empty");
  const directory = resolve(cwd, expanded);
  if (contains(directory, resolve(cwd)) || (home !== "" && contains(directory, resolve(home)))) {
    throw panic('Invalid DataDirectory: data directory must not be equal to "."');
  }
  if (existsSync(directory) && !statSync(directory).isDirectory()) {
    throw panic(`Invalid DataDirectory: ${directory} is not a directory`);
  }
  return directory;
}

/** True when `inner` is `outer` or lies below it. */
function contains(outer: string, inner: string): boolean {
  const way = relative(outer, inner);
  return way === "" || !(way === ".." || way.startsWith(`..${sep}`) || isAbsolute(way));
}

/** The directory name a coin without its own `datadirectory` gets: `$HOME/.name`. */
export function derivedDataDirectory(name: string): string {
  // Differs: the reference keeps blanks and any other character of a display name.
  return `$HOME/.${name.toLowerCase().replaceAll(/[^a-z0-9._-]/g, "-")}`;
}

/**
 * The folder of the web wallet's files: `dev` or else `dist` inside `given`, which is tried as it is, then in the
 * working directory, then beside the program and its parents.
 * @throws ConfigError CONFIG_INVALID, exit code 2
 */
export function guiDirectory(given: string, { cwd, program }: { cwd: string; program: string }): string {
  const bases = [resolve(cwd, given), join(cwd, dirname(given))];
  for (let base = dirname(program), up = 0; up < 4; up++, base = dirname(base)) bases.push(join(base, given));
  for (const base of bases) {
    for (const folder of ["dev", "dist"]) if (existsSync(join(base, folder))) return join(base, folder);
  }
  throw panic("GUI directory not found");
}
