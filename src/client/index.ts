/**
 * `loginchain/client`: what a service or page needs of a login service and its node. Runs in Node and in browsers;
 * nothing here opens a file or a socket but by `fetch`.
 */

export {
  type ReceiptContent,
  ReceiptError,
  type TransactionReceipt,
  verifyReceipt,
} from "../chain/receipt.ts";
export { encodeAddress } from "../cipher/address.ts";
export { parsePublicKey } from "../cipher/keys.ts";
export { type EmulatorOptions, LoginEmulator } from "./emulator.ts";
export { ClientError, LoginProblem } from "./errors.ts";
export { readEvents, type ServerEvent } from "./event-source.ts";
export {
  type Challenge,
  type ChallengeRequest,
  type ChallengeStatusName,
  LoginClient,
  type LoginClientOptions,
  type LoginMethod,
  type LoginServiceEvent,
  type LoginSession,
  type NewChallenge,
  type TokenAnswer,
} from "./login-client.ts";
export {
  type BalanceJson,
  type HealthJson,
  NodeClient,
  type OutputsJson,
  type TransactionJson,
} from "./node-client.ts";
export { type GuardedRequest, type LoginGuard, type RequireLoginOptions, requireLogin } from "./require-login.ts";
export { buildReturn, type ReturnRequest, type SignedReturn } from "./return-coin.ts";
export { findKey, keyOfSecret, keysOfSeed, LOGIN_BIP44_COIN, type SeedKey, signMessage } from "./seed-keys.ts";
export type { Fetch, TransportOptions } from "./transport.ts";
export { type Login, LoginVerifier, type VerifierOptions } from "./verifier.ts";
