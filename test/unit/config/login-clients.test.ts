import assert from "node:assert/strict";
import { test } from "node:test";
import { loadLoginClients, parseLoginClients } from "../../../src/config/login-clients.ts";
import { LoginClients } from "../../../src/login/clients.ts";

const ADDRESS = "2jBbGxZRGoQG1mqhPBnXnLTxK6oxsTf8os6";
const HASH = "ab".repeat(32);
const HOOK = `url = "https://r.example/h"\nsecret = "whsec_x"\ntopics = ["login.*"]`;

test("a full file", () => {
  const clients = parseLoginClients(`
    # our services
    [clients.rewards]
    name = "Skywire rewards"
    redirect_uris = ["https://rewards.example/cb", "http://127.0.0.1:8080/cb"]
    secret_sha256 = "${HASH}"
    [[clients.rewards.webhooks]]
    url = "https://rewards.example/hooks"
    secrets = ["whsec_new", "whsec_old"]
    topics = ["address.activity", "block.new"]
    addresses = ["${ADDRESS}"]
    [[clients.rewards.webhooks]]
    id = "inside"
    url = "http://10.0.0.7/"
    secret = "whsec_a"
    topics = ["login.*"]
    allow_private = true
    [clients."page:1"]
  `);
  assert.deepEqual(clients, [
    {
      id: "rewards",
      name: "Skywire rewards",
      redirectUris: ["https://rewards.example/cb", "http://127.0.0.1:8080/cb"],
      postLogoutRedirectUris: [],
      secretSha256: HASH,
      idTokenAlgorithm: "RS256",
      webhooks: [
        {
          id: "rewards/1",
          clientId: "rewards",
          url: "https://rewards.example/hooks",
          secrets: ["whsec_new", "whsec_old"],
          topics: new Set(["address.activity", "block.new"]),
          addresses: new Set([ADDRESS]),
          allowPrivate: false,
        },
        {
          id: "rewards/inside",
          clientId: "rewards",
          url: "http://10.0.0.7/",
          secrets: ["whsec_a"],
          topics: new Set(["login.status", "login.session", "login.revoked"]),
          addresses: undefined,
          allowPrivate: true,
        },
      ],
    },
    {
      ...{ id: "page:1", name: "page:1", redirectUris: [], postLogoutRedirectUris: [] },
      ...{ secretSha256: undefined, idTokenAlgorithm: "RS256", webhooks: [] },
    },
  ]);
});

test("no clients: nobody is known, and anybody may ask", () => {
  assert.deepEqual(parseLoginClients(""), []);
  assert.equal(new LoginClients([]).isClosed, false);
  const clients = new LoginClients(parseLoginClients("[clients.a]"));
  assert.equal(clients.isClosed, true);
  assert.equal(clients.get("a")?.name, "a");
  assert.equal(clients.get("b"), undefined);
});

for (const [why, text, says] of [
  ["no TOML", "[clients", /not valid TOML at line 1/],
  ["an unknown section", "[webhooks]", /"webhooks"/],
  ["an unknown key", "[clients.a]\nsecret = 'x'", /clients\.a has "secret"/],
  ["a client that is no table", "clients = 5", /clients is not a table/],
  ["an id with a blank", '[clients."a b"]', /no client id/],
  ["a secret instead of its hash", "[clients.a]\nsecret_sha256 = 'hunter2'", /64 lower-case hex/],
  ["plain http elsewhere", "[clients.a]\nredirect_uris = ['http://a.example/']", /needs https/],
  ["a fragment", "[clients.a]\nredirect_uris = ['https://a.example/#x']", /fragment/],
  ["a number for a text", "[clients.a]\nname = 5", /clients\.a\.name/],
  ["a webhook without URL", "[[clients.a.webhooks]]\nsecret = 'x'", /url is missing/],
  ["a webhook without secret", "[[clients.a.webhooks]]\nurl = 'https://a.example'", /secret is missing/],
  ["an unknown topic", `[[clients.a.webhooks]]\n${HOOK.replace("login.*", "logins")}`, /topics/],
  ["a bad address", `[[clients.a.webhooks]]\n${HOOK}\naddresses = ["x"]`, /"x"/],
  ["a yes for a true", `[[clients.a.webhooks]]\n${HOOK}\nallow_private = "yes"`, /true or false/],
] as const) {
  test(`refused: ${why}`, () => assert.throws(() => parseLoginClients(text), { code: "CONFIG_FILE", message: says }));
}

test("a secret in a broken file is not repeated", () => {
  assert.throws(
    () => parseLoginClients('[[clients.a.webhooks]]\nsecret = "whsec_topsecret" nonsense'),
    (error: Error) => !error.message.includes("topsecret"),
  );
});

test("a file that is not there is named", async () => {
  await assert.rejects(loadLoginClients("/nowhere/login_clients.toml"), {
    code: "CONFIG_FILE",
    message: /\/nowhere\/login_clients\.toml/,
  });
});

test("ID tokens are RS256 unless EdDSA is asked for; other algorithms are refused", () => {
  const algorithm = (value: string) => parseLoginClients(`[clients.a]\nid_token_signed_response_alg = "${value}"`)[0];
  assert.equal(algorithm("EdDSA")?.idTokenAlgorithm, "EdDSA");
  for (const value of ["none", "HS256", "eddsa"]) {
    assert.throws(() => algorithm(value), /clients\.a\.id_token_signed_response_alg is not EdDSA or RS256/);
  }
});
