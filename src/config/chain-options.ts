import { toHex } from "../base/bytes.ts";
import { errorText } from "../base/errors.ts";
import { blockHash } from "../chain/block.ts";
import { type Distribution, validateDistribution } from "../chain/distribution.ts";
import { makeGenesisBlock } from "../chain/genesis.ts";
import { type ChainParams, type VerifyParams, validateParams } from "../chain/params.ts";
import type { Droplets } from "../chain/uxout.ts";
import { decodeAddress } from "../cipher/address.ts";
import { type Signature, verifyPubKeySignedHash } from "../cipher/sign.ts";
import type { DaemonFlags } from "./daemon-flags.ts";
import { invalid, panic } from "./errors.ts";
import type { FiberParams } from "./fiber-schema.ts";
import type { Identity } from "./identity.ts";
import { SKYCOIN } from "./skycoin.ts";

/** The file's distribution counts only when it names addresses (config.md 7.1). @throws ConfigError, exit code 2 */
export function distributionOf(file: FiberParams): Distribution {
  const base = SKYCOIN.distribution;
  const named = file.distribution_addresses ?? [];
  const own = named.length > 0;
  try {
    const distribution = {
      maxCoinSupply: (own ? file.max_coin_supply : undefined) ?? BigInt(base.maxCoinSupply),
      initialUnlockedCount: (own ? file.initial_unlocked_count : undefined) ?? base.initialUnlockedCount,
      unlockAddressRate: (own ? file.unlock_address_rate : undefined) ?? base.unlockAddressRate,
      unlockTimeInterval: (own ? file.unlock_time_interval : undefined) ?? base.unlockTimeInterval,
      addresses: (own ? named : base.addresses).map(decodeAddress),
    };
    validateDistribution(distribution);
    return distribution;
  } catch (cause) {
    throw panic(errorText(cause), cause);
  }
}

/** @throws ConfigError CONFIG_INVALID */
export function chainParams(options: {
  readonly coin: string;
  readonly identity: Identity;
  readonly flags: DaemonFlags;
  readonly volume: bigint;
  readonly distribution: Distribution;
  readonly user: VerifyParams;
}): ChainParams {
  const { coin, identity, flags, volume, distribution, user } = options;
  try {
    return validateParams({
      coin,
      publisherKey: identity.publicKey,
      genesis: {
        address: identity.address,
        time: flags["genesis-timestamp"],
        volume: volume as Droplets,
        ...(identity.signature === undefined ? {} : { signature: identity.signature }),
      },
      distribution,
      unconfirmed: {
        burnFactor: flags["burn-factor-unconfirmed"],
        maxTransactionSize: flags["max-txn-size-unconfirmed"],
        maxDecimals: flags["max-decimals-unconfirmed"],
      },
      createBlock: {
        burnFactor: flags["burn-factor-create-block"],
        maxTransactionSize: flags["max-txn-size-create-block"],
        maxDecimals: flags["max-decimals-create-block"],
      },
      user,
      maxBlockTransactionsSize: flags["max-block-size"],
    });
  } catch (cause) {
    throw invalid(errorText(cause), cause);
  }
}

/**
 * The signature as configured, but for two cases in which it cannot be meant: Skycoin's own on another genesis block
 * (nobody gave one), and on a publisher one that does not fit, since a publisher can sign anew.
 */
export function usableSignature(options: {
  readonly identity: Identity;
  readonly time: number;
  readonly volume: bigint;
  readonly publisher: boolean;
  readonly warnings: string[];
}): Signature | undefined {
  const { identity, time, volume, publisher, warnings } = options;
  const { address, publicKey, signature } = identity;
  if (signature === undefined) return undefined;
  const digest = blockHash(makeGenesisBlock({ address, time, volume: volume as Droplets }));
  const fits = ((): boolean => {
    try {
      verifyPubKeySignedHash(publicKey, signature, digest);
      return true;
    } catch {
      return false;
    }
  })();
  if (fits) return signature;
  if (toHex(signature) === SKYCOIN.genesis.signature) return undefined;
  // A peer keeps it: opening the chain then says what is wrong.
  if (!publisher) return signature;
  warnings.push("the configured genesis signature does not fit the genesis block and is not used");
  return undefined;
}

/** What fits no rule but is no error either. */
export function paramsWarnings({ genesis, distribution }: ChainParams): string[] {
  const supply = distribution.maxCoinSupply * 1_000_000n;
  if (genesis.volume === supply) return [];
  return [
    `genesis_coin_volume is ${genesis.volume} droplets, but max_coin_supply ${distribution.maxCoinSupply} coins are ` +
      `${supply} droplets: distributing the genesis coins and the supply figures will not fit`,
  ];
}
