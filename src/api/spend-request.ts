import { isZero, toHex } from "../base/bytes.ts";
import { parseDroplets, precisionDivisor } from "../chain/droplet.ts";
import type { TxOut } from "../chain/transaction.ts";
import type { Droplets, Hours } from "../chain/uxout.ts";
import { type Address, decodeAddress, NULL_ADDRESS } from "../cipher/address.ts";
import { type Hash, NULL_HASH, parseHash } from "../cipher/hash.ts";
import { isAboveOne, isNegative, parseShareFactor, type ShareFactor } from "../wallet/share-factor.ts";
import type { SpendParams } from "../wallet/spend.ts";
import type { SpendSelection } from "../wallet/wallet-spending.ts";
import { badRequest } from "./api-error.ts";
import { type GoValue, goBool, goList, goPointer, goRaw, goString, goStruct, goText, JsonError } from "./go-json.ts";
import { parseUint } from "./go-text.ts";
import * as schemas from "./json-schema.ts";

/** Runs a parser inside JSON decoding; its failure ends the decoding with this text. */
function decoded<T>(parse: () => T, message: (reason: string) => string): T {
  try {
    return parse();
  } catch (cause) {
    throw new JsonError(message((cause as Error).message));
  }
}

const coinsText = { type: "string", description: "Coins as decimal text" } as const;
const decimal = { type: ["string", "number"], description: "0 to 1" } as const;
const same = (reason: string): string => reason;
const address = goText<Address>("httphelper.Address", NULL_ADDRESS, schemas.address, (text) =>
  decoded(
    () => decodeAddress(text),
    (reason) => `invalid address: ${reason}`,
  ),
);
const hash = goText<Hash>("httphelper.SHA256", NULL_HASH, schemas.hash, (text) =>
  decoded(
    () => parseHash(text),
    (reason) => `invalid SHA256 hash: ${reason}`,
  ),
);
const coins = goText<Droplets>("httphelper.Coins", 0n as Droplets, coinsText, (text) =>
  decoded(() => parseDroplets(text), same),
);
const hours = goText<Hours>("httphelper.Hours", 0n as Hours, schemas.digits, (text) =>
  decoded(
    () => parseUint(text) as Hours,
    (reason) => `invalid hours value: ${reason}`,
  ),
);

/** A decimal as number or text. The library takes the literal as it stands, only without its quotes. */
const shareFactor = goRaw<ShareFactor | undefined>("decimal.Decimal", undefined, decimal, (_kind, literal) => {
  const raw = Buffer.from(literal).toString("utf8");
  const text = raw.length > 2 && raw.startsWith('"') && raw.endsWith('"') ? raw.slice(1, -1) : raw;
  return decoded(
    () => parseShareFactor(text),
    (reason) => `Error decoding string '${text}': ${reason}`,
  );
});

const hoursSelection = goStruct("hoursSelection", {
  type: goString,
  mode: goString,
  share_factor: goPointer(shareFactor),
});

const receiver = goStruct("receiver", { address, coins, hours: goPointer(hours) });

/** Members that both routes which make transactions take. */
export const spendFields = {
  ignore_unconfirmed: goBool,
  hours_selection: hoursSelection,
  change_address: goPointer(address),
  to: goList(receiver),
  unspents: goList(hash),
  addresses: goList(address),
} as const;

export const CreateTransactionRequest = goStruct("createTransactionRequest", spendFields);
export type SpendRequest = GoValue<typeof CreateTransactionRequest>;

/** Refuses what does not make sense, in the reference's order (api.md 12.13). @throws ApiError 400 */
export function validateSpend(request: SpendRequest, maxDecimals: number): void {
  if (request.change_address !== undefined && isZero(request.change_address)) {
    throw badRequest("change_address must not be the null address");
  }
  validateHours(request);
  validateSource(request);
  validateReceivers(request, maxDecimals);
}

function validateHours({ hours_selection: { type, mode, share_factor: factor }, to }: SpendRequest): void {
  if (type === "auto") {
    const given = to.findIndex((out) => out.hours !== undefined);
    if (given >= 0) throw badRequest(`to[${given}].hours must not be specified for auto hours_selection.mode`);
    if (mode === "") throw badRequest("missing hours_selection.mode");
    if (mode !== "share") throw badRequest("invalid hours_selection.mode");
  } else if (type === "manual") {
    const absent = to.findIndex((out) => out.hours === undefined);
    if (absent >= 0) throw badRequest(`to[${absent}].hours must be specified for manual hours_selection.mode`);
    if (mode !== "") throw badRequest("hours_selection.mode cannot be used for manual hours_selection.type");
  } else {
    throw badRequest(type === "" ? "missing hours_selection.type" : "invalid hours_selection.type");
  }
  if (factor === undefined) {
    if (mode !== "share") return;
    throw badRequest("missing hours_selection.share_factor when hours_selection.mode is share");
  }
  if (mode !== "share") {
    throw badRequest("hours_selection.share_factor can only be used when hours_selection.mode is share");
  }
  if (isNegative(factor)) throw badRequest("hours_selection.share_factor cannot be negative");
  if (isAboveOne(factor)) throw badRequest("hours_selection.share_factor cannot be more than 1");
}

function validateSource({ addresses, unspents }: SpendRequest): void {
  if (addresses.length > 0 && unspents.length > 0) throw badRequest("unspents and addresses cannot be combined");
  const seen = new Set<string>();
  addresses.forEach((item, i) => {
    if (isZero(item)) throw badRequest(`addresses[${i}] is empty`);
    if (seen.has(toHex(item))) throw badRequest("addresses contains duplicate values");
    seen.add(toHex(item));
  });
  if (new Set(unspents.map(toHex)).size < unspents.length) throw badRequest("unspents contains duplicate values");
}

function validateReceivers({ to }: SpendRequest, maxDecimals: number): void {
  if (to.length === 0) throw badRequest("to is empty");
  to.forEach((out, i) => {
    if (isZero(out.address)) throw badRequest(`to[${i}].address is empty`);
    if (out.coins === 0n) throw badRequest(`to[${i}].coins must not be zero`);
    if (out.coins % precisionDivisor(maxDecimals) !== 0n) {
      throw badRequest(`to[${i}].coins has too many decimal places`);
    }
  });
  const keys = to.map((out) => `${toHex(out.address)} ${out.coins} ${out.hours ?? 0n}`);
  if (new Set(keys).size < keys.length) throw badRequest("to contains duplicate values");
}

/** What to make. */
export function spendParams(request: SpendRequest): SpendParams {
  const { type, mode, share_factor } = request.hours_selection;
  const to = request.to.map((out): TxOut => ({ ...out, hours: out.hours ?? (0n as Hours) }));
  return { hoursSelection: { type, mode, shareFactor: share_factor }, changeAddress: request.change_address, to };
}

/** Out of what. */
export function spendSelection(request: SpendRequest): SpendSelection {
  return {
    addresses: request.addresses,
    uxOuts: request.unspents,
    ignoreUnconfirmed: request.ignore_unconfirmed,
  };
}
