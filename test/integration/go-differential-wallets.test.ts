import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { mnemonicFromEntropy } from "../../src/cipher/bip39.ts";
import { conformanceJson, conformanceMissing } from "../support/conformance.ts";
import { type Asked, comparable, drawSeed, FORM, failed, JSON_BODY, send } from "../support/differential.ts";
import { type Nodes, twoNodes } from "../support/go-pair.ts";
import { goNodeMissing } from "../support/p2p-go.ts";
import { seededRandom } from "../support/seeded-random.ts";

/**
 * A drawn life of wallets, the same in a reference node and in ours: made, extended, locked, spent from, recovered,
 * forgotten, with right and wrong arguments. Every answer must be the same, and in the end every file.
 */
const missing = goNodeMissing || conformanceMissing;
const isLong = process.env.LOGINCHAIN_LONG === "1";
const steps = isLong ? 6000 : 600;

interface DevWallet {
  readonly seed: string;
  readonly addresses: readonly string[];
  readonly private_keys?: readonly string[];
}

/** A wallet in both nodes, each of which chose a file name. */
interface Slot {
  readonly names: readonly [ours: string, go: string];
  readonly type: string;
  /** Locking it takes seconds: what is made in the clear is stamped with scrypt. */
  readonly isCostly: boolean;
  readonly addresses: readonly string[];
  /** What recovers it. */
  readonly seed: string | undefined;
  readonly passphrase: string | undefined;
  isLocked: boolean;
}

const MNEMONICS = [
  `${"abandon ".repeat(11)}about`,
  "legal winner thank year wave sausage worth useful legal winner thank yellow",
];
const PASSWORD = "é a+b&c=%";
const WRONG = ["wrong", "", " ", PASSWORD.normalize("NFD")];
const PASSPHRASES = ["carol passphrase", "more", ""];
const NO_NUMBERS = ["-1", "x", "1.5", "18446744073709551616"];
const FACTORS = ["0.5", "0", "1", "0.25", "0.123456789", 0.7];
const LONELY = "2CWKrwcLXJ6UW2f1qxytPfhgRuiTzzBY9VT";
const XPUB =
  "xpub6CUGRUonZSQ4TWtTMmzXdrXDtyPWKiKbERr4d5qkSmh5h17C1TjvMt7DJ9Qve4dRxm91CDv6cNfKsq2mK1rMsJKhtRUPZz7MQtp3y6atC1U";

class Life {
  readonly #random: ReturnType<typeof seededRandom>;
  readonly #nodes: Nodes;
  readonly #people: Readonly<Record<string, DevWallet>>;
  readonly #uxids: readonly string[];
  readonly #slots: Slot[] = [];
  /** Transactions the reference made: hex. */
  readonly #encoded: { readonly hex: string; readonly slot: Slot | undefined }[] = [];
  readonly different: string[] = [];
  /** How often which status came of which path. */
  readonly counts = new Map<string, number>();

  constructor(nodes: Nodes, uxids: readonly string[], seed: number) {
    this.#nodes = nodes;
    this.#uxids = uxids;
    this.#random = seededRandom(seed);
    this.#people = conformanceJson<{ wallets: Record<string, DevWallet> }>("devchain/params.json").wallets;
  }

  async step(): Promise<void> {
    if (this.#slots.length === 0) return this.#makeFunded();
    const [id, slot] = this.#wallet();
    const form = (path: string, values: Readonly<Record<string, string | undefined>>) =>
      this.#both({ method: "POST", target: path, headers: FORM, body: formOf(values) }, slot);
    const json = (path: string, body: unknown) =>
      this.#both({ method: "POST", target: path, headers: JSON_BODY, body: JSON.stringify(body) }, slot);
    const get = (path: string, values: Readonly<Record<string, string | undefined>>) =>
      this.#both({ method: "GET", target: `${path}?${formOf(values)}` }, slot);
    const password = this.#or(slot?.isLocked === true ? [PASSWORD] : [undefined], [PASSWORD, ...WRONG, undefined]);
    const given = password ?? this.#or([PASSWORD], WRONG);
    switch (
      this.#pick("make make show show grow grow scan label lock open seed recover spend spend spend sign".split(" "))
    ) {
      case "make":
        return this.#make();
      case "show":
        return get(this.#pick(["/api/v1/wallet", "/api/v1/wallet/balance", "/api/v1/wallet/transactions"]), {
          id,
          verbose: this.#or([undefined, "1"], ["x", "tRue"]),
        });
      case "grow":
        return form("/api/v1/wallet/newAddress", {
          id,
          num: slot?.type === "collection" ? undefined : this.#or(["1", "2", "3"], [undefined, "0", "", ...NO_NUMBERS]),
          password,
          "private-keys": this.#or(slot?.type === "collection" ? this.#keyLists() : [undefined], this.#keyLists()),
        });
      case "scan":
        return form("/api/v1/wallet/scan", {
          id,
          num: this.#or([undefined, "1", "5"], ["0", ...NO_NUMBERS]),
          password,
        });
      case "label":
        if (this.#chance(0.2)) {
          await form("/api/v1/wallet/unload", { id });
          return get("/api/v1/wallet", { id });
        }
        return form("/api/v1/wallet/update", { id, label: this.#or(["new", "é<&>\u2028", " "], [undefined, ""]) });
      case "lock":
        return this.#lock(id, slot, given);
      case "open":
        return form("/api/v1/wallet/decrypt", { id, password: given });
      case "seed":
        return form("/api/v1/wallet/seed", { id, password: given });
      case "recover":
        return json("/api/v2/wallet/recover", {
          id,
          seed: this.#or([slot?.seed], [...this.#seeds(), "x", "", ` ${MNEMONICS[0]}`]),
          seed_passphrase: this.#or([slot?.passphrase], PASSPHRASES),
          password: this.#or([undefined, PASSWORD], WRONG),
        });
      case "sign":
        return this.#sign();
      default:
        return this.#spend();
    }
  }

  /** The wallets of the recorded chain that hold coins, whole. */
  async #makeFunded(): Promise<void> {
    const { alice, bob, dave } = this.#people as Record<string, DevWallet>;
    const common = { label: "l", scan: "9" };
    await this.#create({ ...common, type: "deterministic", seed: alice?.seed });
    await this.#create({ ...common, type: "bip44", seed: bob?.seed, encrypt: "true", password: PASSWORD });
    await this.#create({ ...common, type: "collection", "private-keys": dave?.private_keys?.join() });
    assert.equal(this.#slots.length, 3, this.different.join("\n"));
  }

  async #lock(id: string, slot: Slot | undefined, password: string): Promise<void> {
    const form = (action: string, values: Readonly<Record<string, string>>) =>
      this.#both({ method: "POST", target: `/api/v1/wallet/${action}`, headers: FORM, body: formOf(values) }, slot);
    if (slot?.isCostly !== true) return form("encrypt", { id, password });
    if (!isLong || !this.#chance(0.01)) return; // seconds of scrypt in each node
    await form("encrypt", { id, password: PASSWORD });
    await form("newAddress", { id, num: "1" });
    await form("decrypt", { id, password: PASSWORD });
  }

  /** Each wallet of both once more, and the directory, file by file. */
  async finish(): Promise<void> {
    for (const slot of this.#slots) {
      await this.#both({ method: "GET", target: "/api/v1/wallet?id={W}" }, slot);
      await this.#both({ method: "GET", target: "/api/v1/wallet/balance?id={W}" }, slot);
    }
    const [ours, go] = await Promise.all([this.#nodes.ours, this.#nodes.go].map(filesOf));
    for (const { names, type } of this.#slots) {
      const [mine, theirs] = [ours?.get(names[0]), go?.get(names[1])];
      this.#same(mine, theirs, `file of a ${type} wallet`);
    }
    assert.ok((ours?.size ?? 0) > 5, "wallets were written");
    assert.deepEqual(ours?.size, go?.size);
  }

  async #make(): Promise<void> {
    const type = this.#pick("deterministic deterministic bip44 bip44 xpub collection collection nonsense".split(" "));
    const isTemporary = this.#chance(0.2);
    const isSeeded = type === "deterministic" || type === "bip44";
    const isLocked = this.#chance(0.5);
    const words = mnemonicFromEntropy(Uint8Array.from({ length: 16 }, () => this.#random.u32() & 0xff));
    const fresh = type === "bip44" ? words : `seed ${words.slice(0, 20)}`;
    const seeds = this.#chance(0.5) ? [fresh] : [...this.#seeds(), "é 日本", " lead"];
    const values = {
      type: this.#or([type], [""]),
      label: this.#or(["a", "label é", "<&>"], [""]),
      seed: this.#or([isSeeded ? this.#pick(seeds) : undefined], [undefined, "x"]),
      "seed-passphrase": this.#or([undefined], PASSPHRASES),
      "bip44-coin": this.#or([undefined], ["0", "1", "8000", "2147483647", "2147483648", "x"]),
      xpub: this.#or([type === "xpub" ? XPUB : undefined], [XPUB, "xpub", ""]),
      scan: this.#or([undefined, "", "1", "2", "5"], ["0", ...NO_NUMBERS]),
      encrypt: this.#or([isLocked ? "true" : undefined], ["false", "x"]),
      password: this.#or([isLocked ? PASSWORD : undefined], [PASSWORD, ...WRONG]),
      "private-keys": this.#or([type === "collection" ? this.#pick(this.#keyLists()) : undefined], this.#keyLists()),
    };
    await this.#create(values, isTemporary);
  }

  async #create(values: Readonly<Record<string, string | undefined>>, isTemporary = false): Promise<void> {
    const { type = "" } = values;
    const target = `/api/v1/wallet/create${isTemporary ? "Temp" : ""}`;
    await this.#both({ method: "POST", target, headers: FORM, body: formOf(values) }, undefined, (bodies) => {
      const [ours, go] = bodies.map((text) => JSON.parse(text)) as [Made, Made];
      const addresses = go.entries.map(({ address }) => address);
      const isCostly = go.meta.crypto_type !== "sha256-xor";
      const { seed, "seed-passphrase": passphrase } = values;
      const names = [ours.meta.filename, go.meta.filename] as const;
      this.#slots.push({ names, type, isCostly, addresses, seed, passphrase, isLocked: go.meta.encrypted });
    });
  }

  async #spend(): Promise<void> {
    const slot = this.#pick(this.#chance(0.8) ? this.#slots.slice(0, 3) : this.#slots);
    const own = slot.addresses;
    const everybody = Object.values(this.#people).flatMap(({ addresses }) => addresses.slice(0, 3));
    const isManual = this.#chance(0.25);
    const unsigned = this.#or([slot.type === "xpub" || this.#chance(0.5)], [undefined]);
    const password = slot.isLocked ? PASSWORD : undefined;
    const receiver = () => ({
      address: this.#or([...everybody, LONELY], ["x", ""]),
      coins: this.#or(["1", "1", "0.001", "2.5"], ["100", "0", "0.0001", "9999999", "x"]),
      hours: this.#or([isManual ? this.#pick(["0", "1", "7"]) : undefined], ["1000", "99999999", "x", undefined]),
    });
    const auto = { type: "auto", mode: "share", share_factor: this.#or(FACTORS, ["1.1", "-1", "x"]) };
    const body = {
      wallet_id: "{W}",
      password: this.#or([unsigned === true ? undefined : password], [PASSWORD, ...WRONG]),
      unsigned,
      ignore_unconfirmed: this.#or([true], [undefined, false]),
      hours_selection: isManual ? { type: "manual" } : auto,
      change_address: this.#or([undefined, own[0], own.at(-1)], [LONELY, ""]),
      addresses: this.#or([undefined, own], [own.slice(0, 1), [...own, LONELY], [], ["x"]]),
      unspents: this.#or([undefined], [[this.#pick(this.#uxids)]]),
      to: Array.from({ length: this.#or([1, 1, 1, 2, 3], [0]) }, receiver),
    };
    const asked = { method: "POST", target: "/api/v1/wallet/transaction", headers: JSON_BODY };
    await this.#both({ ...asked, body: JSON.stringify(body) }, slot, async (bodies) => {
      const encoded = (JSON.parse(bodies[1]) as { encoded_transaction: string }).encoded_transaction;
      this.#encoded.push({ hex: encoded, slot });
      // Made by either, judged by both.
      for (const text of bodies) {
        const made = (JSON.parse(text) as { encoded_transaction: string }).encoded_transaction;
        const verify = JSON.stringify({ encoded_transaction: made, unsigned: body.unsigned === true });
        await this.#both({ method: "POST", target: "/api/v2/transaction/verify", headers: JSON_BODY, body: verify });
      }
    });
  }

  /** Mostly with the wallet it was made for, and what comes of it may be signed again. */
  async #sign(): Promise<void> {
    const { hex, slot } = this.#pick(this.#encoded.slice(-6)) ?? { hex: "", slot: undefined };
    const signer = this.#or([slot], this.#slots);
    const body = {
      wallet_id: "{W}",
      password: this.#or([signer?.isLocked === true ? PASSWORD : undefined], [PASSWORD, ...WRONG, undefined]),
      encoded_transaction: this.#or([hex], ["00", ""]),
      sign_indexes: this.#or([undefined, [], [0]], [[1], [0, 0], [-1], [0, 1, 2, 3, 4, 5], null]),
    };
    const asked = { method: "POST", target: "/api/v2/wallet/transaction/sign", headers: JSON_BODY };
    await this.#both({ ...asked, body: JSON.stringify(body) }, signer, (bodies) => {
      const { data } = JSON.parse(bodies[1]) as { data: { encoded_transaction: string } };
      this.#encoded.push({ hex: data.encoded_transaction, slot: signer });
    });
  }

  /** Asks both with their own name of the wallet; `accepted` gets the bodies of two 200s. */
  async #both(asked: Asked, slot?: Slot, accepted?: (bodies: [string, string]) => unknown): Promise<void> {
    const told = await Promise.all(
      [this.#nodes.ours, this.#nodes.go].map(async (web, i) => {
        const name = slot?.names[i] ?? "none.wlt";
        const own = { ...asked, target: asked.target.replace("{W}", name) };
        if (asked.body !== undefined) own.body = asked.body.replace("{W}", name).replace("%7BW%7D", name);
        return send(web, own).then((answer) => ({ answer, view: withoutDraws(comparable(answer, web)) }), failed);
      }),
    );
    const [mine, theirs] = told as [Outcome, Outcome];
    if (isKnownCrash(asked, slot, mine, theirs)) return;
    this.#same("dropped" in mine ? mine : mine.view, "dropped" in theirs ? theirs : theirs.view, describe(asked, slot));
    if ("dropped" in mine || "dropped" in theirs) return;
    const { status } = theirs.answer;
    const path = `${status} ${asked.target.replace(/[?].*/, "").replace("/api/", "")}`;
    this.counts.set(path, (this.counts.get(path) ?? 0) + 1);
    if (slot !== undefined && status === 200) {
      if (path.endsWith("/encrypt")) slot.isLocked = true;
      if (path.endsWith("/decrypt")) slot.isLocked = false;
      if (path.endsWith("/recover")) slot.isLocked = (asked.body ?? "").includes('"password":"é');
    }
    if (mine.answer.status !== 200 || theirs.answer.status !== 200) return;
    await accepted?.([mine.answer.body.toString(), theirs.answer.body.toString()]);
  }

  #same(mine: unknown, theirs: unknown, what: string): void {
    try {
      assert.deepEqual(mine, theirs);
    } catch (error) {
      this.different.push(`${what}\n${(error as Error).message.slice(0, 1800)}`);
    }
  }

  /** An id as the requests say it, and the wallet it names. */
  #wallet(): [string, Slot | undefined] {
    if (this.#chance(0.03)) return [this.#pick(["", "none.wlt", "../x.wlt"]), undefined];
    return ["{W}", this.#pick(this.#slots)];
  }

  #seeds(): string[] {
    const { alice, bob } = this.#people as Record<"alice" | "bob", DevWallet>;
    return [alice.seed, alice.seed, bob.seed, bob.seed, ...MNEMONICS];
  }

  #keyLists(): string[] {
    const [first = "", second = ""] = this.#people.dave?.private_keys ?? [];
    return [first, `${first},${second}`, ` ${second} ,`, `${first},${first}`, "11".repeat(32), "", "x", `${first},x`];
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#random.u32() % list.length] as T;
  }

  /** Mostly what is right. */
  #or<T, U>(right: readonly T[], wrong: readonly U[]): T | U {
    return right.length === 0 || this.#chance(0.08) ? this.#pick(wrong) : this.#pick(right);
  }

  #chance(part: number): boolean {
    return this.#random.fraction() < part;
  }
}

interface Made {
  readonly meta: { readonly filename: string; readonly crypto_type: string; readonly encrypted: boolean };
  readonly entries: readonly { readonly address: string }[];
}
type Outcome =
  | { readonly answer: { readonly status: number; readonly body: Buffer }; readonly view: unknown }
  | { readonly dropped: string };

/** An xpub wallet that shall sign: the reference's handler crashes, ours refuses. */
function isKnownCrash({ target }: Asked, slot: Slot | undefined, mine: Outcome, theirs: Outcome): boolean {
  if (!("dropped" in theirs) || "dropped" in mine) return false;
  return slot?.type === "xpub" && target.includes("/transaction") && mine.answer.status >= 400;
}

const describe = (asked: Asked, slot: Slot | undefined): string =>
  `${slot?.type ?? "no"} wallet: ${JSON.stringify(asked)}`;

function formOf(values: Readonly<Record<string, string | undefined>>): string {
  return Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${value === "{W}" ? value : encodeURIComponent(value as string)}`)
    .join("&");
}

/** Signatures are drawn anew, and with them what contains or names them. */
function withoutDraws(view: unknown): unknown {
  const { text, ...rest } = view as { text: string };
  const shown = text
    .replace(/[0-9a-f]{130,}/g, ({ length }) => `(${length} digits)`)
    .replace(/("(?:txid|uxid)": ")[0-9a-f]{64}/g, "$1(id)")
    .replace(/transaction hash [0-9a-f]{64}/g, "transaction hash (id)");
  return { ...rest, text: shown };
}

/** Wallet files by name, without what each node or each lock draws. */
async function filesOf(web: string): Promise<Map<string, unknown>> {
  const { body } = await send(web, { method: "GET", target: "/api/v1/wallets/folderName" });
  const { address: folder } = JSON.parse(body.toString()) as { address: string };
  const names = (await readdir(folder)).filter((name) => name.endsWith(".wlt"));
  return new Map(
    await Promise.all(
      names.map(async (name): Promise<[string, unknown]> => {
        const text = await readFile(join(folder, name), "utf8");
        const plain = text.replaceAll(name, "(wallet)").replace(/("tm": ")\d+/, "$1(time)");
        return [name, plain.replace(/("secrets": ")[^"]+/, "$1(sealed)")];
      }),
    ),
  );
}

async function live(t: TestContext, seed: number): Promise<void> {
  const nodes = await twoNodes(t, { csrf: false });
  const outputs = JSON.parse((await send(nodes.go, { method: "GET", target: "/api/v1/outputs" })).body.toString());
  const life = new Life(
    nodes,
    outputs.head_outputs.map(({ hash }: { hash: string }) => hash),
    seed,
  );
  for (let i = 0; i < steps && life.different.length < 40; i++) await life.step();
  await life.finish();
  const counts = [...life.counts].sort(([a], [b]) => a.localeCompare(b)).map(([what, n]) => `${what}: ${n}`);
  t.diagnostic(`${steps} steps, seed ${seed}\n${counts.join("\n")}`);
  assert.equal(life.different.length, 0, `${life.different.length} differ\n${life.different.join("\n\n")}`);
  const right = counts.filter((line) => line.startsWith("200 "));
  assert.ok(right.length >= 12, `every path is asked for what it can do\n${right.join("\n")}`);
}

test("a drawn life of wallets goes as in the reference, answers and files", { skip: missing }, (t) =>
  live(t, drawSeed),
);
