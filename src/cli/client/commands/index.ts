import type { ClientCommand } from "../command.ts";
import { addPrivateKey } from "./add-private-key.ts";
import { addressBalance, walletBalance } from "./balance.ts";
import { blocks, lastBlocks } from "./blocks.ts";
import { createRawTransaction, send } from "./create-raw.ts";
import { createRawTransactionV2, signTransaction } from "./create-v2.ts";
import { checkDBDecoding, checkdb } from "./database.ts";
import { distributeGenesis } from "./distribute-genesis.ts";
import { addressGen, fiberAddressGen } from "./key-generation.ts";
import { addressOutputs, walletOutputs } from "./outputs.ts";
import { decodeRawTransaction, encodeJsonTransaction } from "./raw-transaction.ts";
import { addresscount, richlist, showConfig, status, verifyAddress, version } from "./status.ts";
import {
  addressTransactions,
  broadcastTransaction,
  pendingTransactions,
  transaction,
  verifyTransaction,
} from "./transactions.ts";
import { walletCreate, walletCreateTemp } from "./wallet-create.ts";
import { walletHistory } from "./wallet-history.ts";
import { decryptWallet, encryptWallet, showSeed, walletKeyExport } from "./wallet-secrets.ts";
import { listAddresses, listWallets, walletAddAddresses, walletScanAddresses } from "./wallets.ts";

/** The 40 commands of the reference, in its order: suggestions follow it. */
export const COMMANDS: readonly ClientCommand[] = [
  addPrivateKey,
  addressBalance,
  addressGen,
  fiberAddressGen,
  addressOutputs,
  blocks,
  broadcastTransaction,
  checkdb,
  checkDBDecoding,
  createRawTransaction,
  createRawTransactionV2,
  signTransaction,
  decodeRawTransaction,
  encodeJsonTransaction,
  decryptWallet,
  encryptWallet,
  lastBlocks,
  listAddresses,
  listWallets,
  send,
  showConfig,
  showSeed,
  status,
  transaction,
  verifyTransaction,
  verifyAddress,
  version,
  walletCreate,
  walletCreateTemp,
  walletAddAddresses,
  walletScanAddresses,
  walletKeyExport,
  walletBalance,
  walletHistory,
  walletOutputs,
  richlist,
  addressTransactions,
  pendingTransactions,
  addresscount,
  distributeGenesis,
];
