import { parseBool, parseInteger } from "../../../api/go-text.ts";
import { errorText } from "../../../base/errors.ts";
import { decodeAddress } from "../../../cipher/address.ts";
import { compatVersion } from "../../../config/version.ts";
import { any, atMost, defineCommand, exactly, none } from "../command.ts";
import { refused } from "../errors.ts";
import { asObject } from "../json.ts";

export const status = defineCommand({
  name: "status",
  summary: "Check the status of the node",
  flags: {},
  count: none,
  async run({ context }) {
    const health = await context.api.get("/api/v1/health");
    context.printJson({ status: health, cli_config: { webrpc_address: context.config.rpcAddress } });
  },
});

export const showConfig = defineCommand({
  name: "showConfig",
  summary: "Show what the environment configures, without credentials",
  flags: {},
  count: any,
  async run({ context }) {
    const { dataDirectory, coin, rpcAddress } = context.config;
    context.printJson({ data_directory: dataDirectory, coin, rpc_address: rpcAddress });
  },
});

export const version = defineCommand({
  name: "version",
  summary: "List the versions spoken by the components",
  flags: { json: { kind: "bool", value: false, short: "j", help: "print JSON" } },
  count: none,
  async run({ context, flags }) {
    const versions = { skycoin: compatVersion, cli: compatVersion, rpc: compatVersion, wallet: compatVersion };
    if (flags.json) context.printJson(versions);
    else for (const [name, value] of Object.entries(versions)) context.print(`${name}:${value}`);
  },
});

export const addresscount = defineCommand({
  name: "addresscount",
  summary: "Count the addresses that hold coins",
  flags: {},
  count: none,
  async run({ context }) {
    const { count } = asObject(await context.api.get("/api/v1/addresscount"), "the answer");
    context.printJson(count ?? null);
  },
});

export const richlist = defineCommand({
  name: "richlist",
  arguments: "[top N addresses (20 default)] [include distribution addresses (false default)]",
  summary: "List the addresses with most coins",
  flags: {},
  count: atMost(2),
  async run({ context, args }) {
    const [number = "20", include = "false"] = args;
    const n = parsed(() => parseInteger(number), "invalid number of addresses");
    const all = parsed(() => parseBool(include), "invalid (bool) flag for include distribution addresses");
    context.printJson(await context.api.get("/api/v1/richlist", { n, "include-distribution": String(all) }));
  },
});

export const verifyAddress = defineCommand({
  name: "verifyAddress",
  arguments: "[address]",
  summary: "Verify an address: silent when it is valid",
  flags: {},
  count: exactly(1),
  async run({ args }) {
    decodeAddress(args[0] as string);
  },
});

function parsed<T>(parse: () => T, what: string): T {
  try {
    return parse();
  } catch (error) {
    throw refused(`${what}, ${errorText(error)}`);
  }
}
