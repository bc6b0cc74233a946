import { ClientError } from "./errors.ts";

/** Standard input: a terminal has the two extra members. */
export interface InputStream extends NodeJS.ReadableStream {
  readonly isTTY?: boolean;
  setRawMode?(on: boolean): unknown;
}

const INPUT_BYTES_MAX = 64 * 1024 * 1024;

/** Asks for a password without showing it. @throws ClientError CLIENT_PASSWORD when there is no terminal */
export async function promptPassword(stdin: InputStream, stdout: NodeJS.WritableStream): Promise<string> {
  stdout.write("enter password:");
  if (stdin.isTTY !== true || stdin.setRawMode === undefined) {
    throw new ClientError("CLIENT_PASSWORD", "inappropriate ioctl for device");
  }
  stdin.setRawMode(true);
  try {
    return await readHidden(stdin);
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stdout.write("\n");
  }
}

/** One line typed in raw mode: backspace, Ctrl-U (start over), Ctrl-C (give up), Ctrl-D (end of input). */
function readHidden(stdin: InputStream): Promise<string> {
  return new Promise((resolve, reject) => {
    let typed = "";
    const settle = (finish: () => void): void => {
      stdin.removeListener("data", onData);
      stdin.removeListener("end", onEnd);
      finish();
    };
    const onEnd = (): void => settle(() => reject(new ClientError("CLIENT_PASSWORD", "EOF")));
    const onData = (chunk: Buffer | string): void => {
      for (const key of chunk.toString()) {
        const enough = key === "\r" || key === "\n" || (key === "\u0004" && typed !== "");
        if (enough) settle(() => resolve(typed));
        else if (key === "\u0003") settle(() => reject(new ClientError("CLIENT_PASSWORD", "interrupted")));
        else if (key === "\u0004") onEnd();
        else {
          typed = edited(typed, key);
          continue;
        }
        return;
      }
    };
    stdin.on("data", onData);
    stdin.on("end", onEnd);
    stdin.resume();
  });
}

function edited(typed: string, key: string): string {
  if (key === "\u0015") return "";
  if (key === "\u007f" || key === "\b") return [...typed].slice(0, -1).join("");
  return typed + key;
}

/** Everything on standard input. @throws ClientError CLIENT_INPUT when it does not end */
export async function readAll(stdin: NodeJS.ReadableStream): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of stdin) {
    const bytes = Buffer.from(part as Uint8Array | string);
    size += bytes.length;
    if (size > INPUT_BYTES_MAX) throw new ClientError("CLIENT_INPUT", "standard input is too long");
    parts.push(bytes);
  }
  return Buffer.concat(parts);
}
