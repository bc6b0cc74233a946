import type { TxOut } from "../../src/chain/transaction.ts";
import { type Droplets, type Hours, type UxOut, uxId } from "../../src/chain/uxout.ts";
import { decodeAddress } from "../../src/cipher/address.ts";
import type { Hash } from "../../src/cipher/hash.ts";
import { type SpendCandidate, spendCandidate } from "../../src/wallet/choose-spends.ts";

/** Addresses 0 to 2 of the deterministic seed "spec example seed". */
export const OWNERS = [
  "2fm4oRmr9Eavi1JWBxXkvvaFT77oYAK1DQY",
  "2Y1cFUvJ7XZ9zZM6M1ekBBg3Ncme8dqcc48",
  "AzP152PakT6a3SEs1u2cDQPab4uPenvqmC",
] as const;

/** Address 3 of it. */
export const RECEIVER = "2CWKrwcLXJ6UW2f1qxytPfhgRuiTzzBY9VT";

export const COIN = 1_000_000n;
export const HEAD_TIME = 1000;

/** An output of block 5, made at head time, whose source transaction is the byte `n` and zeros. */
export function uxOut(n: number, owner: string, coins: bigint, hours: bigint): UxOut {
  const srcTransaction = new Uint8Array(32);
  srcTransaction[0] = n;
  srcTransaction[1] = n >> 8;
  const body = {
    srcTransaction: srcTransaction as Hash,
    address: decodeAddress(owner),
    coins: coins as Droplets,
    hours: hours as Hours,
  };
  return { head: { time: HEAD_TIME, seq: 5 }, body };
}

export function candidate(ux: UxOut, headTime = HEAD_TIME): SpendCandidate {
  return spendCandidate({ id: uxId(ux.body), ux }, headTime);
}

export function pay(to: string, coins: bigint, hours = 0n): TxOut {
  return { address: decodeAddress(to), coins: coins as Droplets, hours: hours as Hours };
}

export function sumOf<T>(items: readonly T[], value: (item: T) => bigint): bigint {
  return items.reduce((total, item) => total + value(item), 0n);
}
