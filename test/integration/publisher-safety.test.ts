import assert from "node:assert/strict";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { parseDroplets } from "../../src/chain/droplet.ts";
import { newTransaction, signTransaction, type TxOut } from "../../src/chain/transaction.ts";
import type { Droplets, Hours } from "../../src/chain/uxout.ts";
import { parseSecretKey } from "../../src/cipher/keys.ts";
import { LoginNetwork } from "../support/login-network.ts";
import { eventually, type RunningNode, startDaemon } from "../support/processes.ts";
import { Visitor } from "../support/visitor.ts";

const isLong = process.env.LOGINCHAIN_LONG === "1";
const SECOND_PUBLISHERS = Number(process.env.LOGINCHAIN_ROUNDS ?? 100);
const FORKS = isLong ? 10 : 1;
const HEAD = "/api/v1/blockchain/metadata";
const headOf = async (node: Pick<RunningNode, "get">) =>
  ((await node.get(HEAD)) as { head: { seq: number; block_hash: string } }).head;
const readiness = async (node: RunningNode) =>
  (await (await fetch(`${node.web}/readyz`)).json()) as { reasons?: string[] };

/** A publisher of the network in a directory of its own, dialling `dials`. */
async function publisher(
  t: TestContext,
  net: LoginNetwork,
  options: { data: string; dials?: readonly number[]; flags?: readonly string[] },
): Promise<RunningNode> {
  const text = await readFile(net.files.publisherToml, "utf8");
  const peers = (options.dials ?? []).map((port) => `"127.0.0.1:${port}"`).join(", ");
  const toml = `${options.data}.toml`;
  await writeFile(toml, text.replace(/^default_connections = .*$/m, `default_connections = [${peers}]`));
  return startDaemon(
    t,
    [
      `--data-dir=${options.data}`,
      "--block-publisher",
      "--publish=on-demand",
      "--disable-csrf",
      "--takeover-wait=1s",
      "--publisher-wait=500ms",
      ...(options.flags ?? []),
    ],
    { FIBER_TOML: toml, GENESIS: net.files.genesis },
  );
}

/** `coins` of the genesis address to itself, and the rest too; into the node's own pool, peers or not. */
async function pay(net: LoginNetwork, node: RunningNode, coins: string): Promise<void> {
  const visitor = new Visitor(node.web, parseSecretKey(await net.secret()), { alone: true });
  const [largest] = [...(await visitor.outputs())].sort((a, b) => Number(b.coins) - Number(a.coins));
  const { outputs, inputs } = await visitor.payment(net.address, largest);
  const [whole] = outputs as readonly [TxOut];
  const part = parseDroplets(coins);
  const split = [
    { ...whole, coins: part, hours: 0n as Hours },
    { ...whole, coins: (whole.coins - part) as Droplets },
  ];
  await visitor.inject(signTransaction(newTransaction(inputs, split), [visitor.secret]));
}

const member = (node: RunningNode) =>
  ({ maker: "ours", web: node.web, dataDirectory: "", get: node.get, log: () => "", stop: async () => {} }) as const;

test("a fork by a second publisher is seen within one block: evidence, alarm, no more blocks, until the operator decides", async (t) => {
  for (let fork = 0; fork < FORKS; fork++) await forkAndSettle(t);
});

async function forkAndSettle(t: TestContext): Promise<void> {
  const net = await LoginNetwork.make(t, { droplets: 1_000_000_000 });
  const dir = net.files.directory;
  const [a, b] = [join(dir, "a"), join(dir, "b")];
  const first = await publisher(t, net, { data: a });
  await net.bootstrap(member(first));
  await eventually(
    () => headOf(first),
    ({ seq }) => seq === 1,
  );
  await first.stop();
  await cp(a, b, { recursive: true }); // a clone: the one case that looks like the publisher itself

  const one = await publisher(t, net, { data: a });
  const two = await publisher(t, net, { data: b, flags: ["--disable-outgoing"] });
  await pay(net, one, "1");
  await pay(net, two, "2");
  for (const node of [one, two])
    await eventually(
      () => headOf(node),
      ({ seq }) => seq === 2,
    );
  const mine = (await headOf(one)).block_hash;
  await one.stop();

  const again = await publisher(t, net, { data: a, dials: [two.port] });
  await eventually(
    () => readiness(again),
    ({ reasons }) => reasons === undefined,
  );
  // Heights are equal: the next block of the other is what tells.
  await pay(net, two, "3");
  await eventually(
    () => readiness(again),
    ({ reasons = [] }) => reasons.some((text) => text.includes("signed two blocks of height 2")),
  );
  const health = (await (await fetch(`${again.web}/healthz`)).json()) as { alarms?: string[] };
  assert.deepEqual(health.alarms, ["the publisher's key has signed two blocks of height 2"]);
  assert.match(
    await (await fetch(`${again.web}/metrics`)).text(),
    /chain_forks_signed 1\n[\s\S]*publisher_state\{state="halted"\} 1/,
  );
  const [name] = await eventually(
    () => readdir(join(a, "evidence")),
    (names) => names.length === 1 && names[0]?.endsWith(".json") === true, // not while it is being written
  );
  const proof = JSON.parse(await readFile(join(a, "evidence", name as string), "utf8"));
  assert.equal(proof.ours.hash, mine);
  assert.notEqual(proof.theirs.hash, mine);
  assert.equal((await headOf(again)).block_hash, mine, "nothing is switched");
  await two.stop();
  await again.stop();

  const still = await publisher(t, net, { data: a });
  assert.match(String((await readiness(still)).reasons), /two blocks of height 2/);
  await still.stop();
  const settled = await publisher(t, net, { data: a, flags: [`--accept-head=${mine}`] });
  await pay(net, settled, "4");
  await eventually(
    () => headOf(settled),
    ({ seq }) => seq === 3,
  );
  assert.deepEqual(await readdir(join(a, "evidence")), ["settled"]);
  const accepted = (await headOf(settled)).block_hash;
  await settled.stop();

  // Whoever holds the other chain goes on showing it; what was decided stays decided.
  const stale = await publisher(t, net, { data: b, flags: ["--disable-outgoing"] });
  await pay(net, stale, "5");
  await eventually(
    () => headOf(stale),
    ({ seq }) => seq === 4,
  );
  const decided = await publisher(t, net, { data: a, dials: [stale.port], flags: [`--accept-head=${accepted}`] });
  await eventually(
    () => decided.get("/api/v1/blockchain/progress") as Promise<{ highest: number }>,
    ({ highest }) => highest === 4,
  );
  for (const [coins, height] of [
    ["6", 4],
    ["7", 5],
  ] as const) {
    await pay(net, decided, coins);
    await eventually(
      () => headOf(decided),
      ({ seq }) => seq === height,
    );
  }
  assert.deepEqual(await readdir(join(a, "evidence")), ["settled"]);
}

test("a publisher with an older database publishes nothing until the peers gave it the rest", async (t) => {
  const net = await LoginNetwork.make(t, { droplets: 1_000_000_000 });
  const data = join(net.files.directory, "p");
  const backup = join(net.files.directory, "backup");
  const started = await publisher(t, net, { data });
  await net.bootstrap(member(started));
  await eventually(
    () => headOf(started),
    ({ seq }) => seq === 1,
  );
  await started.stop();
  await cp(join(data, "chain"), backup, { recursive: true });
  const peer = await net.start("ours", { role: "peer", port: 0, dials: [] });
  const port = Number(/address="127\.0\.0\.1:(\d+)"/.exec(peer.log().split("listening for peers")[1] ?? "")?.[1]);
  const later = await publisher(t, net, { data, dials: [port] });
  await pay(net, later, "1");
  await eventually(
    () => headOf(peer),
    ({ seq }) => seq === 2,
  );
  await later.stop();

  await rm(join(data, "chain"), { recursive: true });
  await mkdir(join(data, "chain"));
  await cp(backup, join(data, "chain"), { recursive: true });
  const restored = await publisher(t, net, { data, flags: ["--disable-networking"] });
  assert.match(String((await readiness(restored)).reasons), /ends at block 1.*up to 2.*old backup/);
  assert.equal((await headOf(restored)).seq, 1);
  await restored.stop();

  const caughtUp = await publisher(t, net, { data, dials: [port] });
  await eventually(
    () => headOf(caughtUp),
    ({ seq }) => seq === 2,
  );
  await eventually(
    () => readiness(caughtUp),
    ({ reasons }) => reasons === undefined,
  );
  await pay(net, caughtUp, "2");
  await eventually(
    () => headOf(peer),
    ({ seq }) => seq === 3,
  );
  await caughtUp.stop();
});

test(`${SECOND_PUBLISHERS} second publishers make no block, whichever way they came to be`, {
  skip: !isLong && "minutes: LOGINCHAIN_LONG=1 runs it",
}, async (t) => {
  const net = await LoginNetwork.make(t, { droplets: 1_000_000_000 });
  const [data, other] = [join(net.files.directory, "p"), join(net.files.directory, "other")];
  let first = await publisher(t, net, { data });
  await net.bootstrap(member(first));
  const grown = async (by: number, from: number) =>
    eventually(
      () => headOf(first),
      ({ seq }) => seq === from + by,
    );
  await grown(1, 0);

  const onTheSameDirectory = async () => {
    const { seq } = await headOf(first);
    await Promise.all([pay(net, first, "1"), assert.rejects(publisher(t, net, { data }), /in use|locked/)]);
    await grown(1, seq);
  };
  const fromAnOldBackup = async () => {
    const { seq } = await headOf(first);
    await first.stop();
    await cp(join(data, "chain"), join(other, "chain"), { recursive: true });
    first = await publisher(t, net, { data });
    await pay(net, first, "1");
    await grown(1, seq);
    const mark = join(data, "publisher.head");
    await eventually(
      () => readFile(mark, "utf8"),
      (text) => text.includes(`"seq":${seq + 1},`), // written before peers are told, not before the API is
    );
    await cp(mark, join(other, "publisher.head"));
    const second = await publisher(t, net, { data: other, flags: ["--disable-networking"] });
    await pay(net, second, "2");
    await pause(1_500); // longer than it would wait for another publisher
    assert.match(String((await readiness(second)).reasons), /old backup/);
    assert.equal((await headOf(second)).seq, seq);
    await second.stop();
  };
  const onAnotherMachine = async () => {
    const second = await publisher(t, net, { data: other, dials: [first.port] });
    const { seq } = await headOf(first);
    await eventually(
      () => headOf(second),
      (head) => head.seq === seq,
    );
    await pay(net, first, "1");
    const head = await grown(1, seq);
    await eventually(
      () => headOf(second),
      ({ block_hash }) => block_hash === head.block_hash,
    );
    await pause(1_500);
    assert.equal((await headOf(first)).seq, seq + 1);
    for (const node of [first, second]) {
      assert.match(await (await fetch(`${node.web}/metrics`)).text(), /chain_forks_signed 0\n/);
    }
    await assert.rejects(readFile(join(other, "publisher.head")), { code: "ENOENT" }); // it has made no block
    await second.stop();
  };
  const ways = [onTheSameDirectory, fromAnOldBackup, onAnotherMachine];
  for (let round = 0; round < SECOND_PUBLISHERS; round++) {
    await rm(other, { recursive: true, force: true });
    await (ways[round % ways.length] as () => Promise<void>)();
  }
  assert.equal(await first.stop(), 0);
});
