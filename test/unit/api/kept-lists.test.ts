import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodeJson, JsonLazyList, type JsonValue, jsonPieces } from "../../../src/api/json.ts";
import { KeptLists, type ListToKeep } from "../../../src/api/kept-lists.ts";

const LIMITS = { bytesMax: 2000, oneMax: 1000 };

/** A list in a state of the world that the test changes. */
class World {
  state = 0;
  made = 0;
  items: JsonValue[] = ["a", "b"];

  list(changes: Partial<ListToKeep> = {}): ListToKeep {
    const taken = this.state;
    const make = (): JsonLazyList => {
      this.made++;
      return new JsonLazyList(this.items);
    };
    return { name: "letters", isCurrent: () => this.state === taken, bytes: 10, depth: 0, make, ...changes };
  }
}

function textOf(list: JsonLazyList, depth = 0): string {
  return Buffer.concat([...jsonPieces(list, depth)]).toString();
}

test("a list is made once for all who ask in one state", async () => {
  const lists = new KeptLists(LIMITS);
  const world = new World();
  const together = await Promise.all([lists.get(world.list()), lists.get(world.list())]);
  const later = await lists.get(world.list());
  assert.deepEqual(
    [...together, later].map((list) => textOf(list)),
    Array(3).fill(encodeJson(["a", "b"])),
  );
  assert.equal(world.made, 1);
});

test("a list is made again once what it follows from has changed", async () => {
  const lists = new KeptLists(LIMITS);
  const world = new World();
  await lists.get(world.list());
  world.state++;
  world.items = ["c"];
  assert.equal(textOf(await lists.get(world.list())), encodeJson(["c"]));
  assert.equal(world.made, 2);
});

test("who asked before a change gets the list of that time, who asks after it the new one", async () => {
  const lists = new KeptLists(LIMITS);
  const world = new World();
  const before = lists.get(world.list());
  world.state++;
  world.items = ["c"];
  const after = lists.get(world.list());
  assert.deepEqual([textOf(await before), textOf(await after)], [encodeJson(["a", "b"]), encodeJson(["c"])]);
});

test("a list that could not be made is made for the next who asks", async () => {
  const lists = new KeptLists(LIMITS);
  const world = new World();
  const broken = new Error("no such block");
  const make = (): JsonLazyList => {
    throw broken;
  };
  await assert.rejects(lists.get(world.list({ make })), broken);
  assert.equal(textOf(await lists.get(world.list())), encodeJson(["a", "b"]));
});

test("lists beyond the bound push out what was not asked for", async () => {
  const lists = new KeptLists(LIMITS);
  assert.deepEqual([lists.fits(1000), lists.fits(1001)], [true, false]);
  const world = new World();
  for (const name of ["one", "two", "three"]) await lists.get(world.list({ name, bytes: 900 }));
  await lists.get(world.list({ name: "three", bytes: 900 }));
  assert.equal(world.made, 3);
  await lists.get(world.list({ name: "one", bytes: 900 }));
  assert.equal(world.made, 4, "the first had gone");
});

test("the parts are together what the list is in one piece, at every depth", async () => {
  const text = fc.string({ maxLength: 40_000, minLength: 1 });
  await fc.assert(
    fc.asyncProperty(fc.array(text, { maxLength: 8 }), fc.nat(3), async (items, depth) => {
      const world = new World();
      world.items = items;
      const list = await new KeptLists(LIMITS).get(world.list({ depth }));
      assert.equal(textOf(list, depth), encodeJson(items, depth));
    }),
    { numRuns: 30 },
  );
});
