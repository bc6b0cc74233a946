import assert from "node:assert/strict";
import { once } from "node:events";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { blockHash } from "../../../src/chain/block.ts";
import { makeGenesisBlock } from "../../../src/chain/genesis.ts";
import { DEFAULT_VERIFY } from "../../../src/chain/params.ts";
import { parsePublicKey, publicKeyOf, randomSecretKey } from "../../../src/cipher/keys.ts";
import { loadDaemonConfig } from "../../../src/config/config.ts";
import { loadGenesisWallet } from "../../../src/config/genesis-wallet.ts";
import { type DoctorDeps, diagnose, type Finding, systemDoctorDeps } from "../../../src/node/doctor.ts";
import { Evidence } from "../../../src/node/evidence.ts";
import { openChain } from "../../../src/node/open-chain.ts";
import { systemClock } from "../../../src/node/system-clock.ts";
import {
  type ChainFiles,
  chainFiles,
  DEFAULT_PORTS,
  prepareChainFiles,
} from "../../../src/orchestrator/chain-files.ts";
import { DISC } from "../../../src/p2p/disconnect.ts";
import { introductionOf } from "../../../src/p2p/introduction.ts";
import { encode } from "../../../src/p2p/messages.ts";
import { tempDir } from "../../support/temp-dir.ts";

const FLAGS = ["--block-publisher", "--localhost-only", "--download-peerlist=false", "--log-level=error"];

/** A chain with its genesis block, and what a doctor says of its publisher. */
async function patient(t: TestContext) {
  const files = chainFiles(tempDir(t));
  await prepareChainFiles({ files, ports: DEFAULT_PORTS, fresh: false, nowSeconds: Math.floor(Date.now() / 1000) });
  const [port, web] = [await freePort(), await freePort()];
  const load = (...flags: string[]) =>
    loadDaemonConfig({
      argv: [...FLAGS, `--port=${port}`, `--web-interface-port=${web}`, `--data-dir=${files.publisherData}`, ...flags],
      env: { GENESIS: files.genesis, FIBER_TOML: files.publisherToml },
      cwd: files.directory,
    });
  const opened = await openChain(await load(), { create: true });
  await opened.close();
  const ask = async (flags: string[] = [], deps: Partial<DoctorDeps> = {}): Promise<Finding[]> => {
    const found: Finding[] = [];
    const all = { ...systemDoctorDeps({ secretFiles: [files.genesis] }), openFilesMax: undefined, ...deps };
    for await (const finding of diagnose(await load(...flags), all)) found.push(finding);
    return found;
  };
  return { files, port, web, load, ask };
}

async function listen(t: TestContext, server: Server, port = 0): Promise<number> {
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

const bad = (findings: readonly Finding[]) => findings.filter(({ level }) => level !== "ok");
const of = (findings: readonly Finding[], check: string) => findings.filter((finding) => finding.check === check);

/** A peer that says one thing to whoever connects. */
const peerSaying = (frame: Uint8Array): Server =>
  createServer((socket) => {
    socket.on("error", () => {});
    socket.write(frame);
  });

async function withPeer(files: ChainFiles, address: string): Promise<string> {
  const path = join(files.directory, "peers-to-ask.txt");
  await writeFile(path, `${address}\n`);
  return `--custom-peers-file=${path}`;
}

test("nothing is wrong with a node that can start, but that a first publisher has no peers", async (t) => {
  const { ask, files } = await patient(t);
  // Opening a database lets LevelDB tidy its own files, as at any start.
  const others = async () =>
    (await readdir(files.directory, { recursive: true })).filter((path) => !path.startsWith("login_data/chain/"));
  const before = await others();
  const findings = await ask();
  assert.deepEqual(
    bad(findings).map(({ check, level }) => [check, level]),
    [["peers", "warn"]],
  );
  assert.match(of(findings, "database")[0]?.text ?? "", /^block 0 is the head/);
  assert.equal(of(findings, "port").length, 2);
  assert.deepEqual(await others(), before, "nothing is made");
});

test("what is wrong is named with a remedy, and the rest is looked at all the same", async (t) => {
  const { ask, files, port, load } = await patient(t);
  await listen(t, createServer(), port);
  await chmod(files.genesis, 0o644);
  const { paths } = await load();
  await mkdir(paths.evidence, { recursive: true });
  await writeFile(join(paths.evidence, `block-2-${"ab".repeat(32)}.json`), "{}");
  const past = { ...systemClock, nowMs: () => Date.now() - 3_600_000 };
  const findings = await ask([await withPeer(files, `127.0.0.1:${await freePort()}`)], {
    clock: past,
    openFilesMax: 256,
  });
  assert.deepEqual(
    bad(findings).map(({ check, level }) => `${level} ${check}`),
    ["warn permissions", "warn open files", "fail clock", "warn publisher", "fail port", "warn peers", "warn peers"],
  );
  assert.match(of(findings, "clock")[0]?.text ?? "", /is 3[56]\d\d s before/);
  assert.match(of(findings, "port")[0]?.text ?? "", /EADDRINUSE/);
  assert.match(of(findings, "peers")[0]?.text ?? "", /cannot be reached: ECONNREFUSED/);
  for (const { remedy, check } of bad(findings)) assert.ok(check === "peers" || remedy !== undefined, check);
});

test("evidence that the operator has settled is no finding any more", async (t) => {
  const { ask, load } = await patient(t);
  const { paths } = await load();
  const evidence = new Evidence(paths.evidence);
  await mkdir(paths.evidence, { recursive: true });
  await writeFile(join(paths.evidence, `block-2-${"ab".repeat(32)}.json`), "{}");
  assert.match(of(await ask(), "publisher").at(-1)?.text ?? "", /two blocks of one height: 1 proof/);
  await evidence.settle(await evidence.open());
  assert.deepEqual(of(await ask(), "publisher"), [
    { check: "publisher", level: "ok", text: "the secret key is the chain's" },
  ]);
});

test("every listener is tried where the node would listen, the one of profiles too", async (t) => {
  const { ask, web } = await patient(t);
  const profiles = await listen(t, createServer());
  const findings = of(await ask(["-http-prof", `-http-prof-host=127.0.0.1:${profiles}`]), "port");
  assert.deepEqual(
    findings.map(({ level, text }) => [level, text.split(" ")[0]?.replace(/\d+$/, "")]),
    [
      ["ok", "127.0.0.1:"],
      ["ok", "127.0.0.1:"],
      ["fail", "127.0.0.1:"],
    ],
  );
  assert.match(findings[2]?.remedy ?? "", /-http-prof-host/);
  assert.ok(web > 0);
});

test("a node whose peers are WebSocket addresses, or come from a list it downloads, is not called lonely", async (t) => {
  const { ask } = await patient(t);
  const [linked] = of(await ask(["-ws-connect=wss://localhost:6443"]), "peers");
  assert.deepEqual(
    [linked?.level, linked?.text],
    ["ok", "wss://localhost:6443/p2p/v2 is dialled by WebSocket, and not asked here"],
  );
  const [listed] = of(await ask(["-peerlist-url=https://example.org/peers.txt", "-download-peerlist=true"]), "peers");
  assert.deepEqual(listed?.level, "warn");
  assert.match(
    listed?.text ?? "",
    /no address is known yet: the list of https:\/\/example.org\/peers.txt is downloaded at the start/,
  );
});

test("a damaged database and a foreign one are told apart", async (t) => {
  const { ask, load } = await patient(t);
  const { paths } = await load();
  for (const name of await readdir(paths.database)) {
    if (!/\.(log|ldb)$/.test(name)) continue;
    const path = join(paths.database, name);
    const bytes = await readFile(path);
    await writeFile(path, bytes.fill(0x55, bytes.length >> 1));
  }
  const [finding] = of(await ask(), "database");
  assert.equal(finding?.level, "fail");
  assert.match(finding?.remedy ?? "", /backup|permissions/);

  const other = await patient(t);
  const [foreign] = of(await other.ask([`--data-dir=${(await patient(t)).files.publisherData}`]), "database");
  assert.deepEqual([foreign?.level, /Choose another -data-dir/.test(foreign?.remedy ?? "")], ["fail", true]);
});

test("a node that runs is asked itself", async (t) => {
  const { ask, load, web } = await patient(t);
  const opened = await openChain(await load(), { create: false });
  t.after(() => opened.close());
  let status = 200;
  const api = createHttpServer((_request, response) => {
    response.writeHead(status).end(JSON.stringify({ reasons: ["the last write to the database failed"] }));
  });
  assert.match(of(await ask(), "running node")[0]?.text ?? "", /does not answer/);
  await listen(t, api, web);
  assert.deepEqual(of(await ask(), "running node"), [{ check: "running node", level: "ok", text: "ready" }]);
  status = 503;
  const [finding] = of(await ask(), "running node");
  assert.deepEqual([finding?.level, finding?.text], ["fail", "not ready: the last write to the database failed"]);
  const asked: string[] = [];
  const fetch = async (url: string) => {
    asked.push(url);
    return new Response("{}");
  };
  for (const address of ["::1", "0.0.0.0", "::"]) await ask([`--web-interface-addr=${address}`], { fetch });
  assert.deepEqual(
    asked,
    ["[::1]", "127.0.0.1", "[::1]"].map((host) => `http://${host}:${web}/readyz`),
  );
});

test("peers are asked by introduction: those of this chain, of another, and those that refuse", async (t) => {
  const { ask, files, load } = await patient(t);
  const { params } = await load();
  const { publicKey } = await loadGenesisWallet(files.genesis);
  const genesisHash = blockHash(makeGenesisBlock(params.genesis));
  const introduction = (publisherKey: typeof params.publisherKey) => {
    const identity = { mirror: 7, listenPort: 6000, publisherKey, verify: DEFAULT_VERIFY, userAgent: "skycoin:0.27.1" };
    return encode.introduction(introductionOf({ ...identity, genesisHash }));
  };
  for (const [frame, level, text] of [
    [introduction(parsePublicKey(publicKey)), "ok", /is a node of this chain/],
    [introduction(publicKeyOf(randomSecretKey())), "warn", /is no node of this chain/],
    [encode.disconnect(DISC.BLACKLISTED), "warn", /refuses this node/],
    [new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"), "warn", /speaks something else/],
  ] as const) {
    const port = await listen(t, peerSaying(frame));
    const [finding] = of(await ask([await withPeer(files, `127.0.0.1:${port}`)]), "peers");
    assert.equal(finding?.level, level);
    assert.match(finding?.text ?? "", text);
  }
});
