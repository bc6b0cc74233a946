import type { SessionRecord } from "../../login/service.ts";
import { cookieName, SESSION_COOKIE, setCookie } from "../login/cookie.ts";
import type { LoginServices } from "../login/route.ts";
import { blockLink, copyable, duration, facts, txLink } from "./format.ts";
import { html } from "./html.ts";
import type { PageRequest } from "./page-routes.ts";
import type { Page, Redirect } from "./shell.ts";
import { askerOf, returnTarget } from "./who-asks.ts";

/** `GET /account`: the session of this browser. */
export async function accountPage(services: LoginServices, request: PageRequest): Promise<Page> {
  const session = await sessionOf(services, request);
  if (session === undefined) return signedOut();
  const { clock, clients } = services;
  const asker = askerOf(session.clientId, clients);
  const back = returnTarget(request.query.get("return_to"), asker);
  const at = (ms: number): string => new Date(ms).toUTCString();
  return {
    title: "Account",
    section: "account",
    scripts: ["copy.js"],
    body: html`<section class="card narrow">
<h1>You are logged in</h1>
${facts([
  ["Address", html`${copyable(session.address, "address")} <a href="/address/${session.address}">on the chain</a>`],
  [
    "Proved",
    `${at(session.authTimeMs)}, by ${session.method === "return" ? "sending a coin back" : "signing a message"}`,
  ],
  ["Ends", `${at(session.deadline.wallMs)}, in ${duration((session.deadline.wallMs - clock.nowMs()) / 1000)}`],
  asker.id === undefined ? undefined : ["For", asker.name ?? asker.id],
  session.txid === undefined
    ? undefined
    : [
        "Proof",
        html`${txLink(session.txid)}${session.blockSeq !== undefined && html` in block ${blockLink(session.blockSeq)}`}`,
      ],
  session.txid === undefined
    ? undefined
    : [
        "Receipt",
        html`<a href="/login/v1/receipts/${session.txid}">for your records</a>: shows offline that the return is in the chain`,
      ],
])}
${back !== undefined && html`<p class="actions"><a class="button" href="${back.href}">Go on to ${back.host}</a></p>`}
<form method="post" action="/logout"><p class="actions"><button type="submit" class="quiet">Log out</button></p></form>
</section>`,
  };
}

function signedOut(): Page {
  return {
    title: "Account",
    section: "account",
    status: 401,
    body: html`<section class="card narrow"><h1>You are not logged in</h1>
<p>Sessions end by themselves after a while. Prove your address again to begin a new one.</p>
<p class="actions"><a class="button" href="/login">Log in</a></p></section>`,
  };
}

/** `POST /logout`: the session is over, everywhere and for good. */
export async function logout(services: LoginServices, request: PageRequest): Promise<Redirect> {
  const { login } = services;
  const session = await sessionOf(services, request);
  if (session !== undefined) await login.sessions.revoke(session.id, request.caller);
  const gone = setCookie({ name: SESSION_COOKIE, value: "", maxAgeSeconds: 0, secure: login.secure });
  return { location: "/login?done=out", cookies: [gone] };
}

async function sessionOf({ login }: LoginServices, request: PageRequest): Promise<SessionRecord | undefined> {
  return login.sessions.fromCookie(request.cookie(cookieName(SESSION_COOKIE, login.secure)) ?? "");
}
