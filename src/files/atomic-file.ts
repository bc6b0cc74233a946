import { randomBytes } from "node:crypto";
import { open, realpath, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/**
 * Replaces a file so that a reader, or a crash at any moment, finds the old or the new content and never a part:
 * temporary file in the same directory, fsync, rename, fsync of the directory. Follows a symbolic link.
 */
export async function writeFileAtomically(path: string, text: string, mode = 0o600): Promise<void> {
  const target = await realpath(path).catch(() => path);
  const directory = dirname(target);
  const temporary = join(directory, `.${basename(target)}.${randomBytes(6).toString("hex")}.tmp`);
  try {
    const file = await open(temporary, "wx", mode);
    try {
      await file.chmod(mode); // the process's umask must not decide
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw naming(target, error);
  }
  await syncDirectory(directory);
}

/** A full disk is told by the system without the file it was to hold. */
function naming(path: string, error: unknown): unknown {
  if (error instanceof Error && (error as NodeJS.ErrnoException).path === undefined) {
    error.message += ` '${path}'`;
    Object.assign(error, { path });
  }
  return error;
}

async function syncDirectory(directory: string): Promise<void> {
  try {
    const handle = await open(directory, "r");
    await handle.sync().finally(() => handle.close());
  } catch {
    // Windows and some file systems cannot sync a directory; the rename itself has happened.
  }
}
