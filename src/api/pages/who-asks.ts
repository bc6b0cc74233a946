import type { LoginClients } from "../../login/clients.ts";
import { type Html, html } from "./html.ts";

const RETURN_TO_MAX = 2000;

/** Whom a login is for, as far as this node can tell. */
export interface Asker {
  readonly id: string | undefined;
  readonly name: string | undefined;
  /** Origins its operator has registered; of an app, which has none, the scheme. */
  readonly origins: readonly string[];
}

export function askerOf(clientId: string | undefined, clients: LoginClients | undefined): Asker {
  const known = clientId === undefined ? undefined : clients?.get(clientId);
  const origins = new Set((known?.redirectUris ?? []).map(originOf));
  return { id: clientId, name: known?.name, origins: [...origins] };
}

/** Where a redirect URI leads: an origin, or `scheme:` of an app's own. */
export function originOf(uri: string): string {
  const { origin, protocol } = new URL(uri);
  return origin === "null" ? protocol : origin;
}

/** Said before the visitor proves anything: who tricks a visitor into a login must be seen. */
export function askerNotice({ id, name, origins }: Asker, issuer: string): Html {
  const here = new URL(issuer).host;
  if (id === undefined) return html`<p>You log in to <b>${here}</b> itself. No other service asks.</p>`;
  if (name === undefined) {
    return html`<p><b>${id}</b> asks who you are. That name is its own word: go on only if you came here from that service yourself.</p>`;
  }
  const at = origins.length === 0 ? html`` : html` at <b>${origins.join(", ")}</b>`;
  return html`<p><b>${name}</b>${at} asks who you are. Go on only if you came here from there yourself.</p>`;
}

/**
 * Where the visitor may go back to: an http(s) address, of a registered origin where the service is registered.
 * It is only ever a link that says where it leads, never a redirect by itself.
 */
export function returnTarget(text: string | null, asker: Asker): URL | undefined {
  if (text === null || text.length > RETURN_TO_MAX || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  if ((url.protocol !== "https:" && url.protocol !== "http:") || url.username !== "" || url.password !== "")
    return undefined;
  return asker.name === undefined || asker.origins.includes(url.origin) ? url : undefined;
}
