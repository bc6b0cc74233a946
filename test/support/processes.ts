import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { repositoryRoot } from "./repository.ts";

/** The built program, as users run it. */
export const PROGRAM = join(repositoryRoot(), "dist", "cli", "main.js");

/** A test, or a file of tests, after which all that was started is ended. */
export interface Cleanup {
  after(fn: () => unknown): void;
}

/** A directory that is gone after the test. */
export async function temporaryDirectory(t: Cleanup): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "loginchain-"));
  t.after(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));
  return directory;
}

/**
 * Ports nobody listens on at the moment. Below those the system hands out: one of these could be taken by any outgoing
 * connection before the program under test gets to it.
 */
export async function freePorts(count: number): Promise<number[]> {
  const servers: Server[] = [];
  for (let tries = 0; servers.length < count; tries++) {
    const server = createServer().listen(randomInt(20_000, 32_000), "127.0.0.1");
    try {
      await once(server, "listening");
      servers.push(server);
    } catch (error) {
      if (tries > 100) throw error;
    }
  }
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the program to its end. */
export async function runProgram(
  args: readonly string[],
  options: { readonly env?: Record<string, string>; readonly cwd?: string; readonly timeoutMs?: number } = {},
): Promise<Finished> {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    env: { ...process.env, ...options.env },
    cwd: options.cwd,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: options.timeoutMs ?? 60_000,
  });
  const texts = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (texts.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (texts.stderr += text));
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  return { code, signal, ...texts };
}

/** What a daemon says of itself once it serves. */
interface Ready {
  readonly ready: true;
  readonly web?: string;
  readonly publicWeb?: string;
  readonly port?: number;
}

export interface RunningNode {
  readonly process: ChildProcess;
  /** Base URL of the private REST API. */
  readonly web: string;
  /** Peer-to-peer port. */
  readonly port: number;
  readonly publicWeb: string | undefined;
  /** Lines of both streams so far. */
  readonly lines: readonly string[];
  get(path: string): Promise<unknown>;
  post(path: string, body: unknown): Promise<{ status: number; text: string }>;
  /** SIGTERM, then the end. */
  stop(): Promise<Finished["code"]>;
  /** SIGKILL, then the end. */
  kill(): Promise<void>;
}

/** Starts a daemon with ports of the system's choice and waits until it serves. Killed after the test at the latest. */
export async function startDaemon(
  t: Cleanup,
  flags: readonly string[],
  env: Record<string, string> = {},
): Promise<RunningNode> {
  const child = spawn(
    process.execPath,
    [
      PROGRAM,
      "daemon",
      "--web-interface-port=0",
      "--port=0",
      "--localhost-only",
      "--download-peerlist=false",
      "--color-log=false",
      ...flags,
    ],
    { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe", "ipc"] },
  );
  t.after(() => child.kill("SIGKILL"));
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (stream !== null) createInterface({ input: stream }).on("line", (line) => lines.push(line));
  }
  const exited = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  const ready = await Promise.race([
    once(child, "message").then(([message]) => message as Ready),
    exited.then(([code, signal]) => new Error(`daemon ended: ${code ?? signal}\n${lines.join("\n")}`)),
  ]);
  if (ready instanceof Error) throw ready;
  const web = ready.web ?? "";
  return {
    process: child,
    web,
    port: ready.port ?? 0,
    publicWeb: ready.publicWeb,
    lines,
    async get(path) {
      const response = await fetch(`${web}${path}`);
      if (response.status !== 200) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`);
      return response.json();
    },
    async post(path, body) {
      const headers = { "Content-Type": "application/json" };
      const response = await fetch(`${web}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
      return { status: response.status, text: await response.text() };
    },
    async stop() {
      child.kill("SIGTERM");
      const [code] = await exited;
      return code;
    },
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

/** Asks again until `accept` likes the answer; the last answer or error is in the failure. */
export async function eventually<T>(
  ask: () => Promise<T>,
  accept: (answer: T) => boolean,
  { timeoutMs = 30_000, everyMs = 20 } = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (accept(answer)) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) {
      const shown = last instanceof Error ? last.message : JSON.stringify(last);
      throw new Error(`not within ${timeoutMs} ms; last answer: ${shown}`);
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
