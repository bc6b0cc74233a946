import { genesisChange, signedGenesis } from "../../src/chain/genesis.ts";
import type { BlockChange } from "../../src/chain/store.ts";
import type { Transaction } from "../../src/chain/transaction.ts";
import { createUnspents } from "../../src/chain/unspents.ts";
import { MemoryStore } from "../../src/storage/memory-store.ts";
import {
  alice,
  bob,
  type Coin,
  carol,
  type Owner,
  out,
  publisher,
  spend,
  TestChain,
  testParams,
} from "../support/chain.ts";
import { installSteadyCipher } from "./steady-cipher.ts";

/** The curve itself, for whoever doubts the steady one. */
export const realBackend = installSteadyCipher();

/** Outputs of block 1, to be spent in a run. */
export const COINS = 16;
export const PARAMS = testParams();
export const PUBLISHER = publisher;

/** One output of block 1 and what may be made of it. */
export interface Purse {
  /** They spend the same output: at most one of them can be confirmed. */
  readonly rivals: readonly Transaction[];
  /** Each spends an output of the rival of the same place. */
  readonly children: readonly Transaction[];
  /** Not signed by the owner; makes coins; takes more hours than there are. */
  readonly invalid: readonly Transaction[];
}

interface Base {
  /** Blocks 0 and 1, on every disk from the start. */
  readonly changes: readonly BlockChange[];
  readonly purses: readonly Purse[];
}

/** The same transactions serve every run: they are signed, and their signatures checked, once per process. */
export const BASE: Base = await makeBase();

async function makeBase(): Promise<Base> {
  const test = await TestChain.open({ params: PARAMS, store: new MemoryStore() });
  const changes = [genesisChange(signedGenesis(PARAMS, PUBLISHER.secret))];
  test.chain.onBlock.on(({ change }) => void changes.push(change));
  const coins = await test.fund(alice, COINS);
  return { changes, purses: coins.map(purseOf) };
}

function purseOf(coin: Coin, i: number): Purse {
  const { coins } = coin.ux.body;
  const half = (coins / 2_000_000n) * 1_000_000n;
  const receivers = [alice, bob, carol] as const;
  const split = (to: Owner, n: bigint) => [out(to, half, 1000n + n), out(alice, coins - half, 500n + n)];
  const rivals = receivers.map((to, k) => spend([coin], split(to, BigInt(k))));
  const children = rivals.map((txn, k) => spend([coinOf(txn, receivers[k] as Owner)], [out(bob, half, 100n)]));
  const invalid = [
    spend([{ ...coin, secret: bob.secret }], split(bob, BigInt(i))),
    spend([coin], [out(bob, coins + 1_000_000n, 1n)]),
    spend([coin], [out(bob, coins, 0xffff_ffff_ffff_0000n)]),
  ];
  return { rivals, children, invalid };
}

/** The first output, as something to spend; its id does not depend on the block it will be in. */
function coinOf(txn: Transaction, owner: Owner): Coin {
  const [first] = createUnspents(txn, { time: 0, seq: 2 });
  return { ...(first as NonNullable<typeof first>), secret: owner.secret };
}
