import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Change, Json, LoginStore, Range } from "../../src/login/store.ts";
import { LevelLoginStore } from "../../src/storage/level-login-store.ts";
import { MemoryLoginStore } from "../../src/storage/memory-login-store.ts";
import { tempDir } from "../support/temp-dir.ts";

const implementations: Record<
  string,
  { readonly open: (dir: string) => Promise<LoginStore>; readonly keeps: boolean }
> = {
  MemoryLoginStore: { open: async () => new MemoryLoginStore(), keeps: false },
  LevelLoginStore: { open: (dir) => LevelLoginStore.open(`${dir}/login`), keeps: true },
};

const put = (key: string, value: Json, forgetAtMs?: number): Change => ({
  table: "session",
  key,
  value,
  ...(forgetAtMs !== undefined && { forgetAtMs }),
});

for (const [name, { open, keeps }] of Object.entries(implementations)) {
  const withStore = (claim: string, run: (store: LoginStore, dir: string) => Promise<void>): void => {
    test(`${name}: ${claim}`, async (t) => {
      const dir = tempDir(t);
      const store = await open(dir);
      try {
        await run(store, dir);
      } finally {
        await store.close();
      }
    });
  };

  withStore("gives back what was put, and nothing of other tables", async (store) => {
    const value = { a: [1, null, "x", { b: true }], text: 'ü"\n' };
    assert.equal(await store.write([put("k", value)]), true);
    assert.deepEqual(await store.get("session", "k"), value);
    assert.equal(await store.get("cookie", "k"), undefined);
    await store.write([{ table: "session", key: "k", value: undefined }]);
    assert.equal(await store.get("session", "k"), undefined);
  });

  withStore("writes nothing when a condition does not hold", async (store) => {
    await store.write([put("a", { n: 1 })]);
    const change = [put("a", { n: 2 }), put("b", 1)];
    assert.equal(await store.write(change, { onlyIf: [{ table: "session", key: "a", equals: { n: 3 } }] }), false);
    assert.equal(await store.write(change, { onlyIf: [{ table: "session", key: "a", equals: undefined }] }), false);
    assert.equal(await store.get("session", "b"), undefined);
    const holds = [
      { table: "session", key: "a", equals: { n: 1 } },
      { table: "session", key: "b", equals: undefined },
    ] as const;
    assert.equal(await store.write(change, { onlyIf: holds }), true);
    assert.deepEqual(await store.get("session", "a"), { n: 2 });
  });

  withStore("of many writers with the same condition exactly one wins", async (store) => {
    await store.write([put("a", 0)]);
    for (let round = 0; round < 20; round++) {
      const wins = await Promise.all(
        Array.from({ length: 8 }, (_, i) =>
          store.write([put("a", round + 1), put(`w${round}`, i)], {
            onlyIf: [{ table: "session", key: "a", equals: round }],
            durable: i % 2 === 0,
          }),
        ),
      );
      assert.equal(wins.filter(Boolean).length, 1);
      assert.equal(await store.get("session", `w${round}`), wins.indexOf(true));
    }
  });

  withStore("forgets rows whose time has come, and only those", async (store) => {
    await store.write([put("old", 1, 1000), put("renewed", 1, 1000), put("kept", 1), put("later", 1, 3000)]);
    await store.write([put("renewed", 2, 5000)]);
    assert.equal(await store.forget(999, 100), 0);
    assert.equal(await store.forget(2000, 100), 1);
    assert.deepEqual(
      (await store.list("session")).map(({ key }) => key),
      ["kept", "later", "renewed"],
    );
    assert.equal(await store.forget(9000, 1), 1, "no more than asked for");
    assert.equal(await store.forget(9000, 100), 1);
    assert.deepEqual(
      (await store.list("session")).map(({ key }) => key),
      ["kept"],
    );
  });

  withStore("after closing everything is refused, and closing again is not", async (store) => {
    await store.close();
    await assert.rejects(store.get("session", "a"), { code: "LOGIN_STORE" });
    await assert.rejects(store.write([put("a", 1)]), { code: "LOGIN_STORE" });
    await assert.rejects(store.list("session"), { code: "LOGIN_STORE" });
    await store.close();
  });

  if (keeps) {
    withStore("keeps everything over a restart", async (store, dir) => {
      await store.write([put("a", { deep: [1] }, 7000)], { durable: true });
      await store.close();
      const again = await open(dir);
      assert.deepEqual(await again.get("session", "a"), { deep: [1] });
      assert.equal(await again.forget(8000, 10), 1);
      await again.close();
    });
  }

  const key = fc.string({ unit: fc.constantFrom("a", "b", "/", "~", "0"), minLength: 1, maxLength: 4 });
  const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
  const range = fc.record({
    after: optional(key),
    before: optional(key),
    prefix: optional(key),
    reverse: optional(fc.boolean()),
    limit: optional(fc.integer({ min: 1, max: 5 })),
  });
  withStore("lists the rows of a range in order", async (store) => {
    await store.write([
      { table: "refresh", key: "a", value: 1 },
      { table: "cookie", key: "a", value: 1 },
    ]);
    const present = new Set<string>();
    await fc.assert(
      fc.asyncProperty(fc.array(key, { maxLength: 6 }), range, async (keys, asked) => {
        await store.write(keys.map((k) => put(k, k)));
        for (const k of keys) present.add(k);
        const clean = Object.fromEntries(Object.entries(asked).filter(([, v]) => v !== undefined)) as Range;
        const { after = "", before = "\x7f", prefix = "", reverse = false, limit = 1000 } = clean;
        const expected = [...present].filter((k) => k > after && k < before && k.startsWith(prefix)).sort();
        if (reverse) expected.reverse();
        const rows = await store.list("session", clean);
        assert.deepEqual(
          rows,
          expected.slice(0, limit).map((k) => ({ key: k, value: k })),
        );
      }),
      { numRuns: 100 },
    );
  });
}
