import { LoginError } from "../../login/errors.ts";
import type { SignInRequest } from "../../login/service.ts";
import { claimCookie, cookieName, SESSION_COOKIE, setCookie } from "../login/cookie.ts";
import type { LoginServices } from "../login/route.ts";
import { addressLink } from "./format.ts";
import { Html, html } from "./html.ts";
import { type PageRequest, refusal } from "./page-routes.ts";
import type { Page, Redirect } from "./shell.ts";
import { formTarget, signInOf } from "./sign-in.ts";
import { askerNotice, askerOf, returnTarget } from "./who-asks.ts";

interface StartForm {
  readonly address: string;
  readonly method: "return" | "signature";
  readonly clientId: string | undefined;
  readonly returnTo: string | undefined;
  /** What a service has sent the visitor here for. */
  readonly signIn: { readonly id: string; readonly asked: SignInRequest } | undefined;
}

/** `GET /login`: who asks, what happens, one field. */
export async function startPage(services: LoginServices, request: PageRequest): Promise<Page> {
  const { login } = services;
  const session = await login.sessions.fromCookie(request.cookie(cookieName(SESSION_COOKIE, login.secure)) ?? "");
  const notice =
    session !== undefined
      ? html`<p class="notice">You are logged in as ${addressLink(session.address)}. <a href="/account">Your account</a></p>`
      : request.query.get("done") === "out"
        ? html`<p class="notice" role="status">You are logged out.</p>`
        : undefined;
  return page(services, await formOf(services, request, request.query), { notice });
}

/** `POST /login`: the challenge, bound to this browser by a cookie. */
export async function start(services: LoginServices, request: PageRequest): Promise<Page | Redirect> {
  const form = await formOf(services, request, request.form);
  if (form.address === "") return page(services, form, { problem: "Type or paste your address first.", status: 400 });
  const { login } = services;
  try {
    const { record, claimSecret } = await login.challenges.create(
      {
        address: form.address,
        method: form.method,
        cookie: true,
        ...(form.clientId !== undefined && { clientId: form.clientId }),
      },
      request.caller,
    );
    const cookie = setCookie({
      name: claimCookie(record.id),
      value: claimSecret as string,
      maxAgeSeconds: Math.ceil(record.deadline.lifetimeMs / 1000) + 120,
      secure: login.secure,
    });
    const query = new URLSearchParams({
      ...(form.signIn !== undefined && { interaction: form.signIn.id }),
      ...(form.returnTo !== undefined && { return_to: form.returnTo }),
    });
    return { location: `/login/verify/${record.id}${query.size > 0 ? `?${query}` : ""}`, cookies: [cookie] };
  } catch (error) {
    if (!(error instanceof LoginError)) throw error;
    const { text, status, headers } = refusal(error);
    return page(services, form, { problem: text, status, headers });
  }
}

async function formOf(services: LoginServices, request: PageRequest, fields: URLSearchParams): Promise<StartForm> {
  const text = (name: string): string | undefined => fields.get(name)?.trim() || undefined;
  const id = text("interaction");
  const signIn = id === undefined ? undefined : { id, asked: await signInOf(services, request, id) };
  const clientId = signIn?.asked.clientId ?? text("client_id")?.slice(0, 64);
  if (clientId !== undefined && services.clients.isClosed && services.clients.get(clientId) === undefined) {
    throw new LoginError(
      "invalid_client",
      `A service that calls itself ${clientId} has sent you, and none of that name is known here`,
    );
  }
  return {
    address: (text("address") ?? signIn?.asked.loginHint ?? "").slice(0, 200),
    method: text("method") === "signature" ? "signature" : "return",
    clientId,
    returnTo: signIn === undefined ? text("return_to") : undefined,
    signIn,
  };
}

function page(
  services: LoginServices,
  form: StartForm,
  {
    notice,
    problem,
    ...answer
  }: { readonly notice?: Html | undefined; readonly problem?: string } & Pick<Page, "status" | "headers">,
): Page {
  const { login, clients } = services;
  const asker = askerOf(form.clientId, clients);
  const back = returnTarget(form.returnTo ?? null, asker);
  const { address: stock } = login.stock();
  return {
    title: problem === undefined ? "Log in" : "Log in: please check",
    section: "login",
    ...answer,
    formTarget: formTarget(form.signIn?.asked),
    body: html`<section class="card narrow">
<h1>Log in with your address</h1>
${notice}
${askerNotice(asker, login.issuer)}
<form method="post" action="/login">
${form.signIn !== undefined && html`<input type="hidden" name="interaction" value="${form.signIn.id}">`}
${form.signIn === undefined && form.clientId !== undefined && html`<input type="hidden" name="client_id" value="${form.clientId}">`}
${back !== undefined && html`<input type="hidden" name="return_to" value="${back.href}">`}
<label for="address">Address, or account xpub</label>
<input id="address" name="address" value="${form.address}" required maxlength="200" autocomplete="username" autocapitalize="none" spellcheck="false" aria-describedby="address-help${problem !== undefined && " address-problem"}"${problem !== undefined && new Html(' aria-invalid="true" autofocus')}>
${problem !== undefined && html`<p class="problem" id="address-problem" role="alert">${problem}</p>`}
<p class="help" id="address-help">For an xpub the login address is the first one of its change chain.</p>
<fieldset><legend>How you prove that it is yours</legend>
${choice("return", form.method, "Send a coin back", stock === undefined ? "You send a small amount of your own. Every wallet can do it." : "We lend you a coin, you send it back. Every wallet can do it, and so can the next page.")}
${choice("signature", form.method, "Sign a message", "Nothing is sent. The next page can sign, and so can a few wallets.")}
</fieldset>
<p class="actions"><button type="submit">Go on</button></p>
</form>
${form.signIn !== undefined && html`<form method="post" action="/login/cancel"><input type="hidden" name="interaction" value="${form.signIn.id}"><p class="actions"><button type="submit" class="quiet">Cancel, back to ${asker.name ?? asker.id}</button></p></form>`}
<details><summary>What this proves, and what you risk</summary>
<p>Only who holds the key of an address can send coins from it or sign with it. That is the whole login: no account, no password, no e-mail.</p>
<p>The coins of this chain have no value. Your seed is never asked for by this form, and where the next page takes it, it stays in your browser.</p></details>
</section>`,
  };
}

function choice(value: StartForm["method"], chosen: StartForm["method"], name: string, help: string): Html {
  return html`<label class="choice"><input type="radio" name="method" value="${value}"${value === chosen && new Html(" checked")}><span><b>${name}</b><br><span class="help">${help}</span></span></label>`;
}
