import assert from "node:assert/strict";
import type { IncomingHttpHeaders } from "node:http";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { API_SETS } from "../../src/api/route.ts";
import { apiFixture } from "../support/api.ts";
import { apiModes, startApiNode } from "../support/api-node.ts";
import { conformanceMissing, conformancePath } from "../support/conformance.ts";
import { AnswerCheck, type OpenApiDocument } from "../support/openapi.ts";

/**
 * Plays the recorded requests of each mode against the API and compares the answers, as the shared runner does. The
 * same answers must be as the OpenAPI document says.
 */

/** With it wallets are encrypted at full cost: ten minutes. */
const isLong = process.env.LOGINCHAIN_LONG === "1";

/** Wallets recorded with their full cost, which no test can lower. */
const COSTLY = new Set(["wallets-preloaded"]);

interface Case {
  readonly name: string;
  readonly scenario?: string;
  readonly method: string;
  readonly path: string;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

interface Runner {
  loadCases(folders: readonly string[], mode: string): Case[];
  send(base: string, c: Case, vars: object): Promise<Answer>;
  check(c: Case, answer: Answer, vars: object): string[];
  capture(c: Case, answer: Answer, vars: object): void;
  baseVars(base: string): Record<string, string>;
}

/** Answers with peers, and those outside the reference's API: test/unit/api/openapi.test.ts has them. */
const NOT_RECORDED = [
  "GET /api/v1/network/connection 200",
  "POST /api/v1/network/connection/disconnect 200",
  "POST /api/v1/resendUnconfirmedTxns 200",
  "GET /healthz 200",
  "GET /readyz 200",
  "GET /metrics 200",
  "GET /api/v2/metrics 200",
];

async function play(runner: Runner, base: string, cases: readonly Case[], described: AnswerCheck): Promise<string[]> {
  const scopes = new Map<string, Record<string, string>>();
  const failures: string[] = [];
  for (const c of cases) {
    const vars = scopes.get(c.scenario ?? c.name) ?? runner.baseVars(base);
    scopes.set(c.scenario ?? c.name, vars);
    const answer = await runner.send(base, c, vars);
    const differences = runner.check(c, answer, vars);
    const { status, headers, text } = answer;
    const flaw = described.flaw({ ...c, status, type: headers["content-type"], text });
    if (flaw !== undefined) differences.push(`not as the document says: ${flaw}`);
    runner.capture(c, answer, vars);
    if (differences.length > 0) failures.push(`${c.name}: ${differences.join("; ").slice(0, 500)}`);
  }
  return failures;
}

if (conformanceMissing !== false) {
  test("recorded API cases", { skip: conformanceMissing }, () => {});
} else {
  const { get } = await apiFixture({ apiSets: API_SETS });
  const document: OpenApiDocument = await get("/openapi.json");
  const described = new AnswerCheck(document);
  const runner: Runner = await import(pathToFileURL(conformancePath("run-api.mjs")).href);
  for (const [name, mode] of Object.entries(apiModes())) {
    const cases = runner.loadCases([conformancePath("api")], name);
    const skip = !isLong && COSTLY.has(name) && "opens wallets of full cost, half a minute: LOGINCHAIN_LONG=1 runs it";
    test(`answers of mode ${name} are the recorded ones (${cases.length} cases)`, { skip }, async (t) => {
      const node = await startApiNode(mode, { fullCost: isLong });
      t.after(() => node.close());
      assert.deepEqual(await play(runner, node.base, cases, described), []);
    });
  }
  test("the recordings hold every answer that the document describes", () => {
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path} 200`),
    );
    const unseen = operations.filter((name) => !described.seen.has(name));
    assert.deepEqual(unseen, NOT_RECORDED);
  });
}
