import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeAddress } from "../../../src/cipher/address.ts";
import { bip44Account, formatExtendedKey, masterKey, neuter, privateChild } from "../../../src/cipher/bip32.ts";
import { mnemonicSeed } from "../../../src/cipher/bip39.ts";
import { loginKey } from "../../../src/login/login-key.ts";
import { ABANDON } from "../../support/wallets.ts";

const seed = mnemonicSeed(ABANDON);
const account = bip44Account(seed, 8000, 0);
const text = (key: Parameters<typeof neuter>[0]) => formatExtendedKey(neuter(key));

test("the account key and the change chain's key lead to the same login address", () => {
  for (const key of [text(account), text(privateChild(account, 1))]) {
    assert.equal(encodeAddress(loginKey(key).address), "2RKPZ1rhvxjWFX4zWNSbtLW1QLqBTrokP7U");
  }
});

for (const { why, key, code } of [
  { why: "the external chain's key", key: text(privateChild(account, 0)), code: "LOGIN_KEY_EXTERNAL" },
  { why: "another chain's key", key: text(privateChild(account, 2)), code: "LOGIN_KEY_LEVEL" },
  { why: "an address's key", key: text(privateChild(privateChild(account, 1), 0)), code: "LOGIN_KEY_LEVEL" },
  { why: "the master key", key: text(masterKey(seed)), code: "LOGIN_KEY_LEVEL" },
  { why: "depth 3 without hardening", key: text({ ...account, childNumber: 0 }), code: "LOGIN_KEY_LEVEL" },
  { why: "a private key", key: formatExtendedKey(account), code: "BIP32_NOT_PUBLIC" },
  { why: "no key", key: "", code: "BIP32_TEXT" },
]) {
  test(`refuses ${why}`, () => assert.throws(() => loginKey(key), { code }));
}
