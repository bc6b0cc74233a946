import { existsSync } from "node:fs";
import { relative, resolve } from "node:path";
import { errorText } from "../../base/errors.ts";
import { plainFetch } from "../../node/plain-fetch.ts";
import { parseRewardAddress } from "../../reward/address.ts";
import { RewardFile } from "../../reward/file.ts";
import { loadClientConfig } from "../client/client-config.ts";
import { ClientError } from "../client/errors.ts";
import { asObject, asString } from "../client/json.ts";
import { NodeApi } from "../client/node-api.ts";
import { type Command, type CommandContext, parseOptions, UsageError } from "../command.ts";

const help = `Usage: loginchain reward [get] [--dir DIR] [--file FILE]
       loginchain reward set ADDRESS [--dir DIR] [--file FILE]

Where the operator of this node wants to be paid: an address, or the account key (xpub, depth 3) of a bip44 wallet.

get   asks the running node and prints what it says
set   has the running node store it, then sees to it that FILE says the same

When no node runs, FILE alone is read or written, and a note says so; "loginchain up" and "loginchain peer" take it from
there. The node is that of RPC_ADDR (with RPC_USER and RPC_PASS), else the peer of DIR; its API set REWARD must be on.

Options:
  --dir DIR     directory of the chain (default ./loginchain-data)
  --file FILE   the local file (default DIR/login_reward.txt)

Exit code: 0 when there is an address, 1 when there is none or it could not be stored, 2 for a command line it does not
understand. The address goes to stdout, everything else to stderr.`;

export const reward: Command = {
  summary: "where the operator of this node wants to be paid",
  help,
  async run(args, context) {
    const { values, positionals } = parseOptions({
      args: [...args],
      options: { dir: { type: "string", default: "loginchain-data" }, file: { type: "string" } },
      allowPositionals: true,
    });
    const [action = "get", ...rest] = positionals;
    if (action === "get" ? rest.length > 0 : action !== "set" || rest.length === 0) {
      throw new UsageError("reward: one of get, set ADDRESS is needed");
    }
    const { chainFiles } = await import("../../orchestrator/chain-files.ts");
    const files = chainFiles(resolve(context.cwd, values.dir));
    const file = new RewardFile(values.file === undefined ? files.reward : resolve(context.cwd, values.file));
    const config = loadClientConfig({
      ...context.env,
      RPC_ADDR: context.env.RPC_ADDR || (await peerUrl(files.peerToml)),
    });
    const place: Place = {
      file,
      shown: shownPath(context.cwd, file.path),
      url: config.rpcAddress,
      api: new NodeApi(
        { ...config, address: config.rpcAddress, username: config.username, password: config.password },
        { fetch: plainFetch },
      ),
    };
    return action === "get" ? get(place, context) : set(rest.join(" "), place, context);
  },
};

interface Place {
  readonly file: RewardFile;
  /** The file's path for people. */
  readonly shown: string;
  readonly url: string;
  readonly api: NodeApi;
}

const PATH = "/control/v1/reward";

async function get({ file, shown, url, api }: Place, { stdout, stderr }: CommandContext): Promise<number> {
  const told = await asked(url, async () => addressIn(await api.get(PATH)));
  const kept = await file.get().catch((error: unknown) => {
    if (told.offline !== undefined) throw error;
    stderr.write(`note: ${errorText(error)}\n`);
    return undefined;
  });
  if (told.offline !== undefined) {
    stderr.write(`note: no node answers at ${url} (${told.offline}); this is what ${shown} says\n`);
  } else if (told.value !== kept?.text) {
    const remedy = told.value === undefined ? "" : `; "loginchain reward set ${told.value}" makes both agree`;
    stderr.write(
      `note: ${shown} says ${kept?.text ?? "nothing"}, the node at ${url} ${told.value ?? "nothing"}${remedy}\n`,
    );
  }
  const address = told.offline === undefined ? told.value : kept?.text;
  if (address === undefined) stderr.write('no reward address is set: "loginchain reward set ADDRESS" does\n');
  else stdout.write(`${address}\n`);
  return address === undefined ? 1 : 0;
}

async function set(
  given: string,
  { file, shown, url, api }: Place,
  { stdout, stderr }: CommandContext,
): Promise<number> {
  const { text } = parseRewardAddress(given);
  const told = await asked(url, async () => addressIn(await api.postJson(PATH, { address: text })));
  if (told.offline === undefined && told.value !== text) {
    throw new ClientError("CLIENT_NODE_ANSWER", `the node at ${url} stored ${told.value ?? "nothing"} instead`);
  }
  // Often the node's own file, and then it says so already. A damaged one is replaced.
  const kept = await file.get().catch(() => undefined);
  if (kept?.text !== text) await file.set(text);
  stdout.write(`${text}\n`);
  stderr.write(
    told.offline === undefined
      ? `stored by the node at ${url}; ${shown} says the same\n`
      : `note: no node answers at ${url} (${told.offline}); stored in ${shown} alone. A node of "loginchain up" or ` +
          `"loginchain peer" takes it from there; for any other do this again while it runs\n`,
  );
  return 0;
}

/** Where nobody listens the file is all there is; any other failure is one. */
async function asked<T>(
  url: string,
  ask: () => Promise<T>,
): Promise<{ readonly offline: string } | { readonly offline?: undefined; readonly value: T }> {
  try {
    return { value: await ask() };
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    const code = systemCode(error);
    if (code !== undefined && OFFLINE.has(code)) return { offline: code };
    const remedy = REMEDIES[Number(error.data.status)];
    throw remedy === undefined ? error : new ClientError(error.code, `${url}: ${errorText(error)}: ${remedy}`);
  }
}

const OFFLINE = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "ENETUNREACH", "EHOSTUNREACH"]);

const REMEDIES: Readonly<Record<number, string>> = {
  401: "set RPC_USER and RPC_PASS",
  403: "is its API set REWARD on?",
  404: "this is not the private listener of a node that keeps a reward address",
};

function systemCode(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    const { code } = at as NodeJS.ErrnoException;
    if (code !== undefined && /^E[A-Z_]+$/.test(code)) return code;
  }
  return undefined;
}

function addressIn(answer: Parameters<typeof asObject>[0]): string | undefined {
  const { address } = asObject(answer, "the answer");
  return address === null || address === undefined ? undefined : asString(address, "address");
}

function shownPath(cwd: string, path: string): string {
  const short = relative(cwd, path);
  return short.startsWith("..") ? path : short;
}

/** The peer's own REST port, as its file says. */
async function peerUrl(toml: string): Promise<string> {
  const { loadFiberConfig } = await import("../../config/fiber-toml.ts");
  const port = existsSync(toml) ? (await loadFiberConfig(toml)).node.web_interface_port : undefined;
  return `http://127.0.0.1:${port ?? 6422}`;
}
