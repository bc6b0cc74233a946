import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { type TestContext, test } from "node:test";
import { ApiListener } from "../../../src/api/listener.ts";
import { NodeMetrics } from "../../../src/api/node-metrics.ts";
import type { ApiOptions } from "../../../src/api/options.ts";
import { offerAgain, type ReadyAnswer, ReadyAnswers } from "../../../src/api/ready-answers.ts";
import { toHex } from "../../../src/base/bytes.ts";
import { txid } from "../../../src/chain/transaction.ts";
import { encodeAddress } from "../../../src/cipher/address.ts";
import { type ApiFixture, apiFixture } from "../../support/api.ts";
import { alice, bob, type Coin, out, spend } from "../../support/chain.ts";
import { RawClient, undated } from "../../support/raw-client.ts";

interface Served extends ApiFixture {
  readonly client: RawClient;
  readonly coins: readonly Coin[];
  /** Requests that came the usual way, through node's parser. */
  readonly usual: string[];
}

/** A chain with some coins behind a real socket. */
async function served(t: TestContext, options: Partial<ApiOptions> = {}): Promise<Served> {
  const metrics = new NodeMetrics();
  const listener = await ApiListener.bind({ host: "127.0.0.1", port: 0, metrics: metrics.requests });
  t.after(() => listener.close());
  const fixture = await apiFixture({ bound: () => listener.address, ...options }, { metrics });
  const coins = await fixture.chain.fund(alice, 4);
  await fixture.app.ready();
  const usual: string[] = [];
  listener.open((request, response) => {
    usual.push(request.url ?? "");
    fixture.app.routing(request, response);
  });
  const client = await RawClient.open(listener.address.port);
  t.after(() => client.close());
  return { ...fixture, client, coins, usual };
}

function payment(coin: Coin) {
  const { coins, hours } = coin.ux.body;
  return spend([coin], [out(bob, 1_000_000n, hours / 5n), out(alice, coins - 1_000_000n, hours / 5n)]);
}

function offered(answer: Pick<ReadyAnswer, "head" | "body">): ServerResponse {
  const response = {} as ServerResponse;
  offerAgain(response, { ...answer, isCurrent: () => true, given() {} });
  return response;
}

const get = (target: string, ...lines: string[]): string =>
  `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;

test("an answer given again is the one given before, byte for byte, for every route and header", async (t) => {
  const { client, chain, pool, coins, usual } = await served(t, { hostWhitelist: ["wallet.example"] });
  const confirmed = payment(coins[0] as Coin);
  await chain.add([confirmed]);
  await pool.injectFromUser(payment(coins[1] as Coin));
  const [address, id] = [encodeAddress(alice.address), toHex(txid(confirmed))];
  const targets = [
    "/api/v1/version",
    "/api/v1/blockchain/metadata",
    "/api/v1/blockchain/progress",
    "/api/v1/block?seq=1&verbose=1",
    "/api/v1/blocks?seqs=0,1",
    "/api/v1/last_blocks?num=2",
    `/api/v1/balance?addrs=${address}`,
    `/api/v1/outputs?addrs=${address}`,
    "/api/v1/outputs",
    `/api/v1/uxout?uxid=${toHex((coins[0] as Coin).id)}`,
    `/api/v1/address_uxouts?address=${address}`,
    "/api/v1/coinSupply",
    "/api/v1/richlist?n=3",
    "/api/v1/addresscount",
    "/api/v1/pendingTxs?verbose=1",
    `/api/v1/transaction?txid=${id}&verbose=1`,
    `/api/v1/rawtx?txid=${id}`,
    "/api/v1/transactions/num",
    `/api/v1/transactions?verbose=1&addrs=${address}`,
    "/api/v2/transactions?limit=2",
  ];
  const headers = [
    [],
    ["Accept-Encoding: gzip, deflate"],
    ["Origin: http://wallet.example", "User-Agent: b\xe4r", "Connection: keep-alive"],
  ];
  for (const target of targets) {
    for (const lines of headers) {
      const request = get(target, ...lines);
      usual.length = 0;
      const [first, ...again] = [await client.ask(request), await client.ask(request), await client.ask(request)];
      const packed = lines.some((line) => line.includes("gzip"));
      const isMade = target.endsWith("progress") && packed; // those of the moment are not packed anew
      assert.equal(usual.length, isMade ? 3 : 1, `${target} ${lines}`);
      assert.match(first as string, /^HTTP\/1\.1 200 OK\r\n/);
      for (const one of again) assert.equal(undated(one), undated(first as string));
    }
  }
});

test("health is made anew each time, without the way through the router", async (t) => {
  const { client, clock, chain, coins, usual } = await served(t);
  const request = get("/api/v1/health");
  const health = async () => JSON.parse((await client.ask(request)).split("\r\n\r\n")[1] as string);
  const answers = [await health(), await health()];
  assert.deepEqual(answers[1], answers[0]);
  clock.advance(61_000);
  assert.equal((await health()).uptime, "1m1s");
  await chain.add([payment(coins[0] as Coin)]);
  assert.equal((await health()).blockchain.head.seq, answers[0].blockchain.head.seq + 1);
  assert.deepEqual(usual, ["/api/v1/health"]);
});

test("a block and a change of the pool are seen by the next request", async (t) => {
  const { client, chain, pool, coins, clock } = await served(t);
  const ask = async (target: string) => JSON.parse((await client.ask(get(target))).split("\r\n\r\n")[1] as string);
  const twice = async (target: string) => {
    const answers = [await ask(target), await ask(target)];
    assert.deepEqual(answers[1], answers[0], target);
    return answers[0];
  };
  const txn = payment(coins[0] as Coin);
  const [address, id] = [encodeAddress(bob.address), toHex(txid(txn))];
  const [balance, metadata] = [`/api/v1/balance?addrs=${address}`, "/api/v1/blockchain/metadata"];
  const transaction = `/api/v1/transaction?txid=${id}`;

  assert.deepEqual(await twice("/api/v1/pendingTxs"), []);
  assert.equal((await twice(balance)).predicted.coins, 0);
  const before = await twice(metadata);
  const supply = await twice("/api/v1/coinSupply");

  await pool.injectFromUser(txn);
  const [pending] = await twice("/api/v1/pendingTxs");
  assert.equal(pending.transaction.txid, id);
  assert.deepEqual([(await twice(balance)).predicted.coins, (await twice(balance)).confirmed.coins], [1_000_000, 0]);
  assert.equal((await twice(metadata)).unconfirmed, before.unconfirmed + 1);
  assert.equal((await twice(transaction)).status.unconfirmed, true);

  await pool.markAnnounced([txid(txn)], BigInt(clock.nowMs()) * 1_000_000n);
  assert.notEqual((await twice("/api/v1/pendingTxs"))[0].announced, pending.announced);

  await chain.add([txn]);
  assert.deepEqual(await twice("/api/v1/pendingTxs"), []);
  assert.equal((await twice(balance)).confirmed.coins, 1_000_000);
  assert.equal((await twice(metadata)).head.seq, before.head.seq + 1);
  assert.equal((await twice(transaction)).status.height, 1);
  assert.equal((await twice("/api/v1/last_blocks?num=1")).blocks[0].header.seq, before.head.seq + 1);
  assert.notDeepEqual(await twice("/api/v1/coinSupply"), supply);
  await chain.add([payment(coins[1] as Coin)]);
  assert.equal((await twice(transaction)).status.height, 2);
});

test("only plain successes are given again", async (t) => {
  const { client, usual } = await served(t, { disableHeaderCheck: false, disableCsrf: false });
  const host = `127.0.0.1:${client.socket.remotePort}`;
  const ask = (target: string, ...lines: string[]): string =>
    [`GET ${target} HTTP/1.1`, `Host: ${host}`, ...lines, "", ""].join("\r\n");
  for (const [request, status] of [
    [ask("/api/v1/block?seq=99"), 404],
    [ask("/api/v1/block"), 400],
    [ask("/api/v1/version").replace(host, "evil.example"), 403],
    [ask("/api/v1/version", "Origin: http://evil.example"), 403],
    [ask("/api/v1/version", "Authorization: Basic dTpw"), 401],
    [ask("/api/v1/version", "X-Request-Id: mine"), 200],
    [ask("/api/v1/csrf"), 200],
    [ask("/api/v1/network/connections"), 200],
    [ask("/api/v1/version", `X-Long: ${"a".repeat(2048)}`), 200],
  ] as const) {
    usual.length = 0;
    assert.match(await client.ask(request), new RegExp(`^HTTP/1.1 ${status} `), request);
    assert.match(await client.ask(request), new RegExp(`^HTTP/1.1 ${status} `), request);
    assert.equal(usual.length, 2, request);
  }
});

test("whoever sends a password is looked at each time", async (t) => {
  const { client, usual } = await served(t, { credentials: { username: "u", password: "p" } });
  const request = get("/api/v1/version", `Authorization: Basic ${Buffer.from("u:p").toString("base64")}`);
  for (let i = 0; i < 2; i++) assert.match(await client.ask(request), /^HTTP\/1\.1 200 /);
  assert.equal(usual.length, 2);
});

test("answers given again count as requests of their route", async (t) => {
  const { client, app } = await served(t);
  for (let i = 0; i < 3; i++) await client.ask(get("/api/v1/version?x=1"));
  const { body } = await app.inject({ url: "/metrics" });
  assert.match(body, /http_requests_total\{route="\/api\/v1\/version",method="GET",status="200"\} 3\n/);
});

test("ready answers are bounded, dated by the second, and gone after a close", (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: 1_000 });
  const answers = new ReadyAnswers({ bytesMax: 100_000, idleTimeoutMs: 5_000 });
  const response = (body: Uint8Array) => offered({ head: "HTTP/1.1 200 OK\r\n", body });
  answers.keep("a", response(Buffer.from("body")));
  const first = answers.find("a");
  assert.equal(
    String(first),
    "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:01 GMT\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n\r\nbody",
  );
  t.mock.timers.tick(61_000);
  assert.match(String(answers.find("a")), /Date: Thu, 01 Jan 1970 00:01:02 GMT\r\n.*\r\n\r\nbody$/s);
  assert.match(String(first), /00:00:01 GMT/, "what is on its way is left alone");
  for (let i = 0; i < 30; i++) answers.keep(`b${i}`, response(new Uint8Array(10_000)));
  const held = Array.from({ length: 30 }, (_, i) => answers.find(`b${i}`)).filter((one) => one !== undefined);
  assert.ok(held.length > 5 && held.length < 10, String(held.length));
  answers.close();
  answers.keep("c", response(new Uint8Array()));
  assert.deepEqual([answers.find("b29"), answers.find("c")], [undefined, undefined]);
});
