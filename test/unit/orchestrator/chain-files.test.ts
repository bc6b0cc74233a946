import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { loadFiberConfig } from "../../../src/config/fiber-toml.ts";
import { writeGenesisIdentity } from "../../../src/config/fiber-write.ts";
import {
  beginChain,
  type ChainFiles,
  chainFiles,
  DEFAULT_PORTS,
  prepareChainFiles,
  signGenesis,
  writePeerToml,
} from "../../../src/orchestrator/chain-files.ts";
import { beginningOf, lockDirectory } from "../../../src/orchestrator/directory-lock.ts";

const SIGNATURE = "ab".repeat(65);

async function inDirectory(work: (files: ChainFiles) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "loginchain-files-"));
  try {
    await work(chainFiles(directory));
  } finally {
    await rm(directory, { recursive: true });
  }
}

const prepare = (files: ChainFiles, changes: { fresh?: boolean; nowSeconds?: number } = {}) =>
  prepareChainFiles({ files, ports: DEFAULT_PORTS, fresh: false, nowSeconds: 1_700_000_000, ...changes });

async function signed(files: ChainFiles): Promise<void> {
  const { wallet } = await prepare(files);
  await writeGenesisIdentity(files.publisherToml, {
    address: wallet.address,
    publicKey: wallet.publicKey,
    signature: SIGNATURE,
  });
  await mkdir(files.publisherData);
}

test("a new directory gets a key of its own and the publisher's parameters, readable by the owner only", () =>
  inDirectory(async (files) => {
    const { wallet, continued } = await prepare(files);
    assert.equal(continued, false);
    for (const path of [files.genesis, files.publisherToml]) assert.equal((await stat(path)).mode & 0o777, 0o600);
    const { node, params } = await loadFiberConfig(files.publisherToml);
    assert.equal(node.genesis_timestamp, 1_700_000_000);
    assert.deepEqual(node.default_connections, [], "only the peer dials");
    assert.equal(node.bip44_coin, 8000);
    assert.equal(params.max_coin_supply, 1000n);
    assert.deepEqual(params.distribution_addresses, [wallet.address]);
    assert.ok(!(await readFile(files.publisherToml, "utf8")).includes(wallet.secretKey));
    const document = JSON.parse(await readFile(files.genesis, "utf8"));
    assert.equal(document.meta.type, "deterministic");
    assert.equal(document.entries.length, 1);
  }));

test("a second start continues the chain: neither key nor parameters change", () =>
  inDirectory(async (files) => {
    await signed(files);
    const before = await Promise.all([files.genesis, files.publisherToml].map((path) => readFile(path, "utf8")));
    const { continued } = await prepare(files, { nowSeconds: 1_800_000_000 });
    assert.equal(continued, true);
    assert.deepEqual(
      await Promise.all([files.genesis, files.publisherToml].map((path) => readFile(path, "utf8"))),
      before,
    );
  }));

test("fresh keeps the key, takes a new time, and removes the two data directories and nothing else", () =>
  inDirectory(async (files) => {
    await signed(files);
    await mkdir(files.peerData);
    await writeFile(join(files.directory, "notes.txt"), "mine");
    const key = await readFile(files.genesis, "utf8");
    await prepare(files, { fresh: true, nowSeconds: 1_800_000_000 });
    assert.equal(await readFile(files.genesis, "utf8"), key);
    assert.equal((await loadFiberConfig(files.publisherToml)).node.genesis_timestamp, 1_800_000_000);
    assert.ok(!existsSync(files.publisherData) && !existsSync(files.peerData));
    assert.equal(await readFile(join(files.directory, "notes.txt"), "utf8"), "mine");
  }));

for (const { why, text } of [
  { why: "not JSON", text: "{ broken" },
  { why: "without entries", text: '{"entries": []}' },
]) {
  test(`a key file that is ${why} stops the start and is left as it is`, () =>
    inDirectory(async (files) => {
      await mkdir(files.directory, { recursive: true });
      await writeFile(files.genesis, text);
      await assert.rejects(prepare(files), { code: "UP_GENESIS_FILE", message: /login_genesis\.json.*--fresh$/ });
      assert.equal(await readFile(files.genesis, "utf8"), text);
      assert.ok(!existsSync(files.publisherToml));
    }));
}

test("files that disagree stop the start, name what differs, and name --fresh", () =>
  inDirectory(async (files) => {
    await signed(files);
    const toml = await readFile(files.publisherToml, "utf8");
    await rm(files.publisherToml);
    await assert.rejects(prepare(files), {
      code: "UP_FILES_DISAGREE",
      message: /login_fiber\.toml is missing.*--fresh$/,
    });
    await writeFile(files.publisherToml, toml);
    await rm(files.genesis);
    await assert.rejects(prepare(files), { code: "UP_FILES_DISAGREE", message: /names genesis address/ });
  }));

test("a peer's data without the publisher's is another chain's", () =>
  inDirectory(async (files) => {
    await mkdir(files.peerData, { recursive: true });
    await assert.rejects(prepare(files), { code: "UP_FILES_DISAGREE", message: /login_peer_data exists without/ });
  }));

test("the peer's file is the publisher's with its own ports, dialling the publisher", () =>
  inDirectory(async (files) => {
    await prepare(files);
    await assert.rejects(writePeerToml(files, DEFAULT_PORTS), { message: /no genesis signature/ });
    await signed(files);
    await writePeerToml(files, DEFAULT_PORTS);
    const { node } = await loadFiberConfig(files.peerToml);
    assert.deepEqual(
      [node.port, node.web_interface_port, node.default_connections, node.genesis_signature_str],
      [6002, 6422, ["127.0.0.1:6001"], SIGNATURE],
    );
    assert.equal((await stat(files.peerToml)).mode & 0o777, 0o600);
  }));

test("a first start that was cut off while the nodes made their directories is continued", () =>
  inDirectory(async (files) => {
    const { wallet } = await prepare(files);
    await signGenesis(files, wallet);
    await writePeerToml(files, DEFAULT_PORTS);
    await beginChain(files);
    const toml = await readFile(files.publisherToml, "utf8");
    await mkdir(files.peerData); // the peer was quicker
    const again = await prepare(files, { nowSeconds: 1_700_000_100 });
    assert.deepEqual([again.continued, await readFile(files.publisherToml, "utf8")], [true, toml]);
    assert.equal((await stat(files.publisherData)).mode & 0o777, 0o700);
  }));

test("one start per directory; a dead owner's lock is taken over", () =>
  inDirectory(async (files) => {
    const release = await lockDirectory(files.directory);
    const path = join(files.directory, "up.pid");
    await writeFile(path, `${process.ppid}\n`);
    await assert.rejects(lockDirectory(files.directory), {
      code: "UP_DIRECTORY_BUSY",
      message: new RegExp(`process ${process.ppid}`),
    });
    await writeFile(path, `${process.ppid} ${await beginningOf(process.ppid)}\n`);
    await assert.rejects(lockDirectory(files.directory), { code: "UP_DIRECTORY_BUSY" });
    await writeFile(path, "999999999\n");
    const again = await lockDirectory(files.directory);
    await again();
    assert.ok(!existsSync(path));
    await release();
  }));

test(
  "a lock of before a power cut, whose process number another program has now, is taken over",
  {
    skip: process.platform !== "linux" && "only Linux says when a process began",
  },
  () =>
    inDirectory(async (files) => {
      const path = join(files.directory, "up.pid");
      await mkdir(files.directory, { recursive: true });
      const boot = "00000000-0000-0000-0000-000000000000";
      for (const begun of [`${boot}:1`, (await beginningOf(process.ppid)).replace(/\d+$/, "1")]) {
        await writeFile(path, `${process.ppid} ${begun}\n`);
        const release = await lockDirectory(files.directory);
        assert.match(await readFile(path, "utf8"), new RegExp(`^${process.pid} [0-9a-f-]{36}:\\d+\n$`));
        await release();
      }
    }),
);

test("who finds the lock just being made does not take it over", () =>
  inDirectory(async (files) => {
    const path = join(files.directory, "up.pid");
    await mkdir(files.directory, { recursive: true });
    await writeFile(path, "");
    const [locked] = await Promise.allSettled([lockDirectory(files.directory), writeFile(path, `${process.ppid}\n`)]);
    assert.equal(locked.status, "rejected");
  }));
