import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, stat } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { eventually, PROGRAM, runProgram, temporaryDirectory } from "../support/processes.ts";
import { childPid, startUp } from "../support/up.ts";

interface Metadata {
  readonly head: { readonly seq: number; readonly block_hash: string; readonly timestamp: number };
}

async function json<T>(url: string): Promise<T> {
  const response = await fetch(url);
  assert.equal(response.status, 200, url);
  return (await response.json()) as T;
}

const metadata = (api: string): Promise<Metadata> => json(`${api}/api/v1/blockchain/metadata`);
async function blockHash(api: string, seq: number): Promise<string> {
  const { header } = await json<{ header: { block_hash: string } }>(`${api}/api/v1/block?seq=${seq}`);
  return header.block_hash;
}
const pidsIn = (text: string): number[] => [...text.matchAll(/process (\d+)/g)].map(([, pid]) => Number(pid));

test("one command: both nodes, the genesis coins in block 1 on both, and a text that says where", async (t) => {
  const directory = await temporaryDirectory(t);
  const up = await startUp(t, directory);
  const [a, b] = await Promise.all([metadata(up.publisher), metadata(up.peer)]);
  assert.ok(a.head.seq >= 1 && b.head.seq >= 1, "the stock may have been split further by now");
  assert.equal(await blockHash(up.publisher, 1), await blockHash(up.peer, 1));
  for (const url of [up.publisher, up.peer, up.open]) assert.ok(up.output().includes(url), `${url} is named`);

  const wallet = JSON.parse(await readFile(join(directory, "login_genesis.json"), "utf8"));
  const { address, secret_key: secret } = wallet.entries[0];
  const balance = await json<{ confirmed: { coins: number } }>(`${up.open}/api/v1/balance?addrs=${address}`);
  assert.equal(balance.confirmed.coins, 500_000_000);
  assert.ok(!up.output().includes(secret), "the key is not shown");
  const stock = JSON.parse(await readFile(join(directory, "login_stock.json"), "utf8"));
  const addresses = stock.entries.map((entry: { address: string }) => entry.address).join(",");
  const lent = await json<{ confirmed: { coins: number } }>(`${up.open}/api/v1/balance?addrs=${addresses}`);
  assert.equal(lent.confirmed.coins, 500_000_000, "half of the coins are there to be lent to visitors");
  assert.deepEqual((await readdir(directory)).filter((name) => name !== "up.pid").sort(), [
    "login_data",
    "login_fiber.toml",
    "login_genesis.json",
    "login_peer.toml",
    "login_peer_data",
    "login_stock.json",
  ]);
  for (const name of ["login_fiber.toml", "login_genesis.json", "login_peer.toml", "login_stock.json"]) {
    assert.equal((await stat(join(directory, name))).mode & 0o777, 0o600, name);
  }

  const reward = async (...args: string[]) => {
    const { code, stdout, stderr } = await runProgram(["reward", ...args, "--dir", directory], {
      env: { RPC_ADDR: "" },
    });
    return { code, stdout: stdout.trim(), stderr };
  };
  const told = async () => (await json<{ address: string | null }>(`${up.peer}/control/v1/reward`)).address;
  assert.deepEqual([(await reward()).code, await told()], [1, null]);
  assert.equal((await reward("set", address)).code, 0);
  assert.deepEqual([(await reward("get")).stdout, await told()], [address, address]);
  for (const [other, status] of [
    [up.open, 404],
    [up.publisher, 403], // its API sets are the Go command's
  ] as const) {
    assert.equal((await fetch(`${other}/control/v1/reward`)).status, status);
  }

  // A copy of its own: the node's answer counts, and what disagrees is said.
  const copy = join(directory, "copy.txt");
  const [elsewhere] = stock.entries.map((entry: { address: string }) => entry.address);
  assert.match((await reward("--file", copy)).stderr, /copy\.txt says nothing/);
  assert.equal((await reward("set", elsewhere, "--file", copy)).stdout, elsewhere);
  assert.deepEqual([await readFile(copy, "utf8"), await told()], [`${elsewhere}\n`, elsewhere]);

  assert.equal(await up.stop("SIGINT"), 0);
  const offline = await reward("set", address);
  assert.match(
    offline.stderr,
    /^note: no node answers at http:\/\/127\.0\.0\.1:\d+ \(ECONNREFUSED\); stored in .* alone/,
  );
  assert.deepEqual([offline.stdout, (await reward()).stdout], [address, address]);
});

test("a second start continues the chain, --fresh begins another with the same address", async (t) => {
  const directory = await temporaryDirectory(t);
  const first = await startUp(t, directory);
  const before = (await metadata(first.publisher)).head;
  assert.equal(await first.stop(), 0);

  const second = await startUp(t, directory);
  const genesis = await blockHash(second.peer, 0);
  assert.equal(await blockHash(second.peer, before.seq), before.block_hash);
  assert.match(second.output(), /the chain goes on at block \d/);
  assert.equal(await second.stop(), 0);

  const key = await readFile(join(directory, "login_genesis.json"), "utf8");
  const third = await startUp(t, directory, "--fresh");
  assert.notEqual(await blockHash(third.peer, 0), genesis);
  assert.equal(await readFile(join(directory, "login_genesis.json"), "utf8"), key);
  assert.equal(await third.stop(), 0);
});

test("a killed node is restarted with the chain intact, and the end of the command leaves no process", async (t) => {
  const directory = await temporaryDirectory(t);
  const up = await startUp(t, directory, "--log-level=info");
  const before = (await metadata(up.publisher)).head;
  for (const [name, api] of [
    ["publisher", up.publisher],
    ["peer", up.peer],
  ] as const) {
    const pid = await childPid(up, name);
    process.kill(pid, "SIGKILL");
    await eventually(
      async () => up.output(),
      (text) => text.includes(`${name} is back`),
    );
    assert.equal(await blockHash(api, before.seq), before.block_hash);
  }
  const pids = await Promise.all([childPid(up, "publisher"), childPid(up, "peer")]);
  assert.equal(pidsIn(up.output()).length, 0);
  up.process.kill("SIGKILL"); // not even a chance to say goodbye
  await Promise.all(
    pids.map((pid) =>
      eventually(
        async () => isRunning(pid),
        (running) => !running,
      ),
    ),
  );
});

test("a taken port is named at once, and nothing is left running", async (t) => {
  const directory = await temporaryDirectory(t);
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const startedAt = performance.now();
  const { code, stderr } = await runProgram(["up", "--dir", directory, `--publisher-api=${port}`]);
  assert.notEqual(code, 0);
  assert.match(stderr, new RegExp(`\nloginchain: cannot listen on 127\\.0\\.0\\.1:${port}: the port is taken\\..*\n$`));
  assert.ok(performance.now() - startedAt < 10_000, "not after a time limit");
});

test("an interrupt while starting stops at once and leaves no process", async (t) => {
  const directory = await temporaryDirectory(t);
  const child = spawn(process.execPath, [PROGRAM, "up", "--dir", directory], { stdio: ["ignore", "pipe", "pipe"] });
  t.after(() => child.kill("SIGKILL"));
  const pid = await eventually(
    async () => (await readFile(`/proc/${child.pid}/task/${child.pid}/children`, "utf8")).trim().split(" ")[0] ?? "",
    (text) => text !== "",
  );
  child.kill("SIGINT");
  const [code] = await once(child, "exit");
  assert.equal(code, 0);
  assert.equal(isRunning(Number(pid)), false);
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
