import { fromHex, toHex } from "../../base/bytes.ts";
import { unixSeconds } from "../../base/clock.ts";
import { bodySize, type SignedBlock } from "../../chain/block.ts";
import { headOf } from "../../chain/queries.ts";
import { balancesOf } from "../../chain/queries-balance.ts";
import { transactionPage } from "../../chain/queries-pages.ts";
import { findTransaction, locatedInputs, transactionsOfBlock } from "../../chain/queries-transactions.ts";
import { uxId } from "../../chain/uxout.ts";
import { type Address, decodeAddress, encodeAddress } from "../../cipher/address.ts";
import { type Hash, parseHash } from "../../cipher/hash.ts";
import { LoginError } from "../../login/errors.ts";
import type { ApiContext } from "../context.ts";
import { amountTable, blockTable, transactionTable } from "./chain-tables.ts";
import { blockLink, coinsText, copyable, count, facts, grouped, idText, timeTag, txLink } from "./format.ts";
import { type Html, html } from "./html.ts";
import { searchForm } from "./live.ts";
import type { PageRequest, PageRoute } from "./page-routes.ts";
import type { Page, Redirect } from "./shell.ts";

const BLOCKS_PER_PAGE = 50;
const TRANSACTIONS_PER_PAGE = 25;
/** Of one block on its page; the API has them all. */
const TRANSACTIONS_MAX = 200;
const INPUTS_MAX = 200;

/** Blocks, transactions and addresses, each with links to the others. All of it works without script. */
export function explorerRoutes(context: ApiContext): readonly PageRoute[] {
  return [
    { path: "/blocks", handler: (request) => blocks(context, request) },
    { path: "/block/:id", handler: ({ params }) => block(context, params.id ?? "") },
    { path: "/tx/:id", handler: ({ params }) => transaction(context, params.id ?? "") },
    { path: "/address/:address", handler: (request) => address(context, request) },
    { path: "/search", handler: ({ query }) => search(context, (query.get("q") ?? "").trim()) },
  ];
}

function blocks({ view, services }: ApiContext, { query }: PageRequest): Page {
  const head = headOf(view).seq;
  const asked = Number(query.get("from") ?? head);
  const from = Number.isSafeInteger(asked) && asked >= 0 && asked <= head ? asked : head;
  const newer = from >= head ? undefined : Math.min(head, from + BLOCKS_PER_PAGE);
  const older = from < BLOCKS_PER_PAGE ? undefined : from - BLOCKS_PER_PAGE;
  return {
    title: "Blocks",
    section: "blocks",
    body: html`<h1>Blocks</h1>${searchForm()}
${blockTable(view, { from, size: BLOCKS_PER_PAGE, now: unixSeconds(services.clock) })}
${pager(newer === undefined ? undefined : `/blocks?from=${newer}`, older === undefined ? undefined : `/blocks?from=${older}`)}`,
  };
}

function block(context: ApiContext, id: string): Page {
  const { view, services } = context;
  const found = findBlock(context, id);
  if (found === undefined) throw nothing(`There is no block ${id.slice(0, 80)} on this chain.`);
  const { header } = found;
  const head = headOf(view).seq;
  const now = unixSeconds(services.clock);
  const hash = view.blockHashAt(header.seq) as Hash;
  const all = transactionsOfBlock(view, header.seq, head);
  const hidden = all.length - TRANSACTIONS_MAX;
  return {
    title: `Block ${grouped(header.seq)}`,
    section: "blocks",
    scripts: ["copy.js"],
    body: html`<h1>Block ${grouped(header.seq)}</h1>
<div class="card">${facts([
      ["Hash", copyable(toHex(hash), "hash")],
      ["Time", html`${timeTag(header.time, now)}, ${new Date(header.time * 1000).toUTCString()}`],
      ["Blocks after it", grouped(head - header.seq)],
      ["Fee", `${grouped(header.fee)} hours`],
      ["Size of the transactions", `${grouped(bodySize(found.transactions))} bytes`],
      header.seq > 0
        ? ["Previous block", html`<a href="/block/${header.seq - 1}">${idText(toHex(header.prevHash))}</a>`]
        : undefined,
      ["Unspent set before it", idText(toHex(header.uxHash))],
    ])}</div>
<h2>${count(all.length, "transaction")}</h2>
${transactionTable(all.slice(0, TRANSACTIONS_MAX), { now, view })}
${hidden > 0 && html`<p>${grouped(hidden)} more: <a href="/api/v1/block?seq=${header.seq}">the whole block as JSON</a>.</p>`}
${pager(header.seq < head ? `/block/${header.seq + 1}` : undefined, header.seq > 0 ? `/block/${header.seq - 1}` : undefined, ["Next block", "Previous block"])}`,
  };
}

/** By number, or by hash. */
function findBlock({ view }: ApiContext, id: string): SignedBlock | undefined {
  if (/^\d{1,15}$/.test(id)) return Number(id) > headOf(view).seq ? undefined : view.blockBySeq(Number(id));
  return isHash(id) ? view.blockByHash(parseHash(id)) : undefined;
}

function transaction(context: ApiContext, id: string): Page {
  const { view, services } = context;
  const found = isHash(id) ? findTransaction(view, services.pool, parseHash(id)) : undefined;
  if (found === undefined) throw nothing("There is no such transaction, neither in a block nor waiting for one.");
  const { txn, confirmed, time } = found;
  const now = unixSeconds(services.clock);
  const inputs = locatedInputs(view, found);
  const spent = inputs.reduce((sum, input) => sum + input.calculatedHours, 0n);
  const made = txn.outputs.reduce((sum, out) => sum + out.hours, 0n);
  const status =
    confirmed === undefined
      ? html`<span class="badge wait">waiting for a block</span>`
      : html`<span class="badge good">confirmed</span> in block ${blockLink(confirmed.seq)}, ${count(confirmed.height - 1, "block")} after it`;
  return {
    title: "Transaction",
    section: "blocks",
    scripts: ["copy.js"],
    ...(confirmed === undefined && { reloadSeconds: 3 }),
    body: html`<h1>Transaction</h1>
<div class="card">${facts([
      ["Id", copyable(toHex(found.id), "id")],
      ["Status", status],
      ["Time", html`${timeTag(time, now)}, ${new Date(time * 1000).toUTCString()}`],
      confirmed?.seq === 0 ? undefined : ["Fee", `${count(spent > made ? spent - made : 0n, "hour")}, burnt`],
      ["Size", `${grouped(txn.length)} bytes`],
    ])}</div>
<h2>From</h2>
${amountTable(
  "Outputs it spends",
  inputs.slice(0, INPUTS_MAX).map(({ ux, calculatedHours }) => ({
    address: encodeAddress(ux.body.address),
    coins: ux.body.coins,
    hours: calculatedHours,
    ...(ux.head.seq > 0 && { note: html`from ${txLink(toHex(ux.body.srcTransaction))}` }),
  })),
)}
${inputs.length > INPUTS_MAX && html`<p>${grouped(inputs.length - INPUTS_MAX)} more.</p>`}
<h2>To</h2>
${amountTable(
  "Outputs it makes",
  txn.outputs.slice(0, INPUTS_MAX).map((out) => {
    const spentBy =
      confirmed === undefined || confirmed.seq === 0
        ? undefined
        : view.uxOut(uxId({ srcTransaction: found.id, ...out }))?.spentBy;
    return {
      address: encodeAddress(out.address),
      coins: out.coins,
      hours: out.hours,
      ...(spentBy !== undefined && { note: html`spent in ${txLink(toHex(spentBy.txid))}` }),
    };
  }),
)}
${txn.outputs.length > INPUTS_MAX && html`<p>${grouped(txn.outputs.length - INPUTS_MAX)} more.</p>`}`,
  };
}

async function address(context: ApiContext, { params, query }: PageRequest): Promise<Page> {
  const { view, services, order } = context;
  const text = params.address ?? "";
  const wanted = parseAddress(text);
  if (wanted === undefined) throw nothing("This is not an address: check it for a missing or changed character.");
  const [balance] = balancesOf(view, services.pool, [wanted]);
  const asked = Number(query.get("page") ?? 1);
  const page = Number.isSafeInteger(asked) && asked > 0 ? asked : 1;
  const found = await transactionPage(view, services.pool, order, {
    addresses: [wanted],
    confirmed: undefined,
    order: "desc",
    size: BigInt(TRANSACTIONS_PER_PAGE),
    page: BigInt(page),
  });
  const now = unixSeconds(services.clock);
  const differs = balance !== undefined && balance.predicted.coins !== balance.confirmed.coins;
  const list =
    found.transactions.length > 0
      ? transactionTable(found.transactions, { now, view, address: text })
      : html`<p class="empty">${page > 1 ? "No more transactions." : "No transaction has touched this address yet."}</p>`;
  return {
    title: "Address",
    section: "blocks",
    scripts: ["copy.js"],
    body: html`<h1>Address</h1>
<div class="card">${facts([
      ["Address", copyable(text, "address")],
      ["Coins", `${coinsText(balance?.confirmed.coins ?? 0n)} ${context.options.node.fiber.ticker}`],
      ["Hours", grouped(balance?.confirmed.hours ?? 0n)],
      differs
        ? ["After what waits", `${coinsText(balance.predicted.coins)} ${context.options.node.fiber.ticker}`]
        : undefined,
      ["Unspent outputs", grouped(view.addressSummary(wanted).unspents)],
    ])}</div>
<h2>Transactions</h2>
${list}
${pager(page > 1 ? `/address/${text}?page=${page - 1}` : undefined, page < found.totalPages ? `/address/${text}?page=${page + 1}` : undefined)}`,
  };
}

/** Leads to the one thing that bears the name; a hash may be a transaction's or a block's. */
function search(context: ApiContext, q: string): Page | Redirect {
  const { view, services } = context;
  const text = q.replaceAll(",", "");
  if (/^\d{1,15}$/.test(text) && findBlock(context, text) !== undefined) return { location: `/block/${Number(text)}` };
  if (isHash(q)) {
    const hash = parseHash(q);
    if (findTransaction(view, services.pool, hash) !== undefined) return { location: `/tx/${q.toLowerCase()}` };
    if (view.blockByHash(hash) !== undefined) return { location: `/block/${q.toLowerCase()}` };
    const source = view.uxOut(hash);
    if (source !== undefined) return { location: `/tx/${toHex(source.ux.body.srcTransaction)}` };
  }
  if (parseAddress(q) !== undefined) return { location: `/address/${q}` };
  const problem =
    q === ""
      ? "Type the number of a block, a hash of 64 digits, or an address."
      : "Nothing on this chain has that name. A block has a number or a hash of 64 digits; an address has about 34 letters and digits.";
  return {
    title: "Nothing found",
    status: q === "" ? 200 : 404,
    section: "blocks",
    body: html`<h1>Find</h1>${searchForm(q.slice(0, 200), problem)}`,
  };
}

function isHash(text: string): boolean {
  return text.length === 64 && /^[0-9a-fA-F]+$/.test(text) && fromHex(text) !== undefined;
}

function parseAddress(text: string): Address | undefined {
  try {
    return decodeAddress(text);
  } catch {
    return undefined;
  }
}

function nothing(text: string): LoginError {
  return new LoginError("not_found", text);
}

function pager(newer: string | undefined, older: string | undefined, [up, down] = ["Newer", "Older"]): Html {
  if (newer === undefined && older === undefined) return html``;
  return html`<nav class="pager" aria-label="Pages">${newer !== undefined ? html`<a class="button quiet" rel="prev" href="${newer}">← ${up}</a>` : html`<span></span>`}${
    older !== undefined ? html`<a class="button quiet" rel="next" href="${older}">${down} →</a>` : html`<span></span>`
  }</nav>`;
}
