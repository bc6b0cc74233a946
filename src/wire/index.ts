/**
 * `loginchain/wire`: following a chain over WebSocket, in a page or anywhere else. Nothing here needs Node; a bundler
 * makes one file of it.
 */

export { blockHash, type SignedBlock } from "../chain/block.ts";
export { formatDroplets } from "../chain/droplet.ts";
export { RuleError } from "../chain/rules.ts";
export { type Transaction, txid } from "../chain/transaction.ts";
export { encodeAddress } from "../cipher/address.ts";
export { hashHex, parseHash } from "../cipher/hash.ts";
export { parsePublicKey } from "../cipher/keys.ts";
export {
  ChainFollower,
  type ChainFollowerDeps,
  type ChainFollowerOptions,
  type FollowedBlock,
  type FollowerState,
} from "./follower.ts";
export type { OpenSocket, WireSocket } from "./socket.ts";
export { type FollowedChain, type Position, verifyBlock } from "./verify-block.ts";
