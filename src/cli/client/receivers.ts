import { readFile } from "node:fs/promises";
import { decodeGoJson, goList, goString, goStruct } from "../../api/go-json.ts";
import { goTrim } from "../../api/go-text.ts";
import { errorText } from "../../base/errors.ts";
import { parseDroplets } from "../../chain/droplet.ts";
import type { Droplets } from "../../chain/uxout.ts";
import { decodeAddress } from "../../cipher/address.ts";
import { openErrorText } from "../../config/errors.ts";
import { ClientError, refused } from "./errors.ts";

/** Who gets how much, as text and parsed. */
export interface Receiver {
  readonly address: string;
  readonly coins: string;
  readonly droplets: Droplets;
}

/** `[to address] [amount]`. @throws CipherError of the address, ClientError of the amount with `amountPrefix` */
export function receiverOf(args: readonly string[], amountPrefix: string): Receiver {
  const [address, coins] = args;
  if (address === undefined || coins === undefined) {
    throw new ClientError("CLIENT_USAGE", `requires at least 2 arg(s), only received ${args.length}`);
  }
  decodeAddress(address);
  try {
    return { address, coins, droplets: parseDroplets(coins) };
  } catch (error) {
    throw refused(`${amountPrefix}${errorText(error)}`);
  }
}

const SEND_LIST = goList(goStruct("sendAmountJSON", { addr: goString, coins: goString }));

/** The value of `-m`; addresses are checked later, as in the reference. @throws ClientError CLIENT_INPUT */
export function receiversOfJson(text: string): readonly Receiver[] {
  const list = (() => {
    try {
      return decodeGoJson(new TextEncoder().encode(text), SEND_LIST);
    } catch (error) {
      throw refused(`invalid -m flag string, err: ${errorText(error).replaceAll("api.", "cli.")}`);
    }
  })();
  return list.map(({ addr, coins }) => {
    try {
      return { address: addr, coins, droplets: parseDroplets(coins) };
    } catch (error) {
      throw refused(`invalid coins value in -m flag string: ${errorText(error)}`);
    }
  });
}

/** Reads rows `address,amount`. All bad rows are reported, a line each. @throws ClientError CLIENT_INPUT */
export async function receiversOfCsv(given: string, path: string): Promise<readonly Receiver[]> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw refused(openErrorText(given, error));
  }
  const faults: string[] = [];
  const receivers = parseCsv(text).flatMap((row, i): Receiver[] => {
    const [address, coins = ""] = [goTrim(row[0] ?? ""), row[1]];
    try {
      decodeAddress(address);
    } catch (error) {
      faults.push(`[row ${i}] Invalid address ${address}: ${errorText(error)}`);
      return [];
    }
    try {
      return [{ address, coins, droplets: parseDroplets(coins) }];
    } catch (error) {
      faults.push(`[row ${i}] Invalid amount ${coins}: ${errorText(error)}`);
      return [];
    }
  });
  if (faults.length > 0) throw refused(faults.join("\n"));
  return receivers;
}

/** Go's csv reader with its defaults: quoted fields, blank lines skipped, as many fields in each row as in the first. */
function parseCsv(text: string): readonly (readonly string[])[] {
  const rows: (readonly string[])[] = [];
  let rest = text.replaceAll("\r\n", "\n").replace(/\r$/, "");
  for (let line = 1; rest !== ""; ) {
    const { row, length } = readRow(rest, line);
    if (!rest.startsWith("\n")) {
      if (rows[0] !== undefined && rows[0].length !== row.length) {
        throw refused(`record on line ${line}: wrong number of fields`);
      }
      rows.push(row);
    }
    line += rest.slice(0, length).split("\n").length - 1;
    rest = rest.slice(length);
  }
  return rows;
}

/** One row and its length with the line break. */
function readRow(text: string, line: number): { row: readonly string[]; length: number } {
  const row: string[] = [];
  for (let at = 0; ; ) {
    const quoted = /^"((?:[^"]|"")*)"(?=,|\n|$)/.exec(text.slice(at));
    const plain = /^[^,\n]*/.exec(text.slice(at))?.[0] ?? "";
    if (quoted === null && plain.startsWith('"')) {
      const closing = /^"(?:[^"]|"")*/.exec(text.slice(at))?.[0].length ?? 0;
      throw csvFault(text, line, at + closing, 'extraneous or missing " in quoted-field');
    }
    if (quoted === null && plain.includes('"')) {
      throw csvFault(text, line, at + plain.indexOf('"'), 'bare " in non-quoted-field');
    }
    row.push(quoted === null ? plain : (quoted[1] as string).replaceAll('""', '"'));
    at += (quoted?.[0] ?? plain).length;
    if (text[at] !== ",") return { row, length: Math.min(at + 1, text.length) };
    at++;
  }
}

function csvFault(text: string, firstLine: number, at: number, reason: string): ClientError {
  const isAtEnd = at === text.length && text.endsWith("\n"); // where Go still counts in the line that ended
  const before = text.slice(0, isAtEnd ? at - 1 : at).split("\n");
  const line = firstLine + before.length - 1;
  const column = Buffer.byteLength(before.at(-1) as string) + (isAtEnd ? 2 : 1);
  const record = line === firstLine ? "" : `record on line ${firstLine}; `;
  return refused(`${record}parse error on line ${line}, column ${column}: ${reason}`);
}
