import type { Command } from "../command.ts";

export const cli: Command = {
  summary: "the Go-compatible command-line client (addressGen, createRawTransaction, status, ...)",
  help: 'The Go-compatible command-line client. Run "loginchain cli" for its commands. The node is named by RPC_ADDR.',
  async run(args, { env, stdout, stderr }) {
    const { runClient } = await import("../client/client.ts");
    const { plainFetch } = await import("../../node/plain-fetch.ts");
    return runClient({ argv: [...args], env, stdout, stderr, stdin: process.stdin, fetch: plainFetch });
  },
};
