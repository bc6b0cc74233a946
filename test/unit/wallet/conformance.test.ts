import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { CoinError } from "../../../src/base/errors.ts";
import { RuleError } from "../../../src/chain/rules.ts";
import { CIPHER_ERRORS } from "../../../src/cipher/errors.ts";
import { MemoryStore } from "../../../src/storage/memory-store.ts";
import { chainActivity, chainLedger } from "../../../src/wallet/chain-ledger.ts";
import { SPEND_ERRORS, WALLET_ERRORS } from "../../../src/wallet/errors.ts";
import type { SecretBox } from "../../../src/wallet/secret-box.ts";
import { WalletSpending } from "../../../src/wallet/wallet-spending.ts";
import { ManualClock } from "../../support/chain.ts";
import { conformanceLines, conformanceMissing, conformancePath, conformanceText } from "../../support/conformance.ts";
import { loadRecordedChain, type RecordedChain } from "../../support/conformance-chain.ts";
import { type Recorded, replay } from "../../support/wallet-replay.ts";
import { inlineBox, openService } from "../../support/wallets.ts";

/** A recorded request and what the reference answered. */
interface Case extends Recorded {
  readonly name: string;
  readonly status: number;
  readonly capture?: Readonly<Record<string, string>>;
  readonly expect_text?: string;
  readonly expect_json?: unknown;
  readonly expect_file?: string;
}

/** Seals quickly whatever the type: the formats have tests of their own. Opens that, and the reference's files. */
const quickBox: SecretBox = {
  seal: (_type, plain, password) => inlineBox.seal("sha256-xor", plain, password),
  open: (type, sealed, password) => {
    const scrypt = Buffer.from(sealed, "base64").subarray(2, 4).toString() === '{"';
    return inlineBox.open(scrypt ? type : "sha256-xor", sealed, password);
  },
};

/** Texts that come from the wallets; others are the HTTP layer's, which is not under test here. */
const TEXTS = Object.values({ ...WALLET_ERRORS, ...SPEND_ERRORS, ...CIPHER_ERRORS }).map(
  (text) => new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll("%s", ".*")}$`),
);

function isOurs(message: string): boolean {
  return message.startsWith("Transaction violates") || TEXTS.some((text) => text.test(message));
}

const STATUS_TEXT = /^\d{3} (Bad Request|Internal Server Error|Not Found|Forbidden)( - )?/;

function expectedMessage(recorded: Case): string {
  const v2 = recorded.expect_json as { error?: { message?: string } } | undefined;
  const text = v2?.error?.message ?? (recorded.expect_text ?? "").trimEnd().replace(STATUS_TEXT, "");
  if (text !== "" && text !== "Not Found") return text;
  return recorded.status === 404 ? WALLET_ERRORS.WALLET_UNKNOWN : "";
}

/** Everything in `actual` is in `expected`, under the same names. Signatures, ids and file names differ each time. */
function assertWithin(actual: unknown, expected: unknown, where: string): void {
  if (Array.isArray(actual)) {
    assert.equal((expected as unknown[] | null)?.length, actual.length, where);
    for (const [i, item] of actual.entries()) assertWithin(item, (expected as unknown[])[i], `${where}/${i}`);
  } else if (typeof actual === "object" && actual !== null) {
    for (const [name, value] of Object.entries(actual)) {
      if (name === "filename" || name === "encoded_transaction") continue;
      const other = expected as Record<string, unknown>;
      if (name === "signed") assertSigned(value as boolean[], other.sigs as string[], where);
      else assertWithin(value, other[name], `${where}/${name}`);
    }
  } else {
    assert.equal(actual, expected, where);
  }
}

function assertSigned(signed: readonly boolean[], sigs: readonly string[], where: string): void {
  assert.deepEqual(
    signed,
    sigs.map((sig) => !/^0*$/.test(sig)),
    `${where}/sigs`,
  );
}

function pointed(value: unknown, pointer: string): unknown {
  return pointer
    .slice(1)
    .split("/")
    .reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], value);
}

class Player {
  readonly #variables = new Map<string, string>();
  readonly #run: (request: Recorded) => ReturnType<typeof replay>;
  compared = 0;

  constructor(run: (request: Recorded) => ReturnType<typeof replay>) {
    this.#run = run;
  }

  async play(recorded: Case): Promise<void> {
    const fill = (text = "") => text.replace(/\{\{(\w+)\}\}/g, (whole, name) => this.#variables.get(name) ?? whole);
    const request = { ...recorded, path: fill(recorded.path), query: fill(recorded.query), body: fill(recorded.body) };
    let answer: unknown;
    try {
      answer = await this.#run(request);
    } catch (error) {
      this.#refused(recorded, error);
      return;
    }
    if (answer === undefined) return;
    if (recorded.status !== 200) {
      assert.ok(
        !isOurs(expectedMessage(recorded)),
        `${recorded.name}: should be refused: ${expectedMessage(recorded)}`,
      );
      return;
    }
    const { expect_file: file, expect_json: inline } = recorded;
    assertWithin(answer, file === undefined ? inline : JSON.parse(conformanceText(`api/${file}`)), recorded.name);
    this.compared++;
    for (const [name, pointer] of Object.entries(recorded.capture ?? {})) {
      const value = pointed(answer, pointer);
      if (typeof value === "string") this.#variables.set(name, value);
    }
  }

  #refused(recorded: Case, error: unknown): void {
    const message = expectedMessage(recorded);
    if (recorded.status !== 200 && !isOurs(message)) return; // refused before it reached the wallets
    assert.ok(error instanceof CoinError, `${recorded.name}: ${error}`);
    assert.equal(error instanceof RuleError ? error.prefixed : error.message, message, recorded.name);
    this.compared++;
  }
}

const nodes = new Map<RecordedChain, ReturnType<typeof loadRecordedChain>>();

/** The wallets change nothing in it, so all modes can share it. */
function recordedNode(name: RecordedChain): ReturnType<typeof loadRecordedChain> {
  const clock = new ManualClock();
  const node = nodes.get(name) ?? loadRecordedChain({ name, unconfirmed: true, store: new MemoryStore(), clock });
  nodes.set(name, node);
  return node;
}

for (const { mode, chain: name, cryptoType, atLeast } of [
  { mode: "devchain", chain: "devchain", cryptoType: "scrypt-chacha20poly1305", atLeast: 90 },
  { mode: "wallet-sha256xor", chain: "mainnet-180", cryptoType: "sha256-xor", atLeast: 150 },
  { mode: "enable-seed-api", chain: "mainnet-180", cryptoType: "scrypt-chacha20poly1305", atLeast: 150 },
  { mode: "wallets-preloaded", chain: "mainnet-180", cryptoType: "scrypt-chacha20poly1305", atLeast: 50 },
] as const) {
  test(`wallets do what the reference's did in the recordings of ${mode}`, { skip: conformanceMissing }, async (t) => {
    const directory = await mkdtemp(join(tmpdir(), "wallet-conformance-"));
    t.after(() => rm(directory, { recursive: true, force: true }));
    if (mode === "wallets-preloaded") await copyFiles(conformancePath("api/wallets-preloaded"), directory);
    const node = await recordedNode(name);
    const wallets = await openService(directory, { activity: chainActivity(node), box: quickBox, cryptoType });
    const burnFactor = node.chain.params.user.burnFactor;
    const spending = new WalletSpending({ burnFactor }, { ledger: chainLedger(node), wallets });
    const player = new Player((request) => replay(request, wallets, spending));
    // That file is sealed at full cost, seconds for each request; opening such is tested with the secrets.
    const cases = conformanceLines<Case>(`api/${mode}.cases.jsonl`).filter(
      (c) => !c.name.includes("/integration-test-encrypted/"),
    );
    for (const recorded of cases) await player.play(recorded);
    assert.ok(player.compared >= atLeast, `only ${player.compared} requests compared`);
  });
}

async function copyFiles(from: string, to: string): Promise<void> {
  for (const file of await readdir(from)) await writeFile(join(to, file), await readFile(join(from, file)));
}
