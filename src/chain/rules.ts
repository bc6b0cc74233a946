import { CoinError, type ErrorData } from "../base/errors.ts";

/**
 * What a violation means. `hard`: never valid, anywhere. `soft`: policy of pool and block creation, never held
 * against a received block. `user`: extra care for what this node's own user makes. `block`: about a block as a
 * whole; the reference adds no prefix to these.
 */
export type RuleLevel = "hard" | "soft" | "user" | "block";

const hard = (text: string) => ({ level: "hard", text }) as const;
const soft = (text: string) => ({ level: "soft", text }) as const;
const user = (text: string) => ({ level: "user", text }) as const;
const block = (text: string) => ({ level: "block", text }) as const;

/** Every rule: stable code, level, and the reference's exact text (shown by the API, compared by tests). */
export const RULES = {
  // coin.Transaction.Verify, in its order
  TX_NO_INPUTS: hard("No inputs"),
  TX_NO_OUTPUTS: hard("No outputs"),
  TX_SIGNATURE_COUNT: hard("Invalid number of signatures"),
  TX_TOO_MANY_INPUTS: hard("Too many signatures and inputs"),
  TX_TOO_MANY_OUTPUTS: hard("Too many ouptuts"), // spelled so in the reference (G12)
  TX_DUPLICATE_SPEND: hard("Duplicate spend"),
  TX_TYPE: hard("transaction type invalid"),
  TX_ZERO_COINS: hard("Zero coin output"),
  TX_COINS_OVERFLOW: hard("Output coins overflow"),
  TX_LENGTH: hard("Incorrect transaction length"),
  TX_DUPLICATE_OUTPUT: hard("Duplicate output in transaction"),
  TX_INNER_HASH: hard("InnerHash does not match computed hash"),
  TX_UNSIGNED_INPUT: hard("Unsigned input in transaction"),
  TX_SIGNATURE_UNRECOVERABLE: hard("Failed to recover pubkey from signature"),
  TX_SIGNATURE_INVALID: hard("Signature not valid for hash"),
  TX_FULLY_SIGNED: hard("Unsigned transaction must contain a null signature"),

  // against the unspent set
  TX_INPUT_UNKNOWN: hard("unspent output of %s does not exist"),
  TX_SIGNER_NOT_OWNER: hard("Signature not valid for output being spent"),
  TX_INPUT_COINS_OVERFLOW: hard("Transaction input coins overflow"),
  TX_OUTPUT_COINS_OVERFLOW: hard("Transaction output coins overflow"),
  TX_COINS_INSUFFICIENT: hard("Insufficient coins"),
  TX_COINS_DESTROYED: hard("Transactions may not destroy coins"),
  TX_INPUT_HOURS_OVERFLOW: hard("Transaction input hours overflow"),
  TX_OUTPUT_HOURS_OVERFLOW: hard("Transaction output hours overflow"),
  TX_HOURS_INSUFFICIENT: hard("Insufficient coin hours"),
  TX_OUTPUT_COLLIDES: hard("New unspent collides with existing unspent"),

  // coin.UxOut.CoinHours
  HOURS_SECONDS_OVERFLOW: hard(
    "UxOut.CoinHours: Calculating whole coin seconds overflows uint64 seconds=%d coins=%d uxid=%s",
  ),
  HOURS_DROPLETS_OVERFLOW: hard(
    "UxOut.CoinHours: Calculating droplet seconds overflows uint64 seconds=%d droplets=%d uxid=%s",
  ),
  HOURS_ADDITION_OVERFLOW: hard("UxOut.CoinHours addition of earned coin hours overflow"),

  // policy
  TX_SIZE: soft("Transaction size bigger than max block size"),
  FEE_INPUT_HOURS_OVERFLOW: soft("UxArray.CoinHours addition overflow"),
  FEE_NEGATIVE: soft("Insufficient coinhours for transaction outputs"),
  FEE_ZERO: soft("Transaction has zero coinhour fee"),
  FEE_OVERFLOW: soft("Hours and fee overflow"),
  FEE_TOO_LOW: soft("Transaction coinhour fee minimum not met"),
  TX_LOCKED: soft("Transaction has locked address inputs"),
  TX_DECIMALS: soft("invalid amount, too many decimal places"),

  TX_NULL_ADDRESS: user("Transaction output is sent to the null address"),

  // the signed block, in the order of chain.md 7.1
  BLOCK_SIGNATURE_UNRECOVERABLE: block("Failed to recover pubkey from signature"),
  BLOCK_SIGNER: block("Recovered pubkey does not match pubkey"),
  BLOCK_SIGNATURE_INVALID: block("VerifySignatureRecoverPubKey, VerifySignatureValidity failed"),
  BLOCK_GENESIS_AGAIN: block("Attempted to process genesis block after blockchain has genesis block"),
  BLOCK_SEQ: block("BkSeq invalid"),
  BLOCK_TIME: block("Block time must be > head time"),
  BLOCK_PREV_HASH: block("PrevHash does not match current head"),
  BLOCK_BODY_HASH: block("Computed body hash does not match"),
  BLOCK_NO_TRANSACTIONS: block("No transactions"),
  BLOCK_DUPLICATE_OUTPUT: block("Duplicate unspent output across transactions"),
  BLOCK_OUTPUT_EXISTS: block("Output hash is in the UnspentPool"),
  BLOCK_DUPLICATE_TRANSACTION: block("Unexpected duplicate transaction"),
  BLOCK_DOUBLE_SPEND: block("Cannot spend output twice in the same block"),
  BLOCK_UX_HASH: block("UxHash does not match"),
} as const satisfies Record<string, { readonly level: RuleLevel; readonly text: string }>;

export type RuleCode = keyof typeof RULES;

const PREFIX: Readonly<Record<RuleLevel, string>> = {
  hard: "Transaction violates hard constraint: ",
  soft: "Transaction violates soft constraint: ",
  user: "Transaction violates user constraint: ",
  block: "",
};

/**
 * A rule was violated. `message` is the reference's bare text, `prefixed` the text with the prefix of its level,
 * as the reference reports violations of transactions (chain.md 6).
 */
export class RuleError extends CoinError<RuleCode> {
  readonly level: RuleLevel;

  /** `args` fill the `%s`/`%d` of the rule's text, in order. */
  constructor(
    code: RuleCode,
    data: ErrorData = {},
    options: { readonly level?: RuleLevel; readonly args?: readonly unknown[] } = {},
  ) {
    super(code, fill(RULES[code].text, options.args ?? []), data);
    this.level = options.level ?? RULES[code].level;
  }

  get prefixed(): string {
    return PREFIX[this.level] + this.message;
  }

  /** The same violation, reported in another class: an hours overflow met in the fee check is soft. */
  as(level: RuleLevel): RuleError {
    if (level === this.level) return this;
    const other = new RuleError(this.code, this.data, { level });
    other.message = this.message;
    return other;
  }
}

function fill(text: string, args: readonly unknown[]): string {
  let next = 0;
  return args.length === 0 ? text : text.replace(/%[sd]/g, () => String(args[next++]));
}
