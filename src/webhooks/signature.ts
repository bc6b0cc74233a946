import { createHmac } from "node:crypto";
import { WebhookError } from "./errors.ts";

const PREFIX = "whsec_";
const SECRET_BYTES_MIN = 24;
const SECRET_BYTES_MAX = 64;

/**
 * Key bytes of a secret as Standard Webhooks writes it: `whsec_` and base64 of 24 to 64 bytes.
 * @throws WebhookError WEBHOOK_SECRET; its text never holds the secret
 */
export function parseWebhookSecret(text: string): Uint8Array {
  const body = text.startsWith(PREFIX) ? text.slice(PREFIX.length) : undefined;
  const key = Buffer.from(body ?? "", "base64");
  const isWhole = body !== undefined && key.toString("base64") === body;
  if (!isWhole || key.length < SECRET_BYTES_MIN || key.length > SECRET_BYTES_MAX) {
    throw new WebhookError(
      "WEBHOOK_SECRET",
      `a webhook secret is ${PREFIX} and the base64 form of ${SECRET_BYTES_MIN} to ${SECRET_BYTES_MAX} random bytes`,
    );
  }
  return key;
}

/**
 * Headers of one message (Standard Webhooks 1.0.0): an HMAC-SHA256 over id, time and body for each key, so that a
 * receiver can change its secret without a gap. `seconds`: unix time of this attempt.
 */
export function webhookHeaders(
  message: { readonly id: string; readonly seconds: number; readonly body: string },
  keys: readonly Uint8Array[],
): Record<string, string> {
  const { id, seconds, body } = message;
  const signed = `${id}.${seconds}.${body}`;
  const signatures = keys.map((key) => `v1,${createHmac("sha256", key).update(signed).digest("base64")}`);
  return {
    "content-type": "application/json",
    "webhook-id": id,
    "webhook-timestamp": String(seconds),
    "webhook-signature": signatures.join(" "),
  };
}
