import { unixSeconds } from "../../base/clock.ts";
import { blockTime, headOf } from "../../chain/queries.ts";
import type { ChainView } from "../../chain/store.ts";
import type { ApiContext } from "../context.ts";
import type { LoginServices } from "../login/route.ts";
import { blockTable, poolTable } from "./chain-tables.ts";
import { coinsText, count, duration, grouped } from "./format.ts";
import { type Html, html } from "./html.ts";
import { barPlot } from "./plot.ts";
import type { Page } from "./shell.ts";

const BLOCKS_SHOWN = 10;
const POOL_SHOWN = 10;
const MINUTES = 60;
/** Blocks looked at for the plots; a busy hour has more, then the plots begin later. */
const BLOCKS_LOOKED_AT = 2000;

export interface LiveParts {
  readonly context: ApiContext;
  readonly login: LoginServices | undefined;
}

/** `/`: the chain as it is now. The script asks for the page again and puts the live parts in place. */
export function livePage({ context, login }: LiveParts): Page {
  const { services, options, view } = context;
  const head = headOf(view);
  const now = unixSeconds(services.clock);
  const { displayName } = options.node.fiber;
  return {
    title: displayName,
    section: "chain",
    scripts: ["live.js"],
    reloadSeconds: 10,
    body: html`<div class="title"><h1>${displayName} chain</h1>
<p class="live" id="follow" hidden><span class="dot" aria-hidden="true"></span><span role="status" id="follow-text">Live</span> <button type="button" class="small" id="pause" aria-pressed="false">Pause</button></p></div>
${searchForm()}
<section aria-labelledby="now-title"><h2 id="now-title" class="sr">Now</h2>
<div id="live-now" data-live>${figures(context, login)}</div></section>
<section aria-labelledby="hour-title"><h2 id="hour-title">The last hour</h2>
<div class="plots" id="live-plots" data-live>${plots(view, now, login)}</div></section>
<section aria-labelledby="blocks-title"><h2 id="blocks-title">Newest blocks</h2>
<div id="live-blocks" data-live>${blockTable(view, { from: head.seq, size: BLOCKS_SHOWN, now })}</div>
<p><a href="/blocks">All ${count(head.seq + 1, "block")}</a></p></section>
<section aria-labelledby="pool-title"><h2 id="pool-title">Waiting for a block</h2>
<div id="live-pool" data-live>${poolTable(context, POOL_SHOWN, now)}</div></section>`,
  };
}

export function searchForm(value = "", problem?: string): Html {
  return html`<form class="search" action="/search" method="get" role="search">
<label for="q">Find a block, transaction or address</label>
<div class="row"><input id="q" name="q" type="search" value="${value}" autocomplete="off" spellcheck="false" autocapitalize="none" placeholder="Number, hash or address" maxlength="200"${problem !== undefined && html` aria-invalid="true" aria-describedby="q-problem"`}><button type="submit">Find</button></div>
${problem !== undefined && html`<p class="problem" id="q-problem" role="alert">${problem}</p>`}
</form>`;
}

function figures(context: ApiContext, login: LoginServices | undefined): Html {
  const { services, view } = context;
  const head = headOf(view);
  const now = unixSeconds(services.clock);
  const connected = (services.network?.connections() ?? []).filter(({ state }) => state === "introduced");
  const highest = Math.max(0, ...connected.map(({ height }) => height));
  const behind = highest > head.seq ? `, ${count(highest - head.seq, "block")} behind` : "";
  return html`<dl class="tiles">
${tile("Head", html`<a href="/block/${head.seq}">${grouped(head.seq)}</a>`, `${duration(Math.max(0, now - head.time))} old${behind}`)}
${tile("Transactions", grouped(view.transactionCount()), `${grouped(services.pool.size)} waiting`)}
${tile("Peers", grouped(connected.length), connected.length === 0 ? "not connected" : `highest block ${grouped(highest)}`)}
${tile("Coins", coinsText(services.chain.params.genesis.volume), `at ${count(view.addressCount(), "address", "addresses")}, ${count(view.unspentCount(), "output")}`)}
${login !== undefined && loginTile(login)}
</dl>`;
}

function loginTile({ login }: LoginServices): Html {
  const { condition } = login.stock();
  const trouble = { ok: "", off: "", low: ", few coins to lend", exhausted: ", no coins to lend" }[condition];
  return tile(
    "Logins",
    grouped(login.challenges.counts().claimed),
    `since the start, ${grouped(login.challenges.openCount)} under way${trouble}`,
  );
}

function tile(name: string, value: Html | string, note: string): Html {
  return html`<div><dt>${name}</dt><dd>${value}</dd><dd class="note">${note}</dd></div>`;
}

function plots(view: ChainView, now: number, login: LoginServices | undefined): readonly (Html | false)[] {
  const { blocks, transactions } = perMinute(view, now);
  const common = { per: "per minute", span: "60 min" };
  return [
    barPlot({ name: "Blocks", values: blocks, ...common }),
    barPlot({ name: "Transactions", values: transactions, ...common }),
    login !== undefined && barPlot({ name: "Logins", values: login.login.loginsPerMinute(), ...common }),
  ];
}

/** From the headers alone, back from the head. Block times may lead the clock by a few seconds: they count as now. */
export function perMinute(
  view: ChainView,
  now: number,
): { readonly blocks: number[]; readonly transactions: number[] } {
  const blocks = new Array<number>(MINUTES).fill(0);
  const transactions = new Array<number>(MINUTES).fill(0);
  const head = headOf(view).seq;
  for (let seq = head; seq >= 0 && seq > head - BLOCKS_LOOKED_AT; seq--) {
    const age = Math.floor(Math.max(0, now - blockTime(view, seq)) / 60);
    if (age >= MINUTES) break;
    const at = MINUTES - 1 - age;
    blocks[at] = (blocks[at] as number) + 1;
    const before = seq === 0 ? 0 : view.transactionsUpTo(seq - 1);
    transactions[at] = (transactions[at] as number) + view.transactionsUpTo(seq) - before;
  }
  return { blocks, transactions };
}
