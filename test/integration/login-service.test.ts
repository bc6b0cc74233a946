import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { encodeAddress } from "../../src/cipher/address.ts";
import { hashHex } from "../../src/cipher/hash.ts";
import {
  LoginClient,
  type LoginServiceEvent,
  LoginVerifier,
  parsePublicKey,
  verifyReceipt,
} from "../../src/client/index.ts";
import { basicAuth, clientToml, startLoginNode } from "../support/login-node.ts";
import { eventually } from "../support/processes.ts";
import { Visitor } from "../support/visitor.ts";

/** What a receiver got, in order. */
interface Post {
  readonly headers: Record<string, unknown>;
  readonly body: string;
}

async function receiver(answer: () => number) {
  const posts: Post[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => (body += text));
    request.on("end", () => {
      const status = answer();
      if (status === 200) posts.push({ headers: request.headers, body });
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  return { posts, url, close: () => server.close() };
}

const WEBHOOK_KEY = Buffer.alloc(32, 9);

test("a login with its events, webhook, receipt, tokens and restart, for the service it is meant for alone", async (t) => {
  let status = 503;
  const hook = await receiver(() => status);
  t.after(() => hook.close());
  const webhook = `[[clients.rewards.webhooks]]
url = "${hook.url}"
secret = "whsec_${WEBHOOK_KEY.toString("base64")}"
topics = ["login.session"]
allow_private = true
`;
  const clients = clientToml("rewards", "secret one", webhook) + clientToml("games", "secret two");
  const running = await startLoginNode(t, { clients });
  const { open } = running;
  const visitor = new Visitor(open, undefined, { alone: true });
  const rewards = new LoginClient({ base: open, clientId: "rewards", clientSecret: "secret one" });
  const games = new LoginClient({ base: open, clientId: "games", clientSecret: "secret two" });

  await t.test("login.* asks for the service's secret, and a wrong one is refused", async () => {
    assert.equal((await visitor.get("/login/v1/events?topics=login.*")).status, 401);
    assert.equal((await visitor.get("/login/v1/events", basicAuth("rewards", "guess"))).status, 401);
    assert.equal((await visitor.get("/login/v1/events?topics=nonsense")).status, 400);
  });

  const ends = new AbortController();
  t.after(() => ends.abort());
  const heard = {
    rewards: [] as LoginServiceEvent[],
    games: [] as LoginServiceEvent[],
    anybody: [] as LoginServiceEvent[],
  };
  const listen = async (client: LoginClient, into: LoginServiceEvent[]): Promise<void> => {
    try {
      for await (const event of client.events({ signal: ends.signal })) into.push(event);
    } catch {} // the node was stopped, or the test is over
  };
  void listen(rewards, heard.rewards);
  void listen(games, heard.games);
  void listen(new LoginClient({ base: open }), heard.anybody);

  await t.test("a client with a secret must show it to ask in its own name", async () => {
    const asked = { address: visitor.address, client_id: "rewards" };
    const { status, body } = await visitor.post<{ code: string }>("/login/v1/challenges", asked);
    assert.deepEqual([status, body.code], [401, "client_not_authenticated"]);
    const unknown = await visitor.post("/login/v1/challenges", { ...asked, client_id: "strangers" });
    assert.equal(unknown.status, 400);
  });

  const started = await rewards.start({ address: visitor.address });
  await visitor.until(started.id, "waiting");
  const txid = await visitor.giveBack(started.return_address);
  await visitor.until(started.id, "confirmed");
  const tokens = await rewards.claim(started.id, { secret: started.claim_secret as string });

  await t.test(
    "the service hears of it; another service and the public do not, though of the chain they do",
    async () => {
      await eventually(
        async () => heard.rewards,
        (all) => all.some(({ type }) => type === "login.session"),
      );
      await eventually(
        async () => heard.games,
        (all) => all.some(({ type, data }) => type === "txn.confirmed" && data.txid === txid),
      );
      await eventually(
        async () => heard.anybody,
        (all) => all.some(({ type }) => type === "block.new"),
      );
      for (const all of [heard.games, heard.anybody]) {
        assert.deepEqual(
          all.filter(({ type }) => type.startsWith("login.")),
          [],
        );
      }
      const states = heard.rewards.filter(({ type }) => type === "login.status").map(({ data }) => data.status);
      assert.equal(states[0], "funding");
      assert.deepEqual(states.slice(-2), ["confirmed", "claimed"]);
      assert.ok(!JSON.stringify(heard.rewards).includes(started.claim_secret as string));
    },
  );

  await t.test("who comes back with the last id hears the rest", async () => {
    const [first] = heard.rewards.filter(({ cursor }) => cursor !== "");
    const again: LoginServiceEvent[] = [];
    const ask = { topics: ["login.session"], after: first?.cursor as string, signal: ends.signal };
    for await (const event of rewards.events(ask)) {
      again.push(event);
      break;
    }
    assert.equal(again[0]?.data.session_id, tokens.session_id);
  });

  await t.test("the token verifies with the key set alone, for that service only", async () => {
    const login = await new LoginVerifier({ issuer: open, audience: "rewards" }).verify(tokens.access_token);
    assert.deepEqual([login.address, login.txid], [visitor.address, txid]);
    await assert.rejects(new LoginVerifier({ issuer: open, audience: "games" }).verify(tokens.access_token));
  });

  await t.test("introspection answers the service the token is meant for", async () => {
    assert.equal((await rewards.introspect(tokens.access_token)).active, true);
    assert.deepEqual(await games.introspect(tokens.access_token), { active: false });
    await assert.rejects(new LoginClient({ base: open }).introspect(tokens.access_token), {
      code: "client_not_authenticated",
    });
    const who = await visitor.get<{ address: string }>("/login/v1/session", {
      authorization: `Bearer ${tokens.access_token}`,
    });
    assert.deepEqual([who.status, who.body.address], [200, visitor.address]);
  });

  await t.test("the receipt is checked with the publisher's key alone, and refused after any change", async () => {
    const receipt = await rewards.receipt(txid);
    const publisherKey = parsePublicKey(tokens.subject.split(":")[1] as string);
    const content = verifyReceipt(receipt, publisherKey);
    assert.deepEqual([hashHex(content.txid), content.senders.map(encodeAddress)], [txid, [visitor.address]]);
    for (const part of ["transaction", "header", "signature"] as const) {
      const text = receipt[part];
      const changed = `${text.slice(0, -1)}${text.endsWith("0") ? "1" : "0"}`;
      assert.throws(() => verifyReceipt({ ...receipt, [part]: changed }, publisherKey), part);
    }
    assert.equal((await visitor.get(`/login/v1/receipts/${"0".repeat(64)}`)).status, 404);
  });

  await t.test("the public figures count it", async () => {
    const { body } = await visitor.get<{ logins_last_hour: number; stock: { condition: string } }>("/login/v1/status");
    assert.deepEqual([body.logins_last_hour, body.stock.condition], [1, "ok"]);
  });

  await running.node.kill();
  const again = await running.restart();
  status = 200;

  await t.test("after a crash the webhook that could not be delivered is, signed", async () => {
    const [post] = await eventually(
      async () => hook.posts,
      (posts) => posts.length > 0,
      { timeoutMs: 30_000 },
    );
    const { headers, body } = post as Post;
    const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
    const expected = createHmac("sha256", WEBHOOK_KEY).update(signed).digest("base64");
    assert.equal(headers["webhook-signature"], `v1,${expected}`);
    const { type, data } = JSON.parse(body) as { type: string; data: Record<string, unknown> };
    assert.deepEqual([type, data.session_id, data.address], ["login.session", tokens.session_id, visitor.address]);
    const metrics = await (await fetch(`${again.node.web}/metrics`)).text();
    assert.match(metrics, /^login_webhook_delivered_total\{webhook="rewards\/1"\} 1$/m);
  });

  await t.test(
    "the session is still there, its refresh asks for the secret, and revoking ends it at once",
    async () => {
      const refresh = { grant_type: "refresh_token", refresh_token: tokens.refresh_token };
      assert.equal((await visitor.post("/login/v1/token", refresh)).status, 401);
      const next = await rewards.refresh(tokens.refresh_token as string);
      await rewards.revoke(next.refresh_token as string);
      assert.deepEqual(await rewards.introspect(next.access_token), { active: false });
    },
  );
});
