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
 * who believes that authentication is on must find out. Source: api.md 3.
 */
export function isAuthorized(header: string | undefined, wanted: Credentials): boolean {
  const given = parseBasic(header);
  if (wanted.username === "" && wanted.password === "") {
    return given === undefined || (given.username === "" && given.password === "");
  }
  if (given === undefined) return false;
  // Differs: the reference compares one hash of user and password run together, so "ab"+"c" passes for "a"+"bc".
  const user = sameText(given.username, wanted.username);
  const password = sameText(given.password, wanted.password);
  return user && password;
}

/** Hashing first makes the lengths equal, which a constant-time comparison needs. */
function sameText(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text, "utf8").digest();
  return timingSafeEqual(digest(a), digest(b));
}

function parseBasic(header: string | undefined): Credentials | undefined {
  if (header === undefined || header.slice(0, 6).toLowerCase() !== "basic ") return undefined;
  const encoded = header.slice(6);
  if (encoded.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(encoded)) return undefined;
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const colon = text.indexOf(":");
  return colon < 0 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1) };
}
