import { join } from "node:path";
import { urlHost } from "../../api/host-check.ts";
import { type Environment, homeDirectory, variable } from "../../config/environment.ts";
import { ClientError } from "./errors.ts";

/** What the environment says; credentials are not enumerable, so `showConfig` and logs cannot show them. */
export interface ClientConfig {
  readonly coin: string;
  readonly dataDirectory: string;
  /** Base URL of the node as given. */
  readonly rpcAddress: string;
  readonly username: string;
  readonly password: string;
}

/** @throws ClientError CLIENT_CONFIG with the reference's texts */
export function loadClientConfig(env: Environment): ClientConfig {
  const coin = variable(env, "COIN") ?? "skycoin";
  const rpcAddress = variable(env, "RPC_ADDR") ?? "http://127.0.0.1:6420";
  if (urlHost(rpcAddress) === undefined) {
    throw new ClientError("CLIENT_CONFIG", "RPC_ADDR must be in scheme://host format");
  }
  for (const name of ["WALLET_DIR", "WALLET_NAME"]) {
    if (variable(env, name) !== undefined) {
      throw new ClientError(
        "CLIENT_CONFIG",
        `the envvar ${name} is no longer recognized by the CLI tool. Please review the updated CLI docs to learn how ` +
          "to specify the wallet file for your desired action",
      );
    }
  }
  const config = {
    coin,
    dataDirectory: variable(env, "DATA_DIR") ?? join(homeDirectory(env), `.${coin}`),
    rpcAddress,
    username: "",
    password: "",
  };
  Object.defineProperty(config, "username", { value: env.RPC_USER ?? "", enumerable: false });
  Object.defineProperty(config, "password", { value: env.RPC_PASS ?? "", enumerable: false });
  return Object.freeze(config);
}
