import type { ApiContext } from "../context.ts";
import type { CsrfTokens } from "../csrf.ts";
import type { Route } from "../route.ts";
import { addressRoutes } from "./address.ts";
import { balanceRoutes } from "./balance.ts";
import { blockRoutes } from "./block.ts";
import { blockchainRoutes } from "./blockchain.ts";
import { createTransactionRoutes } from "./create-transaction.ts";
import { csrfRoutes } from "./csrf.ts";
import { dataRoutes } from "./data.ts";
import { explorerRoutes } from "./explorer.ts";
import { healthRoutes } from "./health.ts";
import { injectRoutes } from "./inject.ts";
import { networkRoutes } from "./network.ts";
import { outputRoutes } from "./outputs.ts";
import { rewardRoutes } from "./reward.ts";
import { transactionRoutes } from "./transaction.ts";
import { transactionsRoutes } from "./transactions.ts";
import { verifyRoutes } from "./verify.ts";
import { versionRoutes } from "./version.ts";
import { walletAddressRoutes } from "./wallet-addresses.ts";
import { walletCreateRoutes } from "./wallet-create.ts";
import { walletListRoutes } from "./wallet-list.ts";
import { walletSecretRoutes } from "./wallet-secrets.ts";
import { walletSpendRoutes } from "./wallet-spend.ts";

/** The route table of api.md 11, by subject. */
export function routeTable(context: ApiContext, tokens: CsrfTokens): Readonly<Record<string, readonly Route[]>> {
  return {
    Node: [...csrfRoutes(context, tokens), ...versionRoutes(context), ...healthRoutes(context)],
    Chain: [...blockchainRoutes(context), ...blockRoutes(context), ...explorerRoutes(context)],
    "Addresses and outputs": [...balanceRoutes(context), ...outputRoutes(context), ...addressRoutes()],
    Network: networkRoutes(context),
    Transactions: [
      ...transactionRoutes(context),
      ...transactionsRoutes(context),
      ...createTransactionRoutes(context),
      ...verifyRoutes(context),
      ...injectRoutes(context),
    ],
    Wallets: [
      ...walletListRoutes(context),
      ...walletCreateRoutes(context),
      ...walletAddressRoutes(context),
      ...walletSecretRoutes(context),
      ...walletSpendRoutes(context),
    ],
    Storage: dataRoutes(context),
    Control: rewardRoutes(context),
  };
}
