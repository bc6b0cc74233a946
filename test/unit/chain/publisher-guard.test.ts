import assert from "node:assert/strict";
import { test } from "node:test";
import { PublisherGuard, type PublisherGuardOptions } from "../../../src/chain/publisher-guard.ts";
import type { Head } from "../../../src/chain/store.ts";
import type { Hash } from "../../../src/cipher/hash.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const hashOf = (seq: number, branch = 0): Hash => new Uint8Array(32).fill(seq).fill(branch, 0, 1) as Hash;

/** A guard over a chain of hashes; `chain.seq` moves the head. */
function rig(seq: number, options: Partial<PublisherGuardOptions> = {}) {
  const clock = new VirtualClock();
  const chain = {
    seq,
    head: () => ({ seq: chain.seq, hash: hashOf(chain.seq), time: 0 }) as Head,
    store: { blockHashAt: (at: number) => (at <= chain.seq ? hashOf(at) : undefined) },
  };
  const guard = new PublisherGuard(
    {
      mark: undefined,
      knowsPeers: true,
      knowsTrusted: false,
      waitMs: 5000,
      takeoverMs: 15_000,
      ...options,
      accepted: options.accepted ?? false,
    },
    { chain, genesisTime: 0, clock },
  );
  return { clock, chain, guard, nowSeconds: () => Math.floor(clock.nowMs() / 1000) };
}
const mark = (seq: number, branch = 0) => ({ seq, hash: hashOf(seq, branch) });

test("a publisher publishes once a peer has said that it holds no more", () => {
  const { guard } = rig(5, { mark: mark(5) });
  assert.equal(guard.waitMs(true), undefined);
  guard.look([{ height: 5, trusted: false }]);
  assert.equal(guard.waitMs(true), 0);
});

test("alone it goes on after the wait", async () => {
  const { guard, clock } = rig(5, { mark: mark(5) });
  await clock.advance(4_900);
  guard.look([]);
  assert.equal(guard.state, "checking");
  await clock.advance(200);
  guard.look([]);
  assert.equal(guard.state, "publishing");
});

test("with trusted peers, what a stranger says first does not end the check", () => {
  const { guard } = rig(5, { mark: mark(5), knowsTrusted: true });
  guard.look([{ height: 0, trusted: false }]);
  assert.equal(guard.state, "checking");
  guard.look([
    { height: 0, trusted: false },
    { height: 5, trusted: true },
  ]);
  assert.equal(guard.state, "publishing");
});

test("one that remembers its head and knows nobody does not wait", () => {
  assert.equal(rig(5, { mark: mark(5), knowsPeers: false }).guard.state, "publishing");
});

test("a new chain does not wait, an old one that lies at its genesis block does", () => {
  const { clock } = rig(0);
  const chain = { head: () => ({ seq: 0, hash: hashOf(0) }) as Head, store: { blockHashAt: () => undefined } };
  const options = {
    mark: undefined,
    knowsPeers: false,
    knowsTrusted: false,
    waitMs: 5000,
    takeoverMs: 1,
    accepted: false,
  };
  const young = new PublisherGuard(options, { chain, genesisTime: clock.nowMs() / 1000 - 5, clock });
  assert.equal(young.state, "publishing");
  assert.equal(rig(0, { knowsPeers: false }).guard.state, "checking");
});

test("an old backup waits for the block it remembers, however long, and is caught up then", async () => {
  const { guard, chain, clock } = rig(3, { mark: mark(5) });
  await clock.advance(600_000);
  guard.look([{ height: 3, trusted: true }]);
  assert.match(guard.refusal ?? "", /ends at block 3.*up to 5.*old backup/);
  chain.seq = 5;
  guard.look([{ height: 5, trusted: true }]);
  assert.equal(guard.state, "publishing");
});

test("a chain that holds another block in place of the remembered one halts", () => {
  const { guard } = rig(5, { mark: mark(4, 9) });
  assert.equal(guard.state, "halted");
});

test("blocks that others made meanwhile are taken, and the first block of ours waits for them", async () => {
  const { guard, chain, clock } = rig(3, { mark: mark(3) });
  guard.look([{ height: 6, trusted: false }]);
  assert.match(guard.refusal ?? "", /behind: peers say they hold block 6, here is 3/);
  chain.seq = 6;
  guard.look([{ height: 6, trusted: false }]);
  assert.equal(guard.state, "takeover");
  assert.equal(guard.waitMs(true), 15_000);
  await clock.advance(10_000);
  assert.equal(guard.waitMs(true), 5_000);
  guard.waitMs(false); // nothing to publish any more: somebody did
  assert.equal(guard.waitMs(true), 15_000);
});

test("a stranger's claim that no block follows is set aside, a trusted peer's is not", async () => {
  for (const trusted of [false, true]) {
    const { guard, clock } = rig(5, { mark: mark(5) });
    guard.look([{ height: 2 ** 50, trusted }]);
    await clock.advance(16_000);
    guard.look([{ height: 2 ** 50, trusted }]);
    assert.equal(guard.state, trusted ? "checking" : "publishing");
  }
});

test("a fresh block by another node with the same key halts; one from before the start is history", () => {
  const live = rig(5, { mark: mark(5), knowsPeers: false });
  live.guard.foreignBlock({ seq: 6, time: live.nowSeconds() });
  assert.match(live.guard.refusal ?? "", /two publishers are running/);
  const old = rig(5, { mark: mark(5), knowsPeers: false });
  old.guard.foreignBlock({ seq: 6, time: old.nowSeconds() - 100 });
  assert.equal(old.guard.state, "takeover");
});

test("a block below the head it settled on is no other publisher's, however late it is told", () => {
  const { guard, chain, nowSeconds } = rig(3, { mark: mark(5) });
  guard.look([{ height: 5, trusted: true }]);
  assert.equal(guard.state, "checking");
  chain.seq = 5; // stored, and told later: the write had failed, and had not
  guard.look([{ height: 5, trusted: true }]);
  for (const seq of [4, 5]) guard.foreignBlock({ seq, time: nowSeconds() });
  assert.equal(guard.state, "publishing");
  guard.foreignBlock({ seq: 6, time: nowSeconds() });
  assert.equal(guard.state, "halted");
});

test("the operator's word ends every check but a later halt", () => {
  const { guard } = rig(3, { mark: mark(5), accepted: true });
  assert.equal(guard.state, "publishing");
  guard.halt("proof");
  guard.made();
  guard.look([]);
  assert.equal(guard.state, "halted");
});

test("strangers that claim ever more blocks and deliver none hold a publisher up for a minute at most", async () => {
  const { guard, chain, clock } = rig(5, { mark: mark(5) });
  let claimed = 6;
  const claimFor = async (seconds: number) => {
    for (let i = 0; i < seconds && guard.state === "checking"; i += 5) {
      guard.look([{ height: claimed++, trusted: false }]);
      await clock.advance(5_000);
    }
  };
  await claimFor(55);
  assert.equal(guard.state, "checking", "another may bring what the first did not");
  chain.seq = 6; // a block that really came begins it anew
  await claimFor(55);
  assert.equal(guard.state, "checking");
  await claimFor(20);
  assert.equal(guard.state, "takeover");
});
