import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { chromiumMissing, startBrowser } from "../support/browser.ts";
import { loginChain } from "../support/login-chain.ts";
import { runProgram } from "../support/processes.ts";

/** Folder of the reference's desktop wallet: what `--gui-dir` takes, with `dist` inside. */
const guiDirectory = process.env.LOGINCHAIN_GUI_DIR;
const missing = chromiumMissing || (guiDirectory === undefined ? "no desktop wallet: set LOGINCHAIN_GUI_DIR" : false);

const PASSWORD = "correct horse battery staple";

test("the reference's desktop wallet makes a wallet on our node, sees coins come, sends some and sees that confirmed", {
  timeout: 240_000,
  skip: missing,
}, async (t) => {
  const chain = await loginChain(t);
  const publisher = await chain.startPublisher();
  const gui = ["--enable-gui", `--gui-dir=${guiDirectory}`, "--disable-csrf=false"];
  const node = await chain.startPeer(publisher.port, ...gui);
  await chain.bootstrap(publisher);
  const cli = async (...args: string[]): Promise<string> => {
    const env = { RPC_ADDR: publisher.web, FIBER_TOML: chain.files.publisherToml };
    const { code, stdout, stderr } = await runProgram(["cli", ...args], { env });
    assert.equal(code, 0, stderr);
    return stdout.trim();
  };

  const browser = await startBrowser(t);
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  page.setDefaultTimeout(60_000); // a password costs seconds, and more of them beside other tests
  const failures: string[] = [];
  page.on("pageerror", (error) => failures.push(String(error)));
  page.on("response", (response) => {
    // The wallet takes 404 as "nothing kept yet" of its own settings.
    const url = response.url().replace(node.web, "");
    if (response.status() >= 400 && !url.startsWith("/api/v2/data?")) failures.push(`${response.status()} ${url}`);
  });
  const picture = async (name: string): Promise<void> => {
    const folder = process.env.LOGINCHAIN_SCREENSHOTS;
    if (folder !== undefined) await page.screenshot({ path: join(folder, `desktop-${name}.png`) });
  };

  await page.goto(node.web);
  await page.locator(".e2e-language-modal .button").first().click();
  await page.locator("[formcontrolname=label]").fill("Savings");
  await confirmSeed(page);
  await picture("create");
  await page.getByRole("button", { name: "Create" }).click();
  await page.locator("app-modal .mat-checkbox-label").click();
  await page.getByRole("button", { name: "Continue" }).click();
  await enterPassword(page, "[formcontrolname=password]");
  await enterPassword(page, "[formcontrolname=confirm]");
  await picture("password");
  await page.getByRole("button", { name: "Finish" }).click();

  const row = page.locator(".e2e-wallets .-row");
  await row.waitFor();
  await picture("empty");
  assert.match((await row.textContent()) ?? "", /^\s*Savings\s*0\s*0\s*$/);
  const made = (await node.get("/api/v1/wallets")) as { entries: { address: string }[] }[];
  const address = made[0]?.entries[0]?.address as string;
  await cli("broadcastTransaction", await cli("createRawTransaction", chain.files.genesis, address, "5"));
  await page.locator(".coins", { hasText: /^5 SWL$/ }).waitFor();
  await picture("received");

  await page.locator("app-nav-bar").getByText("Send").click();
  await page.locator("#wallet").selectOption({ index: 1 });
  await page.locator("[formcontrolname=address]").fill(chain.address);
  await page.locator("[formcontrolname=coins]").fill("1.25");
  await page.locator("[formcontrolname=note]").fill("for tea");
  await page.getByRole("button", { name: "Preview" }).click();
  await page.getByText("Confirm Transaction").waitFor();
  await picture("preview");
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await enterPassword(page, "app-password-dialog [formcontrolname=password]");
  await page.getByRole("button", { name: "Proceed" }).click();
  await page.locator("app-password-dialog").waitFor({ state: "detached" });
  await picture("sent");

  await page.locator("app-nav-bar").getByText("History").click();
  const sent = page.locator(".-transaction", { hasText: /Sent SWL.*for tea/s });
  await sent.waitFor();
  await picture("history");
  await sent.click();
  const detail = page.locator("app-transaction-detail");
  await detail.getByText("Confirmed").waitFor();
  await picture("confirmed");
  const [txid] = /[0-9a-f]{64}/.exec((await detail.textContent()) ?? "") ?? [];
  const { status, txn } = (await publisher.get(`/api/v1/transaction?txid=${txid}`)) as Transaction;
  assert.equal(status.confirmed, true);
  assert.deepEqual(txn.outputs.map(({ coins }) => coins).sort(), ["1.250000", "3.750000"]);
  assert.deepEqual(failures, []);
});

interface Transaction {
  readonly status: { readonly confirmed: boolean };
  readonly txn: { readonly outputs: readonly { readonly coins: string }[] };
}

/** Gives the words of the seed back in the order they are asked for. */
async function confirmSeed(page: Page): Promise<void> {
  const words = ((await page.locator(".normal-seed-field").textContent()) ?? "").trim().split(" ");
  assert.equal(words.length, 12);
  await page.locator(".dashed-border.show-pointer").click();
  for (let asked = 0; asked < words.length; asked++) {
    await page.getByText(`Enter the word #${asked + 1}`, { exact: true }).waitFor();
    await page.locator("#word").fill(words[asked] as string);
    await page.locator("#word").press("Enter");
  }
}

/** The fields refuse to be filled before they are touched, so that browsers do not offer to keep what is in them. */
async function enterPassword(page: Page, field: string): Promise<void> {
  await page.locator(field).click();
  await page.locator(field).fill(PASSWORD);
}
