import { setTimeout as pause } from "node:timers/promises";
import { parseDroplets } from "../../src/chain/droplet.ts";
import { newTransaction, signTransaction, type Transaction } from "../../src/chain/transaction.ts";
import type { Droplets, Hours } from "../../src/chain/uxout.ts";
import { decodeAddress } from "../../src/cipher/address.ts";
import { parseHash } from "../../src/cipher/hash.ts";
import { parseSecretKey } from "../../src/cipher/keys.ts";
import { type ChainMember, LoginNetwork } from "../../test/support/login-network.ts";
import { freePorts } from "../../test/support/processes.ts";
import { Visitor } from "../../test/support/visitor.ts";

/** Milliseconds of one login, from the request. */
export interface GoTimes {
  readonly funded: number;
  /** From the return. */
  readonly token: number;
  readonly whole: number;
}

/** What the plain build makes of its genesis block. */
const DROPLETS = 100_000_000_000_000;
const COIN = 1_000_000n;
/** The reference's publisher. */
const BLOCK_MS = 10_000;
/** The page that waits for the return. */
const POLL_MS = 3_000;

/**
 * Logins on a publisher and a peer of the reference, as its reward server does them: a coin is sent by injection at the
 * publisher, and every three seconds it is asked whether the coin is there, then whether the return is. One login for
 * each block, at all moments between two, since the genesis address has one output and so funds one a block.
 */
export async function goLogins(program: string, count: number): Promise<readonly GoTimes[]> {
  const endings: (() => unknown)[] = [];
  try {
    const network = await LoginNetwork.make(
      { after: (end: () => unknown) => void endings.push(end) },
      { droplets: DROPLETS, goProgram: program },
    );
    const [port, peerPort] = (await freePorts(2)) as [number, number];
    const publisher = await network.start("go", { role: "publisher", port, dials: [] });
    await network.start("go", { role: "peer", port: peerPort, dials: [port] });
    await network.bootstrap(publisher);
    while ((await headSeq(publisher)) < 1) await pause(50);
    const blockAt = performance.now();
    const treasury = new Visitor(publisher.web, parseSecretKey(await network.secret()), { alone: true });
    return await Promise.all(
      Array.from({ length: count }, async (_, i) => {
        const share = (i * 0.618) % 1; // spread evenly over the time between two blocks
        await pause(Math.max(0, blockAt + i * BLOCK_MS + 300 + share * (BLOCK_MS - 1_000) - performance.now()));
        return login(publisher, treasury);
      }),
    );
  } finally {
    for (const end of endings.reverse()) await end();
  }
}

async function login(node: ChainMember, treasury: Visitor): Promise<GoTimes> {
  const visitor = new Visitor(node.web, undefined, { alone: true });
  const startedAt = performance.now();
  await visitor.get(`/api/v1/balance?addrs=${visitor.address}`);
  await treasury.inject(await funding(treasury, visitor.address));
  let polls = 0;
  const poll = async (): Promise<void> => {
    await pause(Math.max(0, startedAt + ++polls * POLL_MS - performance.now()));
  };
  while ((await visitor.outputs()).length === 0) await poll();
  const fundedAt = performance.now();
  await visitor.giveBack(treasury.address);
  do await poll();
  while (!(await isReturned(visitor, treasury.address)));
  const now = performance.now();
  return { funded: fundedAt - startedAt, token: now - fundedAt, whole: now - startedAt };
}

/** One coin with one hour, the rest back. */
async function funding(treasury: Visitor, to: string): Promise<Transaction> {
  const outputs = [...(await treasury.outputs())].sort((a, b) => b.calculated_hours - a.calculated_hours);
  const [largest] = outputs;
  if (largest === undefined) throw new Error("the genesis address has nothing to spend before the next block");
  const hours = BigInt(largest.calculated_hours);
  const coins = parseDroplets(largest.coins);
  const fee = (hours + 9n) / 10n;
  const outs = [
    { address: decodeAddress(to), coins: COIN as Droplets, hours: 1n as Hours },
    {
      address: decodeAddress(treasury.address),
      coins: (coins - COIN) as Droplets,
      hours: (hours - fee - 1n) as Hours,
    },
  ];
  return signTransaction(newTransaction([parseHash(largest.hash)], outs), [treasury.secret]);
}

async function isReturned(visitor: Visitor, genesis: string): Promise<boolean> {
  interface Listed {
    readonly txn: { readonly inputs: { owner: string }[]; readonly outputs: { dst: string }[] };
  }
  const path = `/api/v1/transactions?addrs=${visitor.address}&confirmed=true&verbose=1`;
  const { body } = await visitor.get<Listed[]>(path);
  return body.some(
    ({ txn }) =>
      txn.inputs.some(({ owner }) => owner === visitor.address) && txn.outputs.some(({ dst }) => dst === genesis),
  );
}

async function headSeq(node: ChainMember): Promise<number> {
  return ((await node.get("/api/v1/blockchain/metadata")) as { head: { seq: number } }).head.seq;
}
