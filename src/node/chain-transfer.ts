import { createReadStream, createWriteStream } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { createInterface } from "node:readline";
import { finished } from "node:stream/promises";
import { concat, equalBytes, fromHex, toHex } from "../base/bytes.ts";
import { CoinError, errorText } from "../base/errors.ts";
import { blockHash, computeBodyHash, decodeSignedBlock, type SignedBlock } from "../chain/block.ts";
import type { Blockchain } from "../chain/blockchain.ts";
import { type ChainStore, NEVER_ANNOUNCED, type UnconfirmedRecord } from "../chain/store.ts";
import { computeInnerHash, decodeTransaction, encodeTransaction, txid } from "../chain/transaction.ts";
import { hashHex } from "../cipher/hash.ts";

export type TransferErrorCode =
  | "TRANSFER_LINE"
  | "TRANSFER_GENESIS"
  | "TRANSFER_BLOCK"
  | "TRANSFER_DAMAGED"
  | "TRANSFER_FILE";

/** A chain file that cannot be taken, or a stored chain that contradicts itself. */
export class TransferError extends CoinError<TransferErrorCode> {}

export interface Progress {
  readonly seq: number;
  readonly transactions: number;
}

const WINDOW_BLOCKS = 64;
const WINDOW_BYTES = 1 << 20;
/** Blocks per synced batch: what an interrupted import may have to repeat. */
const FLUSH_BLOCKS = 512;

/**
 * Executes the blocks of a JSON-lines file (`block_hex`, `sig_hex` per line, in order) with every rule checked.
 * Blocks already in the chain are compared and skipped, so an interrupted import goes on. Signatures of the next
 * window are recovered while the current one is applied. @throws TransferError
 */
export async function importBlocks(
  chain: Blockchain,
  path: string,
  onProgress: (progress: Progress) => void,
): Promise<Progress> {
  return chain.exclusive(() => importWindows(chain, path, onProgress));
}

async function importWindows(
  chain: Blockchain,
  path: string,
  onProgress: (progress: Progress) => void,
): Promise<Progress> {
  let transactions = 0;
  let unflushed = 0;
  let ahead: Promise<void> = Promise.resolve();
  const flush = async (): Promise<void> => {
    await chain.flush();
    unflushed = 0;
    onProgress({ seq: chain.head().seq, transactions });
  };
  for await (const window of windows(path)) {
    const fresh = window.filter((block) => !alreadyStored(chain, block));
    if (fresh.length === 0) continue;
    const preparing = chain.prepare(fresh);
    preparing.catch(() => {}); // awaited in the chain of `ahead`; this one only keeps node quiet until then
    await ahead;
    ahead = preparing.then(async (prepared) => {
      for (const one of prepared) {
        try {
          chain.stagePrepared(one);
        } catch (cause) {
          const { seq } = one.block.header;
          await flush();
          throw new TransferError(
            "TRANSFER_BLOCK",
            `${path}: block ${seq} refused: ${errorText(cause)}`,
            { seq },
            { cause },
          );
        }
        transactions += one.block.transactions.length;
        unflushed += 1;
      }
      if (unflushed >= FLUSH_BLOCKS) await flush();
    });
    ahead.catch(() => {});
  }
  await ahead;
  await flush();
  return { seq: chain.head().seq, transactions };
}

/** True when the very same block is stored. Another one at its height means another chain. @throws TransferError */
function alreadyStored(chain: Blockchain, block: SignedBlock): boolean {
  const { seq } = block.header;
  const stored = chain.store.blockHashAt(seq);
  if (stored === undefined) return false;
  if (equalBytes(stored, blockHash(block))) return true;
  throw new TransferError(
    seq === 0 ? "TRANSFER_GENESIS" : "TRANSFER_BLOCK",
    `block ${seq} of the file is ${hashHex(blockHash(block))}, the chain here has ${hashHex(stored)}: the file belongs to another chain`,
    { seq },
  );
}

async function* windows(path: string): AsyncGenerator<SignedBlock[]> {
  let window: SignedBlock[] = [];
  let bytes = 0;
  for await (const { value, line } of jsonLines(path)) {
    const block = parseLine(value, path, line);
    window.push(block);
    bytes += (value.block_hex as string).length / 2;
    if (window.length < WINDOW_BLOCKS && bytes < WINDOW_BYTES) continue;
    yield window;
    window = [];
    bytes = 0;
  }
  if (window.length > 0) yield window;
}

function parseLine(value: Record<string, unknown>, path: string, line: number): SignedBlock {
  const { block_hex: block, sig_hex: sig } = value;
  if (typeof block !== "string" || typeof sig !== "string") {
    throw new TransferError("TRANSFER_LINE", `${path}: line ${line} lacks block_hex or sig_hex`, { line });
  }
  try {
    return decodeSignedBlock(concat(fromHex(block), fromHex(sig)));
  } catch (cause) {
    throw new TransferError("TRANSFER_LINE", `${path}: line ${line}: ${errorText(cause)}`, { line }, { cause });
  }
}

async function* jsonLines(
  path: string,
  prepare: (text: string) => string = (text) => text,
): AsyncGenerator<{ value: Record<string, unknown>; line: number }> {
  const input = createReadStream(path);
  const opened = new Promise<void>((resolve, reject) => input.once("open", () => resolve()).once("error", reject));
  await opened.catch((cause: unknown) => {
    throw new TransferError("TRANSFER_FILE", `cannot read ${path}: ${errorText(cause)}`, { path }, { cause });
  });
  let line = 0;
  for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    line += 1;
    if (text.trim() === "") continue;
    let value: unknown;
    try {
      value = JSON.parse(prepare(text));
    } catch (cause) {
      throw new TransferError("TRANSFER_LINE", `${path}: line ${line} is not JSON`, { line }, { cause });
    }
    if (typeof value !== "object" || value === null) {
      throw new TransferError("TRANSFER_LINE", `${path}: line ${line} is not an object`, { line });
    }
    yield { value: value as Record<string, unknown>, line };
  }
}

/**
 * Puts the pool transactions of a JSON-lines file (`txn_hex`, optionally the times and `is_valid`) into the store,
 * as they are: the pool judges them when the node starts. @throws TransferError
 */
export async function importUnconfirmed(store: ChainStore, path: string, nowNs: bigint): Promise<number> {
  const records: UnconfirmedRecord[] = [];
  for await (const { value, line } of jsonLines(path, quoteNanoseconds)) {
    try {
      const ns = (name: string, otherwise: bigint): bigint =>
        value[name] === undefined ? otherwise : BigInt(value[name] as string);
      records.push({
        txn: decodeTransaction(fromHex(String(value.txn_hex))),
        received: ns("received_ns", nowNs),
        checked: ns("checked_ns", nowNs),
        announced: ns("announced_ns", NEVER_ANNOUNCED),
        isValid: Number(value.is_valid ?? 1) === 1,
      });
    } catch (cause) {
      throw new TransferError("TRANSFER_LINE", `${path}: line ${line}: ${errorText(cause)}`, { line }, { cause });
    }
  }
  await store.putUnconfirmed(records);
  return records.length;
}

/** Nanoseconds pass 2^53: quoted before they become a JS number. */
function quoteNanoseconds(text: string): string {
  return text.replace(/("\w+_ns"\s*:\s*)(-?\d+)/g, '$1"$2"');
}

/** Writes the whole chain as JSON lines, in the form `importBlocks` reads; complete or not at all. @throws TransferError */
export async function exportBlocks(
  store: ChainStore,
  path: string,
  onProgress: (progress: Progress) => void,
): Promise<Progress> {
  const head = store.head();
  if (head === undefined) throw new TransferError("TRANSFER_DAMAGED", "the database holds no block");
  let transactions = 0;
  await writeWhole(path, async (line) => {
    for (let seq = 0; seq <= head.seq; seq++) {
      const bytes = store.signedBlockBytes(seq);
      const hash = store.blockHashAt(seq);
      if (bytes === undefined || hash === undefined) throw damaged(seq, "is missing");
      const block = decodeSignedBlock(bytes);
      transactions += block.transactions.length;
      await line({
        seq,
        block_hash: hashHex(hash),
        block_hex: toHex(bytes.subarray(0, bytes.length - 65)),
        sig_hex: toHex(block.sig),
        txids: block.transactions.map((txn) => hashHex(txid(txn))),
      });
      if (seq % 1000 === 0) onProgress({ seq, transactions });
    }
  });
  return { seq: head.seq, transactions };
}

/** The pool in the form `importUnconfirmed` reads. */
export async function exportUnconfirmed(store: ChainStore, path: string): Promise<number> {
  let count = 0;
  await writeWhole(path, async (line) => {
    for (const record of store.unconfirmed()) {
      count += 1;
      await line({
        txid: hashHex(txid(record.txn)),
        txn_hex: toHex(encodeTransaction(record.txn)),
        received_ns: String(record.received),
        checked_ns: String(record.checked),
        announced_ns: String(record.announced),
        is_valid: record.isValid ? 1 : 0,
      });
    }
  });
  return count;
}

async function writeWhole(
  path: string,
  produce: (line: (value: object) => Promise<void>) => Promise<void>,
): Promise<void> {
  const temporary = `${path}.part`;
  const out = createWriteStream(temporary, { mode: 0o600 });
  const failure = new Promise<never>((_, reject) => out.once("error", reject));
  failure.catch(() => {});
  try {
    await produce(async (value) => {
      if (!out.write(`${JSON.stringify(value)}\n`)) {
        await Promise.race([new Promise<void>((resolve) => out.once("drain", resolve)), failure]);
      }
    });
    out.end();
    await finished(out);
    const handle = await open(temporary, "r+");
    await handle.sync();
    await handle.close();
    await rename(temporary, path);
  } catch (cause) {
    out.destroy();
    await rm(temporary, { force: true });
    if (cause instanceof CoinError) throw cause;
    throw new TransferError("TRANSFER_FILE", `cannot write ${path}: ${errorText(cause)}`, { path }, { cause });
  }
}

/**
 * Checks every stored block against itself and its neighbours: hash, link, publisher signature, body hash, and for
 * each transaction inner hash, the owners' signatures and the history of its inputs and outputs. The unspent set
 * was checked against the head when the store was opened. @throws TransferError TRANSFER_DAMAGED at the first fault
 */
export async function verifyChain(chain: Blockchain, onProgress: (progress: Progress) => void): Promise<Progress> {
  const { store } = chain;
  const head = chain.head();
  let transactions = 0;
  let previous: SignedBlock | undefined;
  for (let from = 0; from <= head.seq; from += WINDOW_BLOCKS) {
    const blocks: SignedBlock[] = [];
    for (let seq = from; seq < from + WINDOW_BLOCKS && seq <= head.seq; seq++) {
      const block = store.blockBySeq(seq);
      if (block === undefined) throw damaged(seq, "is missing");
      blocks.push(block);
    }
    for (const { block, hash, publisher, signers } of await chain.prepare(blocks)) {
      const { header } = block;
      const { seq } = header;
      const stored = store.blockHashAt(seq);
      if (stored === undefined || !equalBytes(stored, hash)) throw damaged(seq, "does not match its hash");
      if (previous !== undefined && !equalBytes(header.prevHash, blockHash(previous))) {
        throw damaged(seq, "does not follow its predecessor");
      }
      if (!publisher.ok(0) || !publisher.strict(0) || !equalBytes(publisher.publicKey(0), chain.params.publisherKey)) {
        throw damaged(seq, "is not signed by the publisher");
      }
      if (!equalBytes(computeBodyHash(block.transactions), header.bodyHash)) throw damaged(seq, "has another body");
      if (seq > 0) {
        for (const [i, txn] of block.transactions.entries()) {
          const id = hashHex(txid(txn));
          if (store.transaction(txid(txn))?.blockSeq !== seq) throw damaged(seq, `transaction ${id} is not indexed`);
          if (!equalBytes(computeInnerHash(txn), txn.innerHash)) throw damaged(seq, `transaction ${id} was altered`);
          for (const [k, input] of txn.inputs.entries()) {
            const out = store.uxOut(input);
            if (out?.spentBy?.blockSeq !== seq) throw damaged(seq, `history lacks the spending of ${hashHex(input)}`);
            const keys = signers[i];
            if (keys === undefined || !keys.ok(k) || !keys.strict(k) || !keys.owns(k, out.ux.body.address)) {
              throw damaged(seq, `transaction ${id} is not signed by the owner of input ${k}`);
            }
          }
        }
      }
      transactions += block.transactions.length;
      previous = block;
    }
    onProgress({ seq: Math.min(from + WINDOW_BLOCKS - 1, head.seq), transactions });
  }
  return { seq: head.seq, transactions };
}

function damaged(seq: number, what: string): TransferError {
  return new TransferError(
    "TRANSFER_DAMAGED",
    `block ${seq} ${what}: the database is damaged, import a backup into a new data directory`,
    { seq },
  );
}
