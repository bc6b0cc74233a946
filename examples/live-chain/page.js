import { ChainFollower, formatDroplets, hashHex, parseHash, parsePublicKey } from "loginchain/wire";

const ROWS = 20;
const element = (id) => document.getElementById(id);
const say = (id, text) => {
  element(id).textContent = text;
};

const { url, publisherKey, genesisHash } = await (await fetch("/chain.json")).json();
say("publisher", publisherKey);

const follower = new ChainFollower({
  url,
  publisherKey: parsePublicKey(publisherKey),
  genesisHash: parseHash(genesisHash),
});

let checked = 0;
let transactions = 0;
let moved = 0n;

follower.onState.on((state) => {
  const texts = {
    stopped: () => "stopped",
    connecting: () => "connecting",
    following: () => (follower.position?.seq === state.height ? "up to date" : "catching up"),
    waiting: () => `${state.reason}; again in ${Math.round(state.retryMs / 1000)} s`,
  };
  element("state").dataset.name = state.name;
  say("state", texts[state.name]());
});

follower.onBlock.on(({ block, hash }) => {
  const { seq, time } = block.header;
  checked++;
  transactions += block.transactions.length;
  const coins = block.transactions.flatMap((txn) => txn.outputs).reduce((sum, out) => sum + out.coins, 0n);
  moved += coins;
  say("coins", formatDroplets(moved));
  say("height", seq);
  say("checked", checked);
  say("transactions", transactions);
  const row = document.createElement("tr");
  const cells = [
    seq,
    new Date(time * 1000).toLocaleTimeString(),
    block.transactions.length,
    formatDroplets(coins),
    `${hashHex(hash).slice(0, 16)}…`,
  ];
  for (const text of cells) row.appendChild(document.createElement("td")).textContent = text;
  const rows = element("blocks");
  rows.prepend(row);
  if (rows.rows.length > ROWS) rows.deleteRow(ROWS);
});

follower.start();
