import { goTrim } from "../../api/go-text.ts";
import { errorText } from "../../base/errors.ts";
import { parseSecretKey, type SecretKey } from "../../cipher/keys.ts";
import { refused } from "./errors.ts";

/** Keys separated by commas; empty items are skipped. @throws ClientError CLIENT_INPUT, never naming the key */
export function parsePrivateKeys(text: string): readonly SecretKey[] {
  const items = text.split(",").map(goTrim);
  return items
    .filter((item) => item !== "")
    .map((item) => {
      try {
        return parseSecretKey(item);
      } catch (error) {
        throw refused(`invalid private key: ${errorText(error)}`);
      }
    });
}
