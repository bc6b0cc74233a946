import { CoinError } from "../../base/errors.ts";

export type ClientErrorCode =
  | "CLIENT_CONFIG"
  | "CLIENT_USAGE"
  | "CLIENT_INPUT"
  | "CLIENT_NODE_ERROR"
  | "CLIENT_NODE_UNREACHABLE"
  | "CLIENT_NODE_ANSWER"
  | "CLIENT_WALLET_FILE"
  | "CLIENT_PASSWORD";

/** A command that cannot do what it was asked; printed as `Error: {message}`, exit code 1. Never holds secrets. */
export class ClientError extends CoinError<ClientErrorCode> {}

/** A bad argument, or a state that forbids the command. */
export function refused(message: string): ClientError {
  return new ClientError("CLIENT_INPUT", message);
}

/** Where the reference points to the command's help before the error. */
export class SeeHelpError extends ClientError {}
