import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { readInPlace } from "../../../src/api/read-in-place.ts";

/** Both ends of a connection; `take` is shown what arrives at the first. */
async function pair(t: TestContext, take: (memory: Buffer, length: number) => boolean): Promise<[Socket, Socket]> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [served] = (await once(server, "connection")) as [Socket];
  t.after(() => {
    client.destroy();
    served.destroy();
    server.close();
  });
  readInPlace(served, take);
  return [served, client];
}

test("what is not taken goes on as a stream, every byte and its end", async (t) => {
  const [served, client] = await pair(t, () => false);
  const sent = randomBytes(1_000_000);
  client.end(sent);
  const pieces: Buffer[] = [];
  for await (const piece of served) pieces.push(piece); // kept until the end: none may be the shared memory
  assert.ok(pieces.length > 1);
  assert.deepEqual(Buffer.concat(pieces), sent);
});

test("what is taken does not reach the stream, and what comes behind it does", async (t) => {
  const shown: string[] = [];
  const [served, client] = await pair(t, (memory, length) => {
    const text = memory.toString("latin1", 0, length);
    shown.push(text);
    served.write(`<${text}>`);
    return text.startsWith("take");
  });
  const streamed: string[] = [];
  served.on("data", (piece: Buffer) => streamed.push(piece.toString("latin1")));
  for (const text of ["take", "leave", "take too"]) {
    client.write(text);
    const [answer] = (await once(client, "data")) as [Buffer];
    assert.equal(String(answer), `<${text}>`);
  }
  assert.deepEqual(shown, ["take", "leave", "take too"]);
  assert.deepEqual(streamed, ["leave"]);
});

test("a paused connection keeps what came for later, and a reset one fails as ever", async (t) => {
  const [served, client] = await pair(t, () => false);
  let received = "";
  served.on("data", (piece: Buffer) => {
    received += piece;
  });
  served.pause();
  client.write("late");
  while (served.bytesRead < 4) await new Promise(setImmediate);
  assert.equal(received, "");
  served.resume();
  await once(served, "data");
  assert.equal(received, "late");
  const failed = once(served, "error");
  client.resetAndDestroy();
  assert.equal(((await failed)[0] as NodeJS.ErrnoException).code, "ECONNRESET");
});
