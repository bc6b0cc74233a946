import type { Clock } from "../base/clock.ts";
import { errorText } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { WireError } from "./errors.ts";

export interface DownloadDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** Default: the platform's. */
  readonly fetch?: typeof fetch;
}

const BYTES_MAX = 256 * 1024;
const ATTEMPT_MS = 15_000;
const GIVE_UP_MS = 15 * 60_000;
const WAIT_FIRST_MS = 500;
const WAIT_FACTOR = 1.5;
const WAIT_MAX_MS = 60_000;

/**
 * A list of peers from the web, one `ip:port` a line; tried again and again for a quarter of an hour. The reference has
 * no limit of size or time and does not look at the status (W17).
 * @returns what `Network` wants as `downloadPeers`; it rejects with WireError P2P_PEERS_DOWNLOAD, or the signal's reason
 */
export function peersDownload(url: string, deps: DownloadDeps): (signal: AbortSignal) => Promise<string> {
  return async (signal) => {
    const giveUpAtMs = deps.clock.monotonicMs() + GIVE_UP_MS;
    for (let waitMs = WAIT_FIRST_MS; ; waitMs = Math.min(WAIT_MAX_MS, waitMs * WAIT_FACTOR)) {
      try {
        return await attempt(url, signal, deps);
      } catch (error) {
        signal.throwIfAborted();
        if (deps.clock.monotonicMs() + waitMs >= giveUpAtMs) throw error;
        deps.log.debug({ error: errorText(error), waitMs }, "peer list not downloaded yet");
      }
      await pause(waitMs, signal, deps.clock);
    }
  };
}

async function attempt(url: string, signal: AbortSignal, { clock, fetch: get = fetch }: DownloadDeps): Promise<string> {
  const late = new AbortController();
  const cancel = clock.after(ATTEMPT_MS, () => late.abort(new Error("no answer in time")));
  try {
    const response = await get(url, { signal: AbortSignal.any([signal, late.signal]) });
    if (response.status !== 200) throw failure(`status ${response.status}`);
    return await readLimited(response);
  } finally {
    cancel();
  }
}

async function readLimited(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += (chunk as Uint8Array).length;
    if (bytes > BYTES_MAX) throw failure("too long");
    text += decoder.decode(chunk as Uint8Array, { stream: true });
  }
  return text + decoder.decode();
}

function pause(ms: number, signal: AbortSignal, clock: Clock): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      cancel();
      reject(signal.reason);
    };
    const cancel = clock.after(ms, () => {
      signal.removeEventListener("abort", stop);
      resolve();
    });
    signal.addEventListener("abort", stop, { once: true });
  });
}

function failure(why: string): WireError {
  return new WireError("P2P_PEERS_DOWNLOAD", `the peer list could not be downloaded: ${why}`);
}
