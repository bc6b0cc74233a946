import { constants } from "node:fs";
import { access, stat, statfs } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname } from "node:path";
import type { Clock } from "../base/clock.ts";
import { errorText } from "../base/errors.ts";
import { silentLogger } from "../base/log.ts";
import type { ChainParams } from "../chain/params.ts";
import type { Head } from "../chain/store.ts";
import type { DaemonConfig } from "../config/daemon-config.ts";
import { endpointText } from "../p2p/address.ts";
import { TcpTransport } from "../p2p/tcp.ts";
import type { Transport } from "../p2p/transport.ts";
import { StoreError } from "../storage/errors.ts";
import { askPeer, peersToAsk } from "./doctor-peers.ts";
import { Evidence } from "./evidence.ts";
import { openChain } from "./open-chain.ts";
import { systemClock } from "./system-clock.ts";

/** What one check says. `remedy` is what to do about it, where anything is to be done. */
export interface Finding {
  readonly check: string;
  readonly level: "ok" | "warn" | "fail";
  readonly text: string;
  readonly remedy?: string;
}

export interface DoctorDeps {
  readonly clock: Clock;
  readonly transport: Pick<Transport, "dial">;
  /** A web request; rejects when nobody answers. */
  readonly fetch: (url: string, options: { readonly signal: AbortSignal }) => Promise<Response>;
  /** Files with secrets that are named outside of the configuration. */
  readonly secretFiles: readonly string[];
  /** Most files the process may have open; undefined: no limit, or unknown. */
  readonly openFilesMax: number | undefined;
}

/** This machine. */
export function systemDoctorDeps({ secretFiles }: Pick<DoctorDeps, "secretFiles">): DoctorDeps {
  const { userLimits } = process.report.getReport() as unknown as {
    userLimits?: { open_files?: { soft: number | "unlimited" } };
  };
  const soft = userLimits?.open_files?.soft;
  return {
    clock: systemClock,
    transport: new TcpTransport({ socketsMax: 1 }, { log: silentLogger }),
    fetch,
    secretFiles,
    openFilesMax: typeof soft === "number" ? soft : undefined,
  };
}

const GIB = 1024 ** 3;
const DISK_WARN_BYTES = 2 * GIB;
const DISK_FAIL_BYTES = GIB / 4;
/** The sockets of all listeners and the files of the database. */
const OPEN_FILES_MIN = 16_384;
const AHEAD_SECONDS_MAX = 60;
const ANSWER_MS = 5_000;

/** Looks at everything a node needs and goes on after what is wrong. Changes nothing, but that LevelDB tidies its files. */
export async function* diagnose(config: DaemonConfig, deps: DoctorDeps): AsyncGenerator<Finding> {
  for (const text of config.warnings) yield { check: "configuration", level: "warn", text };
  if (config.warnings.length === 0) yield ok("configuration", `chain of ${config.params.coin}, nothing doubtful`);
  yield* directories(config);
  yield* secrets(config, deps.secretFiles);
  yield* disk(config);
  yield openFiles(deps.openFilesMax);
  const { isRunning, head, findings } = await database(config);
  yield* findings;
  yield clock(config.params, head, deps.clock);
  yield* publisher(config);
  if (isRunning) yield await running(config, deps);
  else yield* ports(config);
  yield* peers(config, deps);
}

function ok(check: string, text: string): Finding {
  return { check, level: "ok", text };
}

async function* directories({ paths, databaseReadOnly }: DaemonConfig): AsyncGenerator<Finding> {
  const check = "data directory";
  const { dataDirectory } = paths;
  let existing = dataDirectory;
  for (;;) {
    const found = await stat(existing).catch((error: NodeJS.ErrnoException) => error);
    if (!(found instanceof Error)) {
      if (found.isDirectory()) break;
      const remedy = "Move the file away, or choose another place with -data-dir.";
      yield { check, level: "fail", text: `${existing} is no directory`, remedy };
      return;
    }
    if (found.code !== "ENOENT" || dirname(existing) === existing) {
      const remedy = "Let the user of the node read it, or choose another place with -data-dir.";
      yield { check, level: "fail", text: `${existing}: ${found.message}`, remedy };
      return;
    }
    existing = dirname(existing);
  }
  const wanted = databaseReadOnly ? constants.R_OK : constants.R_OK | constants.W_OK | constants.X_OK;
  const refused = await access(existing, wanted).then(
    () => undefined,
    (error: unknown) => errorText(error),
  );
  if (refused !== undefined) {
    const remedy = `Give ${existing} to the user that runs the node (chown), mode 0700.`;
    yield { check, level: "fail", text: refused, remedy };
  } else if (existing === dataDirectory) yield ok(check, `${dataDirectory} can be written`);
  else yield ok(check, `${dataDirectory} is not there yet and can be made`);
}

/** Keys, seeds and tokens are for the owner alone. */
async function* secrets({ paths, login }: DaemonConfig, files: readonly string[]): AsyncGenerator<Finding> {
  const open: string[] = [];
  const named = [...files, login.stockFile, login.clientsFile].filter((path) => path !== "");
  for (const path of [...named, paths.dataDirectory, paths.wallets, paths.login, paths.key]) {
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined && (found.mode & 0o077) !== 0) open.push(path);
  }
  if (open.length === 0 || process.platform === "win32") return;
  const remedy = `chmod go= ${open.join(" ")}`;
  yield {
    check: "permissions",
    level: "warn",
    text: `others on this machine may look into ${open.join(", ")}`,
    remedy,
  };
}

async function* disk({ paths }: DaemonConfig): AsyncGenerator<Finding> {
  for (let at = paths.database; ; at = dirname(at)) {
    const found = await statfs(at).catch(() => undefined);
    if (found === undefined && dirname(at) !== at) continue;
    if (found === undefined) return;
    const free = found.bavail * found.bsize;
    const text = `${(free / GIB).toFixed(1)} GiB are free at ${at}`;
    const level = free < DISK_FAIL_BYTES ? "fail" : free < DISK_WARN_BYTES ? "warn" : "ok";
    const remedy = "Make room, or move the database with -db-path; a node without disk keeps no block.";
    yield { check: "disk", level, text, ...(level !== "ok" && { remedy }) };
    return;
  }
}

function openFiles(max: number | undefined): Finding {
  const check = "open files";
  if (max === undefined || max >= OPEN_FILES_MIN) return ok(check, max === undefined ? "no limit" : `up to ${max}`);
  const text = `only ${max} are allowed, connections at their limits need ${OPEN_FILES_MIN}`;
  return { check, level: "warn", text, remedy: `ulimit -n ${OPEN_FILES_MIN}, or LimitNOFILE= of a systemd unit.` };
}

interface DatabaseState {
  readonly isRunning: boolean;
  readonly head: Head | undefined;
  readonly findings: readonly Finding[];
}

const REMEDIES: Readonly<Record<string, string>> = {
  STORE_DAMAGED:
    "Restore a backup, or on a peer start once with -reset-corrupt-db: the chain is then downloaded anew. docs/storage.md says more.",
  STORE_FOREIGN: "Choose another -data-dir, or the FIBER_TOML of the chain that lies there.",
  STORE_OLDER: "An earlier version has written it: export its blocks with that one, then import them here.",
  STORE_NEWER: "A later version has written it: use that one, or another -data-dir.",
};

/** Opens it as a node does, which holds the unspent set against the head. */
async function database(config: DaemonConfig): Promise<DatabaseState> {
  const check = "database";
  const state = (finding: Finding, more: Partial<DatabaseState> = {}): DatabaseState => ({
    ...{ isRunning: false, head: undefined },
    ...more,
    findings: [finding],
  });
  const isThere = await stat(config.paths.database).then(
    () => true,
    () => false,
  );
  if (!isThere) return state(ok(check, "none yet, a start makes it"));
  try {
    const opened = await openChain(config, { create: false });
    try {
      const head = opened.chain.head();
      const whole = ok(check, `block ${head.seq} is the head, unspent outputs and head agree`);
      const { name, detail } = opened.backend;
      const cipher: Finding =
        opened.backend.kind === "noble"
          ? { check: "cipher", level: "warn", text: `${name}: ${detail}`, remedy: "Install again with a compiler." }
          : ok("cipher", `${name}: ${detail}`);
      return { isRunning: false, head, findings: [whole, cipher] };
    } finally {
      await opened.close();
    }
  } catch (error) {
    const code = error instanceof StoreError ? error.code : "";
    if (code === "STORE_LOCKED") return state(ok(check, "in use: a node runs on it"), { isRunning: true });
    const remedy = REMEDIES[code] ?? "Look at the permissions of the directory, and at the disk.";
    return state({ check, level: "fail", text: errorText(error), remedy });
  }
}

function clock({ genesis }: ChainParams, head: Head | undefined, now: Clock): Finding {
  const check = "clock";
  const seconds = Math.floor(now.nowMs() / 1000);
  const ahead = Math.max(genesis.time, head?.time ?? 0) - seconds;
  const shown = new Date(seconds * 1000).toISOString();
  if (ahead <= AHEAD_SECONDS_MAX) return ok(check, shown);
  const text = `${shown} is ${ahead} s before the time of the newest block here`;
  return { check, level: "fail", text, remedy: "Set the clock and keep it set (NTP)." };
}

/** The configuration has held the key against the chain's already. */
async function* publisher({ blockPublisher, paths }: DaemonConfig): AsyncGenerator<Finding> {
  const check = "publisher";
  if (!blockPublisher) return;
  yield ok(check, "the secret key is the chain's");
  const evidence = await new Evidence(paths.evidence).open().catch(() => []);
  if (evidence.length === 0) return;
  const text = `the key has signed two blocks of one height: ${evidence.length} proof(s) in ${paths.evidence}`;
  yield { check, level: "warn", text, remedy: "Decide which head stands: docs/operating.md, publisher safety." };
}

/** A node that runs knows best itself. */
async function running({ web }: DaemonConfig, deps: DoctorDeps): Promise<Finding> {
  const check = "running node";
  if (!web.enabled || web.port === 0 || web.https) return ok(check, "its API cannot be asked with these flags");
  const url = `http://${endpointText({ ip: reachableIp(web.address), port: web.port })}/readyz`;
  try {
    const response = await deps.fetch(url, { signal: AbortSignal.timeout(ANSWER_MS) });
    const { reasons = [] } = (await response.json()) as { reasons?: string[] };
    if (response.ok) return ok(check, "ready");
    return { check, level: "fail", text: `not ready: ${reasons.join("; ")}`, remedy: "See its log." };
  } catch (error) {
    const text = `it does not answer at ${url}: ${errorText(error)}`;
    return { check, level: "fail", text, remedy: "Give this command the node's own flags; else look at its log." };
  }
}

/** Where this machine reaches what listens on `address`. */
function reachableIp(address: string): string {
  if (address === "" || address === "0.0.0.0") return "127.0.0.1";
  return address === "::" ? "::1" : address;
}

/** Whether each listener could be had, by having it for a moment. */
async function* ports({ network, web, profiling }: DaemonConfig): AsyncGenerator<Finding> {
  const wanted: [flag: string, host: string, port: number][] = [];
  if (network.enabled && network.incoming) {
    const host = network.address === "" && network.localhostOnly ? "127.0.0.1" : network.address;
    wanted.push(["-port", host, network.port]);
  }
  if (network.webSocketListen !== undefined) {
    wanted.push(["-ws-listen", network.webSocketListen.ip, network.webSocketListen.port]);
  }
  if (web.enabled) wanted.push(["-web-interface-port", web.address, web.port]);
  if (web.publicListener !== undefined) {
    wanted.push(["-public-addr", web.publicListener.address, web.publicListener.port]);
  }
  if (profiling !== undefined) wanted.push(["-http-prof-host", profiling.address, profiling.port]);
  for (const [flag, host, port] of wanted) {
    const check = "port";
    const where = `${host || "*"}:${port}`;
    const error = await tryListen(host, port);
    if (error === undefined) yield ok(check, `${where} is free (${flag})`);
    else {
      const remedy = `Stop the program that has it, or choose another with ${flag}.`;
      yield { check, level: "fail", text: `${where} cannot be had: ${error}`, remedy };
    }
  }
}

function tryListen(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ port, ...(host !== "" && { host }) }, () => server.close(() => resolve(undefined)));
  });
}

async function* peers(config: DaemonConfig, deps: DoctorDeps): AsyncGenerator<Finding> {
  const check = "peers";
  const { network, paths } = config;
  if (!network.enabled || !network.outgoing) {
    yield ok(check, "none are dialled with these flags");
    return;
  }
  let known: string[];
  try {
    known = await peersToAsk(config);
  } catch (error) {
    const remedy = "Delete it: the list is gathered anew.";
    yield { check, level: "fail", text: `${paths.peersFile}: ${errorText(error)}`, remedy };
    return;
  }
  const answers = await Promise.all(
    known.map(async (address) => ({ address, ...(await askPeer(address, config, deps)) })),
  );
  for (const { address, problem } of answers) {
    if (problem === undefined) yield ok(check, `${address} is a node of this chain`);
    else yield { check, level: "warn", text: `${address}: ${problem}` };
  }
  for (const url of network.webSocketUrls) yield ok(check, `${url} is dialled by WebSocket, and not asked here`);
  if (network.webSocketUrls.length > 0 || answers.some(({ problem }) => problem === undefined)) return;
  const isToCome = known.length === 0 && network.peerListUrl !== undefined;
  // A publisher may be the first of its chain.
  const level = config.blockPublisher || isToCome ? "warn" : "fail";
  const none = known.length === 0 ? "no address is known" : "none of them can be reached";
  const text = isToCome ? `${none} yet: the list of ${network.peerListUrl} is downloaded at the start` : none;
  const remedy =
    "Name peers that run (default_connections of FIBER_TOML, or -custom-peers-file), and let their port through firewalls.";
  yield { check, level, text, remedy };
}
