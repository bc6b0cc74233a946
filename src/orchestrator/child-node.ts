import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { CoinError } from "../base/errors.ts";

export type OrchestratorErrorCode =
  | "UP_DIRECTORY_BUSY"
  | "UP_FILES_DISAGREE"
  | "UP_GENESIS_FILE"
  | "UP_NODE_FAILED"
  | "UP_NODE_TIMEOUT"
  | "UP_BOOTSTRAP_FAILED";

/** An expected failure of `up`: one line that names the thing and the remedy. */
export class OrchestratorError extends CoinError<OrchestratorErrorCode> {}

export interface ChildNodeOptions {
  /** Shown before each line of its output, e.g. "publisher". */
  readonly name: string;
  /** Program and arguments; never a shell, never a secret. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** How long it may take from exec to ready. */
  readonly readyTimeoutMs: number;
  /** Between SIGTERM and SIGKILL. */
  readonly stopTimeoutMs: number;
  readonly onLine: (name: string, line: string) => void;
}

export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * One node as a child process. It reports readiness over the IPC channel, and takes the channel's end as the
 * order to stop: a parent that dies, however it dies, leaves no orphan.
 */
export class ChildNode {
  readonly #options: ChildNodeOptions;
  #process: ChildProcess | undefined;
  #lastErrorLine = "";
  #exited: Promise<ChildExit> = Promise.resolve({ code: 0, signal: null });

  constructor(options: ChildNodeOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Resolves with how the current process ends. */
  get exited(): Promise<ChildExit> {
    return this.#exited;
  }

  /** Starts the process and waits until it serves. @throws OrchestratorError UP_NODE_FAILED, UP_NODE_TIMEOUT */
  async start(): Promise<void> {
    const { command, env, name, readyTimeoutMs } = this.#options;
    const [program, ...args] = command as [string, ...string[]];
    const child = spawn(program, args, {
      env: { ...env },
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      detached: true, // a Ctrl-C in the terminal is for the parent, which stops its children in order
    });
    this.#process = child;
    this.#lastErrorLine = "";
    const ended = new Promise<ChildExit>((resolve) => {
      child.once("exit", (code, signal) => resolve({ code, signal }));
      child.once("error", (error) => {
        this.#lastErrorLine = error.message;
        resolve({ code: 1, signal: null });
      });
    });
    // Its last words count too. Not the "close" event: it never comes once the IPC channel was closed from here.
    this.#exited = Promise.all([ended, this.#pipeLines(child)]).then(([exit]) => exit);

    let timer: NodeJS.Timeout | undefined;
    const ready = new Promise<"ready">((resolve) => {
      child.on("message", (message) => {
        if ((message as { ready?: boolean } | null)?.ready === true) resolve("ready");
      });
    });
    const timeout = new Promise<"timeout">((resolve) => {
      timer = setTimeout(() => resolve("timeout"), readyTimeoutMs);
    });
    const outcome = await Promise.race([ready, timeout, this.#exited]);
    clearTimeout(timer);
    if (outcome === "ready") return;
    if (outcome === "timeout") {
      await this.stop();
      throw new OrchestratorError("UP_NODE_TIMEOUT", `the ${name} was not ready within ${readyTimeoutMs / 1000} s`);
    }
    throw new OrchestratorError("UP_NODE_FAILED", this.#lastErrorLine || `the ${name} ended: ${exitText(outcome)}`, {
      name,
      ...outcome,
    });
  }

  /** SIGTERM, then SIGKILL; resolves when the process is gone. May be called twice. */
  async stop(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGTERM");
    const force = setTimeout(() => child.kill("SIGKILL"), this.#options.stopTimeoutMs);
    await this.#exited;
    clearTimeout(force);
  }

  /** Lets go of the IPC channel, as this process's own end would. */
  disconnect(): void {
    this.#process?.disconnect();
  }

  /** Resolves when both streams have ended. */
  async #pipeLines(child: ChildProcess): Promise<void> {
    const { name, onLine } = this.#options;
    const pipe = (stream: Readable | null, onEach: (line: string) => void): Promise<unknown> => {
      if (stream === null) return Promise.resolve();
      const lines = createInterface({ input: stream });
      lines.on("line", (line) => {
        onEach(line);
        onLine(name, line);
      });
      return once(lines, "close");
    };
    await Promise.all([
      pipe(child.stdout, () => {}),
      pipe(child.stderr, (line) => {
        if (line.trim() !== "") this.#lastErrorLine = line.replace(/^(Error|loginchain): /, "");
      }),
    ]);
  }
}

/** "exit code 1", "signal SIGKILL". */
export function exitText({ code, signal }: ChildExit): string {
  return signal === null ? `exit code ${code}` : `signal ${signal}`;
}
