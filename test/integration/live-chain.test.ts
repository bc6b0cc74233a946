import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { DEFAULT_PORTS, writePeerToml } from "../../src/orchestrator/chain-files.ts";
import { chromiumMissing, startBrowser } from "../support/browser.ts";
import { loginChain } from "../support/login-chain.ts";
import { repositoryRoot } from "../support/repository.ts";

test("a page follows the chain over the public listener, sees a block as it is made, and tries again when the node is gone", {
  timeout: 60_000,
  skip: chromiumMissing,
}, async (t) => {
  const chain = await loginChain(t);
  const publisher = await chain.startPublisher("--public-addr=127.0.0.1:0", "--login=false");
  await writePeerToml(chain.files, DEFAULT_PORTS);
  const url = `${publisher.publicWeb?.replace("http", "ws")}/p2p/v2`;
  const script = join(repositoryRoot(), "examples", "live-chain", "serve.mjs");
  const flags = ["--dir", dirname(chain.files.peerToml), "--url", url, "--port", "0"];
  const server = spawn(process.execPath, [script, ...flags], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => server.kill("SIGKILL"));
  const [line] = await once(server.stdout, "data");
  const address = /http:\S+/.exec(String(line))?.[0] ?? "";

  const browser = await startBrowser(t);
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  await page.goto(address);
  await page.waitForSelector("#state[data-name=following]");
  assert.equal(await page.textContent("#state"), "up to date");
  await chain.bootstrap(publisher);
  await page.waitForSelector("#blocks tr");
  assert.equal(await page.textContent("#height"), "1");
  const { header } = (await publisher.get("/api/v1/block?seq=1")) as { header: { block_hash: string } };
  assert.equal(await page.textContent("#blocks td:last-child"), `${header.block_hash.slice(0, 16)}…`);
  assert.deepEqual(errors, []);
  const picture = process.env.LOGINCHAIN_SCREENSHOTS;
  if (picture !== undefined) await page.screenshot({ path: join(picture, "live-chain.png") });
  await publisher.stop();
  await page.waitForSelector("#state[data-name=waiting]");
});
