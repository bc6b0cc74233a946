import { resolve } from "node:path";
import type { Distribution } from "../../chain/distribution.ts";
import { DEFAULT_VERIFY, type VerifyParams } from "../../chain/params.ts";
import { distributionOf } from "../../config/chain-options.ts";
import { type Environment, userLimits, variable } from "../../config/environment.ts";
import { type FiberConfig, loadFiberConfig } from "../../config/fiber-toml.ts";
import type { ClientConfig } from "./client-config.ts";
import { formatJson, type Json } from "./json.ts";
import type { NodeApi } from "./node-api.ts";
import { type InputStream, promptPassword, readAll } from "./terminal.ts";

/** The chain the client's own checks assume; FIBER_TOML names it, Skycoin otherwise. */
export interface ClientChain {
  /** Undefined: Skycoin by default. */
  readonly fiber: FiberConfig | undefined;
  readonly distribution: Distribution;
  readonly user: VerifyParams;
}

export interface ContextParts {
  readonly config: ClientConfig;
  readonly api: NodeApi;
  readonly env: Environment;
  readonly cwd: string;
  readonly stdin: InputStream;
  readonly stdout: NodeJS.WritableStream;
  readonly nowMs: () => number;
}

/** A command's surroundings. */
export class ClientContext {
  readonly config: ClientConfig;
  readonly api: NodeApi;
  readonly env: Environment;
  readonly cwd: string;
  readonly nowMs: () => number;
  readonly #parts: ContextParts;

  constructor(parts: ContextParts) {
    this.#parts = parts;
    this.config = parts.config;
    this.api = parts.api;
    this.env = parts.env;
    this.cwd = parts.cwd;
    this.nowMs = parts.nowMs;
  }

  /** One line on standard output. */
  print(line: string): void {
    this.#parts.stdout.write(`${line}\n`);
  }

  printJson(value: Json): void {
    this.print(formatJson(value));
  }

  /** A path argument, made absolute; an empty one names no file, not the directory. */
  path(given: string): string {
    return given === "" ? "" : resolve(this.cwd, given);
  }

  /** The password of `-p`, or asked for when that is empty. @throws ClientError CLIENT_PASSWORD */
  async password(given: string): Promise<string> {
    return given !== "" ? given : promptPassword(this.#parts.stdin, this.#parts.stdout);
  }

  readInput(): Promise<Uint8Array> {
    return readAll(this.#parts.stdin);
  }

  /** @throws ConfigError of FIBER_TOML and the USER_* variables */
  async chain(): Promise<ClientChain> {
    const path = variable(this.env, "FIBER_TOML");
    const fiber = path === undefined ? undefined : await loadFiberConfig(path, { cwd: this.cwd });
    const params = fiber?.params ?? {};
    return {
      fiber,
      distribution: distributionOf(params),
      user: userLimits(this.env, params, DEFAULT_VERIFY),
    };
  }
}
