import { toHex } from "../base/bytes.ts";
import type { Blockchain } from "../chain/blockchain.ts";
import { checkUser } from "../chain/check-transaction.ts";
import type { UnconfirmedPool } from "../chain/unconfirmed-pool.ts";
import type { ActivityFinder } from "./activity.ts";
import type { SpendLedger } from "./wallet-spending.ts";

/** Activity as the chain's history and the pool know it (Go: visor.TransactionsFinder). */
export function chainActivity({ chain, pool }: { chain: Blockchain; pool: UnconfirmedPool }): ActivityFinder {
  return {
    areActive(addresses) {
      const coming = new Set(pool.all().flatMap(({ txn }) => txn.outputs.map((out) => toHex(out.address))));
      // An address that only spends in the pool received before, so the history knows it.
      return addresses.map((address) => coming.has(toHex(address)) || chain.store.addressSeen(address));
    },
  };
}

/** The ledger of spends over the node's chain and pool. */
export function chainLedger({ chain, pool }: { chain: Blockchain; pool: UnconfirmedPool }): SpendLedger {
  return {
    head: () => chain.head(),
    unspent: (id) => chain.store.unspent(id),
    unspentsOf: (address) => chain.store.unspentsOf(address),
    pendingInputs: () => new Set(pool.all().flatMap(({ txn }) => txn.inputs.map(toHex))),
    async check(txn, mode) {
      checkUser(txn);
      await chain.checkSoftHard(txn, chain.params.user, mode);
    },
  };
}
