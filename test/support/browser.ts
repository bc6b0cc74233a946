import { existsSync } from "node:fs";
import type { TestContext } from "node:test";
import { type Browser, chromium } from "playwright-core";
import { temporaryDirectory } from "./processes.ts";

/** A Chromium of this machine; tests of pages skip without. */
export const chromiumPath = [process.env.LOGINCHAIN_CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser"].find(
  (path) => path !== undefined && existsSync(path),
);
export const chromiumMissing: string | false =
  chromiumPath === undefined ? "no Chromium: name one in LOGINCHAIN_CHROMIUM" : false;

/** A browser with a profile of its own that speaks to nobody by itself; closed after the test. */
export async function startBrowser(t: TestContext): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: chromiumPath as string,
    headless: true,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
    env: { ...(process.env as Record<string, string>), HOME: await temporaryDirectory(t) },
  });
  t.after(() => browser.close());
  return browser;
}
