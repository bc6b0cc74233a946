import { createHash, timingSafeEqual } from "node:crypto";

/** Credentials asked for; both empty means that none are. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** Sent with every 401. The realm does not follow the coin's name, so clients of every Fibercoin know it. */
export const AUTHENTICATE = 'Basic realm="skycoin daemon"';

/**
 * True when the `Authorization` header fits. Credentials sent to a node that asks for none are refused: an operator
 * who believes that authentication is on must find out. User and password count as one run of bytes, as in the
 * reference: its recorded answers hold that "ab" with "c" passes for "a" with "bc". Source: api.md 3.
 */
export function isAuthorized(header: string | undefined, wanted: Credentials): boolean {
  if (header === undefined && wanted.username === "" && wanted.password === "") return true; // nearly every request
  const given = parseBasic(header) ?? { username: "", password: "" };
  return timingSafeEqual(digest(given), digest(wanted));
}

/** Hashing makes the lengths equal, which a comparison in constant time needs. */
function digest({ username, password }: Credentials): Buffer {
  return createHash("sha256").update(username, "utf8").update(password, "utf8").digest();
}

function parseBasic(header: string | undefined): Credentials | undefined {
  if (header === undefined || header.slice(0, 6).toLowerCase() !== "basic ") return undefined;
  const encoded = header.slice(6);
  if (encoded.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(encoded)) return undefined;
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const colon = text.indexOf(":");
  return colon < 0 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1) };
}
