import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { cp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { type LoginChain, loginChain } from "../support/login-chain.ts";
import { type Cleanup, type Finished, runProgram, temporaryDirectory } from "../support/processes.ts";

/** Name and content hash of every file below a directory. */
async function snapshot(directory: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath ?? entry.path, entry.name);
    found[path] = createHash("sha256")
      .update(await readFile(path))
      .digest("hex");
  }
  return found;
}

/** One line that matches, exit code not 0, and every file as before. */
async function refused(run: () => Promise<Finished>, directory: string, message: RegExp): Promise<void> {
  const before = await snapshot(directory);
  const { code, stdout, stderr } = await run();
  const said = `${stdout}${stderr}`;
  assert.notEqual(code, 0, said);
  const errors = stderr.trim().split("\n");
  assert.equal(errors.length, 1, said);
  assert.match(errors[0] ?? "", message);
  assert.deepEqual(await snapshot(directory), before, "files are untouched");
}

const daemon = (
  chain: LoginChain,
  flags: string[] = [],
  env: Record<string, string> = {},
): (() => Promise<Finished>) => {
  const { files } = chain;
  return () =>
    runProgram(
      [
        "daemon",
        "--block-publisher",
        "--localhost-only",
        "--download-peerlist=false",
        "--web-interface-port=0",
        "--port=0",
        "--log-level=error",
        `--data-dir=${files.publisherData}`,
        ...flags,
      ],
      { env: { GENESIS: files.genesis, FIBER_TOML: files.publisherToml, ...env } },
    );
};

/** A chain with block 1, its publisher stopped: a copy of one that is made once. */
async function stoppedChain(t: TestContext): Promise<LoginChain> {
  const chain = await loginChain(t);
  await rm(chain.files.directory, { recursive: true });
  await cp(original.files.directory, chain.files.directory, { recursive: true });
  return chain;
}

async function makeStoppedChain(t: Cleanup): Promise<LoginChain> {
  const chain = await loginChain(t);
  const publisher = await chain.startPublisher();
  await chain.bootstrap(publisher);
  assert.equal(await publisher.stop(), 0);
  return chain;
}

const original = await makeStoppedChain({ after });

test("a corrupt key file", async (t) => {
  const chain = await loginChain(t);
  await writeFile(chain.files.genesis, '{"entries": [');
  await refused(daemon(chain), chain.files.directory, /genesis wallet/);
});

test("a corrupt toml file: the line is named", async (t) => {
  const chain = await loginChain(t);
  await writeFile(chain.files.publisherToml, "[node]\nport = = 1\n");
  await refused(daemon(chain), chain.files.directory, /login_fiber\.toml: line 2/);
});

test("a REST port that is taken", async (t) => {
  const chain = await loginChain(t);
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  await refused(
    daemon(chain, [`--web-interface-port=${port}`]),
    chain.files.directory,
    new RegExp(`127\\.0\\.0\\.1:${port}`),
  );
});

test("a peer-to-peer port that is taken", async (t) => {
  const chain = await stoppedChain(t);
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const { code, stderr } = await daemon(chain, [`--port=${port}`])();
  assert.notEqual(code, 0);
  assert.match(stderr, new RegExp(`^loginchain: .*:${port}.*\n$`));
});

test("a secret key that is not the chain's", async (t) => {
  const chain = await stoppedChain(t);
  const other = await loginChain(t);
  const toml = await readFile(chain.files.publisherToml, "utf8");
  const key = /blockchain_pubkey_str = "([0-9a-f]+)"/.exec(toml)?.[1];
  await refused(
    daemon(chain, [`--blockchain-public-key=${key}`], { GENESIS: other.files.genesis }),
    chain.files.directory,
    /Cannot run as block publisher: invalid seckey for pubkey/,
  );
});

test("a data directory of another chain", async (t) => {
  const chain = await stoppedChain(t);
  const other = await makeStoppedChain(t);
  const { code, stderr } = await daemon(chain, [`--data-dir=${other.files.publisherData}`])();
  assert.notEqual(code, 0);
  assert.match(stderr, /^loginchain: .*another chain.*\n$/);
});

test("a damaged database", async (t) => {
  const chain = await stoppedChain(t);
  const database = join(chain.files.publisherData, "chain");
  const name = (await readdir(database)).find((file) => file.startsWith("MANIFEST"));
  await writeFile(join(database, name ?? ""), "rubbish");
  const { code, stderr } = await daemon(chain)();
  assert.notEqual(code, 0);
  assert.match(stderr, /^loginchain: .*chain.*\n$/);
  assert.equal(
    await readFile(join(database, name ?? ""), "utf8"),
    "rubbish",
    "nothing is repaired or reset behind the operator's back",
  );
});

test("a second publisher on the same directory", async (t) => {
  const chain = await loginChain(t);
  const publisher = await chain.startPublisher();
  await chain.bootstrap(publisher);
  const { code, stderr } = await daemon(chain)();
  assert.notEqual(code, 0);
  assert.match(stderr, /^loginchain: .*(in use|another process|locked).*\n$/);
  const health = await publisher.get("/api/v1/health");
  assert.ok(health, "the first one goes on");
});

test("an unknown command or flag names what is known, exit code 2", async () => {
  const command = await runProgram(["frobnicate"]);
  assert.equal(command.code, 2);
  assert.match(command.stderr, /unknown command "frobnicate"; the commands are up, publisher, peer/);
  const flag = await runProgram(["daemon", "--no-such-flag"]);
  assert.equal(flag.code, 2);
});

test("a directory that cannot be written", {
  skip: process.getuid?.() === 0 ? "root may write anywhere" : false,
}, async (t) => {
  const directory = await temporaryDirectory(t);
  const { code, stderr } = await runProgram(["up", "--dir", join("/proc", directory)]);
  assert.notEqual(code, 0);
  assert.equal(stderr.trim().split("\n").length, 1);
});
