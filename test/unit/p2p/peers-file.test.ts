import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { silentLogger } from "../../../src/base/log.ts";
import { peersDownload } from "../../../src/p2p/peers-download.ts";
import { peersFileAt } from "../../../src/p2p/peers-file.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

test("the peers file is replaced as a whole, for the owner alone; peers.txt stands in for it", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "peers-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const path = join(directory, "peers.json");
  const file = peersFileAt(path);
  assert.equal(await file.read(), undefined);
  await writeFile(join(directory, "peers.txt"), "old");
  assert.equal(await file.read(), "old");
  await writeFile(path, " ");
  assert.equal(await file.read(), "old");
  await file.write("new");
  assert.equal(await file.read(), "new");
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.deepEqual((await readdir(directory)).sort(), ["peers.json", "peers.txt"]);
});

test("a peers file that cannot be written leaves nothing behind", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "peers-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const file = peersFileAt(join(directory, "missing", "peers.json"));
  await assert.rejects(file.write("x"), { code: "ENOENT" });
  assert.deepEqual(await readdir(directory), []);
});

test("the peer list is fetched again until it comes", async () => {
  const clock = new VirtualClock();
  const answers = [
    () => Promise.reject(new Error("no route")),
    async () => new Response("gone", { status: 404 }),
    async () => new Response("a".repeat(300_000)),
    async () => new Response("10.0.0.1:6000\n"),
  ];
  const times: number[] = [];
  const fetch = async () => {
    times.push(clock.monotonicMs());
    return (answers.shift() as () => Promise<Response>)();
  };
  const download = peersDownload("http://list.invalid/", {
    clock,
    log: silentLogger,
    fetch: fetch as typeof globalThis.fetch,
  });
  const result = download(new AbortController().signal);
  let text: string | undefined;
  void result.then((value) => {
    text = value;
  });
  for (let i = 0; i < 200 && text === undefined; i++) {
    await clock.advance(25);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(text, "10.0.0.1:6000\n");
  const gaps = times.slice(1).map((at, i) => at - (times[i] as number));
  assert.ok(
    gaps.every((gap, i) => gap >= 500 * 1.5 ** i && gap < 500 * 1.5 ** i + 100),
    `${gaps}`,
  );
});

test("a list that never comes is given up after a quarter of an hour, or when told to", async () => {
  const clock = new VirtualClock();
  const fetch = async () => new Response("", { status: 500 });
  const deps = { clock, log: silentLogger, fetch: fetch as typeof globalThis.fetch };
  const lost = peersDownload("http://list.invalid/", deps)(new AbortController().signal);
  const rejected = assert.rejects(lost, { code: "P2P_PEERS_DOWNLOAD" });
  await clock.advance(15 * 60_000);
  await rejected;
  const abort = new AbortController();
  const stopped = peersDownload("http://list.invalid/", deps)(abort.signal);
  const told = assert.rejects(stopped, /enough/);
  await clock.advance(1000);
  abort.abort(new Error("enough"));
  await told;
});
