import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type Profiler, type Runtime, Session } from "node:inspector";
import type { AddressInfo } from "node:net";
import { parentPort, workerData } from "node:worker_threads";
import { errorText } from "../base/errors.ts";
import { activityProfile, countEach, cpuProfile, heapProfile, type SampledHeap } from "./pprof.ts";
import { type ProfilingOrder, VITALS } from "./profiling.ts";

const SECONDS_DEFAULT = 30;
const SECONDS_MAX = 60;
const CPU_INTERVAL_US = 1_000;
const HEAP_INTERVAL_BYTES = 512 * 1024;
const BUSY_MS = 1_000;
const CONNECTIONS_MAX = 16;

const INDEX = `/debug/pprof/profile?seconds=30   where processor time goes, up to 60 s; go tool pprof reads it
/debug/pprof/heap                 what is allocated and alive, by place of allocation, sampled since the start
/debug/pprof/goroutine            what keeps the event loop going; with ?debug=1 as text
/debug/pprof/cmdline              the command line, without values of secrets' flags
/debug/vars                       memory, and how long the main thread has been silent
/debug/heapsnapshot               everything on the heap, for the browser's developer tools; stops the node for seconds,
                                  and holds what the node keeps in memory, keys included
`;

/** An answer that is no profile. */
class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const { address, port, argv, vitals: shared } = workerData as ProfilingOrder;
const vitals = new Float64Array(shared);
const session = new Session();
session.connectToMainThread();
let profiling = false;
let isSnapshotTaken = false;

/** Asks the inspector of the main thread. V8 answers between two instructions, so also while it is busy. */
function ask<T>(method: string, params: object = {}): Promise<T> {
  return new Promise((resolve, reject) => {
    session.post(method, params, (error, result) => (error === null ? resolve(result as T) : reject(error)));
  });
}

/** A thread that is stuck outside of JavaScript, in a system call say, does not answer even V8. */
async function soon<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const refusal = new Refusal(503, "the main thread does not answer");
    timer = setTimeout(() => reject(refusal), BUSY_MS);
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}

async function profile(url: URL, response: ServerResponse): Promise<Buffer> {
  const seconds = Number(url.searchParams.get("seconds") ?? SECONDS_DEFAULT);
  if (!(seconds > 0 && seconds <= SECONDS_MAX))
    throw new Refusal(400, `seconds must be above 0 and ${SECONDS_MAX} at most`);
  if (profiling) throw new Refusal(503, "a profile is being taken: one at a time");
  profiling = true;
  try {
    const atMs = Date.now();
    await ask("Profiler.setSamplingInterval", { interval: CPU_INTERVAL_US });
    await ask("Profiler.start");
    const gone = once(response, "close");
    await Promise.race([new Promise((done) => setTimeout(done, seconds * 1000)), gone]);
    const taken = await ask<{ profile: Profiler.Profile }>("Profiler.stop");
    return cpuProfile(taken.profile, { atMs });
  } finally {
    profiling = false;
  }
}

async function heap(): Promise<Buffer> {
  const taken = await soon(ask<{ profile: SampledHeap }>("HeapProfiler.getSamplingProfile"));
  return heapProfile(taken.profile, { atMs: Date.now(), intervalBytes: HEAP_INTERVAL_BYTES });
}

async function activity(): Promise<string[]> {
  const expression = "process.getActiveResourcesInfo()";
  const asked = ask<Runtime.EvaluateReturnType>("Runtime.evaluate", { expression, returnByValue: true });
  return (await soon(asked)).result.value as string[];
}

function vars(): string {
  const values = Object.fromEntries(VITALS.map((name, i) => [name, vitals[i]]));
  const silent = Math.max(0, Date.now() - (values.beat_ms ?? 0));
  return `${JSON.stringify({ ...values, main_thread_silent_ms: silent }, undefined, 1)}\n`;
}

/** Values of flags that hold secrets are not shown. */
function commandLine(): string {
  return argv.map((word) => word.replace(/^(--?[a-z-]*(?:secret|password)[a-z-]*=).*/, "$1...")).join("\0");
}

async function snapshot(response: ServerResponse): Promise<void> {
  if (isSnapshotTaken) throw new Refusal(503, "a snapshot is being taken: one at a time");
  isSnapshotTaken = true;
  response.writeHead(200, {
    "content-type": "application/json",
    "content-disposition": 'attachment; filename="node.heapsnapshot"',
  });
  const chunk = ({ params }: { params: { chunk: string } }): void => void response.write(params.chunk);
  session.on("HeapProfiler.addHeapSnapshotChunk", chunk);
  try {
    await ask("HeapProfiler.takeHeapSnapshot");
  } finally {
    isSnapshotTaken = false;
    session.off("HeapProfiler.addHeapSnapshotChunk", chunk);
    response.end();
  }
}

/** Pages that rebind a name of theirs to this machine are kept out, as by the REST API. */
function isOurName(host: string | undefined): boolean {
  const name = (host ?? "").replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  return name === address || /^(localhost|127(\.\d+){3}|::1)$/.test(name);
}

/** Asked by a page of somebody else: it could not read the answer, but it could have the node stopped for one. */
function isOfAnotherPage({ headers }: IncomingMessage): boolean {
  const site = headers["sec-fetch-site"];
  return headers.origin !== undefined || (site !== undefined && site !== "none" && site !== "same-origin");
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (!isOurName(request.headers.host)) throw new Refusal(403, "this host name is not the listener's");
  if (isOfAnotherPage(request)) throw new Refusal(403, "not for pages of others");
  if (request.method !== "GET" && request.method !== "HEAD") throw new Refusal(405, "GET only");
  const url = new URL(request.url ?? "/", "http://localhost");
  const text = (body: string): void =>
    void response.writeHead(200, { "content-type": "text/plain; charset=utf-8" }).end(body);
  const bytes = (name: string, body: Buffer): void => {
    const disposition = `attachment; filename="${name}"`;
    response
      .writeHead(200, { "content-type": "application/octet-stream", "content-disposition": disposition })
      .end(body);
  };
  switch (url.pathname) {
    case "/debug/pprof/":
      return text(INDEX);
    case "/debug/pprof/profile":
      return bytes("profile", await profile(url, response));
    case "/debug/pprof/heap":
      return bytes("heap", await heap());
    case "/debug/pprof/goroutine": {
      const kinds = await activity();
      if (!url.searchParams.has("debug")) return bytes("goroutine", activityProfile(kinds, { atMs: Date.now() }));
      return text([...countEach(kinds)].map(([kind, count]) => `${count} ${kind}\n`).join(""));
    }
    case "/debug/pprof/cmdline":
      return text(commandLine());
    case "/debug/vars":
      return void response.writeHead(200, { "content-type": "application/json" }).end(vars());
    case "/debug/heapsnapshot":
      return snapshot(response);
    default:
      throw new Refusal(404, "/debug/pprof/ lists what there is");
  }
}

const server = createServer({ headersTimeout: 5_000, requestTimeout: 10_000 }, (request, response) => {
  serve(request, response).catch((error: unknown) => {
    if (response.headersSent) return void response.destroy();
    const status = error instanceof Refusal ? error.status : 500;
    response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(`${errorText(error)}\n`);
  });
});
server.maxConnections = CONNECTIONS_MAX;
server.listen(port, address);
await once(server, "listening");
await ask("Profiler.enable");
await ask("HeapProfiler.enable");
await ask("HeapProfiler.startSampling", { samplingInterval: HEAP_INTERVAL_BYTES });
parentPort?.postMessage({ port: (server.address() as AddressInfo).port });
