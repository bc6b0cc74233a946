import assert from "node:assert/strict";
import { createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { fromHex, toHex } from "../../src/base/bytes.ts";
import { decodeTransaction, encodeTransaction, newTransaction, signTransaction } from "../../src/chain/transaction.ts";
import { startLoginNode } from "../support/login-node.ts";
import { eventually, runProgram } from "../support/processes.ts";
import { Visitor } from "../support/visitor.ts";

/** What a reward server written for the Go chain reads of a verbose transaction. */
interface Listed {
  readonly status: { readonly confirmed: boolean; readonly block_seq: number };
  readonly txn: {
    readonly inputs: readonly { readonly owner: string; readonly src_txid: string; readonly hours: number }[];
    readonly outputs: readonly { readonly dst: string; readonly coins: string; readonly hours: number }[];
  };
}

const SITE = "fiber.example.org";

/** A node behind the reward server's name: Host is the node's, everything else as it came. */
async function proxyTo(t: TestContext, node: string): Promise<string> {
  const { hostname, port, host } = new URL(node);
  const server = createServer((from, answer) => {
    const { url: path, method } = from;
    const headers = { ...from.headers, host, "x-forwarded-for": "198.51.100.1", "x-forwarded-host": SITE };
    const to = httpRequest({ hostname, port, path, method, headers }, (reply) => {
      answer.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(answer);
    });
    to.on("error", () => answer.destroy());
    from.pipe(to);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("a reward server written for the Go chain works without a change", async (t) => {
  const flags = [`--host-whitelist=${SITE}`, "--enable-all-api-sets"];
  const { chain, node } = await startLoginNode(t, { flags });
  const genesis = chain.address;
  const get = async (path: string): Promise<{ status: number; text: string; type: string | null }> => {
    const response = await fetch(`${node.web}${path}`);
    return { status: response.status, text: await response.text(), type: response.headers.get("content-type") };
  };
  const list = async (address: string): Promise<Listed[]> =>
    JSON.parse((await get(`/api/v1/transactions?addrs=${address}&confirmed=true&verbose=1`)).text);
  const balance = async (address: string): Promise<{ coins: unknown; hours: unknown }> =>
    JSON.parse((await get(`/api/v1/balance?addrs=${address}`)).text).confirmed;
  /** The command line client makes the transaction, both of its streams are taken for it; the node is told by JSON. */
  const fund = async (address: string): Promise<string> => {
    const env = { RPC_ADDR: node.web, FIBER_TOML: chain.files.publisherToml };
    const made = await runProgram(["cli", "createRawTransaction", chain.files.genesis, address, "1.000000"], { env });
    assert.equal(made.code, 0, made.stderr);
    const rawtx = `${made.stdout}${made.stderr}`.trim();
    const { status, text } = await node.post("/api/v1/injectTransaction", { rawtx, no_broadcast: true });
    assert.equal(status, 200, text);
    return text.trim().replaceAll('"', "");
  };
  const isProved = (all: readonly Listed[], address: string): boolean =>
    all.some(
      ({ txn }) => txn.outputs.some(({ dst }) => dst === genesis) && txn.inputs.some(({ owner }) => owner === address),
    );

  await t.test("C1, C6: health, and a chain past block 0 as text", async () => {
    assert.equal((await get("/api/v1/health")).status, 200);
    assert.match((await get("/api/v1/blockchain/metadata")).text, /"seq": [1-9]/);
  });

  const visitor = new Visitor(node.web, undefined, { alone: true });
  await t.test("C2, C5: an address nobody knows has nothing and did nothing", async () => {
    assert.deepEqual(await balance(visitor.address), { coins: 0, hours: 0 });
    const { text, type } = await get(`/api/v1/transactions?addrs=${visitor.address}&confirmed=true&verbose=1`);
    assert.deepEqual([text.trim(), type], ["[]", "application/json"]);
  });

  let funding = "";
  await t.test("C3, C4: the command line client and an injection without token fund two visitors at once", async () => {
    const other = new Visitor(node.web);
    funding = await fund(visitor.address);
    await fund(other.address);
    assert.match(funding, /^[0-9a-f]{64}$/);
    for (const { address } of [visitor, other]) {
      await eventually(
        () => balance(address),
        ({ coins, hours }) => coins === 1_000_000 && hours === 1,
      );
    }
    assert.equal(isProved(await list(visitor.address), visitor.address), false);
  });

  const site = await proxyTo(t, node.web);
  const browser = (path: string, body?: unknown, origin = `https://${SITE}`): Promise<Response> =>
    fetch(`${site}${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: { origin, referer: `${origin}/login`, "content-type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });

  await t.test("C7: the wallet behind the reward server's proxy returns the coin, and it is seen at once", async () => {
    assert.equal((await browser("/api/v1/health")).status, 200);
    assert.equal((await browser("/csrf")).status, 404);
    assert.equal((await browser("/api/v1/health", undefined, "https://elsewhere.example")).status, 403);
    const made = await browser("/api/v2/transaction", {
      hours_selection: { type: "auto", mode: "share", share_factor: "0" },
      addresses: [visitor.address],
      to: [{ address: genesis, coins: "1.000000" }],
    });
    const { data } = (await made.json()) as { data: { encoded_transaction: string } };
    assert.equal(made.status, 200);
    const { inputs, outputs } = decodeTransaction(fromHex(data.encoded_transaction));
    const signed = signTransaction(newTransaction(inputs, outputs), [visitor.secret]);
    const startedMs = performance.now();
    const sent = await browser("/api/v1/injectTransaction", {
      rawtx: toHex(encodeTransaction(signed)),
      no_broadcast: true,
    });
    assert.equal(sent.status, 200);
    await eventually(
      () => list(visitor.address),
      (all) => isProved(all, visitor.address),
    );
    assert.ok(performance.now() - startedMs < 9_000, "no block timer of ten seconds is waited for");
  });

  await t.test("C5 tells what binds a return to its challenge: the block, and the funding it spends", async () => {
    const all = await list(visitor.address);
    const [funded, returned] = all.toSorted((a, b) => a.status.block_seq - b.status.block_seq) as [Listed, Listed];
    assert.equal(all.length, 2);
    assert.equal(funded.txn.inputs[0]?.owner, genesis);
    assert.ok(returned.status.confirmed && returned.status.block_seq > funded.status.block_seq);
    assert.deepEqual(
      returned.txn.inputs.map(({ owner, src_txid, hours }) => ({ owner, src_txid, hours })),
      [{ owner: visitor.address, src_txid: funding, hours: 1 }],
    );
    assert.deepEqual(
      returned.txn.outputs.map(({ dst, coins, hours }) => ({ dst, coins, hours })),
      [{ dst: genesis, coins: "1.000000", hours: 0 }],
    );
  });
});
