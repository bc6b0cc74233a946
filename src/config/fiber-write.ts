import { readFile } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import { parse as parseToml } from "smol-toml";
import { errorText } from "../base/errors.ts";
import { writeFileAtomically } from "../files/atomic-file.ts";
import { ConfigError, openErrorText } from "./errors.ts";
import { fiberFileKind, parseFiberConfig } from "./fiber-toml.ts";
import { lineEnd, scanToml, type TomlStatement } from "./toml-scanner.ts";

/** What a publisher tells the peers of its chain through the shared file: hex, hex, base58. Never the secret key. */
export interface GenesisIdentity {
  readonly address: string;
  readonly publicKey: string;
  readonly signature: string;
}

/**
 * Puts the genesis identity into the `[node]` section of a fiber.toml, mode 0600. Only the three values change;
 * comments, order and everything else stay byte for byte (config.md 8.1).
 * Differs: the reference writes the whole document anew, without comments and sorted.
 * @returns false when the file said so already @throws ConfigError CONFIG_WRITE_BACK
 */
export async function writeGenesisIdentity(path: string, identity: GenesisIdentity): Promise<boolean> {
  let before: string;
  try {
    before = await readFile(path, "utf8");
  } catch (cause) {
    throw failure(openErrorText(path, cause), cause);
  }
  try {
    const after = fiberFileKind(path) === "toml" ? editToml(before, identity) : editJson(before, identity);
    if (after === before) return false;
    await writeFileAtomically(path, after, 0o600);
    return true;
  } catch (cause) {
    throw failure(`${path}: ${errorText(cause)}`, cause);
  }
}

function valuesOf(identity: GenesisIdentity): readonly (readonly [key: string, value: string])[] {
  return [
    ["genesis_signature_str", identity.signature],
    ["genesis_address_str", identity.address],
    ["blockchain_pubkey_str", identity.publicKey],
  ];
}

const BYTE_ORDER_MARK = "\uFEFF";

/** The text with the three values set. Pure. @throws ConfigError CONFIG_WRITE_BACK, CONFIG_FILE */
export function editToml(before: string, identity: GenesisIdentity): string {
  if (before.startsWith(BYTE_ORDER_MARK)) return BYTE_ORDER_MARK + editToml(before.slice(1), identity);
  parseFiberConfig(before, "toml"); // types, and no key twice
  const statements = scanToml(before);
  const absent: (readonly [string, string])[] = [];
  const edits: { start: number; end: number; text: string }[] = [];
  for (const [key, value] of valuesOf(identity)) {
    const pair = statements.find((s) => s.kind === "pair" && isNodeKey(s, key));
    if (pair?.kind === "pair") edits.push({ start: pair.valueStart, end: pair.valueEnd, text: `"${value}"` });
    else absent.push([key, value]);
  }
  if (absent.length > 0) edits.push(insertion(before, statements, absent));
  let after = before;
  for (const { start, end, text } of edits.sort((a, b) => b.start - a.start)) {
    after = after.slice(0, start) + text + after.slice(end);
  }
  const parse = (text: string): unknown => parseToml(text, { integersAsBigInt: "asNeeded" });
  checkOnlyThoseChanged(parse(before), parse(after), identity);
  return after;
}

function isNodeKey(pair: Extract<TomlStatement, { kind: "pair" }>, key: string): boolean {
  const path = [...pair.table, ...pair.key];
  return path.length === 2 && path[0]?.toLowerCase() === "node" && path[1]?.toLowerCase() === key;
}

/** New lines go behind the last key of `[node]`, else behind its header, else behind the last `node.key = value`. */
function insertion(
  text: string,
  statements: readonly TomlStatement[],
  absent: readonly (readonly [string, string])[],
): { start: number; end: number; text: string } {
  const isNode = (path: readonly string[]): boolean => path.length === 1 && path[0]?.toLowerCase() === "node";
  const header = statements.findIndex((s) => s.kind === "table" && isNode(s.path));
  let anchor: TomlStatement | undefined = statements[header];
  let prefix = "";
  if (header >= 0) {
    for (const s of statements.slice(header + 1)) {
      if (s.kind !== "pair") break;
      anchor = s;
    }
  } else {
    const dotted = statements.findLast((s) => s.kind === "pair" && s.table.length === 0 && isNode(s.key.slice(0, 1)));
    if (dotted?.kind !== "pair") throw failure("missing [node] section in fiber.toml");
    if (dotted.key.length === 1) throw failure("node is an inline table; write it as a [node] section");
    anchor = dotted;
    prefix = `${dotted.key[0]}.`;
  }
  if (anchor === undefined) throw failure("missing [node] section in fiber.toml");
  const at = lineEnd(text, anchor.kind === "pair" ? anchor.valueEnd : anchor.end);
  const lineBreak = text.includes("\r\n") ? "\r\n" : "\n";
  const lineStart = text.lastIndexOf("\n", anchor.start) + 1;
  const indent = anchor.kind === "pair" ? text.slice(lineStart, anchor.start) : "";
  const lines = absent.map(([key, value]) => `${lineBreak}${indent}${prefix}${key} = "${value}"`);
  return { start: at, end: at, text: lines.join("") };
}

/** The text of a JSON file with the three values set; laid out anew, as JSON has no comments to lose. */
export function editJson(before: string, identity: GenesisIdentity): string {
  parseFiberConfig(before, "json");
  const document = JSON.parse(before) as Record<string, unknown>;
  const section = Object.keys(document).find((key) => key.toLowerCase() === "node");
  if (section === undefined) throw failure("missing [node] section in fiber.json");
  const node = document[section] as Record<string, unknown>;
  const current = new Map(Object.keys(node).map((key) => [key.toLowerCase(), key]));
  for (const [key, value] of valuesOf(identity)) node[current.get(key) ?? key] = value;
  const after = `${JSON.stringify(document, undefined, 4)}\n`;
  return isDeepStrictEqual(JSON.parse(before), JSON.parse(after)) ? before : after;
}

/** A last look before the file is replaced: an edit gone wrong must not destroy a configuration. */
function checkOnlyThoseChanged(before: unknown, after: unknown, identity: GenesisIdentity): void {
  const expected = before as Record<string, unknown>;
  const section = Object.keys(expected).find((key) => key.toLowerCase() === "node") ?? "node";
  const node = expected[section] as Record<string, unknown>;
  for (const [key, value] of valuesOf(identity)) {
    node[Object.keys(node).find((k) => k.toLowerCase() === key) ?? key] = value;
  }
  if (!isDeepStrictEqual(expected, after)) throw failure("the file could not be edited safely");
}

function failure(message: string, cause?: unknown): ConfigError {
  return new ConfigError("CONFIG_WRITE_BACK", message, { cause });
}
