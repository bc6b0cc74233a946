import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { loadOrCreateCertificate } from "../api/certificate-files.ts";
import { PUBLIC_HTTP_LIMITS } from "../api/http-limits.ts";
import { ApiListener } from "../api/listener.ts";
import type { NodeMetrics } from "../api/node-metrics.ts";
import type { ApiOptions } from "../api/options.ts";
import { buildServer } from "../api/server.ts";
import type { ApiServices } from "../api/services.ts";
import type { Clock } from "../base/clock.ts";
import { CoinError, errorText } from "../base/errors.ts";
import type { DaemonConfig } from "../config/daemon-config.ts";
import { compatVersion } from "../config/version.ts";
import { WEBSOCKET_PATH, type WebSocketTransport } from "../p2p/websocket.ts";

export class WebError extends CoinError<"WEB_CERTIFICATE"> {}

export interface WebListeners {
  /** Base URL of the private API once bound; undefined when it is off. */
  readonly privateUrl: string | undefined;
  readonly publicUrl: string | undefined;
  /** Answers from now on, those first who asked before. `peers` takes WebSocket peers from the public listener. */
  serve(services: ApiServices, config: DaemonConfig, peers?: WebSocketTransport): Promise<void>;
  close(): Promise<void>;
}

/** Binds the sockets without serving yet. @throws ListenError, WebError */
export async function bindWeb(
  config: DaemonConfig,
  { clock, metrics: { requests } }: { readonly clock: Clock; readonly metrics: NodeMetrics },
): Promise<WebListeners> {
  const { web } = config;
  const bound: ApiListener[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(bound.map((listener) => listener.close()));
  };
  try {
    const bind = async (options: Parameters<typeof ApiListener.bind>[0]): Promise<ApiListener> => {
      const listener = await ApiListener.bind({ ...options, metrics: requests });
      bound.push(listener);
      return listener;
    };
    const tls = web.enabled && web.https ? await takeCertificate(config, clock) : undefined;
    const own = web.enabled ? await bind({ host: web.address, port: web.port, tls }) : undefined;
    const open = web.publicListener;
    const strangers =
      open === undefined
        ? undefined
        : await bind({ host: open.address, port: open.port, limits: PUBLIC_HTTP_LIMITS, expectsRush: true });
    return {
      privateUrl: own === undefined ? undefined : baseUrl(own, tls !== undefined),
      publicUrl: strangers === undefined ? undefined : baseUrl(strangers, false),
      async serve(services, settled, peers) {
        if (own !== undefined) await openListener(own, privateOptions(own, settled), services);
        if (strangers === undefined) return;
        if (peers !== undefined) {
          strangers.upgrades = { path: WEBSOCKET_PATH, take: (...request) => peers.upgrade(...request) };
        }
        await openListener(strangers, publicOptions(strangers, settled), services);
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openListener(listener: ApiListener, options: ApiOptions, services: ApiServices): Promise<void> {
  const app = buildServer(options, services);
  await app.ready();
  listener.open(app.routing);
}

function baseUrl(listener: ApiListener, secure: boolean): string {
  const { address, port } = listener.address;
  const host = address.includes(":") ? `[${address}]` : address;
  return `${secure ? "https" : "http"}://${host}:${port}`;
}

function privateOptions(listener: ApiListener, config: DaemonConfig): ApiOptions {
  const { web, branding } = config;
  return {
    bound: () => listener.address,
    apiSets: web.apiSets,
    hostWhitelist: web.hostWhitelist,
    credentials: { username: web.username, password: web.password },
    disableCsrf: !web.csrf,
    disableHeaderCheck: !web.headerCheck,
    disableCsp: !web.csp,
    guiDir: web.guiDirectory,
    maxLastBlocksCount: web.lastBlocksMax,
    readOnly: config.databaseReadOnly,
    node: {
      version: compatVersion,
      commit: "",
      branch: "",
      userAgent: config.network.userAgentText,
      blockPublisher: config.blockPublisher,
      fiber: { ...branding, name: config.coinName },
      defaultConnections: config.network.defaultConnections,
    },
  };
}

/**
 * For strangers: no wallets, no control, and nothing that acts on a visitor's authority, so neither CSRF tokens nor
 * Host and Origin checks are needed (login-service.md 1).
 */
function publicOptions(listener: ApiListener, config: DaemonConfig): ApiOptions {
  return {
    ...privateOptions(listener, config),
    apiSets: ["READ", "TXN"],
    hostWhitelist: [],
    credentials: { username: "", password: "" },
    disableCsrf: true,
    disableHeaderCheck: true,
    guiDir: undefined,
    audience: "public",
  };
}

/** PEM texts of the configured pair, made when neither file is there. @throws WebError, one line for the operator */
async function takeCertificate({ paths }: DaemonConfig, clock: Clock): Promise<{ cert: string; key: string }> {
  try {
    for (const path of [paths.certificate, paths.key]) await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    return await loadOrCreateCertificate({ cert: paths.certificate, key: paths.key }, clock);
  } catch (cause) {
    throw new WebError("WEB_CERTIFICATE", `certificate for HTTPS: ${errorText(cause)}`, {}, { cause });
  }
}
