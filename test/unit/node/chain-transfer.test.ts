import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { toHex } from "../../../src/base/bytes.ts";
import { NEVER_ANNOUNCED } from "../../../src/chain/store.ts";
import { encodeTransaction, txid } from "../../../src/chain/transaction.ts";
import { hashHex } from "../../../src/cipher/hash.ts";
import {
  exportBlocks,
  exportUnconfirmed,
  importBlocks,
  importUnconfirmed,
  verifyChain,
} from "../../../src/node/chain-transfer.ts";
import { MemoryStore } from "../../../src/storage/memory-store.ts";
import { alice, bob, out, spend, TestChain } from "../../support/chain.ts";
import { temporaryDirectory } from "../../support/processes.ts";

const quiet = (): void => {};

/** Genesis, 20 outputs for alice, then a block for each of five of them. */
async function sampleChain(): Promise<TestChain> {
  const chain = await TestChain.open({ store: new MemoryStore() });
  const coins = await chain.fund(alice, 20);
  for (const coin of coins.slice(0, 5)) await chain.add([spend([coin], [out(bob, coin.ux.body.coins, 10n)])]);
  return chain;
}

async function exported(t: TestContext, chain: TestChain): Promise<string> {
  const path = join(await temporaryDirectory(t), "blocks.jsonl");
  const { seq } = await exportBlocks(chain.store, path, quiet);
  assert.equal(seq, chain.chain.head().seq);
  return path;
}

/** A chain with the same genesis block and nothing else. */
async function emptyCopy(chain: TestChain): Promise<TestChain> {
  const { params, genesis } = chain.chain;
  return TestChain.open({
    store: new MemoryStore(),
    params: { ...params, genesis: { ...params.genesis, signature: genesis.sig } },
  });
}

test("what is exported imports into the same head and set hash, and verifies", async (t) => {
  const chain = await sampleChain();
  const path = await exported(t, chain);
  const copy = await emptyCopy(chain);
  const { seq, transactions } = await importBlocks(copy.chain, path, quiet);
  assert.deepEqual([seq, transactions], [6, 6]);
  assert.deepEqual(copy.chain.head(), chain.chain.head());
  const verified = await verifyChain(copy.chain, quiet);
  assert.deepEqual([verified.seq, verified.transactions], [6, 7]);
});

test("an import goes on where the chain stands, and repeating it changes nothing", async (t) => {
  const chain = await sampleChain();
  const path = await exported(t, chain);
  const half = join(await temporaryDirectory(t), "half.jsonl");
  await writeFile(half, (await readFile(path, "utf8")).split("\n").slice(0, 4).join("\n"));
  const copy = await emptyCopy(chain);
  assert.equal((await importBlocks(copy.chain, half, quiet)).seq, 3);
  assert.deepEqual(await importBlocks(copy.chain, path, quiet), { seq: 6, transactions: 3 });
  assert.deepEqual(await importBlocks(copy.chain, path, quiet), { seq: 6, transactions: 0 });
});

test("a file of another chain is refused at its first block", async (t) => {
  const path = await exported(t, await sampleChain());
  const other = await TestChain.open({
    store: new MemoryStore(),
    params: {
      ...(await sampleChain()).chain.params,
      genesis: { ...(await sampleChain()).chain.params.genesis, time: 1_600_000_001 },
    },
  });
  await assert.rejects(importBlocks(other.chain, path, quiet), { code: "TRANSFER_GENESIS", message: /another chain/ });
});

test("a bad block stops the import with its number; the good ones before it stay", async (t) => {
  const chain = await sampleChain();
  const path = await exported(t, chain);
  const lines = (await readFile(path, "utf8"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  lines[4].sig_hex = lines[3].sig_hex;
  await writeFile(path, lines.map((line) => JSON.stringify(line)).join("\n"));
  const copy = await emptyCopy(chain);
  await assert.rejects(importBlocks(copy.chain, path, quiet), {
    code: "TRANSFER_BLOCK",
    message: /block 4 refused: Recovered pubkey/,
  });
  assert.equal(copy.chain.head().seq, 3);
});

for (const { why, line, message } of [
  { why: "not JSON", line: "{", message: /line 2 is not JSON/ },
  { why: "not an object", line: "7", message: /line 2 is not an object/ },
  { why: "without a signature", line: '{"block_hex":"00"}', message: /line 2 lacks block_hex or sig_hex/ },
  { why: "not hex", line: '{"block_hex":"zz","sig_hex":"00"}', message: /line 2: encoding\/hex/ },
  { why: "too short", line: '{"block_hex":"00","sig_hex":"00"}', message: /line 2: Not enough buffer data/ },
]) {
  test(`a line that is ${why} is named`, async (t) => {
    const chain = await sampleChain();
    const path = await exported(t, chain);
    const [first] = (await readFile(path, "utf8")).split("\n");
    await writeFile(path, `${first}\n${line}\n`);
    await assert.rejects(importBlocks((await emptyCopy(chain)).chain, path, quiet), { code: "TRANSFER_LINE", message });
  });
}

test("a missing file is named, and a failed export leaves nothing behind", async (t) => {
  const chain = await sampleChain();
  await assert.rejects(importBlocks(chain.chain, "/nonexistent/file", quiet), {
    code: "TRANSFER_FILE",
    message: /nonexistent/,
  });
  await assert.rejects(exportBlocks(chain.store, join(await temporaryDirectory(t), "no", "file"), quiet), {
    code: "TRANSFER_FILE",
  });
});

test("the pool travels with nanoseconds intact, as numbers or as text", async (t) => {
  const chain = await TestChain.open({ store: new MemoryStore() });
  const txn = spend([chain.genesisCoin()], [out(bob, chain.genesisCoin().ux.body.coins, 1n)]);
  const path = join(await temporaryDirectory(t), "pool.jsonl");
  const received = 1_535_637_620_406_949_111n;
  await writeFile(
    path,
    `{"txn_hex":"${toHex(encodeTransaction(txn))}","received_ns":${received},"checked_ns":"${received}","is_valid":0}\n`,
  );
  assert.equal(await importUnconfirmed(chain.store, path, 5n), 1);
  const again = join(await temporaryDirectory(t), "again.jsonl");
  assert.equal(await exportUnconfirmed(chain.store, again), 1);
  assert.deepEqual(JSON.parse(await readFile(again, "utf8")), {
    txid: hashHex(txid(txn)),
    txn_hex: toHex(encodeTransaction(txn)),
    received_ns: String(received),
    checked_ns: String(received),
    announced_ns: String(NEVER_ANNOUNCED),
    is_valid: 0,
  });
});
