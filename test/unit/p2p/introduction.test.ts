import assert from "node:assert/strict";
import { test } from "node:test";
import { concat } from "../../../src/base/bytes.ts";
import { DEFAULT_VERIFY } from "../../../src/chain/params.ts";
import type { Hash } from "../../../src/cipher/hash.ts";
import type { PublicKey } from "../../../src/cipher/keys.ts";
import { DISC } from "../../../src/p2p/disconnect.ts";
import { checkIntroduction, introductionOf } from "../../../src/p2p/introduction.ts";
import type { Introduction } from "../../../src/p2p/messages.ts";

const publisherKey = new Uint8Array(33).fill(2) as PublicKey;
const genesisHash = new Uint8Array(32).fill(9) as Hash;
const rules = { mirror: 1, publisherKey, genesisHash, legacyPeerCompat: false };
const identity = {
  mirror: 7,
  listenPort: 6000,
  publisherKey,
  verify: DEFAULT_VERIFY,
  userAgent: "skycoin:0.27.1",
  genesisHash,
};
const good = introductionOf(identity);

interface Extra {
  readonly key?: Uint8Array;
  readonly burn?: number;
  readonly size?: number;
  readonly decimals?: number;
  readonly agentLength?: number;
  readonly agent?: string;
  readonly tail?: Uint8Array;
}

const u32 = (n: number) => new Uint8Array(Uint32Array.of(n).buffer);

function extra({ key = publisherKey, burn = 10, size = 32768, decimals = 3, ...rest }: Extra = {}): Uint8Array {
  const agent = new TextEncoder().encode(rest.agent ?? "skycoin:0.27.1");
  const head = concat(key, u32(burn), u32(size), Uint8Array.of(decimals));
  return concat(head, u32(rest.agentLength ?? agent.length), agent, rest.tail ?? genesisHash);
}

const with_ = (changes: Partial<Introduction>): Introduction => ({ ...good, ...changes });

// Each row breaks everything that is checked after what it names: the first failure must win.
const broken = { burn: 0, size: 0, decimals: 9, agentLength: 300, agent: "", tail: new Uint8Array(5) };
for (const { why, introduction, reason } of [
  { why: "own mirror", introduction: with_({ mirror: 1, protocolVersion: 0 }), reason: DISC.SELF },
  { why: "old version", introduction: with_({ protocolVersion: 1, extra: new Uint8Array(0) }), reason: DISC.VERSION },
  { why: "negative version", introduction: with_({ protocolVersion: -1 }), reason: DISC.VERSION },
  { why: "no Extra", introduction: with_({ extra: new Uint8Array(0) }), reason: DISC.UNKNOWN },
  { why: "Extra without a whole key", introduction: with_({ extra: new Uint8Array(32) }), reason: DISC.EXTRA },
  {
    why: "other chain",
    introduction: with_({ extra: extra({ key: new Uint8Array(33), ...broken }) }),
    reason: DISC.PUBLIC_KEY,
  },
  { why: "parameters cut", introduction: with_({ extra: extra().slice(0, 41) }), reason: DISC.EXTRA },
  { why: "burn factor 1", introduction: with_({ extra: extra({ ...broken, burn: 1 }) }), reason: DISC.BURN_FACTOR },
  {
    why: "size 1023",
    introduction: with_({ extra: extra({ ...broken, burn: 2, size: 1023 }) }),
    reason: DISC.TRANSACTION_SIZE,
  },
  {
    why: "7 decimals",
    introduction: with_({ extra: extra({ ...broken, burn: 2, size: 1024, decimals: 7 }) }),
    reason: DISC.DECIMALS,
  },
  { why: "agent length missing", introduction: with_({ extra: extra().slice(0, 45) }), reason: DISC.EXTRA },
  { why: "agent cut", introduction: with_({ extra: extra({ agentLength: 255 }) }), reason: DISC.EXTRA },
  {
    why: "agent of 257 bytes",
    introduction: with_({ extra: extra({ agent: `skycoin:0.27.1(${"a".repeat(241)})` }) }),
    reason: DISC.EXTRA,
  },
  {
    why: "empty agent",
    introduction: with_({ extra: extra({ agent: "", tail: new Uint8Array(5) }) }),
    reason: DISC.USER_AGENT,
  },
  { why: "bad agent", introduction: with_({ extra: extra({ agent: "skycoin" }) }), reason: DISC.USER_AGENT },
  { why: "genesis hash cut", introduction: with_({ extra: extra({ tail: new Uint8Array(31) }) }), reason: DISC.EXTRA },
  {
    why: "other genesis hash",
    introduction: with_({ extra: extra({ tail: new Uint8Array(32) }) }),
    reason: DISC.PUBLIC_KEY,
  },
]) {
  test(`refuses: ${why}`, () => {
    assert.deepEqual(checkIntroduction(introduction, rules), { ok: false, reason });
  });
}

for (const { why, introduction } of [
  { why: "the full form", introduction: good },
  { why: "a higher version", introduction: with_({ protocolVersion: 99 }) },
  { why: "no genesis hash", introduction: with_({ extra: extra({ tail: new Uint8Array(0) }) }) },
  { why: "limits at their edges", introduction: with_({ extra: extra({ burn: 2, size: 1024, decimals: 6 }) }) },
  {
    why: "an agent of 256 bytes",
    introduction: with_({ extra: extra({ agent: `skycoin:0.27.1(${"a".repeat(240)})` }) }),
  },
  { why: "an agent to be cleaned", introduction: with_({ extra: extra({ agent: "ts<no>de:0.1.0" }) }) },
  { why: "another coin's name", introduction: with_({ extra: extra({ agent: "mycoin:1.2.3" }) }) },
  {
    why: "bytes of a later version behind the hash",
    introduction: with_({ extra: extra({ tail: concat(genesisHash, new Uint8Array(40)) }) }),
  },
]) {
  test(`accepts: ${why}`, () => assert.equal(checkIntroduction(introduction, rules).ok, true));
}

test("an introduction without Extra passes in legacy mode, when mirror and version do", () => {
  const legacy = { ...rules, legacyPeerCompat: true };
  const checked = checkIntroduction(with_({ extra: new Uint8Array(0) }), legacy);
  assert.ok(checked.ok);
  assert.equal(checked.peer.userAgent, undefined);
  assert.deepEqual(checkIntroduction(with_({ extra: new Uint8Array(0), mirror: 1 }), legacy), {
    ok: false,
    reason: DISC.SELF,
  });
});

test("capabilities go behind the hash, and are read back by us alone", () => {
  const capabilities = { steadyDecoder: true, blocksPerAnswer: 128 };
  const checked = checkIntroduction(introductionOf(identity, capabilities), rules);
  assert.ok(checked.ok);
  assert.deepEqual(checked.peer.capabilities, capabilities);
  const plain = checkIntroduction(good, rules);
  assert.ok(plain.ok);
  assert.equal(plain.peer.capabilities, undefined);
});

test("a trailer that is cut, longer, or not ours is read as far as it makes sense", () => {
  const { extra: full } = introductionOf(identity, { steadyDecoder: true, blocksPerAnswer: 128 });
  const read = (bytes: Uint8Array) => {
    const checked = checkIntroduction(with_({ extra: bytes }), rules);
    assert.ok(checked.ok);
    return checked.peer.capabilities;
  };
  const trailerAt = full.length - 12;
  for (let size = trailerAt; size < full.length; size++) assert.equal(read(full.slice(0, size)), undefined);
  const longer = concat(full, new Uint8Array(4));
  longer[trailerAt + 4] = 10;
  assert.equal(read(longer)?.blocksPerAnswer, 128);
  const foreign = full.slice();
  foreign[trailerAt] = 0;
  assert.equal(read(foreign), undefined);
});
