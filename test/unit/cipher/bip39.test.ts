import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { toHex } from "../../../src/base/bytes.ts";
import { generateMnemonic, mnemonicFromEntropy, mnemonicSeed, validateMnemonic } from "../../../src/cipher/bip39.ts";

const abandon = (last: string) => `${"abandon ".repeat(11)}${last}`;
const VALID = abandon("about");

test("a generated phrase has the words its entropy needs, and is valid", () => {
  for (const [bits, words] of [
    [128, 12],
    [160, 15],
    [192, 18],
    [224, 21],
    [256, 24],
  ] as const) {
    const text = generateMnemonic(bits);
    assert.equal(text.split(" ").length, words);
    validateMnemonic(text);
  }
});

test("the phrase is a function of the random bytes", () => {
  assert.equal(
    generateMnemonic(128, (n) => new Uint8Array(n)),
    VALID,
  );
  assert.equal(
    generateMnemonic(256, (n) => new Uint8Array(n).fill(0xff)),
    `${"zoo ".repeat(23)}vote`,
  );
});

for (const bits of [0, 96, 127, 129, 288, 128.5, Number.NaN])
  test(`there is no phrase of ${bits} bits`, () =>
    assert.throws(() => generateMnemonic(bits), {
      code: "ENTROPY_LENGTH",
      message: "Entropy length must be [128, 256] and a multiple of 32",
    }));

test("every entropy makes a valid phrase", () => {
  const entropies = fc.constantFrom(16, 20, 24, 28, 32).chain((n) => fc.uint8Array({ minLength: n, maxLength: n }));
  fc.assert(fc.property(entropies, (entropy) => validateMnemonic(mnemonicFromEntropy(entropy))));
});

for (const { why, text, code, message } of [
  { why: "nothing", text: "", code: "MNEMONIC_SEPARATOR", message: "Mnemonic must be separated by single spaces" },
  { why: "a space", text: " ", code: "MNEMONIC_WHITESPACE", message: "Mnemonic has extra whitespace around it" },
  ...["\t", "\n", "\u0085", "\u00a0", "\u2003", "\u3000"].map((space) => ({
    why: `U+${space.charCodeAt(0).toString(16)} at the end`,
    text: VALID + space,
    code: "MNEMONIC_WHITESPACE",
    message: "Mnemonic has extra whitespace around it",
  })),
  {
    why: "a byte order mark, which Go does not count as space",
    text: `\ufeff${VALID}`,
    code: "MNEMONIC_WORD_UNKNOWN",
    message: "Mnemonic contains an unrecognized word",
  },
  {
    why: "two spaces between words",
    text: VALID.replace(" ", "  "),
    code: "MNEMONIC_SEPARATOR",
    message: "Mnemonic must be separated by single spaces",
  },
  {
    why: "a tab between words",
    text: VALID.replace(" ", "\t"),
    code: "MNEMONIC_WORD_COUNT",
    message: "Mnemonic must have 12, 15, 18, 21 or 24 words",
  },
  {
    why: "13 words",
    text: `${VALID} about`,
    code: "MNEMONIC_WORD_COUNT",
    message: "Mnemonic must have 12, 15, 18, 21 or 24 words",
  },
  {
    why: "27 words",
    text: `${"abandon ".repeat(26)}about`,
    code: "MNEMONIC_WORD_COUNT",
    message: "Mnemonic must have 12, 15, 18, 21 or 24 words",
  },
  {
    why: "a capital letter",
    text: VALID.toUpperCase(),
    code: "MNEMONIC_WORD_UNKNOWN",
    message: "Mnemonic contains an unrecognized word",
  },
  {
    why: "a name every object has",
    text: abandon("constructor"),
    code: "MNEMONIC_WORD_UNKNOWN",
    message: "Mnemonic contains an unrecognized word",
  },
  {
    why: "a wrong last word",
    text: abandon("abandon"),
    code: "MNEMONIC_CHECKSUM",
    message: "Mnemonic checksum incorrect",
  },
])
  test(`a phrase is refused for ${why}`, () => assert.throws(() => validateMnemonic(text), { code, message }));

test("an error about a phrase does not quote it", () => {
  for (const text of [abandon("abandon"), abandon("nonsense"), ` ${VALID}`])
    assert.throws(
      () => validateMnemonic(text),
      (error: Error) => !`${error.stack}`.includes("abandon abandon") && error.cause === undefined,
    );
});

test("the seed of a phrase is that of the BIP 39 test vectors", () => {
  assert.equal(
    toHex(mnemonicSeed(VALID, "TREZOR")),
    "c55257c360c07c72029aebc1b53c05ed0362ada38ead3e3e9efa3708e53495531f09a6987599d18264c1e1c92f2cf141630c7a3c4ab7c81b2f001698e7463b04",
  );
  assert.throws(() => mnemonicSeed("not a phrase"), { code: "MNEMONIC_WORD_COUNT" });
});

test("a passphrase is taken byte by byte: two spellings of one accent give two seeds", () => {
  assert.notDeepEqual(mnemonicSeed(VALID, "\u00e9"), mnemonicSeed(VALID, "e\u0301"));
});
