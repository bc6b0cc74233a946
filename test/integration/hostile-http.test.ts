import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { after, before, suite, type TestContext, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { loginChain } from "../support/login-chain.ts";
import { rssOf } from "../support/process-usage.ts";
import { eventually, type RunningNode, startDaemon } from "../support/processes.ts";

/** The long form waits for deadlines and opens ten thousand connections. */
const LONG = process.env.LOGINCHAIN_LONG === "1";
const CONNECTIONS = LONG ? 10_000 : 400;
const [USER, PASSWORD] = ["operator", "correct"];
const basic = (password: string): string =>
  `Authorization: Basic ${Buffer.from(`${USER}:${password}`).toString("base64")}`;

interface Answer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** Everything a listener says to these bytes until it closes; from an address of loopback. */
async function exchange(port: number, bytes: string | Buffer, localAddress = "127.0.0.1"): Promise<Answer> {
  const socket = connect({ port, host: "127.0.0.1", localAddress });
  const chunks: Buffer[] = [];
  socket.on("error", () => {}).on("data", (chunk) => chunks.push(chunk));
  socket.write(bytes);
  await once(socket, "close");
  return parsed(Buffer.concat(chunks).toString());
}

function parsed(text: string): Answer {
  const [head = "", body = ""] = text.split(/\r\n\r\n(.*)/s);
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0), head, body };
}

function request(line: string, headers: readonly string[], body = ""): string {
  return `${[`${line} HTTP/1.1`, ...headers, "Connection: close"].join("\r\n")}\r\n\r\n${body}`;
}

/** Somebody who asks the node this and that all the time, and may not notice anything. */
class Honest {
  times: number[] = [];
  readonly failures: string[] = [];
  readonly #ask: () => Promise<Answer>;
  readonly #over = new AbortController();
  readonly #asking: Promise<void>;

  constructor(ask: () => Promise<Answer>) {
    this.#ask = ask;
    this.#asking = this.#run();
  }

  async #run(): Promise<void> {
    while (!this.#over.signal.aborted) {
      const from = performance.now();
      const { status, body } = await this.#ask();
      if (status === 200) this.times.push(performance.now() - from);
      else this.failures.push(`${status} ${body}`);
      await pause(10);
    }
  }

  /** Of what was asked since the last call. */
  spread(): string {
    const sorted = this.times.sort((a, b) => a - b);
    this.times = [];
    const at = (part: number) => (sorted[Math.floor((sorted.length - 1) * part)] ?? Number.NaN).toFixed(0);
    return `${sorted.length} answers, p50 ${at(0.5)}, p99 ${at(0.99)} ms`;
  }

  async stop(): Promise<void> {
    this.#over.abort();
    await this.#asking;
  }
}

suite("over HTTP an attacker is refused in the reference's words while others are answered", () => {
  let node: RunningNode;
  let api = 0;
  let open = 0;
  let own: string[] = [];
  let users: Honest[] = [];
  let ends: (() => unknown)[] = [];
  const staleToken: { text: string; atMs: number } = { text: "", atMs: 0 };

  before(async () => {
    const t = { after: (end: () => unknown) => void ends.push(end) } as unknown as TestContext;
    const { files } = await loginChain(t);
    const flags = ["--block-publisher", "--enable-all-api-sets=true", `--data-dir=${files.publisherData}`];
    const password = [`--web-interface-username=${USER}`, `--web-interface-password=${PASSWORD}`];
    node = await startDaemon(
      t,
      [...flags, ...password, "--web-interface-plaintext-auth", "--public-addr=127.0.0.1:0", "--log-level=error"],
      { GENESIS: files.genesis, FIBER_TOML: files.publisherToml },
    );
    [api, open] = [Number(new URL(node.web).port), Number(new URL(node.publicWeb ?? "").port)];
    own = [`Host: 127.0.0.1:${api}`, basic(PASSWORD)];
    const csrf = await exchange(api, request("GET /api/v1/csrf", own));
    Object.assign(staleToken, { text: JSON.parse(csrf.body).csrf_token, atMs: performance.now() });
    users = [
      new Honest(() => exchange(api, request("GET /api/v1/health", own))),
      new Honest(() => exchange(open, request("GET /api/v1/health", ["Host: any"]))),
    ];
  });
  after(async () => {
    for (const end of ends.reverse()) await end();
    ends = [];
  });

  const figures = (t: { diagnostic(text: string): void }, more = ""): void => {
    const [mine, strangers] = users.map((user) => user.spread());
    t.diagnostic(
      `private API ${mine}; public ${strangers}; ${(rssOf(node.process.pid as number) / 1e6).toFixed(0)} MB${more}`,
    );
  };

  test("a name that was rebound to this machine", async (t) => {
    for (const host of ["evil.example", `evil.example:${api}`, "127.0.0.1", `[::1]:${api}`]) {
      const answer = await exchange(api, request("GET /api/v1/wallets", [`Host: ${host}`, basic(PASSWORD)]));
      assert.deepEqual([answer.status, answer.body], [403, "403 Forbidden - Invalid Host\n"], host);
    }
    assert.equal((await exchange(api, request("GET /api/v1/wallets", own))).status, 200);
    figures(t);
  });

  test("a page of another site", async (t) => {
    for (const header of ["Origin: https://evil.example", "Referer: http://evil.example/page", "Origin: null"]) {
      const answer = await exchange(api, request("GET /api/v1/wallets", [...own, header]));
      assert.deepEqual([answer.status, answer.body], [403, "403 Forbidden - Invalid Origin or Referer\n"], header);
      assert.doesNotMatch(answer.head, /access-control-allow-origin/i);
    }
    figures(t);
  });

  test("a change without a token, with one of another node, and with a stale one", async (t) => {
    const send = (headers: readonly string[]) =>
      exchange(api, request("POST /api/v1/wallet/unload", [...own, "Content-Length: 0", ...headers]));
    const refused = async (headers: readonly string[], why: string): Promise<void> => {
      const { status, body } = await send(headers);
      assert.deepEqual([status, body], [403, `403 Forbidden - ${why}\n`]);
    };
    await refused([], "invalid CSRF token");
    const [payload = "", signature = ""] = staleToken.text.split(".");
    const foreign = `${payload}.${[...signature].reverse().join("")}`;
    await refused([`X-CSRF-Token: ${foreign}`], "invalid CSRF token signature");
    const accepted = await send([`X-CSRF-Token: ${staleToken.text}`]);
    if (accepted.status === 403) assert.equal(accepted.body, "403 Forbidden - csrf token expired\n");
    else assert.deepEqual([accepted.status, accepted.body], [400, "400 Bad Request - missing wallet id\n"]);
    if (LONG) {
      await pause(30_001 - (performance.now() - staleToken.atMs));
      await refused([`X-CSRF-Token: ${staleToken.text}`], "csrf token expired");
    }
    figures(t);
  });

  test("bodies too large, announced or not, and nested deeply", async (t) => {
    const json = [`Host: 127.0.0.1:${open}`, "Content-Type: application/json"];
    for (const path of ["/api/v1/injectTransaction", "/api/v2/transaction/verify"]) {
      const announced = await exchange(open, request(`POST ${path}`, [...json, "Content-Length: 1000000000"]));
      assert.equal(announced.status, 413, path);
      assert.match(announced.body, path.startsWith("/api/v1") ? /^413 Payload Too Large\n$/ : /"code": 413/);
      const endless = `100000\r\n${" ".repeat(2 ** 20)}\r\n`.repeat(10);
      const more = "1\r\n \r\n"; // and no end
      const unannounced = request(`POST ${path}`, [...json, "Transfer-Encoding: chunked"], endless + more);
      const chunked = await exchange(open, unannounced);
      assert.deepEqual([chunked.status, chunked.body], [413, announced.body], path);
      const deep = "[".repeat(100_000);
      const nested = await exchange(open, request(`POST ${path}`, [...json, `Content-Length: ${deep.length}`], deep));
      assert.deepEqual([nested.status, /json|exceeded max depth/i.test(nested.body)], [400, true], nested.body);
    }
    figures(t);
  });

  test("headers and bodies that come a byte at a time", async (t) => {
    const count = LONG ? 500 : 50;
    const slow = [
      "GET /api/v1/health HTTP/1.1\r\nHost: a\r\nX: ",
      "POST /api/v1/injectTransaction HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\n",
    ];
    const sockets = slow.flatMap((head) => Array.from({ length: count }, () => dripping(open, head)));
    await Promise.all(sockets.map(({ socket }) => once(socket, "connect")));
    if (LONG) {
      const from = performance.now();
      for (const [i, { answer }] of sockets.entries()) {
        assert.deepEqual((await answer).status, 408, slow[Math.floor(i / count)]);
        const seconds = (performance.now() - from) / 1000;
        assert.ok(
          seconds < (i < count ? 7.5 : 12.5),
          `a deadline of ${i < count ? 5 : 10} s was kept after ${seconds} s`,
        );
      }
    } else await pause(200);
    for (const { socket } of sockets) socket.destroy();
    figures(t);
  });

  test("connections by the thousand", async (t) => {
    const from = performance.now();
    const crowd: Socket[] = [];
    let standing = 0;
    for (let i = 0; i < CONNECTIONS; i++) {
      const socket = connect({
        port: open,
        host: "127.0.0.1",
        localAddress: `127.0.${1 + (i % 200)}.${1 + (i % 199)}`,
      });
      socket.on("error", () => {}).on("close", () => standing--);
      socket.once("connect", () => standing++);
      socket.resume();
      crowd.push(socket);
      if (i % 100 === 99) await pause(1);
    }
    // Whoever holds a place for longest without asking makes room for the next: 4,096 have one.
    const places = Math.min(CONNECTIONS, 4_096);
    await eventually(
      async () => standing,
      (now) => now >= places - 100 && now <= places,
      { timeoutMs: 15_000 },
    );
    const seconds = (performance.now() - from) / 1000;
    figures(t, `, ${CONNECTIONS} connections in ${seconds.toFixed(1)} s, ${standing} stand`);
    for (const socket of crowd) socket.destroy();
    if (!LONG) return;
    const refused = await eventually(
      () => exchange(api, request("GET /metrics", own)),
      ({ body }) => /reason="evicted"\} [1-9]/.test(body),
    );
    t.diagnostic(String(/^.*evicted.*$/m.exec(refused.body)));
  });

  test("wrong passwords in a loop", async (t) => {
    const [mine] = users.splice(0, 1); // comes from the same machine, and has to wait with it
    await mine?.stop();
    assert.deepEqual(mine?.failures, []);
    const guess = (password: string) =>
      exchange(api, request("GET /api/v1/wallets", [`Host: 127.0.0.1:${api}`, basic(password)]));
    for (let i = 0; i < 100; i += 10) {
      for (const { status, head, body } of await Promise.all(Array.from({ length: 10 }, (_, n) => guess(`${i + n}`)))) {
        assert.deepEqual([status, body], [401, "401 Unauthorized\n"]);
        assert.match(head, /^WWW-Authenticate: Basic realm="skycoin daemon"\r?$/im);
      }
    }
    for (const password of ["wrong", PASSWORD]) {
      const { status, head, body } = await guess(password);
      assert.deepEqual([status, body], [429, "429 Too Many Requests\n"], "right or wrong is not told");
      assert.match(head, /^Retry-After: (60|[1-5]?\d)\r?$/im);
    }
    assert.equal((await exchange(api, request("GET /healthz", ["Host: any"]))).status, 200);
    users.unshift(new Honest(() => exchange(api, request("GET /healthz", ["Host: any"]))));
    await pause(50);
    figures(t);
  });

  test("and nobody else was refused, or waited long", async () => {
    await Promise.all(users.map((user) => user.stop()));
    assert.deepEqual(
      users.flatMap(({ failures }) => failures),
      [],
    );
  });
});

/** Sends a byte four times a second. */
function dripping(port: number, head: string): { readonly socket: Socket; readonly answer: Promise<Answer> } {
  const socket = connect(port, "127.0.0.1");
  const chunks: Buffer[] = [];
  socket.on("error", () => {}).on("data", (chunk) => chunks.push(chunk));
  socket.write(head);
  const drops = setInterval(() => socket.writable && socket.write("a"), 250);
  // Not by once(), which fails when a drop comes after the end.
  const answer = new Promise<Answer>((resolve) => {
    socket.on("close", () => {
      clearInterval(drops);
      resolve(parsed(Buffer.concat(chunks).toString()));
    });
  });
  return { socket, answer };
}
