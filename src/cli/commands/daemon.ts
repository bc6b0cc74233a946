import { type Command, type CommandContext, UsageError } from "../command.ts";

export const daemon: Command = {
  summary: "one node with the Go daemon's flags (-block-publisher, -port, -data-dir, ...)",
  help: 'One node with the Go daemon\'s flags, one or two dashes. "loginchain daemon -help" lists them.',
  run: runDaemon,
};

/** Runs a node in this process until SIGINT, SIGTERM, or the end of the parent that holds the IPC channel. */
export async function runDaemon(
  argv: readonly string[],
  { env, cwd, stdout, stderr }: CommandContext,
  onReady?: (webAddress: string | undefined) => Promise<void>,
): Promise<number> {
  const { readDaemonCommandLine } = await import("../../config/config.ts");
  const start = await readDaemonCommandLine({ argv, env, cwd });
  if (start.kind === "print") {
    (start.stream === "stdout" ? stdout : stderr).write(start.text);
    return start.exitCode;
  }
  const { Node } = await import("../../node/node.ts");
  const stopping = stopSignal();
  try {
    const node = await Node.start(start.config);
    process.send?.({ ready: true, web: node.webAddress, publicWeb: node.publicAddress, port: node.peerPort });
    try {
      await onReady?.(node.webAddress);
      await stopping;
      return 0;
    } finally {
      await node.stop();
    }
  } finally {
    if (process.connected) process.disconnect(); // an open channel would keep the process alive
  }
}

/**
 * First signal: an orderly stop. A second one ends the process at once.
 * Differs: the reference dies on SIGTERM; here it is the same as SIGINT.
 */
function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    let asked = false;
    const ask = (why: string): void => {
      if (asked) process.exit(130);
      asked = true;
      resolve(why);
    };
    process.on("SIGINT", () => ask("SIGINT"));
    process.on("SIGTERM", () => ask("SIGTERM"));
    // The terminal and the supervisor may both tell us; the loss of the parent is no second order.
    if (process.channel !== undefined) process.on("disconnect", () => (asked ? undefined : ask("parent is gone")));
  });
}

/** Rejects options that a convenience command sets itself. @throws UsageError */
export function refuseFlags(args: readonly string[], names: readonly string[]): void {
  for (const arg of args) {
    const name = /^--?([a-z-]+)/.exec(arg)?.[1];
    if (name !== undefined && names.includes(name))
      throw new UsageError(`--${name} is set by this command: leave it out`);
  }
}
