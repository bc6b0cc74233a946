import { fork, type SendHandle } from "node:child_process";
import { on } from "node:events";
import { createServer, type Server, type Socket } from "node:net";

const ECHO = new URL("../api/handle-echo.js", import.meta.url);

/**
 * More servers on the socket that `server` listens on. libuv accepts one connection of each handle in a round of the
 * event loop, so that one door under attack lets in as many newcomers as there are rounds, and everybody waits in line.
 * A handle is doubled by sending it to another process (SCM_RIGHTS), which sends it back: Node has no dup(), and two
 * sockets that share a port (SO_REUSEPORT) would let a second node take it unnoticed.
 */
export async function twinsOf(
  server: Server,
  options: {
    readonly count: number;
    /** Of the socket they share: the last to listen decides it. */
    readonly backlog: number;
    readonly take: (socket: Socket) => void;
    readonly signal: AbortSignal;
  },
): Promise<Server[]> {
  const { count, backlog, take, signal } = options;
  const child = fork(ECHO, { execArgv: [], env: {}, stdio: "ignore" });
  const twins: Server[] = [];
  try {
    const answers = on(child, "message", { signal, close: ["exit"] });
    // The handle as it is, as node:cluster sends it: a net.Server would accept connections over there, and lose them.
    child.send(count, Reflect.get(server, "_handle") as SendHandle);
    for await (const [, handle] of answers) {
      // As an HTTP server takes them: a client may close its side when it has asked.
      const twin = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, take);
      twin.listen(handle, backlog);
      if (twins.push(twin) === count) break;
    }
    signal.throwIfAborted();
    if (twins.length < count) throw new Error("the process that doubles handles has ended");
    return twins;
  } catch (error) {
    for (const twin of twins) twin.close();
    throw error;
  } finally {
    child.on("error", () => {});
    child.kill();
  }
}
