/** The cipher runs where there is no Node: it is loaded and used with nothing but web standards in reach. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { keyVectors } from "../../support/cipher-vectors.ts";

const host = fileURLToPath(new URL("../../support/web-host.js", import.meta.url));
const cipher = fileURLToPath(new URL("../../../src/cipher/", import.meta.url));

test("every module of the cipher loads, derives, signs and verifies without Node", () => {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ["--experimental-vm-modules", "--no-warnings", host, cipher, keyVectors.seed],
    { encoding: "utf8" },
  );
  assert.equal(status, 0, stderr);
  const { modules, address, recovered, words } = JSON.parse(stdout);
  assert.equal(address, keyVectors.addresses[0]);
  assert.equal(recovered, keyVectors.addresses[0]);
  assert.equal(words, 12);
  assert.ok(modules.includes("sign.js") && modules.includes("bip39.js") && modules.includes("noble-backend.js"));
});
