/** Names of the cookies. Behind TLS they carry the prefix that no subdomain and no plain page can set. */
export const SESSION_COOKIE = "login_session";

/** Holds the claim secret of one challenge, so that several may be open in one browser. */
export function claimCookie(challengeId: string): string {
  return `login_claim_${challengeId}`;
}

/** Ties a sign-in for a service to the browser that came with it. */
export function signInCookie(requestId: string): string {
  return `login_sign_in_${requestId}`;
}

export interface CookieOptions {
  readonly name: string;
  readonly value: string;
  /** 0 removes it. */
  readonly maxAgeSeconds: number;
  /** True behind TLS: `__Host-` and Secure. Without, for http on loopback: the plain name. */
  readonly secure: boolean;
}

/** A Set-Cookie value: HttpOnly, SameSite=Lax, Path=/, no Domain. */
export function setCookie({ name, value, maxAgeSeconds, secure }: CookieOptions): string {
  const attributes = `Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Lax${secure ? "; Secure" : ""}`;
  return `${cookieName(name, secure)}=${value}; ${attributes}`;
}

export function cookieName(name: string, secure: boolean): string {
  return secure ? `__Host-${name}` : name;
}

/** The first cookie of the name in a Cookie header. */
export function readCookie(header: string | undefined, name: string): string | undefined {
  for (const pair of (header ?? "").split(";")) {
    const at = pair.indexOf("=");
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
  }
  return undefined;
}
