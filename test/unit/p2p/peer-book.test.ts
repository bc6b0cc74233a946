import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../../../src/base/log.ts";
import { LIMITS } from "../../../src/p2p/limits.ts";
import { PeerBook, type PeerBookOptions } from "../../../src/p2p/peer-book.ts";
import { seededRandom } from "../../support/p2p-node.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const CHAIN = "0011223344556677";

function rig(options: Partial<PeerBookOptions> = {}) {
  const clock = new VirtualClock();
  const book = new PeerBook(
    { allowLoopback: false, sizeMax: 100, chain: CHAIN, limits: LIMITS, ...options },
    { clock, random: seededRandom(1), log: silentLogger },
  );
  return { clock, book };
}

const DAY = 86_400_000;
const agent = "skycoin:0.27.1";
const all = () => true;

test("writes what the reference writes, and reads it back", () => {
  const { clock, book } = rig();
  book.addConfigured("10.0.0.1:6000", { trusted: true });
  book.addIncoming("10.0.0.2:6000", agent);
  book.addConfigured("10.0.0.3:6000", { trusted: false });
  book.reached("10.0.0.3:6000", agent);
  const seconds = Math.floor(clock.nowMs() / 1000);
  assert.deepEqual(JSON.parse(book.serialize()), {
    "10.0.0.1:6000": {
      Addr: "10.0.0.1:6000",
      LastSeen: seconds,
      Private: false,
      Trusted: true,
      HasIncomingPort: false,
      UserAgent: "",
      Chain: CHAIN,
    },
    "10.0.0.2:6000": {
      Addr: "10.0.0.2:6000",
      LastSeen: seconds,
      Private: false,
      Trusted: false,
      HasIncomingPort: false,
      UserAgent: agent,
      Chain: CHAIN,
    },
    "10.0.0.3:6000": {
      Addr: "10.0.0.3:6000",
      LastSeen: seconds,
      Private: false,
      Trusted: false,
      HasIncomingPort: true,
      UserAgent: agent,
      Chain: CHAIN,
    },
  });
  const other = rig().book;
  other.load(book.serialize());
  assert.equal(other.size, 3);
  assert.deepEqual(other.trusted(), []); // trust comes from the configuration alone
  assert.deepEqual(other.exchangeable(), ["10.0.0.3:6000"]);
});

test("reads older forms, leaves out what makes no sense", () => {
  const { book } = rig();
  const entry = (Addr: string, more = {}) => ({ [Addr]: { Addr, LastSeen: 1, ...more } });
  book.load(
    JSON.stringify({
      ...entry("10.0.0.1:6000", { HasIncomePort: true }),
      ...entry("10.0.0.2:6000", { LastSeen: "2019-05-01T10:00:00.5Z", HasIncomingPort: true, HasIncomePort: false }),
      ...entry("10.0.0.3:6000", { LastSeen: "yesterday" }),
      ...entry("10.0.0.4:6000", { LastSeen: 1.5 }),
      ...entry("127.0.0.1:6000"),
      ...entry("10.0.0.5:80"),
      "10.0.0.6:6000": { Addr: "10.0.0.7:6000", LastSeen: 1 },
      "10.0.0.8:6000": null,
    }),
  );
  assert.deepEqual(book.triable(all).sort(), ["10.0.0.1:6000", "10.0.0.2:6000"]);
  assert.equal(book.size, 2);
});

test("another chain's list is worth nothing, and one that names none is told to nobody before it is tried", () => {
  const { book } = rig();
  const entry = (Addr: string, more = {}) => ({
    [Addr]: { Addr, LastSeen: 1, Trusted: true, HasIncomingPort: true, ...more },
  });
  book.load(
    JSON.stringify({
      ...entry("10.0.0.1:6000", { Chain: CHAIN }),
      ...entry("10.0.0.2:6000", { Chain: "7766554433221100" }),
      ...entry("10.0.0.3:6000", { Chain: null }),
      ...entry("10.0.0.4:6000", { UserAgent: agent }),
    }),
  );
  assert.deepEqual(book.triable(all).sort(), ["10.0.0.1:6000", "10.0.0.4:6000"]);
  assert.deepEqual(book.exchangeable(), ["10.0.0.1:6000"]);
  assert.deepEqual(book.trusted(), [], "trust comes from the configuration alone");
  book.reached("10.0.0.4:6000", agent);
  assert.deepEqual(book.exchangeable().sort(), ["10.0.0.1:6000", "10.0.0.4:6000"]);
});

test("an empty file is no file; a broken one stops the start", () => {
  const { book } = rig();
  book.load("");
  book.load("  \n");
  for (const text of ["{", "[]", "null", "3"]) assert.throws(() => book.load(text), { code: "P2P_PEERS_FILE" });
});

test("failed dials wait 2, 4, 8 ... 60 s, a success clears that", async () => {
  const { clock, book } = rig();
  const address = "10.0.0.1:6000";
  book.addConfigured(address, { trusted: false });
  for (const seconds of [2, 4, 8, 16, 32, 60, 60]) {
    book.failed(address, { counts: false });
    await clock.advance(seconds * 1000 - 1);
    assert.deepEqual(book.triable(all), []);
    await clock.advance(1);
    assert.deepEqual(book.triable(all), [address]);
  }
  book.reached(address, agent);
  book.failed(address, { counts: false });
  await clock.advance(2000);
  assert.deepEqual(book.triable(all), [address]);
});

test("the reference's counter makes a peer rarer, and is forgotten when nobody else is left", async () => {
  const { clock, book } = rig();
  book.addConfigured("10.0.0.1:6000", { trusted: false });
  for (let i = 0; i < 8; i++) book.failed("10.0.0.1:6000", { counts: true });
  await clock.advance(60_000);
  let hits = 0;
  for (let i = 0; i < 200; i++) hits += book.triable(all).length;
  assert.ok(hits > 0 && hits < 40, `${hits} of 200`); // 60 s of up to 1275 s
  book.resetRetries();
  assert.equal(book.triable(all).length, 1);
});

test("entries that failed more than ten times are not written", () => {
  const { book } = rig();
  book.addConfigured("10.0.0.1:6000", { trusted: false });
  for (let i = 0; i < 10; i++) book.failed("10.0.0.1:6000", { counts: true });
  assert.match(book.serialize(), /10\.0\.0\.1/);
  book.failed("10.0.0.1:6000", { counts: true });
  assert.doesNotMatch(book.serialize(), /10\.0\.0\.1/);
});

test("five failed dials in a row and it is told to nobody any more", () => {
  const { book } = rig();
  book.addConfigured("10.0.0.1:6000", { trusted: false });
  book.reached("10.0.0.1:6000", agent);
  for (let i = 0; i < 4; i++) book.failed("10.0.0.1:6000", { counts: false });
  assert.equal(book.exchangeable().length, 1);
  book.failed("10.0.0.1:6000", { counts: false });
  assert.equal(book.exchangeable().length, 0);
});

test("ourselves are never dialled, stored or handed out", () => {
  const { book } = rig();
  book.addConfigured("10.0.0.1:6000", { trusted: true });
  book.addConfigured("10.0.0.2:6000", { trusted: false });
  book.markSelf("10.0.0.1:6000");
  book.markSelf("10.0.0.2:6000");
  assert.equal(book.addHeard(["10.0.0.2:6000"], "x"), 0);
  assert.deepEqual([book.triableTrusted(), book.triable(all), book.exchangeable()], [[], [], []]);
});

test("hearsay is bounded by source, in sum, and by the list", () => {
  const limits = { ...LIMITS, pexPerSourceMax: 5, neverReachedMax: 8 };
  const { book } = rig({ limits, sizeMax: 20 });
  const list = (n: number) => Array.from({ length: 10 }, (_, i) => `10.${n}.0.${i}:6000`);
  assert.equal(book.addHeard(list(1), "a"), 5);
  assert.equal(book.addHeard(list(1), "a"), 0);
  assert.equal(book.addHeard(list(2), "b"), 4, "a gives one up");
  assert.equal(book.size, 8);
  // Those that turned out real no longer count.
  for (let i = 1; i < 5; i++) book.reached(`10.1.0.${i}:6000`, agent);
  assert.equal(book.addHeard(list(3), "a"), 4);
  assert.equal(book.size, 12);
});

test("a few that tell much do not keep out what others tell", () => {
  const { book } = rig({ sizeMax: 65_535 });
  for (let n = 0; n < 8; n++) {
    book.addHeard(
      Array.from({ length: 1024 }, (_, i) => `10.${n}.${i >> 8}.${i & 255}:6000`),
      `junk ${n % 4}`,
    );
  }
  assert.equal(book.size, 4096);
  assert.equal(book.addHeard(["11.0.0.1:6000", "11.0.0.2:6000"], "honest"), 2);
  assert.equal(book.addIncoming("12.0.0.1:6000", agent), "ok");
  assert.equal(book.addHeard(["10.9.0.1:6000"], "junk 0"), 0, "nor do they push it out again");
  assert.deepEqual([book.has("11.0.0.1:6000"), book.has("12.0.0.1:6000"), book.size], [true, true, 4096]);
});

test("an address that dials us and announces another port each time does not fill the list", () => {
  const { book } = rig({ sizeMax: 65_535 });
  for (let port = 1024; port < 9000; port++) assert.equal(book.addIncoming(`10.0.0.1:${port}`, agent), "ok");
  assert.equal(book.size, LIMITS.portsPerIpMax);
  assert.ok(book.has("10.0.0.1:8999"), "the newest stay");
  book.reached("10.0.0.1:8999", agent);
  for (let port = 9000; port < 9100; port++) book.addIncoming(`10.0.0.1:${port}`, agent);
  assert.ok(book.has("10.0.0.1:8999"), "so does what a dial has found");
});

test("what was read from the file and never reached is bounded with the rest", () => {
  const limits = { ...LIMITS, neverReachedMax: 4 };
  const first = rig({ limits }).book;
  first.addHeard(["10.0.0.1:6000", "10.0.0.2:6000", "10.0.0.3:6000", "10.0.0.4:6000"], "a");
  const { book } = rig({ limits });
  book.load(first.serialize());
  book.addConfigured("10.0.0.1:6000", { trusted: false });
  assert.equal(book.addHeard(["10.0.1.1:6000", "10.0.1.2:6000", "10.0.1.3:6000"], "b"), 2);
  assert.deepEqual([book.size, book.has("10.0.0.1:6000")], [5, true]);
});

test("who knows our mirror cannot make us remember ever more addresses as ourselves", () => {
  const { book } = rig();
  for (let i = 0; i < 5000; i++) book.markSelf(`10.0.${i >> 8}.${i & 255}:6000`);
  assert.deepEqual([book.isSelf("10.0.0.0:6000"), book.isSelf("10.0.19.135:6000")], [false, true]);
});

test("a full list takes an incoming peer in the place of one unseen for a day, else says so", async () => {
  const { clock, book } = rig({ sizeMax: 2 });
  book.addConfigured("10.0.0.1:6000", { trusted: true });
  book.addConfigured("10.0.0.2:6000", { trusted: false });
  assert.equal(book.addIncoming("10.0.0.3:6000", agent), "full");
  assert.equal(book.addIncoming("10.0.0.2:6000", agent), "ok"); // known
  await clock.advance(DAY);
  assert.equal(book.addIncoming("10.0.0.3:6000", agent), "ok");
  assert.deepEqual([book.has("10.0.0.2:6000"), book.has("10.0.0.1:6000")], [false, true]);
});

test("a week unseen and it is gone, unless trusted", async () => {
  const { clock, book } = rig();
  book.addConfigured("10.0.0.1:6000", { trusted: true });
  book.addConfigured("10.0.0.2:6000", { trusted: false });
  await clock.advance(7 * DAY);
  book.expire();
  assert.equal(book.size, 2);
  await clock.advance(1000);
  book.expire();
  assert.deepEqual([book.has("10.0.0.1:6000"), book.has("10.0.0.2:6000")], [true, false]);
});

test("the hopeless are forgotten, the trusted only rest", async () => {
  const { clock, book } = rig();
  book.addConfigured("10.0.0.1:6000", { trusted: true });
  book.addConfigured("10.0.0.2:6000", { trusted: false });
  book.dismiss("10.0.0.1:6000", 3_600_000);
  book.dismiss("10.0.0.2:6000", 3_600_000);
  assert.deepEqual([book.triableTrusted(), book.has("10.0.0.2:6000")], [[], false]);
  await clock.advance(3_600_000);
  assert.deepEqual(book.triableTrusted(), ["10.0.0.1:6000"]);
});

test("which mirror listens at an address is remembered for the last 4096 addresses", () => {
  const { book } = rig();
  for (let i = 0; i < 4097; i++) book.setMirror(`a${i}`, i);
  assert.equal(book.mirrorOf("a0"), undefined);
  assert.equal(book.mirrorOf("a4096"), 4096);
});

test("an address is tried again although the clock was set back", async () => {
  const { clock, book } = rig();
  book.addConfigured("10.0.0.1:6000", { trusted: false });
  book.failed("10.0.0.1:6000", { counts: true });
  clock.jump(-3_600_000);
  assert.deepEqual(book.triable(all), []);
  await clock.advance(60_000);
  assert.deepEqual(book.triable(all), ["10.0.0.1:6000"]);
});
