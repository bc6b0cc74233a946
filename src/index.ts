/**
 * The library's front door: the pure core (keys, transactions, blocks, rules) for programs that make or check
 * transactions themselves, in Node or in a browser, and the parts to embed a node.
 */

export { CoinError } from "./base/errors.ts";
export {
  type Block,
  type BlockHeader,
  blockHash,
  decodeSignedBlock,
  encodeSignedBlock,
  type SignedBlock,
} from "./chain/block.ts";
export { Blockchain } from "./chain/blockchain.ts";
export { formatDroplets, parseDroplets } from "./chain/droplet.ts";
export type { ChainParams, VerifyParams } from "./chain/params.ts";
export { RULES, RuleError } from "./chain/rules.ts";
export type { ChainStore, ChainView, Head } from "./chain/store.ts";
export {
  decodeTransaction,
  encodeTransaction,
  newTransaction,
  signTransaction,
  type Transaction,
  type TxOut,
  txid,
} from "./chain/transaction.ts";
export type { Droplets, Hours, UxOut } from "./chain/uxout.ts";
export { type Address, addressOf, decodeAddress, encodeAddress } from "./cipher/address.ts";
export { type Hash, hashHex, parseHash } from "./cipher/hash.ts";
export {
  deterministicKeys,
  type PublicKey,
  parsePublicKey,
  parseSecretKey,
  publicKeyOf,
  type SecretKey,
} from "./cipher/keys.ts";
export {
  parseSignature,
  recoverSigner,
  type Signature,
  signHash,
  verifyAddressSignedHash,
  verifyPubKeySignedHash,
} from "./cipher/sign.ts";
export { version } from "./config/version.ts";
