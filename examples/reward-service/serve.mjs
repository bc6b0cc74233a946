// A small reward service: shows visitors the visors that are registered under the address they prove.
//
//   node examples/reward-service/serve.mjs [--login http://127.0.0.1:6480] [--visors log_backups] [--port 6500]
//
// Everything it knows of a login service is `loginchain/client`. The secret that claims a login stays in here, under
// the cookie of the browser that began it; a page, or whoever sees the link, never holds it.
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { ClientError, LoginClient, LoginProblem, LoginVerifier } from "loginchain/client";
import { errorPage, homePage, pendingPage, visorsPage } from "./pages.mjs";
import { visorsOf } from "./visors.mjs";

const { values } = parseArgs({
  options: {
    login: { type: "string", default: "http://127.0.0.1:6480" },
    visors: { type: "string", default: "log_backups" },
    port: { type: "string", default: "6500" },
    url: { type: "string" },
    "client-id": { type: "string", default: "rewards" },
  },
});
const clientId = values["client-id"];
const secret = process.env.LOGIN_CLIENT_SECRET; // never an argument: those are for everybody to see
const login = new LoginClient({ base: values.login, clientId, ...(secret && { clientSecret: secret }) });
const verifier = new LoginVerifier({ issuer: values.login, audience: clientId });

/** Browsers by cookie: `{ asked, challenge }` while a login is under way, `{ asked, tokens }` after it. */
const browsers = new Map();
const BROWSERS_MAX = 10_000;
const COOKIE = "reward_session";
const FORM_BYTES_MAX = 2000;

const routes = {
  "GET /": home,
  "POST /login": start,
  "GET /back": finish,
  "POST /logout": logout,
};

async function home(browser) {
  if (browser?.tokens === undefined) return { page: homePage() };
  const { address, session } = await who(browser);
  if (session === undefined) return { page: homePage({ notice: "Your session has ended: log in again." }) };
  return { page: visorsPage({ asked: browser.asked, address, visors: await visorsOf(values.visors, browser.asked) }) };
}

/** The token is checked here, with the published keys alone; a fresh one is asked for when it has expired. */
async function who(browser) {
  try {
    const session = await verifier.verify(browser.tokens.access_token);
    return { session, address: session.address };
  } catch (error) {
    if (!(error instanceof ClientError) || error.code !== "CLIENT_TOKEN") throw error;
  }
  try {
    // Two pages of one browser share one refresh: a refresh token is for one use.
    browser.refreshing ??= login.refresh(browser.tokens.refresh_token);
    browser.tokens = await browser.refreshing;
    const session = await verifier.verify(browser.tokens.access_token);
    return { session, address: session.address };
  } catch (error) {
    if (!(error instanceof LoginProblem) || error.code !== "invalid_grant") throw error;
    delete browser.tokens;
    return {};
  } finally {
    delete browser.refreshing;
  }
}

/** The answer is the same whether or not visors are known under the address: nobody learns here who takes part. */
async function start(_browser, form) {
  const asked = (form.get("address") ?? "").trim();
  if (asked === "") return { status: 400, page: homePage({ problem: "Type or paste your reward address first." }) };
  try {
    const challenge = await login.start({ address: asked });
    const cookie = remember({ asked, challenge });
    const page = new URL(challenge.page_url);
    page.searchParams.set("return_to", `${url()}/back`);
    return { location: page.href, cookie };
  } catch (error) {
    if (!(error instanceof LoginProblem) || error.status >= 500) throw error;
    return { status: error.status, page: homePage({ asked, problem: error.message }) };
  }
}

async function finish(browser) {
  if (browser?.challenge === undefined) return { location: "/" };
  const { id, claim_secret: claimSecret, page_url: page } = browser.challenge;
  const { status } = await login.challenge(id);
  if (["funding", "waiting", "seen"].includes(status)) return { page: pendingPage(page, `${url()}/back`) };
  const { asked } = browser;
  browsers.delete(browser.id);
  if (status !== "confirmed") {
    return { page: homePage({ asked, problem: "The login was not completed in time: start again." }) };
  }
  const tokens = await login.claim(id, { secret: claimSecret });
  return { location: "/", cookie: remember({ asked, tokens }) }; // a new cookie: the old one was seen before the login
}

async function logout(browser) {
  if (browser?.tokens !== undefined) await login.revoke(browser.tokens.access_token);
  if (browser !== undefined) browsers.delete(browser.id);
  return { location: "/", cookie: `${COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax` };
}

/** The oldest make room. Behind TLS add `Secure` and the `__Host-` prefix. */
function remember(browser) {
  const id = randomBytes(32).toString("base64url");
  browsers.set(id, { ...browser, id });
  if (browsers.size > BROWSERS_MAX) browsers.delete(browsers.keys().next().value);
  return `${COOKIE}=${id}; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax`;
}

function browserOf(request) {
  const id = new RegExp(`(?:^|; )${COOKIE}=([\\w-]{43})`).exec(request.headers.cookie ?? "")?.[1];
  return id === undefined ? undefined : browsers.get(id);
}

async function formOf(request) {
  let text = "";
  for await (const part of request.setEncoding("utf8")) {
    text += part;
    if (text.length > FORM_BYTES_MAX) throw new LoginProblem("too_large", "The form is too long", { status: 413 });
  }
  return new URLSearchParams(text);
}

const HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "referrer-policy": "same-origin",
  // Forms lead to the login page.
  "content-security-policy": `default-src 'none'; style-src 'unsafe-inline'; form-action 'self' ${new URL(values.login).origin}; base-uri 'none'; frame-ancestors 'none'`,
};

async function answer(request, response) {
  const handler = routes[`${request.method} ${new URL(request.url ?? "/", url()).pathname}`];
  if (handler === undefined) return void response.writeHead(404, HEADERS).end(errorPage("There is no such page."));
  const { origin } = request.headers;
  if (request.method === "POST" && origin !== undefined && origin !== url()) {
    return void response.writeHead(403, HEADERS).end(errorPage("That form is from another site."));
  }
  const form = request.method === "POST" ? await formOf(request) : undefined;
  const { status = 200, location, page, cookie } = await handler(browserOf(request), form);
  const cookies = cookie === undefined ? {} : { "set-cookie": cookie };
  if (location !== undefined) return void response.writeHead(303, { ...HEADERS, location, ...cookies }).end();
  response.writeHead(status, { ...HEADERS, ...cookies }).end(page);
}

const server = createServer((request, response) => {
  answer(request, response).catch((error) => {
    const status = error instanceof LoginProblem && error.status < 500 ? error.status : 503;
    console.error(`${request.method} ${request.url}: ${error.message}`);
    response
      .writeHead(status, HEADERS)
      .end(errorPage("The login service does not answer as it should. Try again soon."));
  });
});
const url = () => values.url ?? `http://127.0.0.1:${server.address().port}`;
server.listen(Number(values.port), "127.0.0.1", () => {
  console.log(`reward service  ${url()}   logs in at ${values.login}, visors from ${values.visors}`);
});
