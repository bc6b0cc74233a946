import { mkdir, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { OrchestratorError } from "./child-node.ts";

/**
 * One `up` per directory: a file with the owner's process id, created exclusively. A file whose process is gone
 * is taken over. Resolves with the release. @throws OrchestratorError UP_DIRECTORY_BUSY
 */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, "up.pid");
  for (let attempt = 0; ; attempt++) {
    try {
      const handle = await open(path, "wx", 0o600);
      await handle.writeFile(`${process.pid}\n`);
      await handle.close();
      return () => rm(path, { force: true });
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "EEXIST" || attempt > 2) throw cause;
    }
    const owner = Number((await readFile(path, "utf8").catch(() => "")).trim());
    if (owner !== process.pid && isRunning(owner)) {
      throw new OrchestratorError(
        "UP_DIRECTORY_BUSY",
        `${directory} is in use by another "loginchain up" (process ${owner}): stop that one, or choose another --dir`,
        { directory, owner },
      );
    }
    await rm(path, { force: true });
  }
}

function isRunning(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
