import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { inspect } from "node:util";
import { toHex } from "../../../src/base/bytes.ts";
import { blockHash } from "../../../src/chain/block.ts";
import { makeGenesisBlock } from "../../../src/chain/genesis.ts";
import { addressOf, encodeAddress } from "../../../src/cipher/address.ts";
import { deterministicKeys, type SecretKey } from "../../../src/cipher/keys.ts";
import { signHash } from "../../../src/cipher/sign.ts";
import { type DaemonConfig, loadDaemonConfig, readDaemonCommandLine } from "../../../src/config/config.ts";
import { makeDirectories } from "../../../src/config/directories.ts";
import { SKYCOIN } from "../../../src/config/skycoin.ts";

const [FIRST, SECOND] = deterministicKeys(new TextEncoder().encode("config test"), 2).keys.map((pair) => ({
  address: encodeAddress(addressOf(pair.public)),
  publicKey: toHex(pair.public),
  secretKey: toHex(pair.secret),
})) as [Who, Who];
interface Who {
  readonly address: string;
  readonly publicKey: string;
  readonly secretKey: string;
}

const dir = await mkdtemp(join(tmpdir(), "config-"));
const [cwd, home] = [join(dir, "work"), join(dir, "home")];
await mkdir(join(cwd, "gui", "dist"), { recursive: true });
await mkdir(home);
after(() => rm(dir, { recursive: true, force: true }));

function load(argv: readonly string[], env: Record<string, string> = {}): Promise<DaemonConfig> {
  return loadDaemonConfig({ argv, env: { HOME: home, ...env }, cwd });
}
let files = 0;
async function file(text: string, extension: string): Promise<string> {
  const path = join(dir, `${files++}.${extension}`);
  await writeFile(path, text);
  return path;
}
const toml = (text: string): Promise<string> => file(text, "toml");
const wallet = (who: Partial<Who>): Promise<string> =>
  file(
    JSON.stringify({
      meta: {},
      entries: [{ address: who.address, public_key: who.publicKey, secret_key: who.secretKey }],
    }),
    "json",
  );
const login = (who: Who, more = ""): string => `[node]
genesis_signature_str = "${"11".repeat(65)}"
genesis_address_str = "${who.address}"
blockchain_pubkey_str = "${who.publicKey}"
genesis_timestamp = 1700000000
genesis_coin_volume = 1000000000
default_connections = []
peer_list_url = ""
display_name = "Skywire Login"
${more}
[params]
max_coin_supply = 1000
initial_unlocked_count = 1
distribution_addresses = ["${who.address}"]
`;

test("without anything it is Skycoin's main network", async () => {
  const config = await load([]);
  assert.equal(config.params.coin, "skycoin");
  assert.equal(toHex(config.params.publisherKey), SKYCOIN.publisherKey);
  assert.equal(toHex(config.params.genesis.signature as Uint8Array), SKYCOIN.genesis.signature);
  assert.equal(config.params.genesis.volume, 100_000_000_000_000n);
  assert.equal(config.params.distribution.addresses.length, 100);
  assert.deepEqual(config.web.apiSets, ["READ", "TXN"]);
  assert.deepEqual(config.network.defaultConnections, SKYCOIN.network.defaultConnections);
  assert.deepEqual([config.network.port, config.web.port], [6000, 6420]);
  assert.equal(config.network.userAgentText, "skycoin:0.27.1");
  assert.equal(config.paths.database, join(home, ".skycoin", "chain"));
  assert.deepEqual(config.publish, { mode: "interval", intervalMs: 10_000 });
  assert.deepEqual(config.warnings, []);
});

test("reading a configuration creates nothing, makeDirectories what the API sets need, mode 0700", async () => {
  const config = await load(["-data-dir=$HOME/fresh", "-enable-api-sets=STORAGE"]);
  assert.deepEqual(await readdir(home), []);
  await makeDirectories(config);
  assert.deepEqual(await readdir(join(home, "fresh")), ["data"]);
  assert.equal((await stat(join(home, "fresh"))).mode & 0o777, 0o700);
  await rm(join(home, "fresh"), { recursive: true });
});

test("a fiber.toml overlays the built-in values, flags overlay the file", async () => {
  const FIBER_TOML = await toml(
    login(FIRST, 'coinname = "Login-1"\nport = 6001\nticker = "SWL"\nunconfirmed_max_decimals = 4'),
  );
  const config = await load(["-port=7001"], { FIBER_TOML });
  assert.equal(config.params.coin, "Login-1");
  assert.equal(config.coinName, "Login-1");
  assert.equal(config.network.userAgentText, "Login-1:0.27.1");
  assert.deepEqual([config.network.port, config.web.port], [7001, 6420]);
  assert.equal(config.branding.ticker, "SWL");
  assert.equal(config.params.unconfirmed.maxDecimals, 4);
  assert.equal(config.paths.dataDirectory, join(home, ".login-1"));
  assert.equal(config.paths.fiberToml, FIBER_TOML);
  assert.deepEqual(config.network.defaultConnections, []);
  assert.equal(config.network.peerListUrl, undefined);
  assert.equal(config.params.distribution.maxCoinSupply, 1000n);
  assert.equal((await load(["-coin-name=other"], { FIBER_TOML })).network.userAgentText, "Login-1:0.27.1");
});

test("a display name names the data directory when there is no coin name, blanks replaced", async () => {
  const FIBER_TOML = await toml(login(FIRST));
  assert.equal((await load([], { FIBER_TOML })).paths.dataDirectory, join(home, ".skywire-login"));
  const own = await toml(login(FIRST, 'datadirectory = "$HOME/.own"'));
  assert.equal((await load([], { FIBER_TOML: own })).paths.dataDirectory, join(home, ".own"));
  assert.equal((await load(["-data-dir", "x"], { FIBER_TOML: own })).paths.dataDirectory, join(cwd, "x"));
});

test("empty identity values in a file are not given; an empty distribution keeps the built-in one", async () => {
  const FIBER_TOML = await toml(
    '[node]\ngenesis_signature_str = ""\ngenesis_address_str = ""\nblockchain_pubkey_str = ""\n[params]\nmax_coin_supply = 7\n',
  );
  const { params } = await load([], { FIBER_TOML });
  assert.equal(encodeAddress(params.genesis.address), SKYCOIN.genesis.address);
  assert.equal(params.distribution.maxCoinSupply, 100_000_000n);
});

test("user limits: environment over file over default", async () => {
  const FIBER_TOML = await toml("[params]\nuser_burn_factor = 5\nuser_max_decimals = 2\n");
  const { params } = await load([], { FIBER_TOML, USER_BURN_FACTOR: "3", USER_MAX_TXN_SIZE: "" });
  assert.deepEqual(params.user, { burnFactor: 3, maxTransactionSize: 32768, maxDecimals: 2 });
});

test("a publisher takes address and keys from GENESIS, and drops the configured signature", async () => {
  const env = { FIBER_TOML: await toml(login(SECOND)), GENESIS: await wallet(FIRST) };
  const { params, publisherSecretKey } = await load(["-block-publisher"], env);
  assert.equal(encodeAddress(params.genesis.address), FIRST.address);
  assert.equal(toHex(params.publisherKey), FIRST.publicKey);
  assert.equal(toHex(publisherSecretKey as Uint8Array), FIRST.secretKey);
  assert.equal(params.genesis.signature, undefined);
  const digest = blockHash(makeGenesisBlock(params.genesis));
  const signature = toHex(signHash(digest, publisherSecretKey as SecretKey));
  const flagged = await load(["-block-publisher", `-genesis-signature=${signature}`], env);
  assert.equal(toHex(flagged.params.genesis.signature as Uint8Array), signature);
});

test("a signature that cannot be meant is not used: Skycoin's on another chain, a stale one on a publisher", async () => {
  const identity = [`-genesis-address=${FIRST.address}`, `-blockchain-public-key=${FIRST.publicKey}`];
  const peer = await load(identity);
  assert.deepEqual([peer.params.genesis.signature, peer.warnings], [undefined, []]);
  assert.notEqual((await load(["-coin-name=x"])).params.genesis.signature, undefined);
  assert.equal((await load(["-genesis-timestamp=5"])).params.genesis.signature, undefined);
  const stale = [...identity, `-genesis-signature=${"22".repeat(65)}`];
  const publisher = await load([...stale, "-block-publisher", `-blockchain-secret-key=${FIRST.secretKey}`]);
  assert.equal(publisher.params.genesis.signature, undefined);
  assert.match(publisher.warnings.join(), /genesis signature does not fit/);
  assert.equal(toHex((await load(stale)).params.genesis.signature as Uint8Array), "22".repeat(65));
});

test("a peer ignores the wallet of its own chain with a warning, and keeps no secret key", async () => {
  const env = { FIBER_TOML: await toml(login(FIRST)), GENESIS: await wallet(FIRST) };
  const config = await load([], env);
  assert.equal(config.publisherSecretKey, undefined);
  assert.equal(toHex(config.params.genesis.signature as Uint8Array), "11".repeat(65));
  assert.match(config.warnings.join(), /GENESIS is set on a node that is no block publisher/);
});

test("a peer with the wallet of another chain does not start", async () => {
  const env = { FIBER_TOML: await toml(login(SECOND)), GENESIS: await wallet(FIRST) };
  await assert.rejects(load([], env), {
    code: "CONFIG_GENESIS_WALLET",
    exitCode: 1,
    message: new RegExp(`wallet of genesis address ${FIRST.address}.*says ${SECOND.address}.*unset GENESIS`),
  });
});

test("no way of printing a configuration shows its secrets", async () => {
  const config = await load(
    [
      "-block-publisher",
      "-web-interface-password=hunter2",
      "-web-interface-plaintext-auth",
      `-blockchain-secret-key=${FIRST.secretKey}`,
    ],
    { FIBER_TOML: await toml(login(FIRST)) },
  );
  assert.equal(toHex(config.publisherSecretKey as Uint8Array), FIRST.secretKey);
  assert.equal(config.web.password, "hunter2");
  const bytes = [...(config.publisherSecretKey as Uint8Array)].join(", ");
  const replacer = (_: string, v: unknown) =>
    typeof v === "bigint" ? String(v) : v instanceof Uint8Array ? toHex(v) : v;
  for (const shown of [
    inspect(config, { depth: 9, maxArrayLength: 99 }),
    JSON.stringify(config, replacer),
    JSON.stringify({ ...config, web: { ...config.web } }, replacer),
  ]) {
    for (const secret of ["hunter2", FIRST.secretKey, bytes]) assert.ok(!shown.includes(secret));
  }
  assert.match(config.warnings.join(), /-blockchain-secret-key is visible.*-web-interface-password is visible/);
});

test("the configuration is frozen on every level", async () => {
  const config = await load(["-enable-all-api-sets", "-host-whitelist=a,b"]);
  for (const value of [
    config,
    config.web,
    config.web.apiSets,
    config.web.hostWhitelist,
    config.network,
    config.network.userAgent,
    config.paths,
    config.params,
    config.params.genesis,
    config.log,
    config.publish,
    config.warnings,
  ]) {
    assert.ok(Object.isFrozen(value));
  }
});

for (const [all, enable, disable, sets] of [
  [false, "READ,TXN", "", "READ TXN"],
  [false, " read , TxN ,,", "", "READ TXN"],
  [false, "", "", ""],
  [true, "READ,TXN", "", "READ STATUS WALLET TXN NET_CTRL STORAGE REWARD"],
  [true, "INSECURE_WALLET_SEED", "READ,txn", "STATUS WALLET NET_CTRL INSECURE_WALLET_SEED STORAGE REWARD"],
  [false, "EXPLORER", "WALLET", "EXPLORER"],
] as const) {
  test(`API sets: all ${all}, enable "${enable}", disable "${disable}"`, async () => {
    const argv = [`-enable-all-api-sets=${all}`, `-enable-api-sets=${enable}`, `-disable-api-sets=${disable}`];
    assert.equal((await load(argv)).web.apiSets.join(" "), sets);
  });
}

test("GUI and browser need the WALLET set; the folder is dev or dist inside the given one", async () => {
  const off = await load(["-enable-gui", "-launch-browser"]);
  assert.deepEqual([off.web.guiDirectory, off.web.launchBrowser], [undefined, false]);
  const on = await load(["-enable-gui", "-launch-browser", "-enable-api-sets=WALLET", "-gui-dir=gui"]);
  assert.deepEqual([on.web.guiDirectory, on.web.launchBrowser], [join(cwd, "gui", "dist"), true]);
});

test("localhost-only listens on loopback and allows loopback peers", async () => {
  const FIBER_TOML = await toml('[node]\ndefault_connections = ["127.0.0.1:6002"]\n');
  const peers = await file("# mine\n\n 127.0.0.1:6003 \n8.8.8.8:6000\n", "txt");
  const { network } = await load(["-localhost-only", "-custom-peers-file", peers, "-connection-rate=0s"], {
    FIBER_TOML,
  });
  assert.equal(network.address, "127.0.0.1");
  assert.deepEqual(network.defaultConnections, ["127.0.0.1:6002"]);
  assert.deepEqual(network.customPeers, ["127.0.0.1:6003", "8.8.8.8:6000"]);
  assert.equal(network.connectionRateMs, 1);
  await assert.rejects(load([], { FIBER_TOML }), {
    exitCode: 1,
    message: "Add default peer failed: 127.0.0.1:6002: Localhost address is not allowed",
  });
  assert.deepEqual((await load(["-disable-default-peers"], { FIBER_TOML })).network.defaultConnections, []);
});

test("options of ours: publishing, log format, backend, workers", async () => {
  const config = await load([
    "--publish=on-demand",
    "--company-window=5ms",
    "--lead-seconds-max=2",
    "--log-format=json",
    "--cipher-backend=wasm",
    "--sync-workers=3",
    "-log-level=Panic",
  ]);
  assert.deepEqual(config.publish, { mode: "on-demand", companyWindowMs: 5, leadSecondsMax: 2 });
  assert.deepEqual([config.log.format, config.log.level], ["json", "fatal"]);
  assert.deepEqual([config.cipherBackend, config.syncWorkers], ["wasm", 3]);
  assert.deepEqual((await load(["--block-interval", "1"])).publish, { mode: "interval", intervalMs: 1000 });
  assert.deepEqual((await load(["--public-addr", "[::1]:80"])).web.publicListener, { address: "::1", port: 80 });
});

test("a supply that does not match the volume is a warning, flags without effect another", async () => {
  const FIBER_TOML = await toml(login(FIRST).replace("max_coin_supply = 1000", "max_coin_supply = 1000000000"));
  const { warnings } = await load(["-profile-cpu", "-http-prof", "-http-prof-host=0.0.0.0:6060"], { FIBER_TOML });
  assert.match(
    warnings.join("\n"),
    /genesis_coin_volume is 1000000000 droplets.*\n-profile-cpu has no effect here.*\n-http-prof-host is not on loopback/,
  );
});

const SIZE = "params.UserVerifyTxn.MaxTransactionSize (32768)";
for (const [why, argv, message, exitCode = 1] of [
  ["a bad signature", ["-genesis-signature=00"], "Invalid Signature: Invalid signature length", 2],
  ["a bad address", ["-genesis-address=abc"], "Invalid Address: Invalid address length", 2],
  ["a bad public key", ["-blockchain-public-key=00"], "Invalid Pubkey: Invalid public key length", 2],
  ["a bad secret key", ["-blockchain-secret-key=00"], "Invalid Seckey: Invalid secret key length", 2],
  ["an empty data directory", ["-data-dir="], "Invalid DataDirectory: data directory must not be empty", 2],
  ["the working directory", ["-data-dir=."], 'Invalid DataDirectory: data directory must not be equal to "."', 2],
  [
    "the home directory's parent",
    ["-data-dir=$HOME/.."],
    'Invalid DataDirectory: data directory must not be equal to "."',
    2,
  ],
  ["a strange remark", ["-user-agent-remark=<b>"], "User agent has invalid character(s)"],
  ["too long a remark", [`-user-agent-remark=${"a".repeat(250)}`], "User agent is too long"],
  [
    "a malformed remark",
    ["-user-agent-remark=a/b"],
    'Built a user agent that fails to parse: "skycoin:0.27.1(a/b)" User agent is malformed',
  ],
  ["an unknown API set", ["-enable-api-sets=READ,foo"], 'Invalid value in -enable-api-sets: "FOO"'],
  ["an unknown API set to disable", ["-disable-api-sets= bar"], 'Invalid value in -disable-api-sets: "BAR"'],
  [
    "a whitelist without check",
    ["-host-whitelist=a", "-disable-header-check"],
    "host whitelist should be empty when header check is disabled",
  ],
  [
    "plain text passwords",
    ["-web-interface-username=u"],
    "Web interface auth enabled but HTTPS is not enabled. Use -web-interface-plaintext-auth=true if this is desired",
  ],
  [
    "too few connections",
    ["-max-connections=127"],
    "-max-connections must be >= -max-outgoing-connections + -max-incoming-connections",
  ],
  [
    "too many outgoing",
    ["-max-connections=5", "-max-outgoing-connections=6", "-max-incoming-connections=-1"],
    "-max-outgoing-connections cannot be higher than -max-connections",
  ],
  [
    "too many incoming",
    ["-max-connections=5", "-max-outgoing-connections=-1", "-max-incoming-connections=6"],
    "-max-incoming-connections cannot be higher than -max-connections",
  ],
  ["a huge block size", ["-max-block-size=4294967296"], "-max-block-size exceeds MaxUint32"],
  ["a huge transaction size", ["-max-txn-size-unconfirmed=4294967296"], "-max-txn-size-unconfirmed exceeds MaxUint32"],
  ["a huge burn factor", ["-burn-factor-create-block=4294967296"], "-burn-factor-create-block exceeds MaxUint32"],
  ["huge decimals", ["-max-decimals-unconfirmed=256"], "-max-decimals-unconfirmed exceeds MaxUint8"],
  [
    "a tiny transaction size",
    ["-max-txn-size-unconfirmed=1023"],
    "-max-txn-size-unconfirmed must be >= params.MinTransactionSize (1024)",
  ],
  ["a small transaction size", ["-max-txn-size-create-block=32767"], `-max-txn-size-create-block must be >= ${SIZE}`],
  ["a tiny block", ["-max-block-size=1023"], "-max-block-size must be >= params.MinTransactionSize (1024)"],
  ["a small block", ["-max-block-size=32767"], `-max-block-size must be >= ${SIZE}`],
  [
    "a block below the pool's size",
    ["-max-txn-size-unconfirmed=40000"],
    "-max-block-size must be >= -max-txn-size-unconfirmed",
  ],
  [
    "a block below the block's size",
    ["-max-txn-size-create-block=40000"],
    "-max-block-size must be >= -max-txn-size-create-block",
  ],
  [
    "a burn factor of 1",
    ["-burn-factor-unconfirmed=1"],
    "-burn-factor-unconfirmed must be >= params.MinBurnFactor (2)",
  ],
  [
    "a burn factor below the user's",
    ["-burn-factor-unconfirmed=9"],
    "-burn-factor-unconfirmed must be >= params.UserVerifyTxn.BurnFactor (10)",
  ],
  ["7 decimals", ["-max-decimals-create-block=7"], "-max-decimals-create-block must be <= droplet.Exponent (6)"],
  [
    "fewer decimals than the user's",
    ["-max-decimals-unconfirmed=2"],
    "-max-decimals-unconfirmed must be >= params.UserVerifyTxn.MaxDropletPrecision (3)",
  ],
  ["an unknown log level", ["-log-level=loud"], "Invalid -log-level: could not convert string to log level"],
  ["an unknown crypto type", ["-wallet-crypto-type=rot13"], "unknown crypto type", 2],
  ["a publisher without key", ["-block-publisher"], "Attempt to load null seckey, unsafe", 2],
  [
    "a publisher with a foreign key",
    ["-block-publisher", `-blockchain-secret-key=${FIRST.secretKey}`],
    "Cannot run as block publisher: invalid seckey for pubkey",
  ],
  ["localhost-only elsewhere", ["-localhost-only", "-address=8.8.8.8"], "Invalid address for localhost-only", 2],
  ["a message shorter than a block", ["-max-out-msg-len=32968"], "MaxOutgoingMessageLength must be >= 32969"],
  [
    "a GUI that is nowhere",
    ["-enable-gui", "-enable-api-sets=WALLET", "-gui-dir=nowhere"],
    "GUI directory not found",
    2,
  ],
  ["a port above 65535", ["-port=65536"], "-port must be between 0 and 65535"],
  ["a negative rate", ["-connection-rate=-1s"], "-connection-rate must not be negative"],
  ["another way to publish", ["-publish=never"], '-publish must be interval or on-demand, not "never"'],
  ["no interval", ["-block-interval=0"], "-block-interval must be greater than 0"],
  ["another log format", ["-log-format=xml"], '-log-format must be text or json, not "xml"'],
  [
    "another backend",
    ["-cipher-backend=fast"],
    '-cipher-backend must be auto or bindings or wasm or noble, not "fast"',
  ],
  [
    "missing peers",
    ["-custom-peers-file=none"],
    /^Failed to load custom peers file: open .*none: no such file or directory$/,
  ],
  ["an unknown flag", ["-nope"], "flag provided but not defined: -nope", 2],
] as const) {
  test(`does not start with ${why}`, () => assert.rejects(load(argv), { name: "ConfigError", message, exitCode }));
}

for (const [why, env, message] of [
  [
    "no number",
    { USER_BURN_FACTOR: "x" },
    'Invalid USER_BURN_FACTOR "x": strconv.ParseUint: parsing "x": invalid syntax',
  ],
  [
    "too large a number",
    { USER_MAX_DECIMALS: "256" },
    'Invalid USER_MAX_DECIMALS "256": strconv.ParseUint: parsing "256": value out of range',
  ],
  ["a burn factor of 1", { USER_BURN_FACTOR: "1" }, "USER_BURN_FACTOR must be >= 2"],
  ["a tiny size", { USER_MAX_TXN_SIZE: "1023" }, "USER_MAX_TXN_SIZE must be >= 1024"],
  ["7 decimals", { USER_MAX_DECIMALS: "7" }, "USER_MAX_DECIMALS must be <= 6"],
] as const) {
  test(`environment with ${why}`, () =>
    assert.rejects(load([], env), { code: "CONFIG_ENVIRONMENT", message, exitCode: 2 }));
}

for (const [why, text, message, exitCode = 1] of [
  [
    "more unlocked than addresses",
    login(FIRST).replace("count = 1", "count = 2"),
    "unlocked addresses > total distribution addresses",
    2,
  ],
  [
    "a bad distribution address",
    login(FIRST).replace(/distribution_addresses = .*/, 'distribution_addresses = ["x"]'),
    "Invalid address length",
    2,
  ],
  ["a user burn factor of 1", "[params]\nuser_burn_factor = 1", "user_burn_factor must be >= 2"],
  [
    "a strange coin name",
    '[node]\ncoinname = "a b"',
    'Built a user agent that fails to parse: "a b:0.27.1" User agent is malformed',
  ],
  [
    "a peer without port",
    '[node]\ndefault_connections = ["1.2.3.4"]',
    "Add default peer failed: 1.2.3.4: Invalid address",
  ],
  [
    "a peer on a low port",
    '[node]\ndefault_connections = ["1.2.3.4:80"]',
    "Add default peer failed: 1.2.3.4:80: Port must be >= 1024",
  ],
  [
    "a multicast peer",
    '[node]\ndefault_connections = ["224.0.0.1:6000"]',
    "Add default peer failed: 224.0.0.1:6000: IP is not a valid external IP",
  ],
] as const) {
  test(`fiber.toml with ${why}`, async () => {
    const FIBER_TOML = await toml(text);
    await assert.rejects(load([], { FIBER_TOML }), { message, exitCode });
  });
}

for (const [why, text, message] of [
  ["broken JSON", '{"entries": [{"secret_key": ab}]}', /^failed to parse genesis wallet JSON: /],
  ["no entries", '{"entries": []}', "genesis wallet has no entries"],
  ["no list", "{}", "genesis wallet has no entries"],
  ["entries of another type", '{"entries": 1}', "failed to parse genesis wallet JSON: entries must be an array"],
  [
    "a number for the key",
    '{"entries": [{"secret_key": 1}]}',
    "failed to parse genesis wallet JSON: secret_key must be a string",
  ],
] as const) {
  test(`GENESIS with ${why}`, async () => {
    const GENESIS = await file(text, "json");
    await assert.rejects(load(["-block-publisher"], { GENESIS }), {
      code: "CONFIG_GENESIS_WALLET",
      message,
      exitCode: 1,
    });
  });
}

test("GENESIS that is missing, or whose secrets are hidden", async () => {
  await assert.rejects(load(["-block-publisher"], { GENESIS: join(dir, "none.json") }), {
    message: `failed to read genesis wallet: open ${join(dir, "none.json")}: no such file or directory`,
  });
  await assert.rejects(load(["-block-publisher"], { GENESIS: "none.json" }), {
    message: new RegExp(`open ${cwd}/none.json`),
  });
  const GENESIS = await wallet({ ...FIRST, secretKey: "" });
  await assert.rejects(load(["-block-publisher"], { GENESIS }), { message: "Attempt to load null seckey, unsafe" });
});

test("a database path that is a file of another program is refused", async () => {
  const path = await file("bolt", "db");
  await assert.rejects(load([`-db-path=${path}`]), {
    message: `-db-path ${path} is a file; this node keeps its database in a directory`,
  });
});

test("the command line: version on stdout, help and usage on stderr, secrets nowhere", async () => {
  const FIBER_TOML = await toml(login(FIRST, `blockchain_seckey_str = "${FIRST.secretKey}"`));
  const read = (argv: readonly string[]) => readDaemonCommandLine({ argv, env: { HOME: home, FIBER_TOML }, cwd });
  assert.deepEqual(await read(["-version"]), { kind: "print", stream: "stdout", text: "0.27.1\n", exitCode: 0 });
  for (const [argv, exitCode] of [
    [["-help"], 0],
    [["-h"], 0],
    [["-nope"], 2],
  ] as const) {
    const start = await read(argv);
    assert.ok(start.kind === "print" && start.stream === "stderr" && start.exitCode === exitCode);
    assert.match(start.text, new RegExp(`-genesis-address string\\n.*default "${FIRST.address}"`));
    assert.ok(!start.text.includes(FIRST.secretKey));
    assert.ok(argv[0] !== "-nope" || start.text.startsWith("flag provided but not defined: -nope\n"));
  }
  assert.equal((await read(["-data-dir=$HOME/d"])).kind, "run");
  await assert.rejects(read(["-data-dir="]), { exitCode: 2 });
});

test("WebSocket peers: where they are taken is told in the remark, and addresses get the protocol's path", async () => {
  const { network } = await load([
    "--ws-listen=[::1]:6001",
    "--ws-connect=ws://a.example, wss://b.example:444/x",
    "--ws-origin=https://a.example",
    "--ws-trusted-proxy=10.0.0.0/8,127.0.0.1",
  ]);
  assert.deepEqual(network.webSocketListen, { ip: "::1", port: 6001 });
  assert.deepEqual(network.webSocketUrls, ["ws://a.example/p2p/v2", "wss://b.example:444/x"]);
  assert.deepEqual(network.webSocketOrigins, ["https://a.example"]);
  assert.deepEqual(network.webSocketProxies, ["10.0.0.0/8", "127.0.0.1"]);
  const remark = async (...flags: string[]) => (await load(flags)).network.userAgent.remark;
  assert.equal(await remark("--ws-listen=127.0.0.1:6001"), "ws=6001");
  assert.equal(await remark("--ws-listen=127.0.0.1:0"), "");
  assert.equal(await remark("--ws-listen=127.0.0.1:6001", "--user-agent-remark=mine"), "mine; ws=6001");
  assert.equal(await remark("--ws-listen=127.0.0.1:6001", "--user-agent-remark=wss=443"), "wss=443");
});

for (const flags of [
  ["--ws-listen=6001"],
  ["--ws-listen=1.2.3.4:6001", "--localhost-only"],
  ["--ws-connect=http://a.example"],
  ["--ws-connect=ws://a.example", "--localhost-only"],
  ["--ws-origin=a.example"],
  ["--ws-origin=https://a.example/"],
  ["--ws-max=-1"],
]) {
  test(`refuses ${flags.join(" ")}`, () =>
    assert.rejects(load(flags), { code: "CONFIG_INVALID", message: new RegExp(`^${flags[0]?.slice(1, 8)}`) }));
}
