/**
 * Keys kept in this browser, each locked with a password: PBKDF2-SHA-256 (600,000 rounds) to AES-256-GCM, the address
 * as additional data. Only the one key of a login address is kept, never a seed.
 */
const PREFIX = "loginchain.key.";
const ROUNDS = 600_000;
export const PASSWORD_MIN = 10;

interface Locked {
  readonly v: 1;
  readonly salt: string;
  readonly iv: string;
  readonly data: string;
}

/** False where the browser gives pages no cryptography (plain http from another machine) or no storage. */
export function canKeep(): boolean {
  try {
    return globalThis.crypto?.subtle !== undefined && localStorage !== undefined;
  } catch {
    return false;
  }
}

export function isKept(address: string): boolean {
  return canKeep() && localStorage.getItem(PREFIX + address) !== null;
}

export function forget(address: string): void {
  localStorage.removeItem(PREFIX + address);
}

export async function keep(address: string, secretHex: string, password: string): Promise<void> {
  const [salt, iv] = [crypto.getRandomValues(new Uint8Array(16)), crypto.getRandomValues(new Uint8Array(12))];
  const key = await derive(password, salt);
  const sealed = await crypto.subtle.encrypt(
    { name: "AES-GCM", iv, additionalData: bytes(address) },
    key,
    bytes(secretHex),
  );
  const locked: Locked = { v: 1, salt: encode(salt), iv: encode(iv), data: encode(new Uint8Array(sealed)) };
  localStorage.setItem(PREFIX + address, JSON.stringify(locked));
}

/** The secret key as hex; undefined: wrong password, or what is kept is damaged. */
export async function unlock(address: string, password: string): Promise<string | undefined> {
  try {
    const { salt, iv, data } = JSON.parse(localStorage.getItem(PREFIX + address) ?? "") as Locked;
    const key = await derive(password, decode(salt));
    const opened = await crypto.subtle.decrypt(
      { name: "AES-GCM", iv: decode(iv), additionalData: bytes(address) },
      key,
      decode(data),
    );
    return new TextDecoder().decode(opened);
  } catch {
    return undefined;
  }
}

async function derive(password: string, salt: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  const typed = await crypto.subtle.importKey("raw", bytes(password.normalize("NFKC")), "PBKDF2", false, ["deriveKey"]);
  const rule = { name: "PBKDF2", hash: "SHA-256", salt, iterations: ROUNDS };
  return crypto.subtle.deriveKey(rule, typed, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

function bytes(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>;
}

function encode(data: Uint8Array): string {
  return btoa(String.fromCharCode(...data));
}

function decode(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}
