import { type Address, decodeAddress } from "../cipher/address.ts";
import { type Hash, parseHash } from "../cipher/hash.ts";
import { splitList } from "./form.ts";
import { goQuote } from "./go-text.ts";
import { parsed } from "./route.ts";

/** Addresses of a list parameter. @throws ApiError 400, `message` makes the text from the reason */
export function parseAddresses(text: string, message: (reason: string) => string = (reason) => reason): Address[] {
  return splitList(text).map((item) =>
    parsed(
      () => decodeAddress(item),
      (reason) => message(`address ${goQuote(item)} is invalid: ${reason}`),
    ),
  );
}

/** Hashes of a list parameter. @throws ApiError 400 */
export function parseHashes(text: string): Hash[] {
  return splitList(text).map((item) =>
    parsed(
      () => parseHash(item),
      (reason) => `SHA256 hash ${goQuote(item)} is invalid: ${reason}`,
    ),
  );
}
