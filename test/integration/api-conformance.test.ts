import assert from "node:assert/strict";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { apiModes, startApiNode } from "../support/api-node.ts";
import { conformanceMissing, conformancePath } from "../support/conformance.ts";

/** Plays the recorded requests of each mode against the API and compares the answers, as the shared runner does. */

/** With it wallets are encrypted at full cost: ten minutes. */
const isLong = process.env.LOGINCHAIN_LONG === "1";

interface Case {
  readonly name: string;
  readonly scenario?: string;
}

interface Runner {
  loadCases(folders: readonly string[], mode: string): Case[];
  send(base: string, c: Case, vars: object): Promise<unknown>;
  check(c: Case, answer: unknown, vars: object): string[];
  capture(c: Case, answer: unknown, vars: object): void;
  baseVars(base: string): Record<string, string>;
}

async function play(runner: Runner, base: string, cases: readonly Case[]): Promise<string[]> {
  const scopes = new Map<string, Record<string, string>>();
  const failures: string[] = [];
  for (const c of cases) {
    const vars = scopes.get(c.scenario ?? c.name) ?? runner.baseVars(base);
    scopes.set(c.scenario ?? c.name, vars);
    const answer = await runner.send(base, c, vars);
    const differences = runner.check(c, answer, vars);
    runner.capture(c, answer, vars);
    if (differences.length > 0) failures.push(`${c.name}: ${differences.join("; ").slice(0, 500)}`);
  }
  return failures;
}

if (conformanceMissing !== false) {
  test("recorded API cases", { skip: conformanceMissing }, () => {});
} else {
  const runner: Runner = await import(pathToFileURL(conformancePath("run-api.mjs")).href);
  for (const [name, mode] of Object.entries(apiModes())) {
    const cases = runner.loadCases([conformancePath("api")], name);
    test(`answers of mode ${name} are the recorded ones (${cases.length} cases)`, async (t) => {
      const node = await startApiNode(mode, { fullCost: isLong });
      t.after(() => node.close());
      assert.deepEqual(await play(runner, node.base, cases), []);
    });
  }
}
