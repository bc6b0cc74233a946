import { lookup as systemLookup } from "node:dns/promises";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { isPublicAddress } from "./address-guard.ts";
import { WebhookError } from "./errors.ts";

/** Where messages go. `allowPrivate`: plain http and addresses of this machine or network are fine. */
export interface WebhookTarget {
  readonly url: URL;
  readonly allowPrivate: boolean;
}

/** Addresses of a host name. */
export type Resolve = (host: string) => Promise<readonly string[]>;

export const DELIVERY_LIMITS = {
  /** From the first packet to the end of the answer: a slow receiver must not hold a place in the queue. */
  timeoutMs: 5000,
  /** Of an answer; only its status is of interest. */
  answerBytesMax: 64 * 1024,
} as const;

/**
 * Checks a configured URL by itself: https, no credentials, no fragment; an address written out must be public.
 * @throws WebhookError WEBHOOK_URL, WEBHOOK_ADDRESS_REFUSED
 */
export function parseTarget(text: string, { allowPrivate }: { readonly allowPrivate: boolean }): WebhookTarget {
  // Without the URL: path and query may hold a secret, as may what stands before an @.
  const refuse = (why: string) => new WebhookError("WEBHOOK_URL", `webhook URL: ${why}`);
  if (!URL.canParse(text)) throw refuse("not a URL");
  const url = new URL(text);
  if (url.protocol !== "https:" && !(allowPrivate && url.protocol === "http:")) {
    throw refuse("https is needed (http only with allow_private)");
  }
  if (url.username !== "" || url.password !== "") throw refuse("user and password do not belong into it");
  if (url.hash !== "") throw refuse("a fragment is never sent");
  const target = { url, allowPrivate };
  const host = hostOf(url);
  if (isIP(host) !== 0) checkAddresses(target, [host]);
  return target;
}

/**
 * Posts one message once. The name is resolved once and the connection goes to just that address, so an answer of the
 * name server that changes in between leads nowhere; redirects are not followed. Resolves when the status is 2xx.
 * @throws WebhookError WEBHOOK_ADDRESS_REFUSED, WEBHOOK_UNREACHABLE, WEBHOOK_STATUS, WEBHOOK_TIMEOUT
 */
export async function deliver(
  target: WebhookTarget,
  message: { readonly headers: Readonly<Record<string, string>>; readonly body: string },
  { signal, resolve = resolveBySystem, timeoutMs = DELIVERY_LIMITS.timeoutMs }: DeliverOptions = {},
): Promise<void> {
  const timeout = AbortSignal.timeout(timeoutMs);
  const either = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  try {
    const address = await pinnedAddress(target, resolve, either);
    const status = await post(target.url, address, message, either);
    if (status < 200 || status > 299) {
      throw new WebhookError("WEBHOOK_STATUS", `the receiver answered ${status}`, { status });
    }
  } catch (cause) {
    signal?.throwIfAborted();
    if (timeout.aborted) throw new WebhookError("WEBHOOK_TIMEOUT", `no answer within ${timeoutMs} ms`, {}, { cause });
    if (cause instanceof WebhookError) throw cause;
    const code = (cause as NodeJS.ErrnoException).code ?? (cause as Error).name;
    throw new WebhookError("WEBHOOK_UNREACHABLE", `the receiver cannot be reached: ${code}`, { code }, { cause });
  }
}

export interface DeliverOptions {
  readonly signal?: AbortSignal;
  readonly resolve?: Resolve;
  readonly timeoutMs?: number;
}

async function pinnedAddress(target: WebhookTarget, resolve: Resolve, signal: AbortSignal): Promise<string> {
  const host = hostOf(target.url);
  const addresses = isIP(host) !== 0 ? [host] : await abortable(resolve(host), signal);
  const [first] = addresses;
  if (first === undefined) throw new WebhookError("WEBHOOK_UNREACHABLE", "the receiver's name has no address");
  // All of them: a name that also leads inside is not to be trusted with its other addresses.
  checkAddresses(target, addresses);
  return first;
}

function checkAddresses({ url, allowPrivate }: WebhookTarget, addresses: readonly string[]): void {
  if (allowPrivate) return;
  const inside = addresses.find((address) => !isPublicAddress(address));
  if (inside === undefined) return;
  throw new WebhookError(
    "WEBHOOK_ADDRESS_REFUSED",
    `webhook host ${url.host} is ${inside}, which is not a public address; allow_private permits it`,
    { host: url.host, address: inside },
  );
}

function post(
  url: URL,
  address: string,
  { headers, body }: { readonly headers: Readonly<Record<string, string>>; readonly body: string },
  signal: AbortSignal,
): Promise<number> {
  const pinned: LookupFunction = (_host, options, done) => {
    const family = isIP(address);
    if (options.all === true) done(null, [{ address, family }]);
    else done(null, address, family);
  };
  const send = url.protocol === "https:" ? httpsRequest : httpRequest;
  const bytes = Buffer.from(body);
  const options = {
    method: "POST",
    agent: false as const,
    lookup: pinned,
    signal,
    headers: { ...headers, "content-length": String(bytes.length), "user-agent": "loginchain" },
  };
  return new Promise((resolve, reject) => {
    const request = send(url, options, (response) => {
      const status = response.statusCode ?? 0;
      let size = 0;
      response.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size <= DELIVERY_LIMITS.answerBytesMax) return;
        resolve(status);
        request.destroy();
      });
      response.on("end", () => resolve(status));
      response.on("error", reject);
    });
    request.on("error", reject);
    request.end(bytes);
  });
}

function hostOf(url: URL): string {
  return url.hostname.startsWith("[") ? url.hostname.slice(1, -1) : url.hostname;
}

async function resolveBySystem(host: string): Promise<readonly string[]> {
  return (await systemLookup(host, { all: true })).map(({ address }) => address);
}

/** A name server's answer cannot be called back, but its waiter can leave. */
function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = () => reject(signal.reason);
    if (signal.aborted) return leave();
    signal.addEventListener("abort", leave, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", leave));
  });
}
