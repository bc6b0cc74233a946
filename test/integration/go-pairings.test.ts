import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type ChainMember, LoginNetwork, type Maker } from "../support/login-network.ts";
import { goNode } from "../support/p2p-go.ts";
import { eventually, freePorts, runProgram } from "../support/processes.ts";

interface Build {
  readonly build: string;
  /** Undefined: none here. */
  readonly goProgram: string | undefined;
  /** Coins of the genesis block. No flag of the reference sets them, so its builds differ. */
  readonly droplets: number;
}
const PLAIN: Build = { build: "plain", goProgram: goNode, droplets: 100_000_000_000_000 };
const LOGIN: Build = {
  build: "login chain",
  goProgram: process.env.LOGINCHAIN_GO_LOGIN_NODE,
  droplets: 1_000_000_000,
};

const isLong = process.env.LOGINCHAIN_LONG === "1";
const WATCH_MS = Number(process.env.LOGINCHAIN_GO_WATCH_MS ?? (isLong ? 60_000 : 6_000));
/** The reference's publisher makes blocks each 10 seconds. */
const BLOCK_MS = 25_000;
/** An address nobody holds the key of. */
const RECEIVER = "2CWKrwcLXJ6UW2f1qxytPfhgRuiTzzBY9VT";

interface Connection {
  readonly id: number;
  readonly address: string;
  readonly state: string;
  readonly outgoing: boolean;
}

async function introduced(node: ChainMember): Promise<readonly Connection[]> {
  const { connections } = (await node.get("/api/v1/network/connections")) as { connections: Connection[] | null };
  return (connections ?? []).filter(({ state }) => state === "introduced");
}

async function head(node: ChainMember): Promise<{ seq: number; block_hash: string }> {
  const { head } = (await node.get("/api/v1/blockchain/metadata")) as { head: { seq: number; block_hash: string } };
  return { seq: head.seq, block_hash: head.block_hash };
}

async function isConfirmed(node: ChainMember, txid: string): Promise<boolean> {
  const { status } = (await node.get(`/api/v1/transaction?txid=${txid}`)) as { status: { confirmed: boolean } };
  return status.confirmed;
}

/** What our side says about links it refused, lost or was told to give up. */
function endings(node: ChainMember): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [, reason, byPeer] of node.log().matchAll(/peer leaves .*reason="([^"]*)" byPeer="(\w+)"/g)) {
    const key = byPeer === "true" ? `${reason} (by the peer)` : (reason as string);
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

/** Links a reference node refused because it already had one to the same node. */
function refusals(node: ChainMember): number {
  return node.log().match(/canUpdateMirror failed/g)?.length ?? 0;
}

interface Pairing {
  readonly publisher: Maker;
  readonly peer: Maker;
  readonly dialler: "peer" | "publisher" | "both";
}

async function play(t: TestContext, pairing: Pairing, { goProgram, droplets }: Build): Promise<void> {
  const network = await LoginNetwork.make(t, { droplets, goProgram });
  const [publisherPort, peerPort] = (await freePorts(2)) as [number, number];
  const dialsOf = {
    publisher: pairing.dialler === "peer" ? [] : [peerPort],
    peer: pairing.dialler === "publisher" ? [] : [publisherPort],
  };
  const start = (role: "publisher" | "peer", port: number) =>
    network.start(pairing[role], { role, port, dials: dialsOf[role] });
  const publisher = await start("publisher", publisherPort);
  const peer = await start("peer", peerPort);
  const both = [publisher, peer];
  const onBoth = async <T>(ask: (node: ChainMember) => Promise<T>, accept: (answer: T) => boolean) => {
    for (const node of both) await eventually(() => ask(node), accept, { timeoutMs: BLOCK_MS });
    return performance.now();
  };

  const startedMs = performance.now();
  const linkedMs = await onBoth(introduced, (links) => links.length > 0);
  await network.bootstrap(publisher);
  await onBoth(head, ({ seq }) => seq === 1);
  const injectedMs = performance.now();
  const txid = await network.spend(peer, RECEIVER, "1");
  const confirmedMs = await onBoth(
    (node) => isConfirmed(node, txid),
    (yes) => yes,
  );

  const ours = both.filter(({ maker }) => maker === "ours");
  const linksBefore = await Promise.all(ours.map(introduced));
  const endingsBefore = ours.map(endings);
  await pause(WATCH_MS);
  const linksAfter = await Promise.all(ours.map(introduced));
  const endingsAfter = ours.map(endings);
  t.diagnostic(
    [
      `linked after ${Math.round(linkedMs - startedMs)} ms`,
      `injection confirmed on both after ${Math.round(confirmedMs - injectedMs)} ms`,
      `links our side ended before the watch ${JSON.stringify(endingsBefore)}`,
      `in ${WATCH_MS / 1000} s of it none of ${JSON.stringify(endingsAfter)}`,
      `duplicates the reference refused ${both.filter(({ maker }) => maker === "go").map(refusals)}`,
    ].join(", "),
  );
  for (const links of linksAfter) assert.equal(links.length, 1, "one link");
  assert.deepEqual(
    linksAfter.map(([link]) => link?.id),
    linksBefore.map(([link]) => link?.id),
    "the same link as before",
  );
  assert.deepEqual(endingsAfter, endingsBefore, "no link refused or ended while watching");
  const last = await head(publisher);
  assert.deepEqual(await head(peer), last);

  for (const node of [...both].reverse()) await node.stop();
  for (const { dataDirectory, maker } of both) {
    if (maker === "go") continue;
    const { code, stdout, stderr } = await runProgram(["chain", "verify", `--data-dir=${dataDirectory}`], {
      env: { FIBER_TOML: network.files.publisherToml },
    });
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, new RegExp(`^verified ${last.seq + 1} blocks`));
  }
}

const PAIRINGS = (
  [
    ["ours", "go"],
    ["go", "ours"],
    ["ours", "ours"],
  ] as const
).flatMap(([publisher, peer]) =>
  (["peer", "publisher", "both"] as const).map((dialler): Pairing => ({ publisher, peer, dialler })),
);

function nameOf({ publisher, peer, dialler }: Pairing): string {
  const [a, b] = [publisher, peer].map((maker) => (maker === "go" ? "a reference" : "our"));
  return `${a} publisher and ${b} peer, ${dialler === "both" ? "both dial" : `the ${dialler} dials`}`;
}

const builds = [PLAIN, LOGIN].filter(({ goProgram }) => goProgram !== undefined);
for (const build of isLong && builds.length > 0 ? builds : [builds.at(-1) ?? LOGIN]) {
  test(`pairings on the ${build.build} build`, { concurrency: isLong ? 9 : 5 }, async (t) => {
    await Promise.all(
      PAIRINGS.map((pairing) => {
        const needsGo = pairing.publisher === "go" || pairing.peer === "go";
        const skip =
          needsGo && build.goProgram === undefined
            ? "no reference node: set LOGINCHAIN_GO_NODE"
            : !needsGo && !isLong && "two of ours meet in many tests: LOGINCHAIN_LONG=1 runs it";
        return t.test(nameOf(pairing), { skip, timeout: 240_000 + WATCH_MS }, (t) => play(t, pairing, build));
      }),
    );
  });
}
