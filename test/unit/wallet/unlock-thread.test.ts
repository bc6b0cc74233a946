import assert from "node:assert/strict";
import { after, test } from "node:test";
import { nodeSealingTools } from "../../../src/wallet/node-sealing.ts";
import { unseal } from "../../../src/wallet/sealing.ts";
import { UnlockThread } from "../../../src/wallet/unlock-thread.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const QUICK = "scrypt-chacha20poly1305-insecure";
const thread = new UnlockThread();
after(() => thread.close());

test("seals and opens in its thread", async () => {
  const sealed = await thread.seal(QUICK, utf8("secret"), utf8("pwd"));
  assert.equal(new TextDecoder().decode(unseal(QUICK, sealed, utf8("pwd"), nodeSealingTools)), "secret");
  assert.equal(new TextDecoder().decode(await thread.open(QUICK, sealed, utf8("pwd"))), "secret");
});

test("the default type, a gigabyte of it, leaves the event loop free", async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 5);
  const sealed = await thread.seal("scrypt-chacha20poly1305", utf8("secret"), utf8("pwd"));
  clearInterval(timer);
  assert.ok(turns > 20, `only ${turns} turns`);
  assert.match(Buffer.from(sealed, "base64").toString("latin1"), /"n":1048576,"r":8,"p":1,"keyLen":32/);
});

test("whatever is wrong, the answer is: invalid password", async () => {
  const sealed = await thread.seal(QUICK, utf8("secret"), utf8("pwd"));
  for (const [text, password] of [
    [sealed, "other"],
    ["garbage!", "pwd"],
    ["", "pwd"],
  ] as const) {
    await assert.rejects(thread.open(QUICK, text, utf8(password)), { code: "WALLET_PASSWORD_INVALID" });
  }
});

test("the caller's password and text stay as they are", async () => {
  // A Buffer shares its memory with others, so handing that over would break them.
  const [password, plain] = [Buffer.from("pwd"), Buffer.from("text")];
  await thread.seal("sha256-xor", plain, password);
  assert.equal(`${password} ${plain}`, "pwd text");
});

test("jobs run one after the other, and too many are refused", async () => {
  const small = new UnlockThread({ waitingMax: 2 });
  const job = () => small.seal(QUICK, utf8("x"), utf8("p"));
  const accepted = [job(), job(), job()];
  await assert.rejects(job(), { code: "WALLET_BUSY" });
  await Promise.all(accepted);
  await small.close();
});

test("closing fails what is open and what comes after", async () => {
  const closing = new UnlockThread();
  const job = () => closing.seal(QUICK, utf8("x"), utf8("p"));
  const open = [job(), job()].map((call) => assert.rejects(call, { code: "WALLET_CLOSED" }));
  await closing.close();
  await Promise.all(open);
  await assert.rejects(job(), { code: "WALLET_CLOSED" });
  await closing.close();
});

test("a thread that dies fails its own job only", async () => {
  const program = new URL(`data:text/javascript,${encodeURIComponent("process.exit(3)")}`);
  const dying = new UnlockThread({ program });
  const job = () => assert.rejects(dying.seal(QUICK, utf8("x"), utf8("p")), { code: "WALLET_SEALED_INVALID" });
  await Promise.all([job(), job()]);
  await dying.close();
});
