import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { toHex } from "../../src/base/bytes.ts";
import type { BlockChange } from "../../src/chain/store.ts";
import { encodeUxOut } from "../../src/chain/uxout.ts";
import type { Address } from "../../src/cipher/address.ts";
import { hashHex } from "../../src/cipher/hash.ts";
import { MemoryStore } from "../../src/storage/memory-store.ts";
import { ManualClock } from "../support/chain.ts";
import { askStore } from "../support/chain-model.ts";
import { conformanceLines, conformanceMissing } from "../support/conformance.ts";
import { loadRecordedChain, type RecordedChain } from "../support/conformance-chain.ts";
import { openStore } from "../support/level-files.ts";
import { tempDir } from "../support/temp-dir.ts";

/** Notes what is staged on its way into the store. */
class RecordingStore extends MemoryStore {
  readonly changes: BlockChange[] = [];

  override stage(change: BlockChange): void {
    super.stage(change);
    this.changes.push(change);
  }
}

for (const name of ["mainnet-180", "devchain"] satisfies RecordedChain[]) {
  test(`the recorded chain ${name} is the same on disk, in memory and in the recording`, {
    skip: conformanceMissing,
  }, async (t) => {
    const dir = join(tempDir(t), "chain");
    const clock = new ManualClock();
    const memory = new RecordingStore();
    let disk = await openStore(dir);
    for (const store of [memory, disk]) await loadRecordedChain({ name, unconfirmed: true, store, clock });
    await disk.close();
    disk = await openStore(dir);
    const { changes } = memory;
    const owners = changes.flatMap(({ created }) => created.flat().map(({ ux }) => ux.body.address));
    const addresses = [...new Map(owners.map((address) => [toHex(address), address])).values()] as Address[];
    assert.ok(addresses.length > 5);
    assert.deepEqual(askStore(disk, { changes, addresses }), askStore(memory, { changes, addresses }));
    assert.equal([...disk.unconfirmed()].length, [...memory.unconfirmed()].length);
    const recorded = conformanceLines<{ hash: string; ux_hex: string }>(`${name}/unspents.jsonl`);
    const ours = [...disk.allUnspents()].map(({ id, ux }) => ({ hash: hashHex(id), ux_hex: toHex(encodeUxOut(ux)) }));
    const sorted = recorded.map(({ hash, ux_hex }) => ({ hash, ux_hex })).sort((a, b) => (a.hash < b.hash ? -1 : 1));
    assert.deepEqual(ours, sorted);
    await disk.close();
  });
}
