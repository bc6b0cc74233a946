import { createHash } from "node:crypto";
import { readFile, rename, stat } from "node:fs/promises";
import { basename } from "node:path";
import { errorText } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { writeFileAtomically } from "../files/atomic-file.ts";
import { KeyValueError } from "./errors.ts";

/** A file above this is none of ours: it is neither read nor replaced. */
const FILE_BYTES_MAX = 256 * 1024 * 1024;

/**
 * The texts of one storage: a JSON object of strings. A missing file is made, empty. One that is damaged is moved to
 * `<name>.corrupt.<hash>`, as the reference does, and an empty one made.
 * @throws KeyValueError KEYVALUE_FILES; errors of the file system
 */
export async function loadStorageFile(path: string, log: Logger): Promise<Map<string, string>> {
  const bytes = await readWhole(path);
  if (bytes !== undefined) {
    const texts = parseTexts(bytes);
    if (texts !== undefined) return texts;
    await moveAside(path, bytes, log);
  }
  await saveStorageFile(path, new Map());
  return new Map();
}

async function moveAside(path: string, bytes: Uint8Array, log: Logger): Promise<void> {
  const hash = createHash("sha256").update(bytes).digest().subarray(0, 8).toString("base64url");
  const aside = `${path}.corrupt.${hash}`;
  await rename(path, aside);
  log.warn({ file: basename(path), moved: basename(aside) }, "damaged storage file moved aside");
}

async function readWhole(path: string): Promise<Buffer | undefined> {
  try {
    const { size } = await stat(path);
    if (size > FILE_BYTES_MAX) throw new KeyValueError("KEYVALUE_FILES", `${path}: file is too large`, { size });
    return await readFile(path);
  } catch (error) {
    if ((error as { code?: unknown }).code === "ENOENT") return undefined;
    if (error instanceof KeyValueError) throw error;
    throw new KeyValueError("KEYVALUE_FILES", `cannot read ${path}: ${errorText(error)}`, {}, { cause: error });
  }
}

/** Undefined when the bytes are no object of texts; null stands for nothing, as in Go. */
function parseTexts(bytes: Buffer): Map<string, string> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
  if (value === null) return new Map();
  if (typeof value !== "object" || Array.isArray(value)) return undefined;
  const texts = Object.entries(value).map(([key, text]) => [key, text ?? ""] as const);
  return texts.every((pair): pair is readonly [string, string] => typeof pair[1] === "string")
    ? new Map(texts)
    : undefined;
}

/** Replaces the file. Differs: the reference writes into the file itself, which a crash can cut short. */
export async function saveStorageFile(path: string, texts: ReadonlyMap<string, string>): Promise<void> {
  const sorted = [...texts].sort((a, b) => Buffer.compare(Buffer.from(a[0]), Buffer.from(b[0])));
  const members = sorted.map(([key, text]) => `    ${JSON.stringify(key)}: ${JSON.stringify(text)}`);
  await writeFileAtomically(path, members.length === 0 ? "{}" : `{\n${members.join(",\n")}\n}`);
}
