// Encoding and decoding of transactions and blocks, and the hashes that go with them.
// usage: node <build>/bench/codec.js [milliseconds per case]
import { cpus } from "node:os";
import { blockHash, decodeSignedBlock, encodeSignedBlock, type SignedBlock } from "../src/chain/block.ts";
import {
  computeInnerHash,
  decodeTransaction,
  encodeTransaction,
  newTransaction,
  type Transaction,
  txid,
} from "../src/chain/transaction.ts";
import { createUnspents } from "../src/chain/unspents.ts";
import { decodeUxOut, encodeUxOut, type Hours, snapshotHash, uxId } from "../src/chain/uxout.ts";
import { type Hash, NULL_HASH, sha256 } from "../src/cipher/hash.ts";
import { NULL_SIGNATURE } from "../src/cipher/sign.ts";
import { installNativeBackend } from "../src/native/install.ts";
import { alice, bob, out } from "../test/support/chain.ts";

const millisecondsEach = Number(process.argv[2] ?? 300);

function measure(name: string, bytes: number, work: () => unknown): void {
  const until = (ms: number) => {
    const start = performance.now();
    let runs = 0;
    while (performance.now() - start < ms) for (let i = 0; i < 64; i++, runs++) work();
    return ((performance.now() - start) * 1000) / runs;
  };
  until(millisecondsEach / 3); // warm up
  const us = until(millisecondsEach);
  const rate = bytes === 0 ? "" : `, ${Math.round(bytes / us)} MB/s`;
  console.log(`${name.padEnd(44)} ${us.toFixed(2).padStart(9)} us${rate}`);
}

const backend = await installNativeBackend();
console.log(
  `node ${process.version}, ${cpus()[0]?.model ?? "?"} x${cpus().length}, ${backend.name}; ${backend.detail}`,
);

let n = 0;
const id = (): Hash => sha256(new Uint8Array(Uint32Array.of(n++).buffer));
const payment = (): Transaction => newTransaction([id()], [out(alice, 5_000_000n, 10n), out(bob, 1_000_000n, 20n)]);
const txn = payment();
const txnBytes = encodeTransaction(txn);
const clone = (): Transaction => ({ ...txn });
const transactions = Array.from({ length: 148 }, payment);
const header = {
  version: 0,
  time: 1,
  seq: 1,
  fee: 1n as Hours,
  prevHash: NULL_HASH,
  bodyHash: NULL_HASH,
  uxHash: NULL_HASH,
};
const block: SignedBlock = { header, transactions, sig: NULL_SIGNATURE };
const blockBytes = encodeSignedBlock(block);
const [coin] = createUnspents(txn, { time: 1, seq: 1 });
if (coin === undefined) throw new Error("no output");
const uxBytes = encodeUxOut(coin.ux);

measure("decode transaction, 1 in 2 out", txnBytes.length, () => decodeTransaction(txnBytes));
measure("encode transaction, 1 in 2 out", txnBytes.length, () => encodeTransaction(clone()));
measure("decode and txid", txnBytes.length, () => txid(decodeTransaction(txnBytes)));
measure("decode and inner hash", txnBytes.length, () => computeInnerHash(decodeTransaction(txnBytes)));
measure("created outputs with ids", 0, () => createUnspents(txn, { time: 1, seq: 1 }));
measure("decode output", uxBytes.length, () => decodeUxOut(uxBytes));
measure("encode output", uxBytes.length, () => encodeUxOut(coin.ux));
measure("output id", 69, () => uxId(coin.ux.body));
measure("snapshot hash", 85, () => snapshotHash(coin.ux));
measure("decode signed block, 148 transactions", blockBytes.length, () => decodeSignedBlock(blockBytes));
measure("encode signed block, bytes remembered", blockBytes.length, () => encodeSignedBlock(block));
measure("block hash", 124, () => blockHash({ header: { ...header } }));
