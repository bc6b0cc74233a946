import assert from "node:assert/strict";
import { once } from "node:events";
import { Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { LOBBY_LIMITS, Lobby, type LobbyLimits } from "../../../src/api/lobby.ts";

const LIMITS: LobbyLimits = { ...LOBBY_LIMITS, perRound: { regular: 2, stranger: 2, useless: 1 } };

/** A lobby, whom it has served so far, by address, and how one comes. */
function open(t: TestContext, limits: Partial<LobbyLimits> = {}) {
  const sockets = new Map<Socket, string>();
  const served: string[] = [];
  const lobby = new Lobby({ ...LIMITS, ...limits }, { serve: (socket) => served.push(sockets.get(socket) ?? "") });
  t.after(() => {
    for (const socket of sockets.keys()) socket.destroy();
  });
  const come = (...addresses: string[]): Socket[] =>
    addresses.map((address) => {
      const socket = new Socket();
      sockets.set(socket, address);
      lobby.enter(socket, address);
      return socket;
    });
  return { lobby, served, come };
}

const round = () => new Promise(setImmediate);

test("without a rush everybody is served as they come", async (t) => {
  const { served, come } = open(t);
  for (const address of ["a", "b", "c", "d", "e"]) {
    come(address);
    assert.equal(served.at(-1), address);
    await round();
  }
});

test("in a rush some are served in each round, the newest stranger first", async (t) => {
  const { served, come } = open(t);
  come("a", "b", "c", "d", "e");
  assert.deepEqual(served, ["a", "b"]);
  await round();
  assert.deepEqual(served, ["a", "b", "e", "d"]);
  come("f", "g", "h");
  await round();
  assert.deepEqual(served.slice(4), ["h", "g"]);
  await round();
  assert.deepEqual(served.slice(6), ["f", "c"]);
  await round();
  assert.equal(served.length, 8);
});

test("who was answered before goes first, in the order they came, and who only held connections last", async (t) => {
  const { lobby, served, come } = open(t);
  for (const address of ["x", "y", "z"]) lobby.answered(address);
  for (const address of ["u", "v"]) lobby.wasted(address);
  come("a", "b", "c", "d", "u", "v", "x", "y", "z", "x");
  assert.deepEqual(served, ["a", "b", "u", "x", "y"]);
  await round();
  assert.deepEqual(served.slice(5), ["z", "x", "d", "c", "v"]);
});

test("an unused connection makes a stranger of who was answered, another one less; an answer makes up for both", async (t) => {
  const { lobby, served, come } = open(t, { perRound: { regular: 9, stranger: 9, useless: 0 } });
  lobby.answered("a");
  lobby.wasted("a");
  lobby.wasted("b");
  come("a", "b");
  assert.deepEqual(served, ["a"]);
  lobby.wasted("a");
  come("a");
  assert.deepEqual(served, ["a"]);
  lobby.answered("b");
  come("b");
  assert.deepEqual(served, ["a", "b"]);
});

test("who waits too long is ended, and who is gone takes nobody's place", async (t) => {
  const { lobby, served, come } = open(t, { waitMs: 20, perRound: { regular: 1, stranger: 0, useless: 0 } });
  const [late] = come("a");
  assert.ok(late);
  await once(late, "close");
  lobby.answered("x");
  const [, gone, last] = come("x", "x", "x");
  gone?.emit("error", new Error("reset"));
  await round();
  assert.deepEqual(served, ["x", "x"]);
  assert.deepEqual([gone?.destroyed, last?.destroyed], [true, false]);
});

test("of more addresses than it may remember the oldest is a stranger again", (t) => {
  const { lobby, served, come } = open(t, { addressesMax: 2, perRound: { regular: 9, stranger: 0, useless: 0 } });
  for (const address of ["a", "b", "a", "c"]) lobby.answered(address);
  come("a", "b", "c");
  assert.deepEqual(served, ["a", "c"]);
});

test("a stop ends all who wait", (t) => {
  const { lobby, come } = open(t);
  const waiting = come("a", "b", "c", "d").slice(2);
  lobby.close();
  assert.deepEqual(
    waiting.map(({ destroyed }) => destroyed),
    [true, true],
  );
});
