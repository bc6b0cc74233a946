import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import * as oidc from "openid-client";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { keysOfSeed, type SeedKey } from "../../src/client/seed-keys.ts";
import { chromiumMissing, startBrowser } from "../support/browser.ts";
import { clientToml } from "../support/login-node.ts";
import { freePorts, temporaryDirectory } from "../support/processes.ts";
import { repositoryRoot } from "../support/repository.ts";
import { startUp } from "../support/up.ts";

const SECRET = "secret of the reward service";
const VISOR = `02${"ab".repeat(32)}`;
/** Pictures of every page, in every size and colour, for who wants to look. */
const pictures = process.env.LOGINCHAIN_SCREENSHOTS;
const LOOKS: Readonly<Record<string, BrowserContextOptions>> = {
  "desktop-light": { viewport: { width: 1280, height: 900 } },
  "desktop-dark": { viewport: { width: 1280, height: 900 }, colorScheme: "dark" },
  "phone-light": { viewport: { width: 390, height: 844 } },
  "phone-dark": { viewport: { width: 390, height: 844 }, colorScheme: "dark" },
};

test("visitors log in with pages of the running nodes: by coin, by message, for a service, for a client of OpenID Connect", {
  timeout: pictures === undefined ? 120_000 : 600_000,
  skip: chromiumMissing,
}, async (t) => {
  const directory = await temporaryDirectory(t);
  const [rewardPort, clientPort] = (await freePorts(2)) as [number, number];
  const [rewards, shop] = [`http://127.0.0.1:${rewardPort}`, `http://127.0.0.1:${clientPort}`];
  const clientsFile = join(directory, "clients.toml");
  const services =
    clientToml("rewards", SECRET, `redirect_uris = ["${rewards}/back"]`) +
    clientToml("shop", SECRET, `redirect_uris = ["${shop}/back"]`);
  await writeFile(clientsFile, services, { mode: 0o600 });
  const up = await startUp(t, join(directory, "chain"), `--login-clients=${clientsFile}`);
  const browser = await startBrowser(t);
  const key = (name: string): SeedKey => keysOfSeed(`${name}, who logs in`).next().value as SeedKey;

  await t.test("by a coin that the page sends back", async () => {
    const anna = key("anna");
    const { page, failures } = await open(browser);
    await page.goto(`${up.open}/login`);
    await page.fill("#address", anna.address);
    await page.keyboard.press("Enter");
    await sendBack(page, "anna, who logs in");
    await page.waitForURL(`${up.open}/account`);
    assert.match((await page.textContent("main")) ?? "", new RegExp(`You are logged in.*${anna.address}`, "s"));
    await page.click("text=Log out");
    await page.waitForURL(`${up.open}/login?done=out`);
    assert.deepEqual(failures, []);
  });

  await t.test("by a message that the page signs", async () => {
    const { page, failures } = await open(browser);
    await page.goto(`${up.open}/login`);
    await page.fill("#address", key("ben").address);
    await page.check("input[value=signature]");
    await page.click('button:text-is("Go on")');
    await page.fill("#signature", "00");
    await page.click('button:text-is("Hand in the signature")');
    await page.waitForSelector("#signature-problem");
    assert.equal(await page.getAttribute("#signature:focus", "aria-invalid"), "true");
    assert.match(failures.splice(0).join(), /^Failed to load resource: .* 422 \([\w ]+\)$/);
    await page.waitForSelector("#wallet:not([hidden])");
    await page.fill("#seed", "ben, who logs in");
    await page.click("#act");
    await page.waitForURL(`${up.open}/account`);
    assert.match((await page.textContent("main")) ?? "", /by signing a message/);
    assert.deepEqual(failures, []);
  });

  await t.test("for the example reward service, which shows the visors of the address", async (t) => {
    const carl = key("carl");
    const visors = join(directory, "log_backups");
    await mkdir(join(visors, VISOR), { recursive: true });
    await writeFile(join(visors, VISOR, "node-info.json"), JSON.stringify({ skycoin_address: carl.address }));
    await startRewardService(t, ["--login", up.open, "--visors", visors, "--port", String(rewardPort)]);
    const { page, failures } = await open(browser);
    await page.goto(rewards);
    await page.fill("#address", carl.address);
    await page.click("text=Log in");
    await page.waitForURL(`${up.open}/login/verify/**`);
    assert.match((await page.textContent(".who")) ?? "", /Service rewards at http:\/\/127/);
    await sendBack(page, "carl, who logs in");
    await page.click(`text=Back to ${new URL(rewards).host}`);
    await page.waitForURL(`${rewards}/`);
    assert.equal(await page.textContent("#asked"), carl.address);
    assert.equal(await page.textContent("li code"), VISOR);
    await picture(page, "reward-service-logged-in");
    await page.click("text=Log out");
    await page.waitForSelector("#address");
    assert.deepEqual(failures, []);
    await gallery(browser, { "reward-service": rewards });
  });

  await t.test("for a standard client of OpenID Connect", async (t) => {
    const dora = key("dora");
    const execute = [oidc.allowInsecureRequests];
    const config = await oidc.discovery(new URL(up.open), "shop", SECRET, undefined, { execute });
    const pkceCodeVerifier = oidc.randomPKCECodeVerifier();
    const expectedState = oidc.randomState();
    const asked = oidc.buildAuthorizationUrl(config, {
      redirect_uri: `${shop}/back`,
      scope: "openid",
      code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: "S256",
      state: expectedState,
      login_hint: dora.address,
    });
    const client = createServer((request, response) => {
      const back = new URL(request.url ?? "/", shop);
      oidc.authorizationCodeGrant(config, back, { pkceCodeVerifier, expectedState }).then(
        (tokens) => response.end(`logged in as ${tokens.claims()?.preferred_username}`),
        (error: unknown) => response.end(String(error)),
      );
    });
    client.listen(clientPort, "127.0.0.1");
    t.after(() => client.close());
    const { page, failures } = await open(browser);
    await page.goto(asked.href);
    assert.equal(await page.inputValue("#address"), dora.address);
    await gallery(browser, { "login-for-service": asked.href });
    await page.click('button:text-is("Go on")');
    await sendBack(page, "dora, who logs in");
    await page.waitForURL(`${shop}/back?**`);
    assert.equal(await page.textContent("body"), `logged in as ${dora.address}`);
    assert.deepEqual(failures, []);
  });

  await t.test("the chain's page follows the events of everybody, and asks nobody for a password", async () => {
    const { page, failures } = await open(browser);
    const events = page.waitForResponse((response) => response.url().includes("/login/v1/events"));
    await page.goto(up.open);
    assert.equal((await events).status(), 200);
    await page.keyboard.press("Tab");
    assert.equal(await page.textContent(":focus"), "Skip to the content"); // a dialog would have taken the key
    assert.deepEqual(failures, []);
  });

  await t.test("a wrong address, a wrong seed and a page that is not there say so", async () => {
    const { page } = await open(browser);
    await page.goto(`${up.open}/login`);
    await page.fill("#address", "nobody");
    await page.click('button:text-is("Go on")');
    assert.equal(await page.getAttribute("#address", "aria-invalid"), "true");
    await picture(page, "login-wrong");
    await page.fill("#address", key("emil").address);
    await page.click('button:text-is("Go on")');
    await page.waitForSelector("#wallet:not([hidden])");
    await picture(page, "verify");
    await page.fill("#seed", "not the seed");
    await page.click("#act");
    await page.waitForSelector("#wallet-problem:not([hidden])");
    assert.match((await page.textContent("#wallet-problem")) ?? "", /None of the first addresses/);
    await picture(page, "verify-wrong-seed");
    assert.equal((await page.goto(`${up.open}/login/verify/none`))?.status(), 404);
  });

  if (pictures !== undefined) {
    const { page } = await open(browser);
    await page.goto(`${up.open}/blocks`);
    const first = async (selector: string): Promise<string> =>
      page
        .locator(selector)
        .first()
        .evaluate((a) => (a as never as { href: string }).href);
    const block = `${up.open}/block/3`;
    await page.goto(block);
    await gallery(browser, {
      ...{ home: up.open, blocks: `${up.open}/blocks`, block, tx: await first("main a[href^='/tx/']") },
      ...{ address: `${up.open}/address/${key("anna").address}`, login: `${up.open}/login` },
      ...{
        account: `${up.open}/account`,
        missing: `${up.open}/nothing`,
        "empty-address": `${up.open}/address/2jBbGxZRGoQG1mqhPBnXnLTxK6oxsTf8os6`,
      },
    });
  }
});

/** A browser without past, and what went wrong on its page. */
async function open(browser: Browser, look: BrowserContextOptions = {}): Promise<{ page: Page; failures: string[] }> {
  const page = await (await browser.newContext(look)).newPage();
  page.setDefaultTimeout(20_000);
  const failures: string[] = [];
  page.on("pageerror", (error) => failures.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") failures.push(message.text());
  });
  return { page, failures };
}

/** On the page of a login, in its own wallet. */
async function sendBack(page: Page, seed: string): Promise<void> {
  await page.waitForSelector("#wallet:not([hidden])");
  await page.fill("#seed", seed);
  await page.click("#act");
}

async function startRewardService(t: TestContext, flags: readonly string[]): Promise<void> {
  const script = join(repositoryRoot(), "examples", "reward-service", "serve.mjs");
  const env = { ...process.env, LOGIN_CLIENT_SECRET: SECRET };
  const service = spawn(process.execPath, [script, ...flags], { env, stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => service.kill("SIGKILL"));
  await once(service.stdout, "data");
}

async function gallery(browser: Browser, pages: Readonly<Record<string, string>>): Promise<void> {
  if (pictures === undefined) return;
  for (const [look, options] of Object.entries(LOOKS)) {
    for (const [name, url] of Object.entries(pages)) {
      const { page } = await open(browser, options);
      await page.goto(url);
      await page.screenshot({ path: join(pictures, `${name}-${look}.png`), fullPage: true });
      await page.context().close();
    }
  }
}

/** Of a page as a visitor has it before him. */
async function picture(page: Page, name: string): Promise<void> {
  if (pictures === undefined) return;
  for (const [look, { viewport, colorScheme = "light" }] of Object.entries(LOOKS)) {
    await page.setViewportSize(viewport as { width: number; height: number });
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: join(pictures, `${name}-${look}.png`), fullPage: true });
  }
}
