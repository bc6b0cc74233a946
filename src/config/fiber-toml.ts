import { readFile } from "node:fs/promises";
import { basename, isAbsolute, join, resolve } from "node:path";
import { parse as parseToml, TomlError } from "smol-toml";
import { ConfigError, jsonErrorText, openErrorText } from "./errors.ts";
import { type FiberNode, type FiberParams, NODE_KEYS, PARAMS_KEYS, readSection } from "./fiber-schema.ts";

/** A coin's configuration file, as given: no defaults filled in, no value judged beyond its type. */
export interface FiberConfig {
  /** Absolute path the text came from. */
  readonly path: string;
  readonly node: FiberNode;
  readonly params: FiberParams;
}

const SIZE_MAX = 4 << 20;

/**
 * Reads the file named by FIBER_TOML: in its own directory, else by its bare name in the working directory.
 * @throws ConfigError CONFIG_FILE: missing, of an unknown kind, not parsable, a key of a wrong type
 */
export async function loadFiberConfig(path: string, { cwd = process.cwd() } = {}): Promise<FiberConfig> {
  const kind = fiberFileKind(path);
  const { found, text } = await readFirst(path, cwd);
  try {
    return { path: found, ...parseFiberConfig(text, kind) };
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    throw new ConfigError("CONFIG_FILE", `${found}: ${cause.message}`, { data: { path: found }, cause });
  }
}

export type FiberFileKind = "toml" | "json";

/** By what follows the last dot of the name. @throws ConfigError CONFIG_FILE */
export function fiberFileKind(path: string): FiberFileKind {
  const kind = path.slice(path.lastIndexOf(".") + 1);
  if (kind === "toml" || kind === "json") return kind;
  if (kind === "yaml" || kind === "yml") {
    // Differs: the reference reads yaml as well; nobody was seen using it.
    throw new ConfigError("CONFIG_FILE", `${path}: yaml is not supported here, write the file as toml or json`);
  }
  throw new ConfigError("CONFIG_FILE", `invalid blockchain config file type: ${kind}`);
}

/** The sections of the text. @throws ConfigError CONFIG_FILE */
export function parseFiberConfig(text: string, kind: FiberFileKind): Omit<FiberConfig, "path"> {
  const document = parseDocument(text, kind);
  const section = (name: string): unknown => {
    const hits = Object.keys(document).filter((key) => key.toLowerCase() === name);
    if (hits.length > 1) throw new ConfigError("CONFIG_FILE", `[${name}] is given twice`);
    return hits[0] === undefined ? undefined : document[hits[0]];
  };
  return {
    node: Object.freeze(readSection("node", section("node"), NODE_KEYS)),
    params: Object.freeze(readSection("params", section("params"), PARAMS_KEYS)),
  };
}

function parseDocument(text: string, kind: FiberFileKind): Record<string, unknown> {
  try {
    const document: unknown =
      kind === "toml"
        ? parseToml(text, { integersAsBigInt: "asNeeded", unsafeKeyBehaviour: "drop", maxDepth: 32 })
        : JSON.parse(text);
    if (typeof document === "object" && document !== null && !Array.isArray(document)) {
      return document as Record<string, unknown>;
    }
  } catch (error) {
    throw new ConfigError("CONFIG_FILE", parseErrorText(error), { cause: error });
  }
  throw new ConfigError("CONFIG_FILE", "the file must hold a table");
}

/** Only the place and the reason: a parser's excerpt of the line could show the secret key. */
function parseErrorText(error: unknown): string {
  if (error instanceof TomlError) {
    const reason = error.message.replace(/^Invalid TOML document: /, "").split("\n")[0];
    return `line ${error.line}, column ${error.column}: ${reason}`;
  }
  return `not valid JSON: ${jsonErrorText(error)}`;
}

async function readFirst(path: string, cwd: string): Promise<{ found: string; text: string }> {
  const places = [isAbsolute(path) ? path : resolve(cwd, path), join(cwd, basename(path))];
  let failure: unknown;
  for (const found of places) {
    try {
      const bytes = await readFile(found);
      if (bytes.length > SIZE_MAX) throw new ConfigError("CONFIG_FILE", `${found}: larger than ${SIZE_MAX} bytes`);
      return { found, text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
    } catch (error) {
      if (error instanceof ConfigError) throw error;
      if (error instanceof TypeError)
        throw new ConfigError("CONFIG_FILE", `${found}: not valid UTF-8`, { cause: error });
      failure ??= error;
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") break;
    }
  }
  throw new ConfigError("CONFIG_FILE", openErrorText(path, failure), { data: { path }, cause: failure });
}
