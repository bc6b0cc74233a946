import { BURN_FACTOR_MIN, DECIMALS_MAX, TRANSACTION_SIZE_MIN, type VerifyParams } from "../chain/params.ts";
import { ConfigError } from "./errors.ts";
import type { FiberParams } from "./fiber-schema.ts";
import { parseGoUint } from "./go-numbers.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** A variable's value; an empty one counts as unset. */
export function variable(env: Environment, name: string): string | undefined {
  const value = env[name];
  return value === undefined || value === "" ? undefined : value;
}

/** The home directory as the reference finds it; may be empty. */
export function homeDirectory(env: Environment, platform: string = process.platform): string {
  if (platform !== "win32") return env.HOME ?? "";
  return `${env.HOMEDRIVE ?? ""}${env.HOMEPATH ?? ""}` || (env.USERPROFILE ?? "");
}

/**
 * The limits on what this user makes: environment, else fiber.toml, else the given defaults.
 * @throws ConfigError CONFIG_ENVIRONMENT (exit code 2), CONFIG_INVALID for values of the file
 */
export function userLimits(env: Environment, file: FiberParams, defaults: VerifyParams): VerifyParams {
  return {
    burnFactor:
      fromEnvironment(env, "USER_BURN_FACTOR", 0xffff_ffff, BURN_FACTOR_MIN, undefined) ??
      fromFile("user_burn_factor", file.user_burn_factor, BURN_FACTOR_MIN, undefined) ??
      defaults.burnFactor,
    maxTransactionSize:
      fromEnvironment(env, "USER_MAX_TXN_SIZE", 0xffff_ffff, TRANSACTION_SIZE_MIN, undefined) ??
      fromFile("user_max_transaction_size", file.user_max_transaction_size, TRANSACTION_SIZE_MIN, undefined) ??
      defaults.maxTransactionSize,
    maxDecimals:
      fromEnvironment(env, "USER_MAX_DECIMALS", 0xff, undefined, DECIMALS_MAX) ??
      fromFile("user_max_decimals", file.user_max_decimals, undefined, DECIMALS_MAX) ??
      defaults.maxDecimals,
  };
}

function fromEnvironment(
  env: Environment,
  name: string,
  max: number,
  least: number | undefined,
  most: number | undefined,
): number | undefined {
  const text = variable(env, name);
  if (text === undefined) return undefined;
  const fail = (message: string): ConfigError => new ConfigError("CONFIG_ENVIRONMENT", message, { exitCode: 2 });
  const parsed = parseGoUint(text, 10, BigInt(max));
  const quoted = JSON.stringify(text);
  if (!parsed.ok) throw fail(`Invalid ${name} ${quoted}: strconv.ParseUint: parsing ${quoted}: ${parsed.problem}`);
  const value = Number(parsed.value);
  if (least !== undefined && value < least) throw fail(`${name} must be >= ${least}`);
  if (most !== undefined && value > most) throw fail(`${name} must be <= ${most}`);
  return value;
}

function fromFile(
  key: string,
  value: number | undefined,
  least: number | undefined,
  most: number | undefined,
): number | undefined {
  if (value === undefined) return undefined;
  if (least !== undefined && value < least) throw new ConfigError("CONFIG_INVALID", `${key} must be >= ${least}`);
  if (most !== undefined && value > most) throw new ConfigError("CONFIG_INVALID", `${key} must be <= ${most}`);
  return value;
}
