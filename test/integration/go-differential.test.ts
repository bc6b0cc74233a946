import { test } from "node:test";
import fc from "fast-check";
import { conformanceJson, conformanceMissing } from "../support/conformance.ts";
import { type Asked, compareAll, FORM, JSON_BODY, drawSeed as seed, send } from "../support/differential.ts";
import { type Nodes, twoNodes } from "../support/go-pair.ts";
import { goNodeMissing } from "../support/p2p-go.ts";
import { seededRandom } from "../support/seeded-random.ts";

/**
 * The same request to a reference node and to ours on the same chain: status, headers and body must be the same.
 * Requests are drawn from what clients send and from what breaks parsers; LOGINCHAIN_SEED repeats a run.
 */
const missing = goNodeMissing || conformanceMissing;
const isLong = process.env.LOGINCHAIN_LONG === "1";

interface Facts {
  readonly addresses: readonly string[];
  readonly txids: readonly string[];
  readonly blocks: readonly string[];
  readonly uxids: readonly string[];
}

async function factsOf({ go }: Nodes): Promise<Facts> {
  const get = async (target: string) => JSON.parse((await send(go, { method: "GET", target })).body.toString());
  const { blocks } = await get("/api/v1/blocks?start=0&end=11");
  const { head_outputs: outputs } = await get("/api/v1/outputs");
  const { wallets } = conformanceJson<{ wallets: Record<string, { addresses: string[] }> }>("devchain/params.json");
  const txns = blocks.flatMap((b: { body: { txns: { txid: string; inputs: string[] }[] } }) => b.body.txns);
  return {
    addresses: Object.values(wallets).flatMap(({ addresses }) => addresses.slice(0, 2)),
    txids: txns.map(({ txid }: { txid: string }) => txid),
    blocks: blocks.map((b: { header: { block_hash: string } }) => b.header.block_hash),
    uxids: [
      ...outputs.map(({ hash }: { hash: string }) => hash),
      ...txns.flatMap(({ inputs }: { inputs: string[] }) => inputs),
    ],
  };
}

const BOOLS = ["", "1", "t", "T", "true", "TRUE", "True", "tRue", "0", "f", "False", "yes", " true", "2", "\u{1F600}"];
const NUMBERS =
  " 0 1 2 5 10 11 12 100 101 256 257 -1 +1 1.0 0x1 1e2 00001 1_000 １ 9223372036854775807 9223372036854775808 18446744073709551615 18446744073709551616 99999999999999999999999"
    .split(" ")
    .concat(" 1", "1 ", "1,2", '"1"', "a\nb", "\\");

function hashes(known: readonly string[]): string[] {
  const [one = ""] = known;
  return [
    ...known.slice(0, 6),
    "",
    one.toUpperCase(),
    one.slice(1),
    one.slice(2),
    `${one}00`,
    ` ${one}`,
    "00".repeat(32),
    "ff".repeat(32),
    "zz",
    "abc",
    "é",
    "g".repeat(64),
    "%",
  ];
}

const LONELY = "2CWKrwcLXJ6UW2f1qxytPfhgRuiTzzBY9VT";

function addressTexts(known: readonly string[]): string[] {
  const [a = "", b = ""] = known;
  return [
    ...known,
    LONELY,
    "",
    ",",
    `${a},${b}`,
    `${a} ${b}`,
    `${a},,${b}\n`,
    `${a},${a}`,
    `${a},`,
    ` ${a}`,
    `${a};${b}`,
    `${a},nonsense`,
    a.slice(1),
    `${a.slice(0, -1)}1`,
    "0OIl",
    "1",
    "1111111111111111111111111",
    "日本",
    "<b>&\"'",
  ];
}

type Values = Readonly<Record<string, readonly string[]>>;

/** Endpoints without lasting effect, and what may stand in each parameter. */
function readingEndpoints(f: Facts): { path: string; values: Values }[] {
  const lists = [f.txids, f.blocks, f.uxids].map(hashes) as [string[], string[], string[]];
  const [txid, block, uxid] = lists;
  const addrs = addressTexts(f.addresses);
  const uxids = [...uxid, `${f.uxids[0]},${f.uxids[1]}`, `${f.uxids[0]} ${f.uxids[0]}`];
  return [
    { path: "/api/v1/version", values: {} },
    { path: "/api/v1/blockchain/metadata", values: {} },
    { path: "/api/v1/block", values: { hash: block, seq: NUMBERS, verbose: BOOLS } },
    {
      path: "/api/v1/blocks",
      values: {
        start: NUMBERS,
        end: NUMBERS,
        seqs: [...NUMBERS, "1,2,3", "3,2,1", "1,1", "1, 2", "1,,2", "0,12", ",", "5,x"],
        verbose: BOOLS,
      },
    },
    { path: "/api/v1/last_blocks", values: { num: NUMBERS, verbose: BOOLS } },
    { path: "/api/v1/balance", values: { addrs } },
    { path: "/api/v1/outputs", values: { addrs, hashes: uxids } },
    { path: "/api/v1/uxout", values: { uxid } },
    { path: "/api/v1/address_uxouts", values: { address: addrs } },
    { path: "/api/v1/coinSupply", values: {} },
    { path: "/api/v1/richlist", values: { n: NUMBERS, "include-distribution": BOOLS } },
    { path: "/api/v1/addresscount", values: {} },
    { path: "/api/v1/network/connection", values: { addr: ["", "x", "1.2.3.4:5", "[::1]:1"] } },
    {
      path: "/api/v1/network/connections",
      values: { states: ["x", "pending,x", "pending", " pending", ","], direction: ["sideways"] },
    },
    { path: "/api/v1/network/connections/trust", values: {} },
    { path: "/api/v1/pendingTxs", values: { verbose: BOOLS } },
    { path: "/api/v1/transaction", values: { txid, verbose: BOOLS, encoded: BOOLS } },
    { path: "/api/v1/rawtx", values: { txid } },
    { path: "/api/v1/transactions", values: { addrs, confirmed: BOOLS, verbose: BOOLS } },
    {
      path: "/api/v2/transactions",
      values: {
        addrs,
        confirmed: BOOLS,
        verbose: BOOLS,
        page: NUMBERS,
        limit: NUMBERS,
        sort: ["", "asc", "desc", "DESC", " Asc ", "up", "asc,desc"],
      },
    },
    { path: "/api/v2/data", values: { type: ["", "txid", "client", "x", "TXID"], key: ["", "none", "é"] } },
    { path: "/api/v1/wallet", values: { id: ["", "none.wlt", "../x", "/etc/passwd"] } },
    { path: "/api/v1/wallet/balance", values: { id: ["", "none.wlt", "a/../b"] } },
    { path: "/api/v1/wallet/transactions", values: { id: ["", "none.wlt"], verbose: BOOLS } },
    { path: "/api/v1/wallet/newSeed", values: { entropy: NUMBERS.filter((n) => n !== "") } },
    { path: "/api/v1/wallet/scan", values: { id: ["", "none.wlt"], num: NUMBERS, password: ["", "x"] } },
    {
      path: "/api/v1/wallet/newAddress",
      values: { id: ["", "none.wlt"], num: NUMBERS, password: ["", "x"], "private-keys": ["", "x", "00".repeat(32)] },
    },
    { path: "/api/v1/wallet/update", values: { id: ["", "none.wlt"], label: ["", "x", "é"] } },
    { path: "/api/v1/wallet/unload", values: { id: ["", "none.wlt"] } },
    { path: "/api/v1/wallet/encrypt", values: { id: ["", "none.wlt"], password: ["", "x"] } },
    { path: "/api/v1/wallet/decrypt", values: { id: ["", "none.wlt"], password: ["", "x"] } },
    { path: "/api/v1/wallet/seed", values: { id: ["", "none.wlt"], password: ["", "x"] } },
    {
      path: "/api/v1/wallet/create",
      values: {
        type: ["", "nonsense", "bip44", "collection", "xpub"],
        label: ["", "x"],
        seed: ["", "not a mnemonic"],
        "seed-passphrase": ["", "x"],
        "bip44-coin": ["", "x", "-1", "4294967296"],
        xpub: ["", "xpub1", "xprv"],
        scan: ["", "x", "-1"],
        encrypt: ["true", "x"],
        password: [""],
        "private-keys": ["x"],
      },
    },
    // No id of a live link: it answers 200 once, and which ids the redialled link gets is each node's own affair.
    {
      path: "/api/v1/network/connection/disconnect",
      values: { id: NUMBERS.filter((n) => !/^0*[1-9]\d{0,3}$/.test(n)) },
    },
  ];
}

const enc = encodeURIComponent;

/** Drawn from the table: parameters in any number, twice, in query or body, and what surrounds them. */
function drawn(f: Facts, count: number): Asked[] {
  const endpoint = fc.constantFrom(...readingEndpoints(f));
  const one = endpoint.chain(({ path, values }) => {
    const names = Object.keys(values);
    const pair =
      names.length === 0
        ? fc.constant(undefined)
        : fc
            .constantFrom(...names)
            .chain((name) => fc.tuple(fc.constant(name), fc.constantFrom(...(values[name] as readonly string[]))));
    const pairs = fc
      .array(pair, { maxLength: Math.min(3, names.length + 1) })
      .map((list) => list.filter((item) => item !== undefined).map(([name, value]) => `${name}=${enc(value)}`));
    const method = fc.constantFrom("GET", "GET", "GET", "POST", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS");
    const type = fc.constantFrom(
      ...["application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=utf-8"],
      ...["text/plain", "application/json", "Application/X-WWW-Form-Urlencoded", "nonsense/", ""],
    );
    const extra = fc.constantFrom<Record<string, string>>({}, {}, {}, { "accept-encoding": "gzip;q=0" });
    return fc.tuple(fc.constant(path), method, pairs, pairs, type, extra);
  });
  return fc.sample(one, { numRuns: count, seed }).map(([path, method, query, form, type, extra]) => {
    const target = query.length === 0 ? path : `${path}?${query.join("&")}`;
    if (method === "GET" || method === "HEAD" || method === "OPTIONS") return { method, target, headers: extra };
    const headers = { ...extra, ...(type !== "" && { "content-type": type }) };
    return { method, target, headers, body: form.join("&") };
  });
}

/** Each value of each parameter once, by GET and in a form. */
function oneByOne(f: Facts): Asked[] {
  return readingEndpoints(f).flatMap(({ path, values }) =>
    Object.entries(values).flatMap(([name, list]) =>
      list.flatMap((value): Asked[] => [
        { method: "GET", target: `${path}?${name}=${enc(value)}` },
        { method: "POST", target: path, headers: FORM, body: `${name}=${enc(value)}` },
      ]),
    ),
  );
}

function around(f: Facts): Asked[] {
  const [a = ""] = f.addresses;
  const get = (target: string, headers: Record<string, string> = {}): Asked => ({ method: "GET", target, headers });
  const targets = [
    ...["/", "/index.html", "/x", "/api", "/api/", "/api/v1", "/api/v1/", "/api/v2/", "/api/v3/version"],
    ...["/api/v1/version/", "//api/v1/version", "/api//v1/version", "/api/v1/./version", "/api/v1/../v1/version"],
    ...["/API/v1/version", "/api/v1/Version", "/api/v1/vers%69on", "/api%2Fv1/version", "/api/v1/version?", "/%"],
    ...["/api/v1/version?x", "/api/v1/version?%zz", "/api/v1/version;x", "/api/v1/version%00", "/api/v2/version"],
    ...["/..", "/../api/v1/version", "/api/v1/version/..", "/a/b/../..", "/.", "/api/v1/version%20", "/a%2e%2e/b"],
    ...["/api/v1/explorer/address", "/csrf", "/wallets", "/api/v2/data/", "/api/v1/wallets/", "/webrpc"],
    `/api/v1/balance?addrs=${a}&addrs=x`,
    `/api/v1/balance?addrs=x&addrs=${a}`,
    `/api/v1/balance?addrs=${a};x=1`,
    `/api/v1/balance?addrs=%zz&addrs=${a}`,
    `/api/v1/balance?ADDRS=${a}`,
    `/api/v1/balance?addrs%20=${a}`,
    `/api/v1/balance?%61ddrs=${a}`,
    `/api/v1/balance?addrs=${a}+${a}`,
    `/api/v1/balance?&&addrs=${a}&=x&y`,
    `/api/v1/balance??addrs=${a}`,
    "/api/v1/balance?addrs",
    "/api/v1/balance?addrs=",
    "/api/v1/balance?addrs=%00",
    `/api/v1/block?seq=1&hash=&verbose=`,
  ];
  const guarded = ["/api/v1/version", "/api/v1/csrf", "/api/v2/data?type=client", "/", "/api/v1/nothing"];
  const strange: Record<string, string>[] = [
    { host: "evil.example" },
    { host: "evil.example:{PORT}" },
    { host: "localhost:{PORT}" },
    { host: "LOCALHOST:{PORT}" },
    { host: "localhost" },
    { host: "127.0.0.1" },
    { host: "[::1]:{PORT}" },
    { origin: "http://evil.example" },
    { origin: "null" },
    { origin: "http://127.0.0.1:{PORT}" },
    { origin: "https://127.0.0.1:{PORT}" },
    { origin: "http://localhost:{PORT}" },
    { origin: "http://127.0.0.1:{PORT}/" },
    { origin: "127.0.0.1:{PORT}" },
    { origin: "http://user@127.0.0.1:{PORT}" },
    { origin: "http://[" },
    { origin: "%" },
    { origin: "http://127.0.0.1:{PORT} " },
    { referer: "http://127.0.0.1:{PORT}/x?y" },
    { referer: "http://evil.example/127.0.0.1:{PORT}" },
    { origin: "http://127.0.0.1:{PORT}", referer: "http://evil.example/" },
    { authorization: "Basic dTpw" },
    { authorization: "Basic Og==" },
    { authorization: "Basic !!" },
    { authorization: "Bearer x" },
    { "accept-encoding": "gzip" },
    { "accept-encoding": "br, gzip;q=0.1" },
    { "accept-encoding": "GZIP" },
    { "x-forwarded-host": "evil.example" },
  ];
  const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"];
  const preflights = [
    { "access-control-request-method": "POST", "access-control-request-headers": "content-type, x-csrf-token" },
    { "access-control-request-method": "post" },
    { "access-control-request-method": "DELETE" },
    { "access-control-request-method": "GET", "access-control-request-headers": "x-evil" },
    { "access-control-request-method": "GET", "access-control-request-headers": "Accept,ORIGIN , X-Requested-With" },
    { "access-control-request-method": "" },
  ].flatMap((headers) =>
    ["http://127.0.0.1:{PORT}", "http://localhost:{PORT}", "http://evil.example"].flatMap((origin) =>
      guarded.map((target): Asked => ({ method: "OPTIONS", target, headers: { ...headers, origin } })),
    ),
  );
  const box = "----x";
  const multipart = (fields: readonly (readonly [string, string])[]): string =>
    `${fields.map(([k, v]) => `--${box}\r\nContent-Disposition: form-data; name="${k}"\r\n\r\n${v}\r\n`).join("")}--${box}--\r\n`;
  const forms: Asked[] = [
    [["addrs", a]],
    [["addrs", "x"]],
    [
      ["addrs", a],
      ["addrs", "x"],
    ],
    [],
  ].map((fields) => ({
    method: "POST",
    target: "/api/v1/balance",
    headers: { "content-type": `multipart/form-data; boundary=${box}` },
    body: multipart(fields as [string, string][]),
  }));
  return [
    ...targets.flatMap((target) => [
      get(target),
      ...(target === "/%" ? [] : [{ method: "HEAD", target }]), // the reference sends a body there, which is not HTTP
      { method: "POST", target, body: "" },
    ]),
    ...guarded.flatMap((target) => [
      ...strange.map((headers) => get(target, headers)),
      ...methods.map((method): Asked => ({ method, target })),
    ]),
    ...preflights,
    ...forms,
    { method: "POST", target: "/api/v1/balance?addrs=x", headers: FORM, body: `addrs=${a}` },
    { method: "POST", target: `/api/v1/balance?addrs=${a}`, headers: FORM, body: "addrs=" },
    { method: "POST", target: `/api/v1/balance?addrs=${a}`, headers: FORM, body: "%zz" },
    {
      method: "POST",
      target: `/api/v1/balance?addrs=${a}`,
      headers: { "content-type": "multipart/form-data" },
      body: "x",
    },
    { method: "POST", target: "/api/v1/balance", headers: FORM, body: `addrs=${a};b=1` },
  ];
}

/** Bodies of the JSON routes: the right one, and what decoders stumble over. */
function jsonRequests(f: Facts): Asked[] {
  const [a = "", b = ""] = f.addresses;
  const ux = f.uxids[0] as string;
  const to = [{ address: b, coins: "1", hours: "1" }];
  const manual = { hours_selection: { type: "manual" }, addresses: [a], to };
  const auto = {
    hours_selection: { type: "auto", mode: "share", share_factor: "0.5" },
    addresses: [a],
    to: [{ address: b, coins: "1" }],
  };
  const factors = [0, 1, "1", "0", "-0.1", "1.1", "1e-1", "x", "", null, 0.25, "0.3333333333", true, ".5", "5e-1"];
  const amounts = [
    "0",
    "1.5",
    "1.2345",
    "0.001",
    "0.0001",
    "-1",
    "1e0",
    "1e-3",
    "x",
    "",
    "99999999",
    "9223372036854.775807",
    "9223372036854.775808",
    " 1",
    "1_0",
  ];
  const hours = ["0", "1", "18446744073709551615", "18446744073709551616", "-1", "x", "", " 1", "1.0"];
  const created: unknown[] = [
    manual,
    auto,
    { ...auto, change_address: a },
    { ...auto, change_address: LONELY },
    { ...auto, change_address: "" },
    { ...auto, change_address: "x" },
    { ...auto, change_address: null },
    { ...auto, ignore_unconfirmed: true },
    { ...auto, addresses: undefined, unspents: [ux] },
    { ...auto, addresses: undefined, unspents: [ux, ux] },
    { ...auto, addresses: undefined, unspents: ["00".repeat(32)] },
    { ...auto, addresses: undefined, unspents: ["x"] },
    { ...auto, unspents: [ux] },
    { ...auto, addresses: [a, a] },
    { ...auto, addresses: [] },
    { ...auto, addresses: [""] },
    { ...auto, addresses: ["1111111111111111111111111"] },
    { ...auto, addresses: f.addresses },
    { ...auto, addresses: f.addresses, ignore_unconfirmed: true },
    { ...auto, to: [] },
    { ...auto, to: null },
    { ...auto, to: {} },
    { ...auto, to: [...auto.to, ...auto.to] },
    { ...auto, to: [{ address: b }] },
    { ...auto, to: [{ coins: "1" }] },
    { ...auto, to: [{ address: b, coins: 1 }] },
    { ...auto, to },
    { ...manual, to: auto.to },
    { ...manual, hours_selection: { type: "manual", mode: "share" } },
    { ...manual, hours_selection: { type: "manual", share_factor: "0.5" } },
    ...["", "x", "AUTO"].map((type) => ({ ...auto, hours_selection: { type, mode: "share", share_factor: "0.5" } })),
    ...["", "x", "Share"].map((mode) => ({ ...auto, hours_selection: { type: "auto", mode, share_factor: "0.5" } })),
    { ...auto, hours_selection: { type: "auto", mode: "share" } },
    ...factors.map((share_factor) => ({ ...auto, hours_selection: { type: "auto", mode: "share", share_factor } })),
    ...amounts.map((coins) => ({ ...auto, to: [{ address: b, coins }] })),
    ...hours.map((h) => ({ ...manual, to: [{ address: b, coins: "1", hours: h }] })),
  ];
  const valid: [string, unknown][] = [
    ...created.map((body): [string, unknown] => ["/api/v2/transaction", body]),
    ...created.map((body): [string, unknown] => [
      "/api/v1/wallet/transaction",
      { wallet_id: "none.wlt", ...(body as object) },
    ]),
    ...[a, b, LONELY, "", "x", a.slice(1), 5, null, [a]].map((address): [string, unknown] => [
      "/api/v2/address/verify",
      { address },
    ]),
    ...["", "00", "x", "abc", "ff".repeat(300), 5].flatMap((hex): [string, unknown][] => [
      ["/api/v2/transaction/verify", { encoded_transaction: hex }],
      ["/api/v2/transaction/verify", { encoded_transaction: hex, unsigned: true }],
      ["/api/v1/injectTransaction", { rawtx: hex }],
      ["/api/v1/injectTransaction", { rawtx: hex, no_broadcast: true }],
      ["/api/v2/wallet/transaction/sign", { wallet_id: "none.wlt", encoded_transaction: hex }],
    ]),
    ["/api/v1/wallet/transaction", { ...auto }],
    ["/api/v1/wallet/transaction", { ...auto, wallet_id: "x", unsigned: true, password: "p" }],
    ["/api/v2/wallet/transaction/sign", {}],
    ["/api/v2/wallet/seed/verify", { seed: "" }],
    ["/api/v2/wallet/seed/verify", { seed: `${"abandon ".repeat(11)}about` }],
    ["/api/v2/wallet/seed/verify", { seed: `${"abandon ".repeat(11)}abandon` }],
    ["/api/v2/wallet/seed/verify", { seed: ` ${"abandon ".repeat(11)}about` }],
    ["/api/v2/wallet/seed/verify", { seed: `${"abandon  ".repeat(11)}about` }],
    ["/api/v2/wallet/seed/verify", { seed: "a b c" }],
    ["/api/v2/wallet/recover", { id: "", seed: "x" }],
    ["/api/v2/wallet/recover", { id: "none.wlt", seed: "" }],
    ["/api/v2/wallet/recover", { id: "none.wlt", seed: "x" }],
    ["/api/v2/data", { type: "", key: "k", val: "v" }],
    ["/api/v2/data", { type: "x", key: "k", val: "v" }],
    ["/api/v2/data", { type: "client", key: "", val: "v" }],
    ["/api/v2/data", { type: "client", key: "k", val: "<é\u2028\u0008\u0000&>" }],
    ["/api/v2/data", { type: "client", key: "e", val: "" }],
    ["/api/v2/data", { type: "client", key: "n", val: null }],
    ["/api/v2/data", { type: 1, key: "k", val: "v" }],
  ];
  const paths = [...new Set(valid.map(([path]) => path))];
  const broken = [
    "",
    "{",
    "[]",
    "5",
    '"x"',
    "null",
    "{}",
    "{} x",
    "{,}",
    '{"a"}',
    "\ufeff{}",
    "tru",
    "  {}  ",
    '{"a":1,}',
  ];
  const nested = [`{"x":${"[".repeat(9000)}${"]".repeat(9000)}}`, `{"x":${"[".repeat(10_001)}${"]".repeat(10_001)}}`];
  const types = [
    "application/json",
    "application/json; charset=utf-8",
    "application/json;",
    "APPLICATION/JSON",
    "text/plain",
    "",
  ];
  return [
    ...valid.map(
      ([target, body]): Asked => ({
        method: "POST",
        target,
        headers: JSON_BODY,
        body: JSON.stringify(body),
      }),
    ),
    ...paths.flatMap((target) => [
      ...[...broken, ...nested].map((body): Asked => ({ method: "POST", target, headers: JSON_BODY, body })),
      ...types.map(
        (type): Asked => ({
          method: "POST",
          target,
          headers: type === "" ? {} : { "content-type": type },
          body: "{}",
        }),
      ),
    ]),
    { method: "GET", target: "/api/v2/data?type=client" },
    ...["k", "e", "n", "none"].map((key): Asked => ({ method: "GET", target: `/api/v2/data?type=client&key=${key}` })),
    { method: "DELETE", target: "/api/v2/data?type=client" },
    { method: "DELETE", target: "/api/v2/data", headers: FORM, body: "type=client&key=k" },
    ...["k", "k", "none"].map((key): Asked => ({ method: "DELETE", target: `/api/v2/data?type=client&key=${key}` })),
    { method: "GET", target: "/api/v2/data?type=client" },
  ];
}

test("generated requests get the reference's status, headers and body", { skip: missing }, async (t) => {
  const nodes = await twoNodes(t, { csrf: false });
  const facts = await factsOf(nodes);
  const requests = [
    ...around(facts),
    ...jsonRequests(facts),
    ...oneByOne(facts),
    ...drawn(facts, isLong ? 20_000 : 1000),
  ];
  await compareAll(t, nodes, requests);
});

test("with API sets left out, the same requests are refused in the same way", { skip: missing }, async (t) => {
  const random = seededRandom(seed);
  const drawnSets = OTHER_SETS.filter(() => random.fraction() < 0.4);
  const apiSets = ["STATUS", ...drawnSets]; // by it the start of a node is seen
  t.diagnostic(apiSets.join());
  const nodes = await twoNodes(t, { csrf: false, apiSets });
  const { wallets } = conformanceJson<{ wallets: Record<string, { addresses: string[] }> }>("devchain/params.json");
  const facts = { addresses: wallets.alice?.addresses ?? [], txids: ["00"], blocks: ["00"], uxids: ["00"] };
  const paths = new Set([...readingEndpoints(facts), ...jsonRequests(facts).map(pathOf)].map(({ path }) => path));
  const methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"];
  const requests = [...paths].flatMap((target) =>
    methods.flatMap((method): Asked[] => [
      { method, target },
      ...(method === "POST" ? [FORM, JSON_BODY].map((headers) => ({ method, target, headers, body: "{}" })) : []),
    ]),
  );
  await compareAll(t, nodes, requests);
});

const OTHER_SETS = "READ TXN WALLET STORAGE NET_CTRL INSECURE_WALLET_SEED".split(" ");
const pathOf = ({ target }: Asked): { path: string } => ({ path: target.replace(/[?].*/, "") });
