import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { conformanceJson, conformanceMissing, conformancePath } from "../support/conformance.ts";
import { type Nodes, twoNodes } from "../support/go-pair.ts";
import { LoginNetwork } from "../support/login-network.ts";
import { goNode } from "../support/p2p-go.ts";
import { eventually, freePorts, PROGRAM } from "../support/processes.ts";

/** The reference's command-line client. */
const goCli = process.env.LOGINCHAIN_GO_CLI;
const cliMissing = goCli === undefined ? "no reference client: set LOGINCHAIN_GO_CLI" : false;
const missing =
  cliMissing || (goNode === undefined ? "no reference node: set LOGINCHAIN_GO_NODE" : false) || conformanceMissing;

interface Answer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** One run of the reference's client. */
function ask(web: string, directory: string, args: readonly string[]): Promise<Answer> {
  const env = { RPC_ADDR: web, DATA_DIR: directory, HOME: directory, PATH: process.env.PATH ?? "" };
  return new Promise((resolve) => {
    execFile(goCli as string, args, { env, cwd: directory }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

/** Members in which two nodes of one make would differ, too: whose files, which end of the link, when. */
const OF_THE_NODE = new Set(
  "commit branch uptime started_at directory data_directory incoming_connections outgoing_connections".split(" "),
);
const OF_THE_MOMENT = new Set("time_since_last_block received checked announced".split(" "));

/** Parsed where it is JSON, without what may differ; numbers as text, since some pass 2^53. */
function view({ code, stdout, stderr }: Answer, web: string): unknown {
  const plain = (text: string) => text.replaceAll(web, "NODE").replaceAll(web.replace("http://", ""), "NODE");
  let out: unknown = plain(stdout);
  try {
    out = JSON.parse(plain(stdout).replace(/([:[,]\s*)(-?\d{16,})/g, '$1"$2"'), (key, value) =>
      OF_THE_NODE.has(key) || OF_THE_MOMENT.has(key) ? "(left out)" : value,
    );
  } catch {
    // not JSON
  }
  return { code, out, err: plain(stderr) };
}

interface Decoded {
  readonly txid: string;
  readonly sigs: readonly string[];
  readonly outputs: readonly { readonly uxid: string }[];
}

const params = (): { wallets: Record<string, { seed: string; addresses: string[] }> } =>
  conformanceJson("devchain/params.json");

/** What two sides make of each command line must be the same. */
async function compareLines(
  t: TestContext,
  lines: readonly (readonly string[])[],
  both: (line: readonly string[]) => Promise<unknown[]>,
): Promise<void> {
  const different: string[] = [];
  for (const line of lines) {
    const [ours, theirs] = await both(line);
    try {
      assert.deepEqual(ours, theirs);
    } catch (error) {
      different.push(`${line.join(" ")}\n${(error as Error).message}`);
    }
  }
  t.diagnostic(`${lines.length} command lines compared`);
  assert.equal(different.length, 0, different.join("\n\n"));
}

/** Both nodes get the same command line; every answer must be the same. */
function compare(t: TestContext, nodes: Nodes, lines: readonly (readonly string[])[]): Promise<void> {
  return compareLines(t, lines, (args) =>
    Promise.all(
      [nodes.ours, nodes.go].map(async (web) => {
        const home = join(nodes.directory, web === nodes.ours ? "cli-ours" : "cli-go");
        await mkdir(home, { recursive: true });
        return view(await ask(web, home, args), web);
      }),
    ),
  );
}

test("the reference's client reads the same from our node as from a reference node", { skip: missing }, async (t) => {
  const nodes = await twoNodes(t);
  const { wallets } = params();
  const everybody = Object.values(wallets).flatMap(({ addresses }) => addresses);
  const [alice, bob] = [wallets.alice?.addresses[0] as string, wallets.bob?.addresses[0] as string];
  const last = JSON.parse((await ask(nodes.go, nodes.directory, ["lastBlocks", "1"])).stdout);
  const txid: string = last.blocks[0].body.txns[0].txid;
  await compare(t, nodes, [
    ["status"],
    ["showConfig"],
    ["version", "-j"],
    ["addresscount"],
    ["addressBalance", alice],
    ["addressBalance", ...everybody],
    ["addressBalance", "2CWKrwcLXJ6UW2f1qxytPfhgRuiTzzBY9VT"],
    ["addressBalance", "nonsense"],
    ["addressOutputs", alice, bob],
    ["addressOutputs", "nonsense"],
    ["addressTransactions", alice],
    ["addressTransactions", alice, bob],
    ["addressTransactions", "2CWKrwcLXJ6UW2f1qxytPfhgRuiTzzBY9VT"],
    ["blocks", "0"],
    ["blocks", "0", "11"],
    ["blocks", "11", "40"],
    ["blocks", "5", "4"],
    ["lastBlocks"],
    ["lastBlocks", "12"],
    ["pendingTransactions"],
    ["pendingTransactions", "-v"],
    ["richlist"],
    ["richlist", "5"],
    ["richlist", "100", "true"],
    ["transaction", txid],
    ["transaction", "00".repeat(32)],
    ["transaction", "xyz"],
    ["verifyAddress", alice],
    ["listWallets"],
    ["walletBalance", "none.wlt"],
    ["verifyTransaction", "00"],
    ["broadcastTransaction", "00"],
    ["broadcastTransaction", "nonsense"],
  ]);
});

test("what it builds over our node is what it builds over a reference node, and both take it", {
  skip: missing,
}, async (t) => {
  const nodes = await twoNodes(t);
  const { alice, bob } = params().wallets as Record<string, { seed: string; addresses: string[] }>;
  const to = bob?.addresses[1] as string;
  const file = join(nodes.directory, "alice.json");
  const made = await ask(nodes.go, nodes.directory, ["addressGen", "-n", "6", "-s", alice?.seed as string]);
  await writeFile(file, made.stdout, { mode: 0o600 });
  const refusals = [
    ["createRawTransaction", file, to, "999999999"],
    ["createRawTransaction", file, to, "0.0000001"],
    ["createRawTransaction", file, "nonsense", "1"],
    ["createRawTransaction", file, to, "1", "-a", to],
    ["send", file, to, "999999999"],
  ];
  await compare(t, nodes, refusals);

  const many = JSON.stringify([
    { addr: to, coins: "1.5" },
    { addr: bob?.addresses[2], coins: "2" },
  ]);
  const webs = [nodes.ours, nodes.go] as const;
  const held = await ask(nodes.go, nodes.directory, ["addressBalance", ...(alice?.addresses ?? [])]);
  const { addresses } = JSON.parse(held.stdout) as { addresses: { address: string; spendable: { coins: string } }[] };
  const richest = addresses.toSorted((a, b) => Number(b.spendable.coins) - Number(a.spendable.coins))[0]?.address;
  const shapes: unknown[] = [];
  for (const args of [
    [file, to, "1"],
    [file, to, "12.345", "-a", richest as string],
    [file, to, "3", "-c", alice?.addresses[2] as string],
    [file, "-m", many],
  ]) {
    const raw = await Promise.all(webs.map((web) => ask(web, nodes.directory, ["createRawTransaction", ...args])));
    const decoded = raw.map(async ({ code, stdout, stderr }) => {
      assert.deepEqual([code, stderr], [0, ""], args.join(" "));
      const { stdout: text } = await ask(nodes.go, nodes.directory, ["decodeRawTransaction", stdout.trim()]);
      // A signature differs each time, and with it the id, and the ids of the outputs.
      const { sigs, outputs, txid: _txid, ...rest } = JSON.parse(text) as Decoded;
      return { ...rest, outputs: outputs.map(({ uxid: _uxid, ...out }) => out), signatures: sigs.length };
    });
    const [ours, go] = await Promise.all(decoded);
    assert.deepEqual(ours, go, args.join(" "));
    shapes.push(ours);
  }
  t.diagnostic(`${refusals.length} refusals, ${shapes.length} transactions compared`);

  // Each takes what was built over the other, and the same again once it knows it.
  for (const [first, second] of [webs, [...webs].reverse() as [string, string]] as const) {
    const built = await ask(first, nodes.directory, ["createRawTransaction", file, to, "1.001"]);
    const raw = built.stdout.trim();
    const verified = await Promise.all(webs.map((web) => ask(web, nodes.directory, ["verifyTransaction", raw])));
    assert.deepEqual(verified[0], verified[1]);
    assert.equal(verified[0]?.code, 0, verified[0]?.stderr);
    const sent = await ask(first, nodes.directory, ["broadcastTransaction", raw]);
    assert.equal(sent.code, 0, sent.stderr);
    const again = await ask(second, nodes.directory, ["broadcastTransaction", raw]);
    assert.deepEqual(again, sent);
    const txid = sent.stdout.trim();
    for (const web of webs) {
      await eventually(
        () => ask(web, nodes.directory, ["pendingTransactions"]),
        ({ stdout }) => stdout.includes(txid),
      );
    }
    await compare(t, nodes, [
      ["transaction", txid],
      ["pendingTransactions", "-v"],
      ["addressBalance", ...(alice?.addresses ?? []), to],
      ["addressOutputs", ...(alice?.addresses ?? []), to],
      ["verifyTransaction", raw],
      ["status"],
    ]);
  }
});

test("wallets inside the nodes: made, read, spent from and locked alike", { skip: missing }, async (t) => {
  const nodes = await twoNodes(t);
  const { alice, bob } = params().wallets as Record<string, { seed: string; addresses: string[] }>;
  const to = bob?.addresses[1] as string;
  const home = (web: string) => join(nodes.directory, web === nodes.ours ? "cli-ours" : "cli-go");
  await Promise.all([nodes.ours, nodes.go].map((web) => mkdir(home(web))));
  // The nodes choose the file names.
  const names = new Map<string, string>();
  for (const web of [nodes.ours, nodes.go]) {
    const { stdout, stderr } = await ask(web, home(web), [
      "walletCreate",
      "--encrypt=false",
      "-l",
      "alice",
      "-n",
      "6",
      "-s",
      alice?.seed as string,
    ]);
    assert.equal(stderr, "");
    names.set(web, JSON.parse(stdout).meta.filename);
  }
  const lines = [
    ["listAddresses", "W"],
    ["walletBalance", "W"],
    ["walletOutputs", "W"],
    ["walletHistory", "W"],
    ["showSeed", "W", "-j"],
    ["walletKeyExport", "W"],
    ["createRawTransactionV2", "W", to, "1.5", "-j", "--unsign"],
    ["createRawTransactionV2", "W", to, "999999999"],
    ["walletAddAddresses", "W", "-n", "2", "-j"],
    ["walletScanAddresses", "W", "-j"],
    ["encryptWallet", "W", "-p", "pass"],
    ["showSeed", "W", "-p", "wrong"],
    ["showSeed", "W", "-p", "pass"],
    ["decryptWallet", "W", "-p", "pass"],
    ["listWallets"],
  ];
  for (const line of lines) {
    const [ours, go] = await Promise.all(
      [nodes.ours, nodes.go].map(async (web) => {
        const name = names.get(web) as string;
        const answer = await ask(
          web,
          home(web),
          line.map((arg) => (arg === "W" ? name : arg)),
        );
        const text = (s: string) => s.replaceAll(name, "WALLET").replace(/("timestamp": )\d+/, '$1"(left out)"');
        return view({ ...answer, stdout: text(answer.stdout), stderr: text(answer.stderr) }, web);
      }),
    );
    assert.deepEqual(ours, go, line.join(" "));
  }
  t.diagnostic(`${lines.length} command lines compared`);
});

const SEED = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";

/** What is drawn anew for each signature: the signature itself, and every id made from it. */
function withoutSignatures(text: string): string {
  return text
    .replace(/[0-9a-f]{130,}/g, ({ length }) => `(${length} digits)`)
    .replace(/("(?:txid|uxid)": ")[0-9a-f]{64}/g, "$1(id)");
}

test("wallets of every kind answer alike, down to keys, signatures and refusals", { skip: missing }, async (t) => {
  const nodes = await twoNodes(t);
  const { alice, bob } = params().wallets as Record<string, { seed: string; addresses: string[] }>;
  const to = bob?.addresses[1] as string;
  const generated = await ask(nodes.go, nodes.directory, ["addressGen", "-n", "3", "-s", alice?.seed as string]);
  const keys = (JSON.parse(generated.stdout) as { entries: { secret_key: string }[] }).entries.map((e) => e.secret_key);
  const { ours, go } = nodes;
  const folders = await Promise.all(
    [ours, go].map(async (web) => {
      const answer = await fetch(`${web}/api/v1/wallets/folderName`);
      return ((await answer.json()) as { address: string }).address;
    }),
  );
  // "{base URL} {letter}": the nodes choose the file names. With @ the whole path, for commands that read the file.
  const names = new Map<string, string>();
  const filled = (web: string, line: readonly string[]): string[] =>
    line.map((arg) => names.get(`${web} ${arg}`) ?? arg);
  const shown = (web: string, answer: Answer): unknown => {
    let text = JSON.stringify({ ...answer, stdout: withoutSignatures(answer.stdout) });
    for (const [key, name] of names) if (key.startsWith(`${web} `)) text = text.replaceAll(name, "WALLET");
    return view(JSON.parse(text.replace(/(timestamp\\": )\d+/g, "$10")) as Answer, web);
  };
  const different: string[] = [];
  const homes = [nodes.directory, nodes.directory];
  const same = async (line: readonly string[], from: readonly string[] = homes): Promise<string> => {
    const answers = await Promise.all([ours, go].map((web, i) => ask(web, from[i] as string, filled(web, line))));
    [ours, go].forEach((web, i) => {
      const [, name] = /"filename": "([^"]+)"/.exec(answers[i]?.stdout ?? "") ?? [];
      if (line[0]?.startsWith("walletCreate") !== true || name === undefined) return;
      names.set(`${web} ${line[2]}@`, join(folders[i] as string, name));
      names.set(`${web} ${line[2]}`, name);
    });
    const [first, second] = answers.map((answer, i) => shown(i === 0 ? ours : go, answer));
    try {
      assert.deepEqual(first, second);
    } catch (error) {
      different.push(`${line.join(" ")}\n${(error as Error).message}`);
    }
    return answers[0]?.stdout.trim() ?? "";
  };

  await same(["walletCreate", "-l", "D", "--encrypt=false", "-s", alice?.seed as string, "-n", "6"]);
  await same(["walletCreate", "-l", "C", "-t", "collection", "--encrypt=false"]);
  await same(["walletCreateTemp", "-l", "T", "-t", "bip44", "-s", SEED]);
  const locked = ["-t", "bip44", "-s", SEED, "--seed-passphrase", "more", "-p", "secret"];
  await same(["walletCreate", "-l", "B", ...locked, "-n", "3"]);
  const xpub = await same(["walletKeyExport", "B", "-p", "secret"]);
  assert.match(xpub, /^xpub/);
  await same(["walletCreate", "-l", "X", "-t", "xpub", "--encrypt=false", "--xpub", xpub]);
  const lines: (readonly string[])[] = [
    ["walletCreate", "-l", "E", "-t", "xpub", "--encrypt=false", "--xpub", xpub],
    ["walletCreate", "-l", "E", "-t", "xpub", "--encrypt=false", "--xpub", "nonsense"],
    ["walletCreate", "-l", "E", "-t", "nonsense", "--encrypt=false", "-s", SEED],
    ["addPrivateKey", "C@", keys[0] as string],
    ["addPrivateKey", "D@", keys[0] as string],
    ["walletAddAddresses", "C", "--private-keys", keys.slice(1).join(",")],
    ["walletAddAddresses", "B", "-n", "2"],
    ...["C", "B", "X", "T"].flatMap((wallet) => [
      ["walletScanAddresses", wallet, "-n", "5"],
      ["listAddresses", wallet],
      ["walletBalance", wallet],
      ["walletOutputs", wallet],
    ]),
    ["walletHistory", "C"],
    ["walletKeyExport", "B", "-p", "secret", "-k", "prv", "--path", "0/1/2"],
    ["showSeed", "B", "-p", "secret", "-j"],
    ["showSeed", "X", "-p", "x"],
    ["encryptWallet", "X", "-p", "x"],
    ["encryptWallet", "T", "-p", "x"],
    ["createRawTransactionV2", "C", to, "1", "--unsign"],
    ["createRawTransactionV2", "D", to, "1", "-j"],
    ["createRawTransactionV2", "D", to, "1.5", "-c", to, "--hours-selection-share-factor", "0.1"],
    ["createRawTransactionV2", "D", to, "1", "--hours-selection-share-factor", "1.1"],
    ["createRawTransactionV2", "D", to, "1", "-a", to],
    ["createRawTransactionV2", "X", to, "1"],
    ["createRawTransactionV2", "none.wlt", to, "1"],
  ];
  for (const line of lines) await same(line);
  const unsigned = await same(["createRawTransactionV2", "D", to, "2", "--unsign"]);
  // It wants the file beside itself, and then names it to the node.
  const signed = await same(["signTransaction", "D", unsigned], folders);
  assert.match(signed, /"sigs": \[\s+"[0-9a-f]{128}0[01]"/);
  const signing = ["X", "B", "T"].map((wallet) => ["signTransaction", wallet, unsigned]);
  for (const line of signing) await same(line, folders);
  t.diagnostic(`${lines.length + signing.length + 8} command lines compared`);
  assert.equal(different.length, 0, different.join("\n\n"));

  // Sent over one node, known to the other.
  const file = join(nodes.directory, "alice.json");
  const made = await ask(go, nodes.directory, ["addressGen", "-n", "6", "-s", alice?.seed as string]);
  await writeFile(file, made.stdout, { mode: 0o600 });
  for (const [web, other] of [
    [ours, go],
    [go, ours],
  ] as const) {
    const { code, stdout, stderr } = await ask(web, nodes.directory, ["send", file, to, "1"]);
    assert.deepEqual([code, stderr], [0, ""], stdout);
    const [, txid] = /^txid:([0-9a-f]{64})\n$/.exec(stdout) ?? [];
    assert.ok(txid, stdout);
    await eventually(
      () => ask(other, nodes.directory, ["transaction", txid]),
      (answer) => answer.code === 0,
    );
  }
});

/** Command lines that change nothing, from every command: right ones, odd ones and refused ones. */
function readingLines(files: Readonly<Record<"alice" | "bob" | "dave" | "csv" | "open" | "folder", string>>) {
  const { alice, bob } = params().wallets as Record<string, { addresses: string[] }>;
  const [a, b] = [alice?.addresses[0] as string, bob?.addresses[0] as string];
  const one = ["{}", "[]", "x", "{", '{"outputs":[{"hours":"x"}]}', '{"length":4294967296}', '{"\u017figs":[1]}'];
  const amounts = ["1", "1.5", "0", "-1", "", "x", "1.0001", "1e1", "1e-3", "99999999999", "1,5", "0x1"];
  return [
    ...["", "x", a, ` ${a}`, `${a}1`, "0"].map((text) => ["verifyAddress", text]),
    ...["0", "5", "12", "-1", "x", "1.5", "18446744073709551616"].flatMap((n) => [
      ["blocks", n],
      ["blocks", n, "3"],
      ["lastBlocks", n],
      ["richlist", n],
      ["richlist", "5", n],
    ]),
    ...[[], [a], [a, a], [a, "x"], [`${a},${b}`], ["--", a]].flatMap((list) => [
      ["addressBalance", ...list],
      ["addressOutputs", ...list],
      ["addressTransactions", ...list],
    ]),
    ...["", "x", "00", "00".repeat(32)].flatMap((text) => [
      ["transaction", text],
      ["broadcastTransaction", text],
      ["verifyTransaction", text],
      ["decodeRawTransaction", text],
      ["signTransaction", files.alice, text],
    ]),
    ...["wallet", "addrs", "SECRETS", "x"].flatMap((mode) => [
      ["addressGen", "-s", "seed", "-n", "3", "-m", mode],
      ["addressGen", "-s", "seed", "-m", mode, "-c", "bitcoin"],
      ["addressGen", "-s", "seed", "-im", mode],
      ["addressGen", "-ts", "seed", "-m", mode],
    ]),
    ...amounts.map((amount) => ["createRawTransaction", files.alice, b, amount]),
    ...[["-a", a], ["-a", b], ["-c", b], ["-c", "x"], ["-p", "x"], ["-j"], ["-m", "[]"], ["-m", "[{"]].map((more) => [
      ...["createRawTransaction", files.alice, b, "1"],
      ...more,
    ]),
    ...[files.bob, files.dave, files.folder, "none"].map((file) => ["createRawTransaction", file, b, "1"]),
    ...[files.csv, files.open, files.folder, "none"].map((csv) => ["createRawTransaction", files.alice, "--csv", csv]),
    ...[files.alice, files.bob, files.folder, "none"].map((file) => ["addPrivateKey", file, "11".repeat(32)]),
    ...one.map((json) => ["encodeJsonTransaction", "-", "<", json]),
    ...one.map((json) => ["encodeJsonTransaction", "-fj", "-", "<", json]),
    ...["encodeJsonTransaction", "listAddresses", "walletHistory", "showSeed"].map((name) => [name, "none"]),
    ...[["--nope"], ["-Z"], ["-n"], ["-n", "x"], ["--num", "-1"], ["--json=x"], ["x", "y", "z"], []].flatMap((odd) =>
      ["richlist", "walletAddAddresses", "walletScanAddresses", "version", "status"].map((name) => [name, ...odd]),
    ),
    ...["statuss", "wallet", "VERSION", "-n"].map((name) => [name]),
  ];
}

test("our client says what the reference's client says", { skip: missing }, async (t) => {
  const { go, directory } = await twoNodes(t);
  const path = (name: string) => join(directory, name);
  const lone = "2CWKrwcLXJ6UW2f1qxytPfhgRuiTzzBY9VT";
  await writeFile(path("a.csv"), `${lone},1\n ${lone} ,0.5\n`);
  await writeFile(path("open.csv"), `${lone},1\n"${lone},1\n`);
  const wallet = (name: string) => conformancePath(`wallets/devchain/${name}.wlt`);
  const own = { alice: wallet("alice"), bob: wallet("bob"), dave: wallet("dave") };
  const lines = readingLines({ ...own, csv: path("a.csv"), open: path("open.csv"), folder: directory });
  const env = { RPC_ADDR: go, DATA_DIR: directory, HOME: directory, PATH: process.env.PATH ?? "", COIN: "skycoin" };
  const run = (program: string, before: readonly string[], line: readonly string[]): Promise<unknown> => {
    const [args, input = ""] = line.at(-2) === "<" ? [line.slice(0, -2), line.at(-1)] : [line];
    return new Promise((resolve) => {
      const child = execFile(program, [...before, ...args], { env, cwd: directory }, (error, stdout, stderr) => {
        // Signatures, names and times are drawn anew; the reference logs a file that does not load.
        const said = withoutSignatures(stdout)
          .replace(/\d{4}_\d\d_\d\d_[0-9a-f]{4}\.wlt/g, "(wallet)")
          .replace(/("tm": ")\d+/, "$1(time)")
          .replace(/"(uptime|time_since_last_block)": "?[^",]*/g, "$1")
          .replace(/^\[.*\] ERROR .*\n/, "");
        resolve({ code: error === null ? 0 : error.code, said, stderr });
      });
      child.stdin?.end(input);
    });
  };
  await compareLines(t, lines, (line) =>
    Promise.all([run(process.execPath, [PROGRAM, "cli"], line), run(goCli as string, [], line)]),
  );
});

test("it distributes the genesis coins of a chain of ours", { skip: cliMissing }, async (t) => {
  const network = await LoginNetwork.make(t, { droplets: 100_000_000_000_000 });
  const [port] = (await freePorts(1)) as [number];
  const publisher = await network.start("ours", { role: "publisher", port, dials: [] });
  const secret = await network.secret();
  const answer = await ask(publisher.web, network.files.directory, ["distributeGenesis", secret]);
  assert.deepEqual([answer.code, answer.stderr], [0, ""], answer.stdout);
  const block = await eventually(
    async () => (await publisher.get("/api/v1/block?seq=1")) as { body: { txns: { outputs: unknown[] }[] } },
    () => true,
  );
  assert.equal(block.body.txns[0]?.outputs.length, 100);
});
