import { silentLogger } from "../../src/base/log.ts";
import { LIMITS } from "../../src/p2p/limits.ts";
import { type WebSocketOptions, WebSocketTransport } from "../../src/p2p/websocket.ts";

/** WebSockets as a node has them by default, in localhost-only mode. */
export function webSockets(changes: Partial<WebSocketOptions> = {}): WebSocketTransport {
  return new WebSocketTransport(
    {
      limits: LIMITS,
      messageBytesMax: 1_048_580,
      localhostOnly: true,
      hosts: [],
      origins: [],
      trustedProxies: [],
      ...changes,
    },
    { log: silentLogger },
  );
}
