import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { type Cleanup, freePorts, PROGRAM } from "./processes.ts";

/** A running `loginchain up`. */
export interface Up {
  readonly process: ChildProcess;
  readonly output: () => string;
  readonly publisher: string;
  readonly peer: string;
  readonly open: string;
  readonly readyMs: number;
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Starts it on ports that were free a moment ago and waits until it says it is up. Killed after the test at the latest. */
export async function startUp(t: Cleanup, directory: string, ...more: string[]): Promise<Up> {
  const [publisherPort, publisherApi, peerPort, peerApi, publicPort] = await freePorts(5);
  const startedAt = performance.now();
  const child = spawn(
    process.execPath,
    [
      PROGRAM,
      "up",
      "--dir",
      directory,
      `--publisher-port=${publisherPort}`,
      `--publisher-api=${publisherApi}`,
      `--peer-port=${peerPort}`,
      `--peer-api=${peerApi}`,
      `--public-port=${publicPort}`,
      ...more,
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  t.after(() => child.kill("SIGKILL"));
  let output = "";
  const ready = new Promise<void>((resolve, reject) => {
    const take = (text: string): void => {
      output += text;
      if (output.includes("loginchain is up")) resolve();
    };
    child.stdout.setEncoding("utf8").on("data", take);
    child.stderr.setEncoding("utf8").on("data", take);
    child.once("exit", () => reject(new Error(output)));
  });
  await ready;
  const exited = once(child, "exit") as Promise<[number | null]>;
  return {
    process: child,
    output: () => output,
    publisher: `http://127.0.0.1:${publisherApi}`,
    peer: `http://127.0.0.1:${peerApi}`,
    open: `http://127.0.0.1:${publicPort}`,
    readyMs: performance.now() - startedAt,
    async stop(signal = "SIGTERM") {
      child.kill(signal);
      return (await exited)[0];
    },
  };
}

/** A node of it, by the data directory on its command line. */
export async function childPid(up: Pick<Up, "process">, name: "publisher" | "peer"): Promise<number> {
  const data = name === "publisher" ? "login_data" : "login_peer_data";
  const children = (await readFile(`/proc/${up.process.pid}/task/${up.process.pid}/children`, "utf8"))
    .trim()
    .split(" ");
  for (const pid of children) {
    const line = await readFile(`/proc/${pid}/cmdline`, "utf8");
    if (line.includes(`/${data}\0`)) return Number(pid);
  }
  throw new Error(`no ${name} among ${children.join(" ")}`);
}
