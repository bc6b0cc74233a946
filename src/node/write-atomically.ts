import { open, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Old or new content, never half of it: temporary name in the same directory, sync, rename. Mode 0600. */
export async function writeAtomically(path: string, text: string): Promise<void> {
  const temporary = join(dirname(path), `.${Date.now().toString(36)}-${process.pid}.tmp`);
  try {
    await writeFile(temporary, text, { mode: 0o600, flag: "wx" });
    const handle = await open(temporary, "r+");
    await handle.sync();
    await handle.close();
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
