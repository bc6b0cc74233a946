import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { toHex } from "../../../src/base/bytes.ts";
import { blockHash } from "../../../src/chain/block.ts";
import { makeGenesisBlock, signedGenesis } from "../../../src/chain/genesis.ts";
import { addressOf, encodeAddress } from "../../../src/cipher/address.ts";
import { parseSecretKey, publicKeyOf } from "../../../src/cipher/keys.ts";
import {
  type GenesisFile,
  loadGenesisFile,
  paramsOfGenesisFile,
  parseGenesisFile,
} from "../../../src/config/genesis-file.ts";
import { SKYCOIN } from "../../../src/config/skycoin.ts";
import { repositoryRoot } from "../../support/repository.ts";

const FOLDER = join(repositoryRoot(), "genesis");
const text = (name: string): string => readFileSync(join(FOLDER, name), "utf8");

test("the compiled-in Skycoin parameters are those of genesis/skycoin.json", () => {
  assert.deepEqual(JSON.parse(text("skycoin.json")), SKYCOIN);
  assert.equal(SKYCOIN.distribution.addresses.length, 100);
});

for (const name of ["skycoin.json", "devnet.json"]) {
  test(`${name}: the signature and the hash belong to the genesis block of its parameters`, async () => {
    const file = await loadGenesisFile(join(FOLDER, name));
    const params = paramsOfGenesisFile(file);
    assert.equal(toHex(blockHash(makeGenesisBlock(params.genesis))), file.genesis.hash);
    signedGenesis(params); // throws when the signature is not the publisher's
    assert.equal(params.genesis.volume, params.distribution.maxCoinSupply * 1_000_000n);
  });
}

test("devnet's published key is the publisher's and owns the genesis output; nobody else publishes keys", async () => {
  const file = await loadGenesisFile(join(FOLDER, "devnet.json"));
  const publicKey = publicKeyOf(parseSecretKey(file.throwAwayKeys?.genesisSecretKey ?? ""));
  assert.equal(toHex(publicKey), file.publisherKey);
  assert.equal(encodeAddress(addressOf(publicKey)), file.genesis.address);
  assert.match(file.comment ?? "", /throw-away/);
  assert.equal(SKYCOIN.throwAwayKeys, undefined);
});

test("the login chain's template parses, and is no chain before its publisher has filled it in", () => {
  const file = parseGenesisFile(text("login.json"));
  assert.equal(file.publisherKey, "");
  assert.throws(() => paramsOfGenesisFile(file), { code: "CONFIG_GENESIS_FILE" });
});

for (const [why, change, message] of [
  ["an unknown member", { extra: 1 }, "unknown member extra"],
  ["a missing member", { coin: undefined }, "coin must be a string"],
  ["a fraction", { network: { ...SKYCOIN.network, port: 1.5 } }, "network.port must be a whole number"],
  ["another format", { format: "x" }, 'unknown genesis file format "x"'],
  ["an array for an object", { genesis: [] }, "genesis must be an object"],
  [
    "numbers in a list",
    { distribution: { ...SKYCOIN.distribution, addresses: [1] } },
    "distribution.addresses must be an array of strings",
  ],
] as const) {
  test(`refuses ${why}`, () => {
    const file = JSON.stringify({ ...SKYCOIN, ...change });
    assert.throws(() => parseGenesisFile(file), { code: "CONFIG_GENESIS_FILE", message });
  });
}

for (const [why, change] of [
  ["a bad key", { publisherKey: "00" }],
  ["a bad address", { genesis: { ...SKYCOIN.genesis, address: "x" } }],
  ["a negative volume", { genesis: { ...SKYCOIN.genesis, volume: "-1" } }],
  ["a volume above 64 bits", { genesis: { ...SKYCOIN.genesis, volume: "18446744073709551616" } }],
  ["an uneven supply", { distribution: { ...SKYCOIN.distribution, maxCoinSupply: "101" } }],
  ["a burn factor of 1", { limits: { ...SKYCOIN.limits, user: { ...SKYCOIN.limits.user, burnFactor: 1 } } }],
] as const) {
  test(`no chain from ${why}`, () => {
    assert.throws(() => paramsOfGenesisFile({ ...SKYCOIN, ...change } as GenesisFile), { code: "CONFIG_GENESIS_FILE" });
  });
}

test("a missing or broken file is named", async () => {
  await assert.rejects(loadGenesisFile(join(FOLDER, "none.json")), { message: /none\.json: no such file/ });
  assert.throws(() => parseGenesisFile("{"), { message: /^not valid JSON/ });
});
