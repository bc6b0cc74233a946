import { invalid } from "./errors.ts";

/** The sets of endpoints that can be switched on (api.md 10). EXPLORER is accepted and has no endpoints; REWARD is ours. */
export const API_SETS = [
  "READ",
  "STATUS",
  "WALLET",
  "TXN",
  "NET_CTRL",
  "INSECURE_WALLET_SEED",
  "STORAGE",
  "REWARD",
  "EXPLORER",
  "PROMETHEUS",
] as const;

export type ApiSet = (typeof API_SETS)[number];

/** What `enable-all-api-sets` means: neither insecure nor deprecated ones. */
const ALL: readonly ApiSet[] = ["READ", "STATUS", "WALLET", "TXN", "NET_CTRL", "STORAGE", "REWARD"];

/**
 * All sets if asked, plus the enabled ones, minus the disabled ones.
 * Differs: items are trimmed and upper-cased before they count; the reference does so for its check only.
 * @throws ConfigError CONFIG_INVALID with the reference's text
 */
export function combineApiSets(options: {
  readonly all: boolean;
  readonly enable: string;
  readonly disable: string;
}): readonly ApiSet[] {
  const enabled = parseSets("-enable-api-sets", options.enable);
  const disabled = parseSets("-disable-api-sets", options.disable);
  const sets = new Set<ApiSet>([...(options.all ? ALL : []), ...enabled]);
  for (const set of disabled) sets.delete(set);
  return API_SETS.filter((set) => sets.has(set));
}

function parseSets(option: string, text: string): ApiSet[] {
  const items = text.split(",").map((item) => item.trim().toUpperCase());
  return items.filter((item): item is ApiSet => {
    if (item === "") return false;
    if ((API_SETS as readonly string[]).includes(item)) return true;
    throw invalid(`Invalid value in ${option}: ${JSON.stringify(item)}`);
  });
}
