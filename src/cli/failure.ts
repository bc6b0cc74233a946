import { CoinError, errorText } from "../base/errors.ts";

const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: "free space there, or choose another directory",
  EDQUOT: "free space there, or choose another directory",
  EROFS: "it is mounted read-only: choose another directory",
  EACCES: "give it to the user that runs this program, or choose another directory",
  EPERM: "give it to the user that runs this program, or choose another directory",
  ENOTDIR: "something that is no directory stands in the way: choose another directory",
  EMFILE: "raise the limit of open files (ulimit -n)",
  ENFILE: "raise the limit of open files (ulimit -n)",
};

/**
 * What a command says of an error that ends it. An expected failure is one line, so is what the system refuses, with
 * what to do about it; anything else is a bug and shows where.
 */
export function failureText(error: unknown): string {
  if (error instanceof CoinError) return error.message;
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (error instanceof Error && typeof code === "string" && typeof syscall === "string") {
    // Node says so of a directory that cannot be made on a file system that is read-only, too.
    const remedy =
      code === "ENOENT" && syscall === "mkdir" ? REMEDIES.EROFS?.replace("it is", "it may be") : REMEDIES[code];
    return remedy === undefined ? error.message : `${error.message}: ${remedy}`;
  }
  return error instanceof Error ? (error.stack ?? error.message) : errorText(error);
}
