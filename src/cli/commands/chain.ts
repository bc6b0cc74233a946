import type { Blockchain } from "../../chain/blockchain.ts";
import type { ChainStore } from "../../chain/store.ts";
import type { Progress } from "../../node/chain-transfer.ts";
import { type Command, UsageError } from "../command.ts";

const help = `Usage: loginchain chain import FILE [--unconfirmed FILE] [options]
       loginchain chain export FILE [--unconfirmed FILE] [options]
       loginchain chain verify [options]

Works on the data directory of a node that is not running. The file holds one block per line as JSON, with
"block_hex" and "sig_hex"; export then import is the way to back up and restore, or to move to another machine.
An interrupted import goes on where it stopped. "verify" checks every block, signature and index entry.

Options:
  --unconfirmed FILE   the pool's transactions, one per line
  --data-dir DIR, and every other flag of "loginchain daemon" that names the chain; FIBER_TOML and GENESIS count too`;

export const chain: Command = {
  summary: "import, export or verify the stored chain",
  help,
  async run(args, { env, cwd, stdout, stderr }) {
    const { action, file, unconfirmed, flags } = split(args);
    const { loadDaemonConfig } = await import("../../config/config.ts");
    const { openChain } = await import("../../node/open-chain.ts");
    const transfer = await import("../../node/chain-transfer.ts");
    const { systemClock } = await import("../../node/system-clock.ts");

    // Nothing is dialled: a login chain's loopback peers need no --localhost-only here.
    const config = await loadDaemonConfig({ argv: ["--disable-default-peers", ...flags], env, cwd });
    const opened = await openChain(config, { create: action === "import" });
    const progress = progressLine(stderr as NodeJS.WriteStream, action);
    try {
      const done = await work(opened.chain, opened.store);
      progress.end();
      stdout.write(`${done}\n`);
      return 0;
    } finally {
      progress.end();
      await opened.close();
    }

    async function work(blocks: Blockchain, store: ChainStore): Promise<string> {
      if (action === "verify") {
        const { seq, transactions } = await transfer.verifyChain(blocks, progress.show);
        return `verified ${seq + 1} blocks with ${transactions} transactions: nothing wrong`;
      }
      if (action === "export") {
        const { seq, transactions } = await transfer.exportBlocks(store, file, progress.show);
        const pool = unconfirmed === undefined ? 0 : await transfer.exportUnconfirmed(store, unconfirmed);
        return `exported blocks 0 to ${seq} with ${transactions} transactions${pool > 0 ? ` and ${pool} of the pool` : ""} to ${file}`;
      }
      const { seq, transactions } = await transfer.importBlocks(blocks, file, progress.show);
      const nowNs = BigInt(systemClock.nowMs()) * 1_000_000n;
      const pool = unconfirmed === undefined ? 0 : await transfer.importUnconfirmed(store, unconfirmed, nowNs);
      return `imported ${transactions} transactions, the chain stands at block ${seq}${pool > 0 ? `; ${pool} in the pool` : ""}`;
    }
  },
};

interface Request {
  readonly action: "import" | "export" | "verify";
  readonly file: string;
  readonly unconfirmed: string | undefined;
  readonly flags: readonly string[];
}

/** Takes our own words out of the line and leaves the daemon's flags. @throws UsageError */
function split(args: readonly string[]): Request {
  const [action, ...rest] = args;
  if (action !== "import" && action !== "export" && action !== "verify") {
    throw new UsageError(`chain ${action ?? ""}: one of import FILE, export FILE, verify is needed`.replace("  ", " "));
  }
  const flags: string[] = [];
  let file: string | undefined;
  let unconfirmed: string | undefined;
  for (let i = 0; i < rest.length; i++) {
    const word = rest[i] as string;
    const match = /^--?unconfirmed(?:=(.*))?$/.exec(word);
    if (match !== null) {
      unconfirmed = match[1] ?? rest[++i];
      if (unconfirmed === undefined || unconfirmed === "") throw new UsageError("--unconfirmed needs a file");
    } else if (action !== "verify" && file === undefined && !word.startsWith("-") && !wantsValue(rest[i - 1])) {
      file = word;
    } else {
      flags.push(word);
    }
  }
  if (action !== "verify" && file === undefined) throw new UsageError(`chain ${action} needs a file`);
  return { action, file: file ?? "", unconfirmed, flags };
}

/** `--data-dir X`: X belongs to the flag before it. Only flags with a value are of use here. */
function wantsValue(previous: string | undefined): boolean {
  return (
    previous?.startsWith("-") === true &&
    !previous.includes("=") &&
    !/^--?(localhost-only|db-read-only)$/.test(previous)
  );
}

/** One line on a terminal, rewritten; silent otherwise. */
function progressLine(stream: NodeJS.WriteStream, action: string): { show(p: Progress): void; end(): void } {
  let shown = false;
  const startedAt = performance.now();
  return {
    show({ seq, transactions }) {
      if (stream.isTTY !== true) return;
      shown = true;
      const rate = Math.round(transactions / Math.max(0.001, (performance.now() - startedAt) / 1000));
      stream.write(`\r\u001b[K${action}: block ${seq}, ${transactions} transactions, ${rate} per second`);
    },
    end() {
      if (shown) stream.write("\n");
      shown = false;
    },
  };
}
