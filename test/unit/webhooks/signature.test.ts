import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { parseWebhookSecret, webhookHeaders } from "../../../src/webhooks/signature.ts";

test("the signature is that of the Standard Webhooks example", () => {
  // Secret, id, time, body and signature as the specification's libraries test them.
  const key = parseWebhookSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  const headers = webhookHeaders(
    { id: "msg_p5jXN8AQM9LWM0D4loKWxJek", seconds: 1614265330, body: '{"test": 2432232314}' },
    [key],
  );
  assert.equal(headers["webhook-signature"], "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  assert.equal(headers["webhook-id"], "msg_p5jXN8AQM9LWM0D4loKWxJek");
  assert.equal(headers["webhook-timestamp"], "1614265330");
});

test("each key signs, old beside new", () => {
  const keys = [1, 2].map((byte) => new Uint8Array(32).fill(byte));
  const headers = webhookHeaders({ id: "a", seconds: 5, body: "ü" }, keys);
  const expected = keys.map((key) => `v1,${createHmac("sha256", key).update("a.5.ü", "utf8").digest("base64")}`);
  assert.equal(headers["webhook-signature"], expected.join(" "));
});

test("a secret of another form is refused without repeating it", () => {
  const short = Buffer.alloc(23, 1).toString("base64");
  const long = Buffer.alloc(65, 1).toString("base64");
  for (const text of [
    "",
    "whsec_",
    `whsec_${short}`,
    `whsec_${long}`,
    Buffer.alloc(32).toString("base64"),
    "whsec_%%",
  ]) {
    assert.throws(
      () => parseWebhookSecret(text),
      (error: Error & { code?: string }) =>
        error.code === "WEBHOOK_SECRET" && (text === "" || text === "whsec_" || !error.message.includes(text)),
    );
  }
});
