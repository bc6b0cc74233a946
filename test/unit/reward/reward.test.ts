import assert from "node:assert/strict";
import { lstatSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { encodeAddress, NULL_ADDRESS } from "../../../src/cipher/address.ts";
import { bip44Account, formatExtendedKey, neuter, publicChild } from "../../../src/cipher/bip32.ts";
import { parseRewardAddress } from "../../../src/reward/address.ts";
import { RewardFile } from "../../../src/reward/file.ts";
import { apiFixture, apiOptions } from "../../support/api.ts";
import { tempDir } from "../../support/temp-dir.ts";

const ADDRESS = "2jBbGxZRGoQG1mqhPBnXnLTxK6oxsTf8os6";
const OTHER = "28RHxxgAsbCuTv5U9VgWrDGDUpoho2gbh66";
const account = bip44Account(new Uint8Array(64).fill(7), 8000, 0);
const XPUB = formatExtendedKey(neuter(account));

test("an address and an account's xpub are taken, blanks around them not", () => {
  assert.deepEqual(parseRewardAddress(` ${ADDRESS}\n`), { kind: "address", text: ADDRESS });
  assert.deepEqual(parseRewardAddress(XPUB), { kind: "xpub", text: XPUB });
});

const SECRET = "f2de015e7096a8b2416ea6dd3b8c0fba1f9a6a7f8f3c1b4c7d2f70b1d1e2a3b4";
for (const [what, given, code] of [
  ["nothing", " ", "REWARD_EMPTY"],
  ["an address with a wrong letter", `${ADDRESS.slice(0, -1)}7`, "REWARD_ADDRESS"],
  ["an address cut short", ADDRESS.slice(0, -1), "REWARD_ADDRESS"],
  ["a bitcoin address", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "REWARD_ADDRESS"],
  ["the null address", encodeAddress(NULL_ADDRESS), "REWARD_ADDRESS"],
  ["an xpub with a wrong letter", XPUB.replace(/.$/, (last) => (last === "2" ? "3" : "2")), "REWARD_XPUB"],
  ["the key of the external chain", formatExtendedKey(publicChild(neuter(account), 0)), "REWARD_XPUB"],
  ["an account's private key", formatExtendedKey(account), "REWARD_SECRET"],
  ["a secret key", SECRET, "REWARD_SECRET"],
  ["a secret key in import format", "5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTJ", "REWARD_SECRET"],
  ["the words of a seed", `${"abandon ".repeat(11)}about`, "REWARD_SECRET"],
] as const) {
  test(`${what} is refused, and not repeated`, () => {
    assert.throws(
      () => parseRewardAddress(given),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, code);
        return given.trim() === "" || !JSON.stringify([error.message, error.cause ?? ""]).includes(given);
      },
    );
  });
}

test("the file has one line, is the owner's alone, and replaces in one step, through a link too", async (t) => {
  const folder = tempDir(t);
  const file = new RewardFile(join(folder, "made", "reward.txt"));
  assert.equal(await file.get(), undefined);
  await file.set(ADDRESS);
  assert.equal(readFileSync(file.path, "utf8"), `${ADDRESS}\n`);
  assert.equal(statSync(file.path).mode & 0o777, 0o600);
  const link = join(folder, "link.txt");
  symlinkSync(file.path, link);
  await new RewardFile(link).set(XPUB);
  assert.ok(lstatSync(link).isSymbolicLink());
  assert.deepEqual(await file.get(), { kind: "xpub", text: XPUB });
  assert.deepEqual(readdirSync(join(folder, "made")), ["reward.txt"], "nothing temporary is left");
});

test("what cannot be set leaves the file as it was", async (t) => {
  const file = new RewardFile(join(tempDir(t), "reward.txt"));
  await file.set(ADDRESS);
  await assert.rejects(file.set(SECRET), { code: "REWARD_SECRET" });
  assert.equal((await file.get())?.text, ADDRESS);
  const nowhere = new RewardFile(join(file.path, "reward.txt"));
  await assert.rejects(nowhere.set(ADDRESS), { code: "REWARD_FILE" });
});

test("a file with anything else is named, and not shown", async (t) => {
  const file = new RewardFile(join(tempDir(t), "reward.txt"));
  for (const text of [SECRET, `${ADDRESS} ${ADDRESS}`, "x".repeat(100_000)]) {
    writeFileSync(file.path, text);
    await assert.rejects(file.get(), (error: Error & { code?: string }) => {
      assert.equal(error.code, "REWARD_FILE");
      assert.ok(error.message.startsWith(file.path));
      return !error.message.includes(text);
    });
  }
});

const PATH = "/control/v1/reward";
const JSON_TYPE = { "content-type": "application/json" };

test("the node tells it and takes another, and refuses what is none", async (t) => {
  const rewards = new RewardFile(join(tempDir(t), "reward.txt"));
  const { app, get } = await apiFixture({ apiSets: ["REWARD"] }, { rewards });
  assert.deepEqual(await get(PATH), { address: null, kind: null });
  const post = async (address: string, headers: Record<string, string> = JSON_TYPE) =>
    app.inject({ method: "POST", url: PATH, headers, payload: JSON.stringify({ address }) });
  assert.deepEqual((await post(OTHER)).json(), { address: OTHER, kind: "address" });
  assert.deepEqual(await get(PATH), { address: OTHER, kind: "address" });
  const refused = await post(SECRET);
  assert.equal(refused.statusCode, 400);
  assert.ok(!refused.body.includes(SECRET));
  assert.equal((await post(ADDRESS, {})).statusCode, 415, "a form of another site's page");
  assert.deepEqual(await get(PATH), { address: OTHER, kind: "address" });
  writeFileSync(rewards.path, "damaged");
  assert.equal((await app.inject({ url: PATH })).statusCode, 500);
});

test("setting it needs a token, its API set, and a page of this node; strangers' listener has no such path", async (t) => {
  const rewards = new RewardFile(join(tempDir(t), "reward.txt"));
  const post = async (options: Parameters<typeof apiOptions>[0], headers: Record<string, string> = {}) => {
    const { app } = await apiFixture(options, { rewards });
    const url = PATH;
    const answer = await app.inject({
      method: "POST",
      url,
      headers: { ...JSON_TYPE, ...headers },
      payload: `{"address":"${ADDRESS}"}`,
    });
    return answer.statusCode;
  };
  const on = { apiSets: ["REWARD"] };
  assert.equal(await post({ ...on, disableCsrf: false }), 403);
  assert.equal(
    await post({ ...on, disableHeaderCheck: false }, { host: "127.0.0.1:6420", origin: "https://evil.example" }),
    403,
  );
  assert.equal(await post({ apiSets: apiOptions().apiSets }), 403);
  assert.equal(await post({ ...on, audience: "public" }), 404);
  assert.equal(await rewards.get(), undefined, "none of these has set it");
  assert.equal(await post(on), 200);
});
