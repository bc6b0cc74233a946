import type { CipherBackend } from "./backend.ts";
import { nobleBackend } from "./noble-backend.ts";

let active: CipherBackend = nobleBackend;

/** The backend in use: noble until another is installed. */
export function backend(): CipherBackend {
  return active;
}

/** Makes `next` do all hashing and curve work of this thread from now on. Returns the one it replaces. */
export function installBackend(next: CipherBackend): CipherBackend {
  const previous = active;
  active = next;
  return previous;
}
