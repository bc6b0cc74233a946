import { CoinError, type ErrorData } from "../base/errors.ts";

/**
 * What a user of wallets can do wrong: code and the reference's text (its `wallet.Error`). The API shows these
 * texts and tests compare them. `%s` is filled in order, `%q` is filled in quotes.
 */
export const WALLET_ERRORS = {
  WALLET_API_DISABLED: "wallet api is disabled",
  WALLET_SEED_API_DISABLED: "wallet seed api is disabled",
  WALLET_UNKNOWN: "wallet doesn't exist",
  WALLET_TYPE_INVALID: "invalid wallet type",
  WALLET_COIN_INVALID: "invalid coin type",
  WALLET_LABEL_MISSING: "missing label",
  WALLET_SEED_MISSING: "missing seed",
  WALLET_XPUB_MISSING: "missing xpub",
  WALLET_XPUB_INVALID: "invalid xpub key: %s",
  WALLET_PASSPHRASE_UNUSED: 'seedPassphrase is only used for "bip44" wallets',
  WALLET_FINGERPRINT_TAKEN: 'fingerprint conflict for "%s" wallet',
  WALLET_NAME_TAKEN: "wallet name would conflict with existing wallet, renaming",
  WALLET_NOT_WRITABLE: "saving wallet permission denied",
  WALLET_ENCRYPTED: "wallet is encrypted",
  WALLET_NOT_ENCRYPTED: "wallet is not encrypted",
  WALLET_PASSWORD_MISSING: "missing password",
  WALLET_PASSWORD_INVALID: "invalid password",
  WALLET_XPUB_NO_ENCRYPTION: "xpub wallet does not support encryption",
  WALLET_SCAN_PASSWORD: "password is not required for scanning bip44 wallet addresses",
  WALLET_SCAN_COLLECTION: "A collection wallet does not implement ScanAddresses",
  WALLET_PRIVATE_KEYS_INVALID: "invalid private keys",
  WALLET_TOO_MANY_ADDRESSES: "too many addresses requested",
  WALLET_NOT_RECOVERABLE: "wallet type is not recoverable",
  WALLET_RECOVERY_SEED_WRONG: "wallet recovery seed or seed passphrase is wrong",
  WALLET_RECOVERY_FAILED: "RecoverWallet failed to create temporary wallet for fingerprint comparison: %s",
  WALLET_ADDRESS_UNKNOWN: "address not found in wallet",
  WALLET_OUTPUT_UNKNOWN: "uxout is not owned by any address in the wallet",
  WALLET_CANNOT_SIGN: "wallet does not have the signing capability",
  SIGN_INNER_HASH: "Transaction inner hash does not match computed inner hash",
  SIGN_NO_SIGNATURES: "Transaction signatures array is empty",
  SIGN_NOTHING_MISSING: "Transaction is fully signed",
  SIGN_NO_INPUTS: "No transaction inputs to sign",
  SIGN_INDEXES_TOO_MANY: "Number of signature indexes exceeds number of inputs",
  SIGN_INDEX_RANGE: "Signature index out of range",
  SIGN_INDEX_DUPLICATE: "Duplicate value in signature indexes",
  SIGN_ALREADY_SIGNED: "Transaction is already signed at index %s",
  SIGN_KEYS_MISSING: "Wallet cannot sign all requested inputs",
} as const;

export type WalletErrorCode = keyof typeof WALLET_ERRORS;

/** The user of a wallet asked for what it cannot do. Never carries secrets. */
export class WalletError extends CoinError<WalletErrorCode> {
  constructor(code: WalletErrorCode, args: readonly unknown[] = [], data: ErrorData = {}) {
    super(code, fill(WALLET_ERRORS[code], args), data);
  }
}

/** What can be wrong with a spend itself (the reference's transaction, visor, fee and unspent-pool errors). */
export const SPEND_ERRORS = {
  SPEND_NULL_CHANGE_ADDRESS: "ChangeAddress must not be the null address",
  SPEND_NO_RECEIVERS: "To is required",
  SPEND_ZERO_COINS: "To.Coins must not be zero",
  SPEND_NULL_RECEIVER: "To.Address must not be the null address",
  SPEND_DUPLICATE_RECEIVER: "To contains duplicate values",
  SPEND_HOURS_WITH_AUTO: "To.Hours must be zero for auto type hours selection",
  SPEND_MODE_MISSING: "HoursSelection.Mode is required for auto type hours selection",
  SPEND_MODE_INVALID: "Invalid HoursSelection.Mode",
  SPEND_MODE_WITH_MANUAL: "HoursSelection.Mode cannot be used for manual type hours selection",
  SPEND_TYPE_INVALID: "Invalid HoursSelection.Type",
  SPEND_FACTOR_MISSING: "HoursSelection.ShareFactor must be set for share mode",
  SPEND_FACTOR_UNUSED: "HoursSelection.ShareFactor can only be used for share mode",
  SPEND_FACTOR_RANGE: "HoursSelection.ShareFactor must be >= 0 and <= 1",
  SPEND_FACTOR_NOT_A_NUMBER: "can't convert %s to decimal%s",
  SPEND_SELECTION_CONFLICT: "UxOuts and Addresses cannot be combined",
  SPEND_NULL_ADDRESS: "Addresses must not contain the null address",
  SPEND_DUPLICATE_ADDRESSES: "Addresses contains duplicate values",
  SPEND_DUPLICATE_UXOUTS: "UxOuts contains duplicate values",
  SPEND_SELECTION_MISSING: "UxOuts or Addresses must not be empty",
  SPEND_COINS_OVERFLOW: "total output coins error: uint64 addition overflow",
  SPEND_HOURS_OVERFLOW: "total output hours error: uint64 addition overflow",
  SPEND_PENDING: "Please spend after your pending transaction is confirmed",
  SPEND_ALL_PENDING: "All selected outputs are unavailable for spending",
  SPEND_UNKNOWN_UXOUT: "unspent output of %s does not exist",
  SPEND_ZERO_SPEND: "zero spend amount",
  SPEND_NO_UNSPENTS: "no unspents to spend",
  SPEND_BALANCE: "balance is not sufficient",
  SPEND_BALANCE_FOR_NOW: "balance is not sufficient. Balance will be sufficient after unconfirmed transactions confirm",
  SPEND_HOURS: "hours are not sufficient",
  SPEND_NO_FEE: "Transaction has zero coinhour fee",
  SPEND_FULLY_SIGNED: "Transaction is already fully signed",
} as const;

export type SpendErrorCode = keyof typeof SPEND_ERRORS;

/** A transaction cannot be made as asked. Nothing was changed. */
export class SpendError extends CoinError<SpendErrorCode> {
  constructor(code: SpendErrorCode, args: readonly unknown[] = [], data: ErrorData = {}) {
    super(code, fill(SPEND_ERRORS[code], args), data);
  }
}

export type WalletFaultCode =
  | "WALLET_FILE_MISSING"
  | "WALLET_FILE_INVALID"
  | "WALLET_FILE_TYPE_MISSING"
  | "WALLET_FILES"
  | "WALLET_META_INVALID"
  | "WALLET_ENTRY_INVALID"
  | "WALLET_DUPLICATE_ENTRY"
  | "WALLET_SECRETS_INVALID"
  | "WALLET_CRYPTO_UNKNOWN"
  | "WALLET_SEALED_INVALID"
  | "WALLET_TEMP_NO_ENCRYPTION"
  | "WALLET_PASSWORD_MISSING_BIP44"
  | "WALLET_SCAN_NO_FINDER"
  | "WALLET_COUNT_TOO_LARGE"
  | "WALLET_BUSY"
  | "WALLET_CLOSED"
  | "SPEND_ARITHMETIC"
  | "SPEND_INVARIANT"
  | "SIGN_UXOUT_COUNT"
  | "SIGN_INCOMPLETE";

/**
 * A failure the reference reports as a plain error: bad files, arithmetic out of range, states that should not be.
 * The API answers 500 to these unless an endpoint says otherwise. Never carries secrets.
 */
export class WalletFault extends CoinError<WalletFaultCode> {}

function fill(text: string, args: readonly unknown[]): string {
  let next = 0;
  return text.replace(/%s/g, () => String(args[next++] ?? ""));
}
