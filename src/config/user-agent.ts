import { invalid } from "./errors.ts";

/** What a node calls itself in its introduction: `coin:version(remark)`. */
export interface UserAgent {
  readonly coin: string;
  readonly version: string;
  readonly remark: string;
}

const LENGTH_MAX = 256;
const ILLEGAL = /[^ -~]|[<>&"'#@|{}`]/;
const PATTERN = /^[A-Za-z0-9\-_+]+:[0-9]+\.[0-9]+\.[0-9][A-Za-z0-9\-.+]*(\([A-Za-z0-9\-_+;:!$%,.=?~ ]+\))?$/;
const SEMVER = /^\d+\.\d+\.\d+(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$/;

/** The text of a user agent. @throws ConfigError CONFIG_INVALID with the reference's texts */
export function formatUserAgent({ coin, version, remark }: UserAgent): string {
  if (coin === "") throw invalid("missing coin name");
  if (!SEMVER.test(version)) throw invalid(`version ${JSON.stringify(version)} is not a valid semver`);
  const text = `${coin}:${version}${remark === "" ? "" : `(${remark})`}`;
  if (new TextEncoder().encode(text).length > LENGTH_MAX) throw invalid("User agent is too long");
  if (ILLEGAL.test(text)) throw invalid("User agent has invalid character(s)");
  if (!PATTERN.test(text)) {
    throw invalid(`Built a user agent that fails to parse: ${JSON.stringify(text)} User agent is malformed`);
  }
  return text;
}
