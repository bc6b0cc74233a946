import assert from "node:assert/strict";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { loginChain } from "../support/login-chain.ts";
import { runProgram, startDaemon, temporaryDirectory } from "../support/processes.ts";

test("a stopped node's chain is exported, imported elsewhere, verified, and shown", async (t) => {
  const chain = await loginChain(t);
  const publisher = await chain.startPublisher();
  await chain.bootstrap(publisher);
  const peer = await chain.startPeer(publisher.port); // writes the peer's file
  await peer.stop();
  assert.equal(await publisher.stop(), 0);

  const publisherEnv = { FIBER_TOML: chain.files.publisherToml, GENESIS: chain.files.genesis };
  const flags = ["--block-publisher", `--data-dir=${chain.files.publisherData}`, "--localhost-only", "--port=0"];
  const healthy = await runProgram(["doctor", "--json", ...flags, "--web-interface-port=0"], { env: publisherEnv });
  assert.equal(healthy.code, 0, healthy.stdout);
  const findings = healthy.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.equal(findings.find(({ check }) => check === "database").text.slice(0, 19), "block 1 is the head");
  const ill = await runProgram(["doctor", ...flags], {
    env: { ...publisherEnv, GENESIS: `${chain.files.genesis}.gone` },
  });
  assert.equal(ill.code, 1, ill.stdout);
  assert.match(ill.stdout, /^fail {1,2}configuration: .*\.gone.*\n {5,6}Correct .*\n1 wrong\n$/);

  const env = { FIBER_TOML: chain.files.peerToml };
  const file = join(await temporaryDirectory(t), "blocks.jsonl");
  const exported = await runProgram(["chain", "export", file, `--data-dir=${chain.files.publisherData}`], { env });
  assert.deepEqual([exported.code, exported.stderr], [0, ""]);
  assert.match(exported.stdout, /^exported blocks 0 to 1 with 2 transactions to /);
  assert.equal((await readFile(file, "utf8")).trim().split("\n").length, 2);

  const data = join(await temporaryDirectory(t), "data");
  const imported = await runProgram(["chain", "import", file, "--data-dir", data], { env });
  assert.deepEqual([imported.code, imported.stderr], [0, ""]);
  assert.match(imported.stdout, /the chain stands at block 1/);
  const verified = await runProgram(["chain", "verify", `--data-dir=${data}`], { env });
  assert.deepEqual([verified.code, verified.stdout], [0, "verified 2 blocks with 2 transactions: nothing wrong\n"]);

  const shown = await runProgram(["genesis", "show", chain.files.peerToml]);
  assert.equal(shown.code, 0, shown.stderr);
  assert.match(shown.stdout, /genesis block {3}[0-9a-f]{64}\n[\s\S]*signature {5}[0-9a-f]{130} \(valid\)/);
});

test("a chain made by hand starts, and its coins go to its distribution addresses", async (t) => {
  const directory = join(await temporaryDirectory(t), "mychain");
  const made = await runProgram(["genesis", "create", "--dir", directory, "--coins", "1000", "--addresses", "4"]);
  assert.equal(made.code, 0, made.stderr);
  const [wallet, toml, seeds] = ["genesis.json", "fiber.toml", "distribution-seeds.csv"].map((name) =>
    join(directory, name),
  ) as [string, string, string];
  for (const path of [wallet, toml, seeds]) assert.equal((await stat(path)).mode & 0o777, 0o600, path);

  const again = await runProgram(["genesis", "create", "--dir", directory]);
  assert.notEqual(again.code, 0);
  assert.match(again.stderr, /genesis\.json exists: choose another --dir/);

  const node = await startDaemon(
    t,
    ["--block-publisher", "--disable-csrf", "--publish=on-demand", `--data-dir=${join(directory, "data")}`],
    { GENESIS: wallet, FIBER_TOML: toml },
  );
  const distributed = await runProgram(["genesis", "distribute", "--wallet", wallet, "--rpc", node.web], {
    env: { FIBER_TOML: toml },
  });
  assert.equal(distributed.code, 0, distributed.stderr);
  assert.match(distributed.stdout.trim(), /[0-9a-f]{64}$/);
  const first = /"([^"]+)"/.exec(await readFile(seeds, "utf8"))?.[1];
  const balance = (await node.get(`/api/v1/balance?addrs=${first}`)) as { predicted: { coins: number } };
  assert.equal(balance.predicted.coins, 250_000_000);
  const secret = JSON.parse(await readFile(wallet, "utf8")).entries[0].secret_key;
  assert.ok(!node.lines.join("\n").includes(secret), "no log shows the key");
  assert.equal(await node.stop(), 0);
});
