import encodeQR from "qr";
import { type ChallengeRecord, lastChange } from "../../login/challenge.ts";
import { LoginError } from "../../login/errors.ts";
import type { SignInRequest } from "../../login/service.ts";
import { readable } from "../login/challenge-routes.ts";
import { claimCookie, cookieName, SESSION_COOKIE, setCookie } from "../login/cookie.ts";
import type { LoginServices } from "../login/route.ts";
import { blockLink, copyable, duration, facts, txLink } from "./format.ts";
import { Html, html } from "./html.ts";
import { type PageRequest, refusal, sentence } from "./page-routes.ts";
import type { Page, Redirect } from "./shell.ts";
import { finishSignIn, formTarget, signInOf } from "./sign-in.ts";
import { type Asker, askerNotice, askerOf, returnTarget } from "./who-asks.ts";

/** What the page is made of, read once. */
interface Verification {
  readonly record: ChallengeRecord;
  readonly shown: ReturnType<typeof readable>;
  readonly asker: Asker;
  readonly back: URL | undefined;
  /** The service that sent the visitor, and waits for a code. */
  readonly signIn: { readonly id: string; readonly asked: SignInRequest } | undefined;
  /** This browser started it, and may claim. */
  readonly mine: boolean;
  readonly secondsLeft: number;
}

async function read(services: LoginServices, request: PageRequest): Promise<Verification> {
  const { login, clients, clock } = services;
  const record = await login.challenges.get(request.params.id ?? "");
  const asker = askerOf(record.clientId, clients);
  const given = request.form.get("return_to") ?? request.query.get("return_to");
  return {
    record,
    shown: readable(record, services),
    asker,
    back: returnTarget(given, asker),
    signIn: await signInOfChallenge(services, request, record),
    mine:
      record.claim.kind === "cookie" && request.cookie(cookieName(claimCookie(record.id), login.secure)) !== undefined,
    secondsLeft: Math.max(0, Math.round((record.deadline.wallMs - clock.nowMs()) / 1000)),
  };
}

/** @throws LoginError unknown_sign_in: before anything is claimed */
async function signInOfChallenge(
  services: LoginServices,
  request: PageRequest,
  record: ChallengeRecord,
): Promise<Verification["signIn"]> {
  const id = request.form.get("interaction") || request.query.get("interaction");
  // Claimed, the code is on its way and the sign-in over; the page may still look, or be gone back to.
  if (!id || lastChange(record).status === "claimed") return undefined;
  const asked = await signInOf(services, request, id);
  return asked.clientId === record.clientId ? { id, asked } : undefined;
}

/** `GET /login/verify/{id}`: what to do, how far it is, and a wallet beside it. */
export async function verifyPage(services: LoginServices, request: PageRequest): Promise<Page> {
  return page(services, await read(services, request), {});
}

/** `POST /login/verify/{id}`: a signature made in another wallet, or nothing, and then the login is finished. */
export function proveOrClaim(services: LoginServices, request: PageRequest): Promise<Page | Redirect> {
  return request.form.has("signature") ? proveBySignature(services, request) : claim(services, request);
}

/** Claims by the cookie of this browser and signs it in. */
async function claim(services: LoginServices, request: PageRequest): Promise<Page | Redirect> {
  const { login } = services;
  const { record, back, signIn } = await read(services, request);
  const secret = request.cookie(cookieName(claimCookie(record.id), login.secure));
  if (secret === undefined) {
    throw new LoginError(
      "wrong_secret",
      "This login was started in another browser, or its cookie is gone: go on there, or start anew",
    );
  }
  const claimed = await login.challenges.claim(record.id, secret, "cookie", request.caller);
  const { secure } = login;
  const session = {
    name: SESSION_COOKIE,
    value: claimed.cookie as string,
    maxAgeSeconds: Math.floor(claimed.session.deadline.lifetimeMs / 1000),
    secure,
  };
  const cookies = [
    setCookie({ name: claimCookie(record.id), value: "", maxAgeSeconds: 0, secure }),
    setCookie(session),
  ];
  if (signIn !== undefined) {
    const answer = await finishSignIn(services, request, { ...signIn, session: claimed.session });
    return { location: answer.location, cookies: [...cookies, ...answer.cookies] };
  }
  const query = back === undefined ? "" : `?${new URLSearchParams({ return_to: back.href })}`;
  return { location: `/account${query}`, cookies };
}

async function proveBySignature(services: LoginServices, request: PageRequest): Promise<Page | Redirect> {
  const known = await read(services, request);
  const signature = (request.form.get("signature") ?? "").replace(/\s+/g, "");
  try {
    await services.login.challenges.prove(known.record.id, signature, request.caller);
  } catch (error) {
    if (!(error instanceof LoginError) || error.code !== "bad_signature") throw error;
    const { text, status } = refusal(error);
    return page(services, known, { problem: text, status });
  }
  return { location: pathOf(known) };
}

function pathOf({ record, ...known }: Verification): string {
  const query = new URLSearchParams(onward(known)).toString();
  return `/login/verify/${record.id}${query === "" ? "" : `?${query}`}`;
}

/** What every step carries on. */
function onward({ back, signIn }: Pick<Verification, "back" | "signIn">): Record<string, string> {
  return {
    ...(back !== undefined && { return_to: back.href }),
    ...(signIn !== undefined && { interaction: signIn.id }),
  };
}

const FINAL: ReadonlySet<string> = new Set(["claimed", "expired", "failed"]);

function page(
  { login }: LoginServices,
  known: Verification,
  { problem, status = 200 }: { readonly problem?: string; readonly status?: number },
): Page {
  const { record, shown, asker } = known;
  const over = FINAL.has(shown.status) || shown.status === "confirmed";
  return {
    title: TITLES[shown.status] ?? "Prove your address",
    section: "login",
    status,
    formTarget: formTarget(known.signIn?.asked),
    scripts: over ? ["verify.js"] : ["verify.js", "wallet.js"],
    ...(!FINAL.has(shown.status) && { reloadSeconds: 3 }),
    body: html`<h1>Prove that the address is yours</h1>
<div class="card who">${askerNotice(asker, login.issuer)}
${facts([["Your address", copyable(record.loginAddress, "address")]])}</div>
${statusBlock(known)}
<div id="ways" class="columns"${over && new Html(" hidden")}>
${walletForm(known)}
${record.method === "return" ? ownWallet(known) : ownSignature(known, problem)}
</div>`,
  };
}

const TITLES: Readonly<Record<string, string>> = {
  confirmed: "Proved",
  claimed: "Done",
  expired: "Out of time",
  failed: "Not proved",
};

/** Everything that changes while the visitor is here; the script puts it in place as it changes. */
function statusBlock(known: Verification): Html {
  const { record, shown, mine, back, secondsLeft } = known;
  const { status } = shown;
  const waits = status === "funding" || status === "waiting" || status === "seen";
  return html`<section class="card state ${status}" id="challenge" data-live data-status="${status}" data-version="${shown.version}"${(FINAL.has(status) || (status === "confirmed" && !mine)) && new Html(" data-over")} aria-labelledby="state-title">
<h2 id="state-title" class="sr">How far it is</h2>
${steps(record.method, status)}
<p class="say" role="status" id="say">${said(known)}</p>
${record.notice !== undefined && waits && html`<p class="problem">${sentence(record.notice.text)}</p>`}
${(shown.txid !== undefined || shown.block_seq !== undefined) && html`<p class="note">${shown.txid !== undefined && html`Transaction ${txLink(shown.txid)}`}${shown.block_seq !== undefined && html` in block ${blockLink(shown.block_seq)}`}</p>`}
${waits && html`<p class="note">Time left: <span data-left="${secondsLeft}">${duration(secondsLeft)}</span></p>`}
${status === "confirmed" && mine && html`<form method="post" action="/login/verify/${record.id}" id="continue">${hiddenFields(known)}<button type="submit">Finish the login</button></form>`}
${status === "confirmed" && !mine && back !== undefined && html`<p><a class="button" href="${back.href}">Back to ${back.host}</a></p>`}
${status === "claimed" && back !== undefined && html`<p><a class="button" href="${back.href}">Back to ${back.host}</a></p>`}
${(status === "expired" || status === "failed") && onceMore(known)}
</section>`;
}

function hiddenFields(known: Verification): Html {
  return html`${Object.entries(onward(known)).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}`;
}

/** A login that a service holds the secret of is begun anew by that service: one begun here would tell it nothing. */
function onceMore(known: Verification): Html {
  const { record, back } = known;
  if (record.claim.kind === "cookie") {
    return html`<p><a class="button" href="/login?${again(known)}">Start again</a></p>`;
  }
  if (back !== undefined)
    return html`<p><a class="button" href="${back.href}">Back to ${back.host}, to start again</a></p>`;
  return html`<p class="note">Go back to where you began this login, and start again there.</p>`;
}

/** The same login once more, as a query. */
function again({ record, asker, ...known }: Verification): string {
  const fields = {
    address: record.loginAddress,
    method: record.method,
    ...(asker.id !== undefined && { client_id: asker.id }),
    ...onward(known),
  };
  return new URLSearchParams(fields).toString();
}

function said({ record, shown, mine, asker }: Verification): Html | string {
  const service = asker.name ?? asker.id ?? "Whoever began this login";
  switch (shown.status) {
    case "funding":
      return "A coin is on its way to your address. This takes about a second.";
    case "waiting":
      return record.method === "return"
        ? html`Your turn: send <b>${shown.amount}</b> coins from your address to the return address.`
        : "Your turn: sign the message with the key of your address.";
    case "seen":
      return "Your coin has been seen. The block that confirms it comes in about a second.";
    case "confirmed":
      return mine
        ? "Proved: the address is yours."
        : `Proved: the address is yours. ${service} is told; you can go back there.`;
    case "claimed":
      return "Done. This login is complete.";
    case "expired":
      return "The time ran out before the proof came. Nothing is lost: start again.";
    default:
      return sentence(lastChange(record).cause?.text ?? "This login cannot go on");
  }
}

const STEPS = {
  return: {
    funding: "We lend you a coin",
    waiting: "You send it back",
    seen: "A block confirms it",
    confirmed: "Logged in",
  },
  signature: { waiting: "You sign the message", confirmed: "Logged in" },
} as const;

function steps(method: "return" | "signature", status: string): Html {
  const names = Object.entries(STEPS[method]);
  const now = status === "claimed" ? names.length : names.findIndex(([step]) => step === status);
  return html`<ol class="steps">${names.map(([, name], i) => {
    const kind = now < 0 ? "ahead" : i < now ? "past" : i === now ? "now" : "ahead";
    return html`<li class="${kind}"${kind === "now" && new Html(' aria-current="step"')}>${name}${kind === "past" && html`<span class="sr"> (done)</span>`}</li>`;
  })}</ol>`;
}

/** Works with script only, and says so without. The fields have no names: nothing of them can be submitted. */
function walletForm({ record, shown }: Verification): Html {
  const act = record.method === "return" ? "Send the coin back" : "Sign in";
  return html`<section class="card" aria-labelledby="here-title">
<h2 id="here-title">In this browser</h2>
<noscript><p>Signing in this page needs JavaScript. Without it, use your own wallet.</p></noscript>
<form id="wallet" hidden autocomplete="off" data-id="${record.id}" data-method="${record.method}" data-address="${record.loginAddress}" data-return="${record.returnAddress}" data-amount="${shown.amount}" data-message="${record.message}">
<div id="kept" hidden>
<p>The key of this address is kept in this browser, locked with a password.</p>
<label for="unlock">Password of the key</label>
<input id="unlock" type="password" autocomplete="off">
<p class="actions"><button type="button" class="small" id="other">Use a seed instead</button> <button type="button" class="small" id="forget">Forget the key</button></p>
</div>
<div id="typed">
<label for="seed">Seed, recovery phrase or secret key</label>
<textarea id="seed" class="masked" rows="3" autocomplete="off" autocapitalize="none" spellcheck="false" aria-describedby="seed-help"></textarea>
<label class="check"><input type="checkbox" id="show"> Show what I type</label>
<p class="help" id="seed-help">It stays in this page. The key is made and used here; only what it signs is sent.</p>
<label class="check"><input type="checkbox" id="keep"> Keep the key in this browser, locked with a password</label>
<div id="keep-with" hidden><label for="lock">New password, 10 characters at least</label>
<input id="lock" type="password" autocomplete="off" minlength="10"></div>
</div>
<p class="actions"><button type="submit" id="act">${act}</button></p>
<p id="wallet-problem" class="problem" role="alert" hidden></p>
<p id="wallet-state" class="note" role="status"></p>
</form>
<details><summary>What happens with what I type</summary>
<p>This page may load nothing from elsewhere and send nothing elsewhere; your browser enforces that. It looks for your address among the first addresses of the seed, both of deterministic and of bip44 wallets, and forgets the seed.</p>
<p>If you would rather type it nowhere, use your own wallet.</p></details>
</section>`;
}

function ownWallet({ record, shown }: Verification): Html {
  return html`<section class="card" aria-labelledby="own-title">
<h2 id="own-title">With your own wallet</h2>
<p>Send the coin from <b>your address</b>, and no other, to this address:</p>
<div class="qr">${qr(shown.uri)}</div>
${facts([
  ["Return address", copyable(record.returnAddress, "return address")],
  ["Amount", copyable(shown.amount, "amount")],
  ["As a link", html`<a href="${shown.uri}">Open in a wallet</a>`],
])}
</section>`;
}

function ownSignature(known: Verification, problem: string | undefined): Html {
  const { record } = known;
  return html`<section class="card" aria-labelledby="own-title">
<h2 id="own-title">With your own wallet</h2>
<p>Sign exactly this text, then paste the signature:</p>
<pre class="message" tabindex="0" aria-label="Message to sign">${record.message}</pre>
<p><button type="button" class="small" data-copy="${record.message}" hidden>Copy the message</button></p>
<form method="post" action="${pathOf(known)}">
<label for="signature">Signature, 130 hex digits</label>
<textarea id="signature" name="signature" rows="3" required maxlength="200" autocomplete="off" autocapitalize="none" spellcheck="false"${problem !== undefined && new Html(' aria-invalid="true" aria-describedby="signature-problem" autofocus')}></textarea>
${problem !== undefined && html`<p class="problem" id="signature-problem" role="alert">${problem}</p>`}
<p class="actions"><button type="submit">Hand in the signature</button></p>
</form>
</section>`;
}

/** Dark on light whatever the page's colours: readers need it so. */
function qr(uri: string): Html {
  const rows = encodeQR(uri, "raw", { border: 3 });
  const path = rows.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : ""))).join("");
  return html`<svg viewBox="0 0 ${rows.length} ${rows.length}" role="img" aria-label="QR code of the return address and the amount" shape-rendering="crispEdges"><rect width="100%" height="100%" fill="#fff"/><path d="${path}" fill="#000"/></svg>`;
}
