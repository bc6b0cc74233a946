import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  formatCursor,
  isPrivate,
  matchTopics,
  parseCursor,
  TOPICS,
  type TopicEvent,
  wants,
} from "../../../../src/login/events/topics.ts";

test("a cursor reads back as it was written", () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(), (seq, entry) => {
      assert.deepEqual(parseCursor(formatCursor({ seq, entry })), { seq, entry });
    }),
  );
  for (const text of ["", "1", "1-", "-1", "1-2-3", "a-b", "1 -2", "1e3-1", "9999999999999999-1"]) {
    assert.equal(parseCursor(text), undefined, text);
  }
});

test("names and prefixes of topics", () => {
  assert.deepEqual(matchTopics(["*"]), new Set(TOPICS));
  assert.deepEqual(matchTopics(["login.*"]), new Set(["login.status", "login.session", "login.revoked"]));
  assert.deepEqual(matchTopics(["block.new", "txn.*"]), new Set(["block.new", "txn.pending", "txn.confirmed"]));
  for (const name of ["", "block", "block.newer", "nothing.*"])
    assert.equal(matchTopics(["block.new", name]), undefined);
});

test("what tells who takes part is not for everybody", () => {
  assert.deepEqual(TOPICS.filter(isPrivate), ["login.status", "login.session", "login.revoked"]);
});

test("a service hears of its own visitors, and nobody else does", () => {
  const event: TopicEvent = { id: "1", topic: "login.session", time: "", key: "", data: { client_id: "rewards" } };
  const topics = new Set(TOPICS);
  assert.equal(wants({ topics, clientId: "rewards" }, event), true);
  assert.equal(wants({ topics, clientId: "games" }, event), false);
  assert.equal(wants({ topics }, event), false);
  assert.equal(wants({ topics }, { ...event, data: {} }), false, "a login for nobody is told to nobody");
});

test("a subscription to addresses hears of no others", () => {
  const event = (topic: TopicEvent["topic"], address: string): TopicEvent => ({
    ...{ id: "1", topic, time: "", key: "" },
    data: { address },
  });
  const topics = new Set(["address.activity", "txn.pending"] as const);
  const subscription = { topics, addresses: new Set(["a"]) };
  assert.equal(wants(subscription, event("address.activity", "a")), true);
  assert.equal(wants(subscription, event("address.activity", "b")), false);
  assert.equal(wants(subscription, event("txn.pending", "b")), true);
  assert.equal(wants(subscription, event("block.new", "a")), false);
  assert.equal(wants({ topics }, event("address.activity", "b")), true);
});
