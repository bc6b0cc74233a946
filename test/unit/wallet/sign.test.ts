import assert from "node:assert/strict";
import { test } from "node:test";
import { equalBytes, isZero } from "../../../src/base/bytes.ts";
import { digestToSign, newTransaction, type Transaction } from "../../../src/chain/transaction.ts";
import { uxId } from "../../../src/chain/uxout.ts";
import { type Address, decodeAddress } from "../../../src/cipher/address.ts";
import { NULL_HASH } from "../../../src/cipher/hash.ts";
import { recoverSigner, type Signature } from "../../../src/cipher/sign.ts";
import { newWalletDocument } from "../../../src/wallet/document.ts";
import { isFullySigned, signWithWallet } from "../../../src/wallet/sign.ts";
import { setMeta, type Wallet } from "../../../src/wallet/wallet.ts";
import { COIN, OWNERS, pay, RECEIVER, uxOut } from "../../support/spending.ts";

const wallet = newWalletDocument({ label: "l", addresses: 2, nowMs: 0, seed: "spec example seed" });
const outs = [0, 1, 0].map((owner, i) => uxOut(i + 1, OWNERS[owner] as string, COIN, 5n));
const owners = outs.map((ux) => ux.body.address);
const unsigned = newTransaction(
  outs.map((ux) => uxId(ux.body)),
  [pay(RECEIVER, 3n * COIN, 1n)],
);

/** Inputs signed, and rightly so. */
function signedInputs(txn: Transaction): number[] {
  return txn.sigs.flatMap((sig, i) => {
    if (isZero(sig)) return [];
    const signer = recoverSigner(digestToSign(txn.innerHash, txn.inputs[i] as never), sig as Signature);
    assert.ok(signer.ok && equalBytes(signer.address, owners[i] as Address));
    return [i];
  });
}

test("every input is signed by its owner", () => {
  const txn = signWithWallet(wallet, unsigned, owners);
  assert.deepEqual(signedInputs(txn), [0, 1, 2]);
  assert.ok(isFullySigned(txn));
});

test("with indexes only these inputs are signed, and the rest can follow", () => {
  const part = signWithWallet(wallet, unsigned, owners, [2]);
  assert.deepEqual(signedInputs(part), [2]);
  const whole = signWithWallet(wallet, part, owners);
  assert.deepEqual(signedInputs(whole), [0, 1, 2]);
  assert.deepEqual(whole.sigs[2], part.sigs[2]);
});

test("an owner outside the wallet does not matter where the signature is there", () => {
  const part = signWithWallet(wallet, unsigned, owners, [1]);
  const stranger = [owners[0], decodeAddress(RECEIVER), owners[2]] as Address[];
  assert.ok(isFullySigned(signWithWallet(wallet, part, stranger)));
});

const partly = signWithWallet(wallet, unsigned, owners, [0]);
const whole = signWithWallet(wallet, unsigned, owners);
const stranger = [decodeAddress(RECEIVER), ...owners.slice(1)];
const locked = setMeta(wallet, { encrypted: "true" });
const xpub = { type: "xpub", meta: new Map(), entries: [] } as unknown as Wallet;
const noInputs: Transaction = { ...newTransaction([], [pay(RECEIVER, COIN)]), sigs: unsigned.sigs };

for (const { why, run, code, message } of [
  {
    why: "a wallet without keys",
    run: () => signWithWallet(xpub, unsigned, owners),
    code: "WALLET_CANNOT_SIGN",
    message: "wallet does not have the signing capability",
  },
  {
    why: "an encrypted wallet",
    run: () => signWithWallet(locked, unsigned, owners),
    code: "WALLET_ENCRYPTED",
    message: "wallet is encrypted",
  },
  {
    why: "a wrong inner hash",
    run: () => signWithWallet(wallet, { ...unsigned, innerHash: NULL_HASH }, owners),
    code: "SIGN_INNER_HASH",
    message: "Transaction inner hash does not match computed inner hash",
  },
  {
    why: "no signature slots",
    run: () => signWithWallet(wallet, { ...unsigned, sigs: [] }, owners),
    code: "SIGN_NO_SIGNATURES",
    message: "Transaction signatures array is empty",
  },
  {
    why: "nothing missing",
    run: () => signWithWallet(wallet, whole, owners),
    code: "SIGN_NOTHING_MISSING",
    message: "Transaction is fully signed",
  },
  {
    why: "no inputs",
    run: () => signWithWallet(wallet, noInputs, []),
    code: "SIGN_NO_INPUTS",
    message: "No transaction inputs to sign",
  },
  {
    why: "owners that do not match the inputs",
    run: () => signWithWallet(wallet, unsigned, owners.slice(1)),
    code: "SIGN_UXOUT_COUNT",
    message: "len(uxOuts) != len(txn.In)",
  },
  {
    why: "more indexes than inputs",
    run: () => signWithWallet(wallet, unsigned, owners, [0, 1, 2, 0]),
    code: "SIGN_INDEXES_TOO_MANY",
    message: "Number of signature indexes exceeds number of inputs",
  },
  {
    why: "an index out of range",
    run: () => signWithWallet(wallet, unsigned, owners, [3]),
    code: "SIGN_INDEX_RANGE",
    message: "Signature index out of range",
  },
  {
    why: "an index twice",
    run: () => signWithWallet(wallet, unsigned, owners, [1, 1]),
    code: "SIGN_INDEX_DUPLICATE",
    message: "Duplicate value in signature indexes",
  },
  {
    why: "an input signed already",
    run: () => signWithWallet(wallet, partly, owners, [1, 0]),
    code: "SIGN_ALREADY_SIGNED",
    message: "Transaction is already signed at index 0",
  },
  {
    why: "an owner who is not in the wallet",
    run: () => signWithWallet(wallet, unsigned, stranger),
    code: "SIGN_KEYS_MISSING",
    message: "Wallet cannot sign all requested inputs",
  },
] as const) {
  test(`refuses: ${why}`, () => assert.throws(run, { code, message }));
}
