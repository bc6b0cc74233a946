import assert from "node:assert/strict";
import { test } from "node:test";
import { toHex } from "../../../src/base/bytes.ts";
import { blockHash, computeBodyHash, type SignedBlock } from "../../../src/chain/block.ts";
import { makeReceipt, type TransactionReceipt, verifyReceipt } from "../../../src/chain/receipt.ts";
import { txid } from "../../../src/chain/transaction.ts";
import { alice, bob, malleated, out, publisher, signBlock, spend, TestChain } from "../../support/chain.ts";

/** A block of `count` transactions from Alice to Bob. */
async function blockOf(count: number): Promise<SignedBlock> {
  const chain = await TestChain.open();
  const coins = await chain.fund(alice, count);
  return chain.add(coins.map((coin) => spend([coin], [out(bob, coin.ux.body.coins, 1n)])));
}

test("every transaction of a block has a receipt, checked with the publisher's key alone", async () => {
  for (const count of [1, 2, 3, 4, 5, 8, 9]) {
    const block = await blockOf(count);
    block.transactions.forEach((transaction, i) => {
      const receipt = JSON.parse(JSON.stringify(makeReceipt(block, i))) as TransactionReceipt;
      const content = verifyReceipt(receipt, publisher.public);
      assert.deepEqual(content.txid, txid(transaction));
      assert.deepEqual(content.senders, [alice.address]);
      assert.deepEqual(content.header, block.header);
      assert.deepEqual(content.blockHash, blockHash(block));
    });
  }
});

test("a block has no receipt for a transaction it does not hold", async () => {
  const block = await blockOf(1);
  assert.throws(() => makeReceipt(block, 1), { code: "RECEIPT_NO_TRANSACTION" });
});

test("a receipt is refused after changing any one character", async () => {
  const block = await blockOf(2);
  const text = JSON.stringify(makeReceipt(block, 1));
  for (let at = 0; at < text.length; at++) {
    const other = text[at] === "0" ? "1" : "0";
    for (const char of [other, (text[at] as string).toUpperCase()]) {
      if (char === text[at]) continue;
      const changed = text.slice(0, at) + char + text.slice(at + 1);
      let receipt: unknown;
      try {
        receipt = JSON.parse(changed);
      } catch {
        continue; // no JSON any more
      }
      assert.throws(
        () => verifyReceipt(receipt, publisher.public),
        (error: { code?: string }) => error.code?.startsWith("RECEIPT_") === true,
        changed,
      );
    }
  }
});

test("anything else is no receipt, and never another error", async () => {
  const good = makeReceipt(await blockOf(2), 0);
  const bad: unknown[] = [undefined, null, 7, "x", [], {}, { ...good, version: 2 }, { ...good, path: "00" }];
  bad.push({ ...good, path: Array(17).fill("00".repeat(32)) }, { ...good, index: 2 }, { ...good, index: 0.5 });
  bad.push({ ...good, index: -1 }, { ...good, header: good.header.slice(2) }, { ...good, transaction: 5 });
  bad.push({ ...good, signature: `${good.signature}00` }, { ...good, transaction: `${good.transaction}00` });
  for (const receipt of bad) {
    assert.throws(() => verifyReceipt(receipt, publisher.public), { code: "RECEIPT_FORM" }, JSON.stringify(receipt));
  }
});

test("refused: another publisher, another place, a signature nobody made", async () => {
  const block = await blockOf(2);
  const good = makeReceipt(block, 0);
  assert.throws(() => verifyReceipt(good, bob.public), { code: "RECEIPT_PUBLISHER" });
  assert.throws(() => verifyReceipt({ ...good, signature: toHex(malleated(block.sig)) }, publisher.public), {
    code: "RECEIPT_PUBLISHER",
  });
  assert.throws(() => verifyReceipt({ ...good, index: 1 }, publisher.public), { code: "RECEIPT_NOT_IN_BLOCK" });

  // A publisher that signs a block with an unsigned transaction proves nothing about its sender, nor with outputs that
  // the sender has not signed.
  const [first] = block.transactions as [SignedBlock["transactions"][number]];
  const unsigned = { ...first, sigs: [malleated(first.sigs[0] as Parameters<typeof malleated>[0])] };
  const diverted = { ...first, outputs: first.outputs.map((output) => ({ ...output, address: alice.address })) };
  for (const transaction of [unsigned, diverted]) {
    const header = { ...block.header, bodyHash: computeBodyHash([transaction]) };
    const forged = signBlock({ header, transactions: [transaction] });
    assert.throws(() => verifyReceipt(makeReceipt(forged, 0), publisher.public), { code: "RECEIPT_TRANSACTION" });
  }
});
