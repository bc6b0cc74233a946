import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

const PUBLIC_KEY = /^[0-9a-f]{66}$/;

/** Public keys of the visors whose survey names this reward address or xpub: `{folder}/{key}/node-info.json`. */
export async function visorsOf(folder, rewardAddress) {
  const names = await readdir(folder).catch(() => []);
  const found = [];
  for (const key of names.filter((name) => PUBLIC_KEY.test(name)).sort()) {
    const survey = await surveyOf(join(folder, key, "node-info.json"));
    if (survey?.skycoin_address === rewardAddress) found.push({ key, version: String(survey.skywire_version ?? "") });
  }
  return found;
}

/** Surveys come from many visors: one that cannot be read is none. */
async function surveyOf(path) {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch {
    return undefined;
  }
}
