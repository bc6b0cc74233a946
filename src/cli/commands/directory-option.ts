import { UsageError } from "../command.ts";

/** Takes `--dir DIR` and `--fresh` out of a line that otherwise holds daemon flags. @throws UsageError */
export function takeDirectory(args: readonly string[]): {
  readonly directory: string;
  readonly fresh: boolean;
  readonly rest: readonly string[];
} {
  let directory = "loginchain-data";
  let fresh = false;
  const rest: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const word = args[i] as string;
    const match = /^--?dir(?:=(.*))?$/.exec(word);
    if (match !== null) {
      const value = match[1] ?? args[++i];
      if (value === undefined || value === "") throw new UsageError("--dir needs a directory");
      directory = value;
    } else if (/^--?fresh$/.test(word)) {
      fresh = true;
    } else {
      rest.push(word);
    }
  }
  return { directory, fresh, rest };
}
