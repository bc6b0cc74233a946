import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { silentLogger } from "../../src/base/log.ts";
import { systemClock } from "../../src/node/system-clock.ts";
import { LIMITS } from "../../src/p2p/limits.ts";
import { PeerBook } from "../../src/p2p/peer-book.ts";
import { TestChain } from "../support/chain.ts";
import { GoNode, goNodeMissing } from "../support/p2p-go.ts";
import { seededRandom } from "../support/p2p-node.ts";
import { temporaryDirectory } from "../support/processes.ts";

const emptyBook = () =>
  new PeerBook(
    { allowLoopback: true, sizeMax: 100, chain: "0011223344556677", limits: LIMITS },
    { clock: systemClock, random: seededRandom(1), log: silentLogger },
  );

test("a reference node reads our list of peers, and we read the one it writes", {
  skip: goNodeMissing,
  timeout: 60_000,
}, async (t) => {
  const book = emptyBook();
  book.addConfigured("127.0.0.1:7001", { trusted: false });
  book.reached("127.0.0.1:7001", "skycoin:0.27.1(a remark)");
  book.addIncoming("127.0.0.1:7002", "skycoin:0.26.0");
  book.addConfigured("127.0.0.1:7003", { trusted: true });
  const ours = book.serialize();
  const directory = await temporaryDirectory(t);
  const path = join(directory, "data", "peers.json");
  await mkdir(join(directory, "data"), { mode: 0o700 });
  await writeFile(path, ours, { mode: 0o600 });

  const { chain } = await TestChain.open();
  const go = await GoNode.start({ params: chain.params, genesisSignature: chain.genesis.sig, directory });
  await go.stop({ keep: true });
  const theirs = await readFile(path, "utf8");

  const facts = (text: string) =>
    Object.values(JSON.parse(text) as Record<string, Record<string, unknown>>)
      .map(({ Addr, LastSeen, HasIncomingPort, UserAgent }) => ({ Addr, LastSeen, HasIncomingPort, UserAgent }))
      .sort((a, b) => String(a.Addr).localeCompare(String(b.Addr)));
  assert.deepEqual(facts(theirs), facts(ours));
  assert.doesNotMatch(theirs, /Chain/, "it has written it anew");
  const read = emptyBook();
  read.load(theirs);
  assert.deepEqual(read.triable(() => true).sort(), ["127.0.0.1:7001", "127.0.0.1:7002", "127.0.0.1:7003"]);
});
