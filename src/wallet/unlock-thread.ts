import { Worker } from "node:worker_threads";
import { WalletError, WalletFault } from "./errors.ts";
import type { CryptoType } from "./meta.ts";
import type { SecretBox } from "./secret-box.ts";
import type { UnlockAnswer, UnlockJob } from "./unlock-worker.ts";

export interface UnlockThreadOptions {
  /** Jobs that may wait before a further one is refused. At some seconds each, 16 are a minute. */
  readonly waitingMax?: number;
  /** Idle time after which the thread ends and its memory is given back. */
  readonly idleMs?: number;
  /** The thread's program; tests put a failing one here. */
  readonly program?: URL;
}

interface Call {
  readonly job: UnlockJob;
  readonly resolve: (answer: UnlockAnswer) => void;
  readonly reject: (reason: unknown) => void;
}

const PROGRAM = new URL("../wallet/unlock-worker.js", import.meta.url);

/**
 * `SecretBox` in one worker thread, one job at a time: a job takes a gigabyte, and the event loop must go on. The
 * thread starts with the first job and ends when idle; while idle it does not keep the process alive.
 */
export class UnlockThread implements SecretBox {
  readonly #options: Required<UnlockThreadOptions>;
  readonly #waiting: Call[] = [];
  #worker: Worker | undefined;
  #current: Call | undefined;
  #idle: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(options: UnlockThreadOptions = {}) {
    this.#options = { waitingMax: 16, idleMs: 10_000, program: PROGRAM, ...options };
  }

  /** @throws WalletFault WALLET_BUSY, WALLET_CLOSED, WALLET_SEALED_INVALID when the thread fails */
  async seal(type: CryptoType, plain: Uint8Array, password: Uint8Array): Promise<string> {
    const answer = await this.#run({ kind: "seal", type, plain: copyOf(plain), password: copyOf(password) });
    if (answer.ok && "sealed" in answer) return answer.sealed;
    throw new WalletFault("WALLET_SEALED_INVALID", "wallet could not be encrypted");
  }

  /** @throws WalletError WALLET_PASSWORD_INVALID; WalletFault WALLET_BUSY, WALLET_CLOSED */
  async open(type: CryptoType, sealed: string, password: Uint8Array): Promise<Uint8Array> {
    const answer = await this.#run({ kind: "open", type, sealed, password: copyOf(password) });
    if (answer.ok && "plain" in answer) return answer.plain;
    throw new WalletError("WALLET_PASSWORD_INVALID");
  }

  /** Ends the thread at once; calls still open reject with WALLET_CLOSED. May be called again. */
  async close(): Promise<void> {
    this.#closed = true;
    const calls = [...(this.#current === undefined ? [] : [this.#current]), ...this.#waiting.splice(0)];
    this.#current = undefined;
    for (const call of calls) call.reject(closed());
    await this.#end();
  }

  #run(job: UnlockJob): Promise<UnlockAnswer> {
    if (this.#closed) return Promise.reject(closed());
    if (this.#waiting.length >= this.#options.waitingMax) {
      return Promise.reject(new WalletFault("WALLET_BUSY", "too many wallets wait to be unlocked"));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ job, resolve, reject });
      this.#next();
    });
  }

  #next(): void {
    if (this.#current !== undefined) return;
    const call = this.#waiting.shift();
    if (call === undefined) {
      this.#idle = setTimeout(() => void this.#end(), this.#options.idleMs).unref();
      this.#worker?.unref();
      return;
    }
    clearTimeout(this.#idle);
    this.#current = call;
    this.#worker ??= this.#start();
    this.#worker.ref();
    // The password's buffer is handed over, so no second copy stays here.
    this.#worker.postMessage(call.job, [call.job.password.buffer as ArrayBuffer]);
  }

  #start(): Worker {
    const worker = new Worker(this.#options.program, { name: "wallet-unlock" });
    worker.on("message", (answer: UnlockAnswer) => this.#answered(worker, answer));
    worker.on("error", () => {}); // told by exit; the error may quote what it worked on
    worker.on("exit", () => this.#lost(worker));
    return worker;
  }

  #answered(worker: Worker, answer: UnlockAnswer): void {
    if (worker !== this.#worker) return;
    const call = this.#current;
    this.#current = undefined;
    call?.resolve(answer);
    this.#next();
  }

  /** A thread that died (out of memory, most likely) fails its job only. */
  #lost(worker: Worker): void {
    if (worker !== this.#worker) return;
    this.#worker = undefined;
    const call = this.#current;
    this.#current = undefined;
    call?.reject(new WalletFault("WALLET_SEALED_INVALID", "the thread that encrypts wallets failed"));
    if (!this.#closed) this.#next();
  }

  async #end(): Promise<void> {
    clearTimeout(this.#idle);
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }
}

/** Memory of its own: a Buffer's `slice` would share its pool, which must not be handed over. */
function copyOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

function closed(): WalletFault {
  return new WalletFault("WALLET_CLOSED", "the wallet service has stopped");
}
