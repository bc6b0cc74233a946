import { CoinError } from "../base/errors.ts";

export type WebhookErrorCode =
  | "WEBHOOK_URL"
  | "WEBHOOK_SECRET"
  | "WEBHOOK_CONFIG"
  | "WEBHOOK_ADDRESS_REFUSED"
  | "WEBHOOK_UNREACHABLE"
  | "WEBHOOK_STATUS"
  | "WEBHOOK_TIMEOUT";

/** A webhook cannot be used, or one attempt to deliver a message failed. */
export class WebhookError extends CoinError<WebhookErrorCode> {}
