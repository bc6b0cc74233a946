import assert from "node:assert/strict";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { pathToFileURL } from "node:url";
import { client } from "../support/client.ts";
import { conformanceJson, conformanceMissing, conformancePath, conformanceText } from "../support/conformance.ts";
import { type RunningNode, runProgram, startDaemon, temporaryDirectory } from "../support/processes.ts";

const isLong = process.env.LOGINCHAIN_LONG === "1";

/** A recorded command line of the reference's client. */
interface Case {
  readonly name: string;
  readonly args: readonly string[];
  readonly scenario?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
}
interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}
/** What the recordings' own runner offers; it compares, we run the client in this process. */
interface Runner {
  prepare(c: Case, vars: Record<string, string>, dir: string): string[];
  checkCli(c: Case, result: Result, vars: Record<string, string>): string[];
  captureCli(c: Case, result: Result, vars: Record<string, string>): void;
}

async function replay(t: TestContext, mode: string, base: string): Promise<void> {
  const runner = (await import(pathToFileURL(conformancePath("run-cli.mjs")).href)) as Runner;
  const { parseJSON } = (await import(pathToFileURL(conformancePath("run-api.mjs")).href)) as {
    parseJSON(text: string): Case;
  };
  const root = conformancePath("cli");
  // Their parser keeps integers above 2^53 exact.
  const lines = conformanceText(`cli/${mode}.cases.jsonl`).trim().split("\n");
  const cases = lines.map((line) => ({ ...parseJSON(line), root }));
  const scopes = new Map<string, { dir: string; vars: Record<string, string> }>();
  const failures: string[] = [];
  const late = new Set(isLong ? [] : cases.filter(isCostly).map(scenarioOf));
  if (late.size > 0) t.diagnostic(`${late.size} scenarios encrypt at full cost: LOGINCHAIN_LONG=1 plays them`);
  for (const c of cases) {
    const key = scenarioOf(c);
    if (late.has(key)) continue;
    let scope = scopes.get(key);
    if (scope === undefined) {
      const dir = await temporaryDirectory(t);
      scope = { dir, vars: { BASE: base, DIR: dir } };
      scopes.set(key, scope);
    }
    const { dir, vars } = scope;
    const run = await client(runner.prepare(c, vars, dir), {
      node: { fetch: globalThis.fetch },
      cwd: dir,
      env: { RPC_ADDR: base, DATA_DIR: dir, HOME: dir, COIN: "skycoin", ...c.env },
      ...(c.stdin === undefined ? {} : { stdin: c.stdin }),
    });
    const result = { code: run.code, out: run.stdout, err: run.stderr };
    const bad = runner.checkCli(c, result, vars);
    runner.captureCli(c, result, vars);
    if (bad.length > 0) failures.push(`${c.name}: ${bad.join("; ")}`);
  }
  assert.deepEqual(failures, []);
  assert.ok(scopes.size > 0);
}

function scenarioOf(c: Case): string {
  return c.scenario ?? c.name;
}

/** Some seconds for every key derived. */
function isCostly({ args }: Case): boolean {
  return args.includes("-e") || args.includes("--encrypt");
}

/** A read-only daemon on recorded blocks, with every API set and the prepared wallets. */
async function daemonOn(
  t: TestContext,
  blocks: string,
  flags: readonly string[],
  env: Record<string, string> = {},
): Promise<RunningNode> {
  const data = join(await temporaryDirectory(t), "data");
  const files = [
    conformancePath(`${blocks}/blocks.jsonl`),
    "--unconfirmed",
    conformancePath(`${blocks}/unconfirmed.jsonl`),
  ];
  const chain = [`--data-dir=${data}`, ...flags];
  const imported = await runProgram(["chain", "import", ...files, ...chain], { env });
  assert.equal(imported.code, 0, imported.stderr);
  await mkdir(join(data, "wallets"), { mode: 0o700, recursive: true });
  await cp(conformancePath("api/wallets-preloaded"), join(data, "wallets"), { recursive: true });
  const more = ["--disable-networking", "--disable-default-peers", "--db-read-only", "--disable-csrf"];
  const sets = ["--enable-all-api-sets", "--enable-api-sets=INSECURE_WALLET_SEED"];
  return startDaemon(t, [...chain, ...more, ...sets], env);
}

test("recorded command lines without a node", { skip: conformanceMissing }, async (t) => {
  await replay(t, "offline", "http://127.0.0.1:1");
});

test("recorded command lines on the first 181 blocks of the main network", { skip: conformanceMissing }, async (t) => {
  const node = await daemonOn(t, "mainnet-180", []);
  await replay(t, "stable", node.web);
  assert.equal(await node.stop(), 0);
});

test("recorded command lines on a private chain, defined by FIBER_TOML", { skip: conformanceMissing }, async (t) => {
  const params = conformanceJson<Record<string, string | number>>("devchain/params.json");
  const FIBER_TOML = join(await temporaryDirectory(t), "fiber.toml");
  await writeFile(
    FIBER_TOML,
    `[node]
genesis_signature_str = "${params.genesis_signature}"
genesis_address_str = "${params.genesis_address}"
blockchain_pubkey_str = "${params.blockchain_public_key}"
genesis_timestamp = ${params.genesis_timestamp}
genesis_coin_volume = ${params.genesis_coins}
default_connections = []
`,
  );
  const node = await daemonOn(t, "devchain", [], { FIBER_TOML });
  await replay(t, "devchain", node.web);
  assert.equal(await node.stop(), 0);
});
