import type { FastifyReply, FastifyRequest } from "fastify";
import { sendBytes } from "../respond.ts";
import type { Assets } from "./assets.ts";
import { Html, html } from "./html.ts";

/** One page: what differs between them. */
export interface Page {
  readonly title: string;
  readonly body: Html;
  readonly status?: number;
  /** Which entry of the navigation it belongs to. */
  readonly section?: Section;
  /** Plain names of scripts. */
  readonly scripts?: readonly string[];
  /** Without script the page asks for itself again after this many seconds. */
  readonly reloadSeconds?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cookies?: readonly string[];
  /** Where else its forms may lead: a browser checks that for redirects too. */
  readonly formTarget?: string | undefined;
}

/** An answer that leads elsewhere. */
export interface Redirect {
  readonly location: string;
  readonly cookies?: readonly string[];
}

export type Section = "chain" | "blocks" | "login" | "account";

export interface Shell {
  readonly assets: Assets;
  /** Of the coin. */
  readonly name: string;
  /** Whether visitors can log in here. */
  readonly login: boolean;
}

/**
 * Nothing but our own files is loaded, run or asked; nothing inline; no frame around us. HTML from text needs the one
 * policy of our scripts.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types fragment",
].join("; ");

const HEADERS = {
  "content-security-policy": CONTENT_SECURITY_POLICY,
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=()",
  "cache-control": "no-store",
} as const;

export function sendPage(request: FastifyRequest, reply: FastifyReply, page: Page | Redirect, shell: Shell): unknown {
  reply.headers(HEADERS);
  for (const cookie of page.cookies ?? []) reply.header("set-cookie", cookie);
  if ("location" in page) return reply.code(303).header("location", page.location).send();
  if (page.headers !== undefined) reply.headers(page.headers);
  if (page.formTarget !== undefined) {
    const policy = CONTENT_SECURITY_POLICY.replace("form-action 'self'", `form-action 'self' ${page.formTarget}`);
    reply.header("content-security-policy", policy);
  }
  const body = Buffer.from(document(page, shell).text);
  if (request.method !== "HEAD") return sendBytes(reply, page.status ?? 200, "text/html; charset=utf-8", body);
  return reply
    .code(page.status ?? 200)
    .headers({ "content-type": "text/html; charset=utf-8", "content-length": body.length })
    .send();
}

const DOCTYPE = new Html("<!doctype html>\n");

function document({ title, body, section, scripts = [], reloadSeconds }: Page, shell: Shell): Html {
  const { assets, name } = shell;
  return html`${DOCTYPE}<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title === name ? name : `${title} · ${name}`}</title>
<link rel="icon" href="${assets.path("icon.svg")}" type="image/svg+xml">
<link rel="stylesheet" href="${assets.path("style.css")}">
${scripts.map((script) => html`<script type="module" src="${assets.path(script)}"></script>\n`)}${
  reloadSeconds !== undefined && html`<noscript><meta http-equiv="refresh" content="${reloadSeconds}"></noscript>\n`
}</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header class="bar">
<a class="brand" href="/">${name}</a>
<nav aria-label="Main">
${link("/", "Chain", section === "chain")}
${link("/blocks", "Blocks", section === "blocks")}
${shell.login && link("/login", "Log in", section === "login")}
${shell.login && link("/account", "Account", section === "account")}
</nav>
</header>
<main id="main" tabindex="-1">
${body}
</main>
</body>
</html>
`;
}

function link(href: string, text: string, current: boolean): Html {
  return html`<a href="${href}"${current && new Html(' aria-current="page"')}>${text}</a>`;
}
