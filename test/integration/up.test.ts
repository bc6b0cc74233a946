import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, stat, symlink } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { WebSocket } from "ws";
import { eventually, PROGRAM, runProgram, temporaryDirectory } from "../support/processes.ts";
import { repositoryRoot } from "../support/repository.ts";
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

test("one chain's life: made by one command, continued by the second, begun anew by the third", async (t) => {
  const directory = await temporaryDirectory(t);
  const first = await startUp(t, directory);
  const before = (await metadata(first.publisher)).head;

  await t.test("both nodes, the genesis coins in block 1 on both, and a text that says where", async () => {
    assert.ok(before.seq >= 1 && (await metadata(first.peer)).head.seq >= 1, "the stock may have been split by now");
    assert.equal(await blockHash(first.publisher, 1), await blockHash(first.peer, 1));
    for (const url of [first.publisher, first.peer, first.open])
      assert.ok(first.output().includes(url), `names ${url}`);

    const wallet = JSON.parse(await readFile(join(directory, "login_genesis.json"), "utf8"));
    const { address, secret_key: secret } = wallet.entries[0];
    const balance = await json<{ confirmed: { coins: number } }>(`${first.open}/api/v1/balance?addrs=${address}`);
    assert.equal(balance.confirmed.coins, 500_000_000);
    assert.ok(!first.output().includes(secret), "the key is not shown");
    const stock = JSON.parse(await readFile(join(directory, "login_stock.json"), "utf8"));
    const addresses = stock.entries.map((entry: { address: string }) => entry.address).join(",");
    const lent = await json<{ confirmed: { coins: number } }>(`${first.open}/api/v1/balance?addrs=${addresses}`);
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
  });

  await t.test("the commands of the guide for reward services answer what it says", async () => {
    const guide = await readFile(join(repositoryRoot(), "docs", "reward-services.md"), "utf8");
    const commands = [...guide.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text]) => text).join("");
    const script = commands.replace("http://127.0.0.1:6480", first.open);
    const cwd = await temporaryDirectory(t);
    await symlink(join(repositoryRoot(), "dist"), join(cwd, "dist")); // as in the folder that the guide speaks of
    const guided = spawnSync("bash", ["-euo", "pipefail", "-c", script], { cwd, encoding: "utf8" });
    if (!guided.stderr.includes("curl: command not found")) {
      assert.equal(guided.status, 0, guided.stderr);
      for (const word of ['"status":"', '"code":"not_confirmed"', '"token_endpoint"', '"keys"']) {
        assert.ok(guided.stdout.includes(word), `the guide's commands answer ${word}: ${guided.stdout}`);
      }
    }
  });

  await t.test(
    "visitors of a proxy on this machine are counted by the address it names, WebSocket peers too",
    async () => {
      const status = (client: string) =>
        new Promise<number | undefined>((resolve, reject) => {
          const headers = { "x-forwarded-for": client };
          const ws = new WebSocket(`${first.open}/p2p/v2`, "fiber-gnet.2", { headers });
          t.after(() => ws.terminate());
          ws.once("open", () => resolve(101));
          ws.once("unexpected-response", (_request, { statusCode }) => resolve(statusCode));
          ws.once("error", reject);
        });
      const statuses = [];
      for (let i = 0; i < 9; i++) statuses.push(await status("198.51.100.7"));
      assert.deepEqual(statuses, [101, 101, 101, 101, 101, 101, 101, 101, 429]);
      assert.equal(await status("198.51.100.8"), 101);
    },
  );

  await t.test("the reward address is kept by command, with the node and without", async () => {
    const addressIn = async (file: string): Promise<string> =>
      JSON.parse(await readFile(join(directory, file), "utf8")).entries[0].address;
    const [address, elsewhere] = [await addressIn("login_genesis.json"), await addressIn("login_stock.json")];
    const reward = async (...args: string[]) => {
      const { code, stdout, stderr } = await runProgram(["reward", ...args, "--dir", directory], {
        env: { RPC_ADDR: "" },
      });
      return { code, stdout: stdout.trim(), stderr };
    };
    const told = async () => (await json<{ address: string | null }>(`${first.peer}/control/v1/reward`)).address;
    assert.deepEqual([(await reward()).code, await told()], [1, null]);
    assert.equal((await reward("set", address)).code, 0);
    assert.deepEqual([(await reward("get")).stdout, await told()], [address, address]);
    for (const [other, status] of [
      [first.open, 404],
      [first.publisher, 403], // its API sets are the Go command's
    ] as const) {
      assert.equal((await fetch(`${other}/control/v1/reward`)).status, status);
    }

    // A copy of its own: the node's answer counts, and what disagrees is said.
    const copy = join(directory, "copy.txt");
    assert.match((await reward("--file", copy)).stderr, /copy\.txt says nothing/);
    assert.equal((await reward("set", elsewhere, "--file", copy)).stdout, elsewhere);
    assert.deepEqual([await readFile(copy, "utf8"), await told()], [`${elsewhere}\n`, elsewhere]);

    assert.equal(await first.stop("SIGINT"), 0);
    const offline = await reward("set", address);
    assert.match(
      offline.stderr,
      /^note: no node answers at http:\/\/127\.0\.0\.1:\d+ \(ECONNREFUSED\); stored in .* alone/,
    );
    assert.deepEqual([offline.stdout, (await reward()).stdout], [address, address]);
  });

  const second = await startUp(t, directory, "--log-level=info");
  const genesis = await blockHash(second.peer, 0);
  await t.test("a second start continues the chain", async () => {
    assert.equal(await blockHash(second.peer, before.seq), before.block_hash);
    assert.match(second.output(), /the chain goes on at block \d/);
  });

  await t.test("a killed node is restarted with the chain intact", async () => {
    for (const [name, api] of [
      ["publisher", second.publisher],
      ["peer", second.peer],
    ] as const) {
      process.kill(await childPid(second, name), "SIGKILL");
      await eventually(
        async () => second.output(),
        (text) => text.includes(`${name} is back`),
      );
      assert.equal(await blockHash(api, before.seq), before.block_hash);
    }
  });

  await t.test("the end of the command leaves no process", async () => {
    const pids = await Promise.all([childPid(second, "publisher"), childPid(second, "peer")]);
    assert.equal(pidsIn(second.output()).length, 0);
    second.process.kill("SIGKILL"); // not even a chance to say goodbye
    await Promise.all(
      pids.map((pid) =>
        eventually(
          async () => isRunning(pid),
          (running) => !running,
        ),
      ),
    );
  });

  await t.test("--fresh begins another with the same address", async (t) => {
    const key = await readFile(join(directory, "login_genesis.json"), "utf8");
    const third = await startUp(t, directory, "--fresh");
    assert.notEqual(await blockHash(third.peer, 0), genesis);
    assert.equal(await readFile(join(directory, "login_genesis.json"), "utf8"), key);
    assert.equal(await third.stop(), 0);
  });
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
  assert.ok(performance.now() - startedAt < 20_000, "not after the 30 s that a node may take");
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
