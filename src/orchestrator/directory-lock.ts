import { mkdir, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { OrchestratorError } from "./child-node.ts";

const ATTEMPTS_MAX = 5;
/** Between making the file and writing into it. */
const FILLING_MS = 50;

/**
 * One `up` per directory: a file with the owner's process id and when that process began, created exclusively. A file
 * whose process is gone is taken over, also when its number went to another one since: after a power cut, or in a
 * container, that is likely. Resolves with the release. @throws OrchestratorError UP_DIRECTORY_BUSY
 */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, "up.pid");
  for (let attempt = 0; ; attempt++) {
    try {
      const handle = await open(path, "wx", 0o600);
      await handle.writeFile(`${process.pid} ${await beginningOf(process.pid)}\n`);
      await handle.close();
      return () => rm(path, { force: true });
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "EEXIST" || attempt > ATTEMPTS_MAX) throw cause;
    }
    const text = (await readFile(path, "utf8").catch(() => "")).trim();
    if (text === "" && attempt < ATTEMPTS_MAX) {
      await pause(FILLING_MS);
      continue;
    }
    const [pid, begun = ""] = text.split(" ");
    const owner = Number(pid);
    if (owner !== process.pid && (await isRunning(owner, begun))) {
      throw new OrchestratorError(
        "UP_DIRECTORY_BUSY",
        `${directory} is in use by another "loginchain up" (process ${owner}): stop that one, or choose another --dir. If process ${owner} is another program, remove ${path}`,
        { directory, owner },
      );
    }
    await rm(path, { force: true });
  }
}

/** The process with this number, and not one that got the number after it ended. */
async function isRunning(pid: number, begun: string): Promise<boolean> {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  const begins = await beginningOf(pid);
  return begun === "" || begins === "" || begun === begins;
}

/** When a process began, as boot and ticks since: no two of one number have the same. Empty where Linux's /proc is not. */
export async function beginningOf(pid: number): Promise<string> {
  try {
    const [boot, stat] = await Promise.all([
      readFile("/proc/sys/kernel/random/boot_id", "utf8"),
      readFile(`/proc/${pid}/stat`, "utf8"),
    ]);
    // proc(5): field 22; the second is a name in parentheses that may hold anything.
    const ticks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    return ticks === undefined ? "" : `${boot.trim()}:${ticks}`;
  } catch {
    return "";
  }
}
