import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { ApiListener } from "../../src/api/listener.ts";
import { apiFixture } from "../support/api.ts";
import { chromiumMissing, startBrowser } from "../support/browser.ts";

test("the page of the API shows every operation, tries one that needs a token, and asks nobody else", {
  skip: chromiumMissing,
  timeout: 60_000,
}, async (t) => {
  const listener = await ApiListener.bind({ host: "127.0.0.1", port: 0 });
  t.after(() => listener.close());
  const { app } = await apiFixture({ bound: () => listener.address, disableCsrf: false, disableHeaderCheck: false });
  await app.ready();
  listener.open(app.routing);
  const base = `http://127.0.0.1:${listener.address.port}`;
  const { paths } = (await (await fetch(`${base}/openapi.json`)).json()) as { paths: Record<string, object> };
  const operations = Object.values(paths).flatMap((path) => Object.keys(path));

  const browser = await startBrowser(t);
  const asked: string[] = [];
  const failures: string[] = [];
  const page = await browser.newPage({ viewport: { width: 1280, height: 844 } });
  page.on("pageerror", (error) => failures.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") failures.push(message.text());
  });
  page.on("request", (request) => asked.push(request.url()));
  await page.goto(`${base}/docs`);
  await page.locator(".opblock").first().waitFor();
  assert.equal(await page.locator(".opblock").count(), operations.length);
  const operation = page.locator("[id$=postV2AddressVerify]");
  await operation.locator(".opblock-summary-control").click();
  await operation.getByRole("button", { name: "Try it out" }).click();
  await operation.locator("textarea").first().fill('{"address":"2GgFvqoyk9RjwVzj8tqfcXVXB4orBwoc9qv"}');
  await operation.getByRole("button", { name: "Execute" }).click();
  const answer = operation.locator(".live-responses-table .response");
  assert.match((await answer.textContent()) ?? "", /^200.*"version": 0/s);
  for (const [width, colorScheme] of [
    [1280, "light"],
    [390, "dark"],
  ] as const) {
    await page.setViewportSize({ width, height: 844 });
    await page.emulateMedia({ colorScheme });
    const [, red] =
      /^rgb\((\d+)/.exec(await page.evaluate("getComputedStyle(document.documentElement).backgroundColor")) ?? [];
    assert.equal(Number(red ?? 255) < 64, colorScheme === "dark", `${colorScheme}: background ${red}`);
    assert.ok(
      await page.evaluate("document.documentElement.scrollWidth <= innerWidth"),
      `scrolls sideways at ${width}`,
    );
    const folder = process.env.LOGINCHAIN_SCREENSHOTS;
    if (folder !== undefined) await page.screenshot({ path: join(folder, `docs-${width}.png`) });
  }
  assert.deepEqual(failures, []);
  assert.ok(asked.includes(`${base}/api/v1/csrf`));
  assert.deepEqual(
    asked.filter((url) => !url.startsWith(base) && !url.startsWith("data:")),
    [],
  );
});
