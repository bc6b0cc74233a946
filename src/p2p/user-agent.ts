import { WireError } from "./errors.ts";

/** What a node calls itself: `coin:version(remark)` (p2p.md 5). */
export interface UserAgent {
  readonly coin: string;
  readonly version: string;
  /** Empty when there is none. */
  readonly remark: string;
}

export const USER_AGENT_BYTES_MAX = 256;

const ILLEGAL = /[^ -~]|[<>&"'#@|{}`]/;
const PATTERN = /^([A-Za-z0-9\-_+]+):([0-9]+\.[0-9]+\.[0-9][A-Za-z0-9\-.+]*)(\([A-Za-z0-9\-_+;:!$%,.=?~ ]+\))?$/;

/** Bytes as received, without those that are not printable ASCII or could end up in markup. Go: useragent.Sanitize. */
export function sanitizeUserAgent(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    const char = String.fromCharCode(byte);
    if (!ILLEGAL.test(char)) text += char;
  }
  return text;
}

/** @throws WireError P2P_USER_AGENT with the reference's texts */
export function parseUserAgent(text: string): UserAgent {
  if (text === "") throw bad("User agent is an empty string");
  if (text.length > USER_AGENT_BYTES_MAX) throw bad("User agent is too long");
  if (ILLEGAL.test(text)) throw bad("User agent has invalid character(s)");
  const [, coin, version, remark] = PATTERN.exec(text) ?? [];
  if (coin === undefined || version === undefined) throw bad("User agent is malformed");
  if (!isSemver(version)) throw bad("User agent version is not a valid semver");
  return { coin, version, remark: remark?.slice(1, -1) ?? "" };
}

export function formatUserAgent({ coin, version, remark }: UserAgent): string {
  return `${coin}:${version}${remark === "" ? "" : `(${remark})`}`;
}

/** Semantic version 2.0 as the reference's parser takes it: no leading zeros in numbers, no empty identifiers. */
function isSemver(version: string): boolean {
  const match = /^(\d+)\.(\d+)\.(\d+)(?:-([^+]*))?(?:\+(.*))?$/.exec(version);
  if (match === null) return false;
  const [, major, minor, patch, pre, build] = match;
  const numbers = [major, minor, patch] as string[];
  if (!numbers.every((n) => /^(0|[1-9]\d*)$/.test(n) && BigInt(n) < 1n << 64n)) return false;
  if (pre !== undefined && !pre.split(".").every((id) => /^[0-9A-Za-z-]+$/.test(id) && !/^0\d+$/.test(id)))
    return false;
  return build === undefined || build.split(".").every((id) => /^[0-9A-Za-z-]+$/.test(id));
}

function bad(message: string): WireError {
  return new WireError("P2P_USER_AGENT", message);
}
