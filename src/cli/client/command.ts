import { goQuote } from "../../api/go-text.ts";
import type { ClientContext } from "./context.ts";
import { ClientError } from "./errors.ts";
import type { ClientFlagTable, ClientFlagValues } from "./flags.ts";

/** How many arguments a command takes; both undefined: any number. */
export interface ArgumentCount {
  readonly least?: number;
  readonly most?: number;
  /** A word too many is called an unknown command. */
  readonly isCommandGroup?: true;
}

export interface ClientCommand<Table extends ClientFlagTable = ClientFlagTable> {
  readonly name: string;
  /** Arguments as the usage line shows them, e.g. "[wallet] [amount]". */
  readonly arguments?: string;
  readonly summary: string;
  readonly description?: string;
  readonly flags: Table;
  readonly count: ArgumentCount;
  run(call: CommandCall<Table>): Promise<void>;
}

/** What a command gets: its arguments, and the only ways it may touch the world. */
export interface CommandCall<Table extends ClientFlagTable = ClientFlagTable> {
  readonly args: readonly string[];
  readonly flags: ClientFlagValues<Table>;
  readonly given: ReadonlySet<string>;
  readonly context: ClientContext;
}

/** Keeps the flag types of one command; the table of all commands needs only the common shape. */
export function defineCommand<const Table extends ClientFlagTable>(command: ClientCommand<Table>): ClientCommand {
  return command as unknown as ClientCommand;
}

/** @throws ClientError CLIENT_USAGE with cobra's texts */
export function checkCount(count: ArgumentCount, args: readonly string[], path: string): void {
  const { least = 0, most = Number.POSITIVE_INFINITY } = count;
  const n = args.length;
  if (n >= least && n <= most) return;
  const usage = (message: string): ClientError => new ClientError("CLIENT_USAGE", message);
  if (count.isCommandGroup) throw usage(`unknown command ${goQuote(args[0] as string)} for ${goQuote(path)}`);
  if (least === 0) throw usage(`accepts at most ${most} arg(s), received ${n}`);
  if (least === most) throw usage(`accepts ${least} arg(s), received ${n}`);
  if (most === Number.POSITIVE_INFINITY) throw usage(`requires at least ${least} arg(s), only received ${n}`);
  throw usage(`accepts between ${least} and ${most} arg(s), received ${n}`);
}

export const exactly = (n: number): ArgumentCount => ({ least: n, most: n });
export const atLeast = (n: number): ArgumentCount => ({ least: n });
export const atMost = (n: number): ArgumentCount => ({ most: n });
export const none: ArgumentCount = { most: 0, isCommandGroup: true };
export const any: ArgumentCount = {};
