import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type TestContext, test } from "node:test";
import { connect } from "node:tls";
import fc from "fast-check";
import { selfSignedCertificate } from "../../../src/api/certificate.ts";
import type { HttpLimits } from "../../../src/api/http-limits.ts";
import { ApiListener } from "../../../src/api/listener.ts";
import { offerAgain } from "../../../src/api/ready-answers.ts";
import { eventually } from "../../support/processes.ts";
import { RawClient, undated } from "../../support/raw-client.ts";

/** Says what it was asked, which any other reading of the input would change. */
function answerOf({ method, url, rawHeaders }: IncomingMessage, body: string): string {
  return `<${method} ${url} ${rawHeaders.join("|")} ${body}>`;
}

interface Echo {
  readonly port: number;
  readonly listener: ApiListener;
  /** How many answers were given again. */
  readonly again: () => number;
}

/** `offers`: whether answers to GET may be given again. Requests for /slow are answered later. */
async function echo(
  t: TestContext,
  offers: boolean,
  limits: Partial<HttpLimits> = {},
  tls?: { cert: string; key: string },
): Promise<Echo> {
  const listener = await ApiListener.bind({ host: "127.0.0.1", port: 0, limits, tls });
  t.after(() => listener.close());
  let again = 0;
  const given = (): void => void again++;
  const reply = (request: IncomingMessage, response: ServerResponse, body: string): void => {
    const text = answerOf(request, body);
    response.writeHead(200, { "content-length": text.length }).end(text, "latin1");
    if (!offers) return;
    const head = `HTTP/1.1 200 OK\r\ncontent-length: ${text.length}\r\n`;
    offerAgain(response, { head, body: Buffer.from(text, "latin1"), isCurrent: () => true, given });
  };
  listener.open((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const body = Buffer.concat(parts).toString("latin1");
      if (request.url === "/slow") setTimeout(() => reply(request, response, body), SLOW_MS);
      else reply(request, response, body);
    });
  });
  return { port: listener.address.port, listener, again: () => again };
}

const SLOW_MS = 2;
const PLAIN = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
const POST = (body: string): string => `POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`;
const CHUNKED = "POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;

/** What is sent in one go. What follows half a message is its other half or something that only looks like a request. */
const PIECES: readonly (readonly string[])[] = [
  [PLAIN],
  [PLAIN, PLAIN, PLAIN],
  ["GET /b?c=d HTTP/1.1\r\nHost: x\r\nAccept: */*\r\nUser-Agent: b\xe4r\r\n\r\n"],
  ["GET /slow HTTP/1.1\r\nHost: x\r\n\r\n", PLAIN],
  [PLAIN.repeat(3)],
  [`${PLAIN}GET /h`, "alf HTTP/1.1\r\nHost: x\r\n\r\n"],
  ["GET /a HTTP/1.1\r\nHost", ": x\r\n\r\n"],
  ["GET /a HTTP/1.1\r\nX: ", PLAIN],
  ["GET /a HTTP/1.1\r\nHost: x\r\n", "\r\n"],
  ["GET /a HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n"],
  ["GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"],
  ["GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nConnection: keep-alive\r\n\r\n"],
  ["GET /a HTTP/1.0\r\n\r\n"],
  ["GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"],
  ["GET /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n"],
  ["GET /a HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"],
  [`GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: ${PLAIN.length}\r\n\r\n`, PLAIN],
  ["GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"],
  ["GET /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", chunk(PLAIN), "0\r\n\r\n"],
  [POST(PLAIN), PLAIN],
  [POST(PLAIN) + PLAIN],
  [POST(PLAIN.repeat(2)), PLAIN, PLAIN],
  [POST(PLAIN) + PLAIN.slice(0, 5), PLAIN.slice(5)],
  [CHUNKED, chunk(PLAIN), "0\r\n\r\n"],
  [CHUNKED, `${PLAIN.length.toString(16)}\r\n`, PLAIN, "\r\n0\r\n\r\n"],
  ["POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "0\r\n\r\n"],
  ["POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 30\r\n\r\n", PLAIN],
  ["HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n"],
  ["GET /a HTTP/1.1\nHost: x\n\n"],
  ["GET /a HTTP/1.1\nHost: x\n\nGET /c HTTP/1.1\r\nHost: x\r\n\r\n"],
  ["GET /a HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n"],
  ["GET /a HTTP/1.1\r\nHost : x\r\n\r\n"],
  ["\r\n", PLAIN],
  [`\r\n\r\n${PLAIN}`],
  [`${PLAIN}\r\n`, PLAIN],
  [`${PLAIN}\r\n\r\n`],
  ["GET http://x/a HTTP/1.1\r\nHost: x\r\n\r\n"],
  [`GET /a HTTP/1.1\r\nHost: x\r\nX: ${"a".repeat(2500)}\r\n\r\n`],
  ["GET /a HTTP/1.1\r\n\r\n"],
  ["GET /a\0 HTTP/1.1\r\nHost: x\r\n\r\n"],
  ["nonsense\r\n\r\n"],
  ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
];

/** A client that has sent these pieces, each once the one before has been read. */
async function converse(port: number, pieces: readonly string[]): Promise<RawClient> {
  const client = await RawClient.open(port);
  for (const piece of pieces) {
    client.socket.write(piece, "latin1");
    for (let turns = 0; turns < 3; turns++) await new Promise(setImmediate);
    // What is not HTTP ends the connection without the answers that are late: when it comes must not matter.
    if (piece.includes("/slow")) await new Promise((resolve) => setTimeout(resolve, 4 * SLOW_MS));
  }
  return client;
}

/** True once `ask` says so; false after a while. */
function before(timeoutMs: number, ask: () => boolean): Promise<boolean> {
  const asked = eventually(() => Promise.resolve(ask()), Boolean, { timeoutMs, everyMs: 1 });
  return asked.catch(() => false);
}

test("whatever is sent, in whatever pieces, is answered as without ready answers", async (t) => {
  const [ready, plain] = [await echo(t, true), await echo(t, false)];
  for (const [piece = ""] of PIECES) (await converse(ready.port, [piece])).close();
  const sequences = fc.array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 6 });
  const last = "GET /end HTTP/1.1\r\nHost: x\r\n\r\n";
  await fc.assert(
    fc.asyncProperty(sequences, async (chosen) => {
      const pieces = [PLAIN, ...chosen.flat(), last];
      const clients = await Promise.all([converse(ready.port, pieces), converse(plain.port, pieces)]);
      // Half a message may swallow the last request: then both wait for more, and have said the same so far.
      await before(20, () => clients.every(({ received, socket }) => socket.closed || received.includes("<GET /end ")));
      const said = (): string[] => clients.map(({ received }) => undated(received));
      await before(2_000, () => said()[0] === said()[1]);
      assert.equal(said()[0], said()[1]);
      for (const client of clients) client.close();
    }),
    { numRuns: process.env.LOGINCHAIN_LONG === "1" ? 5_000 : 60 },
  );
  assert.ok(ready.again() > 60, `given again: ${ready.again()}`);
});

test("an answer that is ready waits for one that is not", async (t) => {
  const { port, listener } = await echo(t, true);
  const client = await converse(port, [PLAIN, PLAIN]);
  t.after(() => client.close());
  const first = client.received;
  let [release, asked] = [(): void => {}, 0];
  listener.open((_request, response) => {
    asked++;
    if (asked === 1) release = () => void response.end("late");
    else response.end("usual");
  });
  client.socket.write("GET /late HTTP/1.1\r\nHost: x\r\n\r\n");
  assert.ok(await before(1_000, () => asked === 1));
  client.socket.write(PLAIN);
  assert.ok(await before(1_000, () => asked === 2));
  assert.equal(client.received, first);
  release();
  assert.ok(await before(1_000, () => /late.*usual/s.test(client.received)));
});

test("who does not read a long ready answer is cut off", async (t) => {
  const { port, listener } = await echo(t, true, { responseTimeoutMs: 100 });
  const body = Buffer.alloc(900_000);
  let [again, held] = [0, (): number => 0];
  listener.open(({ socket }, response) => {
    held = () => socket.writableLength;
    response.writeHead(200, { "content-length": body.length }).end(body);
    const head = `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n`;
    offerAgain(response, { head, body, isCurrent: () => true, given: () => void again++ });
  });
  const deaf = await RawClient.open(port);
  t.after(() => deaf.close());
  const whole = await deaf.ask(PLAIN);
  assert.equal(undated(await deaf.ask(PLAIN)), undated(whole));
  deaf.socket.pause();
  while (held() === 0) {
    const asked = again + 1;
    deaf.socket.write(PLAIN);
    assert.ok(await before(1_000, () => again === asked), "only ready answers are waited for");
  }
  await before(2_000, () => held() === 0);
  deaf.socket.resume();
  assert.ok(await before(2_000, () => deaf.socket.closed));
});

test("answers are given again over TLS, too", async (t) => {
  const tls = selfSignedCertificate({ hostname: "x", addresses: ["127.0.0.1"], nowMs: Date.now() });
  const { port, ...served } = await echo(t, true, {}, tls);
  const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false }).setEncoding("latin1");
  t.after(() => socket.destroy());
  await once(socket, "secureConnect");
  const answers: string[] = [];
  for (let i = 0; i < 3; i++) {
    socket.write(PLAIN);
    answers.push(undated(String((await once(socket, "data"))[0])));
  }
  assert.match(answers[0] as string, /<GET \/a Host\|x >$/);
  assert.deepEqual(answers.slice(1), [answers[0], answers[0]]);
  assert.equal(served.again(), 2);
});

test("a stop tells kept connections that they end, ready answers or not", async () => {
  const listener = await ApiListener.bind({ host: "127.0.0.1", port: 0 });
  listener.open((_request, response) => {
    response.writeHead(200, { "content-length": 2 }).end("ok");
    const head = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n";
    offerAgain(response, { head, body: Buffer.from("ok"), isCurrent: () => true, given() {} });
  });
  const client = await RawClient.open(listener.address.port);
  for (let i = 0; i < 3; i++) assert.match(await client.ask(PLAIN), /Connection: keep-alive/);
  await listener.close();
  await eventually(() => Promise.resolve(client.socket.closed), Boolean);
});
