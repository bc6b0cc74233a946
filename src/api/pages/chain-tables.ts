import { toHex } from "../../base/bytes.ts";
import type { LocatedTransaction } from "../../chain/queries-transactions.ts";
import type { ChainView } from "../../chain/store.ts";
import { type Transaction, txid } from "../../chain/transaction.ts";
import { encodeAddress } from "../../cipher/address.ts";
import type { ApiContext } from "../context.ts";
import { addressLink, blockLink, coinsText, count, grouped, idText, timeTag, txLink } from "./format.ts";
import { type Html, html } from "./html.ts";

/** Blocks from `from` downwards. */
export function blockTable(
  view: ChainView,
  { from, size, now }: { readonly from: number; readonly size: number; readonly now: number },
): Html {
  const rows: Html[] = [];
  for (let seq = from; seq >= 0 && seq > from - size; seq--) {
    const block = view.blockBySeq(seq);
    const hash = view.blockHashAt(seq);
    if (block === undefined || hash === undefined) break;
    const moved = block.transactions.reduce((sum, txn) => sum + paid(txn), 0n);
    rows.push(html`<tr id="block-${seq}">
<th scope="row" data-label="Block">${blockLink(seq)}</th>
<td data-label="Age">${timeTag(block.header.time, now)}</td>
<td data-label="Transactions" class="num">${grouped(block.transactions.length)}</td>
<td data-label="Coins moved" class="num">${coinsText(moved)}</td>
<td data-label="Hash"><a href="/block/${toHex(hash)}">${idText(toHex(hash))}</a></td></tr>`);
  }
  return html`<table class="list"><caption class="sr">Blocks, newest first</caption><thead><tr><th scope="col">Block</th><th scope="col">Age</th><th scope="col" class="num">Transactions</th><th scope="col" class="num">Coins moved</th><th scope="col">Hash</th></tr></thead><tbody>${rows}</tbody></table>`;
}

/** Transactions of the pool, at most `size`. */
export function poolTable({ services }: ApiContext, size: number, now: number): Html {
  const records = services.pool.all();
  if (records.length === 0) return html`<p class="empty">Nothing waits: every transaction is in a block.</p>`;
  const rows = records.slice(0, size).map(
    ({ txn, received }) => html`<tr>
<th scope="row" data-label="Transaction">${txLink(toHex(txid(txn)))}</th>
<td data-label="Received">${timeTag(Number(received / 1_000_000_000n), now)}</td>
<td data-label="Coins" class="num">${coinsText(paid(txn))}</td></tr>`,
  );
  const more = records.length - rows.length;
  return html`<table class="list"><caption class="sr">Transactions in the pool</caption><thead><tr><th scope="col">Transaction</th><th scope="col">Received</th><th scope="col" class="num">Coins</th></tr></thead><tbody>${rows}</tbody></table>
${more > 0 && html`<p>And ${count(more, "more", "more")}.</p>`}`;
}

/** Transactions with what they mean for one address, where one is given. */
export function transactionTable(
  list: readonly LocatedTransaction[],
  { now, view, address }: { readonly now: number; readonly view: ChainView; readonly address?: string },
): Html {
  const rows = list.map((located) => {
    const id = toHex(located.id);
    const change = address === undefined ? undefined : netChange(view, located.txn, address);
    return html`<tr>
<th scope="row" data-label="Transaction">${txLink(id)}</th>
<td data-label="Block">${located.confirmed === undefined ? "waiting" : blockLink(located.confirmed.seq)}</td>
<td data-label="Age">${timeTag(located.time, now)}</td>
${
  change === undefined
    ? html`<td data-label="Coins moved" class="num">${coinsText(paid(located.txn))}</td>`
    : html`<td data-label="Change" class="num">${change < 0n ? html`−${coinsText(-change)}` : html`+${coinsText(change)}`}</td>`
}</tr>`;
  });
  const last = address === undefined ? "Coins moved" : "Change";
  return html`<table class="list"><caption class="sr">Transactions, newest first</caption><thead><tr><th scope="col">Transaction</th><th scope="col">Block</th><th scope="col">Age</th><th scope="col" class="num">${last}</th></tr></thead><tbody>${rows}</tbody></table>`;
}

function netChange(view: ChainView, txn: Transaction, address: string): bigint {
  let change = 0n;
  for (const out of txn.outputs) if (encodeAddress(out.address) === address) change += out.coins;
  for (const id of txn.inputs) {
    const spent = view.uxOut(id)?.ux.body;
    if (spent !== undefined && encodeAddress(spent.address) === address) change -= spent.coins;
  }
  return change;
}

export function paid(txn: Transaction): bigint {
  return txn.outputs.reduce((sum, out) => sum + out.coins, 0n);
}

/** One side of a transaction: who, and how much. */
export function amountTable(
  caption: string,
  rows: readonly { readonly address: string; readonly coins: bigint; readonly hours: bigint; readonly note?: Html }[],
): Html {
  if (rows.length === 0) return html`<p class="empty">None: the genesis transaction makes its coins.</p>`;
  return html`<table class="list"><caption class="sr">${caption}</caption><thead><tr><th scope="col">Address</th><th scope="col" class="num">Coins</th><th scope="col" class="num">Hours</th></tr></thead><tbody>${rows.map(
    ({ address, coins, hours, note }) => html`<tr>
<th scope="row" data-label="Address">${addressLink(address)}${note !== undefined && html` <span class="note">${note}</span>`}</th>
<td data-label="Coins" class="num">${coinsText(coins)}</td><td data-label="Hours" class="num">${grouped(hours)}</td></tr>`,
  )}</tbody></table>`;
}
