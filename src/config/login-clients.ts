import { readFile } from "node:fs/promises";
import { parse as parseToml, TomlError } from "smol-toml";
import { errorText } from "../base/errors.ts";
import { decodeAddress } from "../cipher/address.ts";
import { type ClientWebhook, type LoginClient, LoginClients } from "../login/clients.ts";
import { matchTopics, TOPICS } from "../login/events/topics.ts";
import { SIGNING_ALGORITHMS, type SigningAlgorithm } from "../login/key-ring.ts";
import { ConfigError } from "./errors.ts";

const BYTES_MAX = 1 << 20;
const CLIENTS_MAX = 1000;
const CLIENT_ID = /^[A-Za-z0-9._:-]{1,64}$/;

const CLIENT_KEYS = [
  ...["name", "redirect_uris", "post_logout_redirect_uris", "secret_sha256"],
  ...["id_token_signed_response_alg", "webhooks"],
];
/** The default of OpenID Connect (Dynamic Client Registration 1.0 section 2). */
const ID_TOKEN_ALGORITHM: SigningAlgorithm = "RS256";
const WEBHOOK_KEYS = ["id", "url", "secret", "secrets", "topics", "addresses", "allow_private"];

/**
 * Reads the services that may ask for logins: a TOML file with a table `[clients.ID]` each.
 * @throws ConfigError CONFIG_FILE: what is wrong, where, and what is expected
 */
export async function loadLoginClients(path: string): Promise<LoginClients> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new ConfigError("CONFIG_FILE", `login clients ${path} cannot be read: ${errorText(cause)}`, { cause });
  }
  try {
    return new LoginClients(parseLoginClients(text));
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    throw new ConfigError("CONFIG_FILE", `login clients ${path}: ${cause.message}`, { data: { path }, cause });
  }
}

/** @throws ConfigError CONFIG_FILE */
export function parseLoginClients(text: string): LoginClient[] {
  if (text.length > BYTES_MAX) throw bad(`longer than ${BYTES_MAX} characters`);
  const { clients, ...others } = tableOf(parse(text), "the file");
  noOthers(others, "the file", ["clients"]);
  const entries = Object.entries(clients === undefined ? {} : tableOf(clients, "clients"));
  if (entries.length > CLIENTS_MAX) throw bad(`more than ${CLIENTS_MAX} clients`);
  return entries.map(([id, value]) => clientOf(id, tableOf(value, `clients.${id}`)));
}

function parse(text: string): unknown {
  try {
    return parseToml(text);
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause;
    // Its message quotes the lines around, and those may hold secrets.
    throw bad(`not valid TOML at line ${cause.line}, column ${cause.column}`);
  }
}

function clientOf(id: string, table: Table): LoginClient {
  const where = `clients.${id}`;
  if (!CLIENT_ID.test(id)) throw bad(`${JSON.stringify(id)} is no client id: 1 to 64 characters of A-Za-z0-9._:-`);
  noOthers(table, where, CLIENT_KEYS);
  const secretSha256 = textOf(table.secret_sha256, `${where}.secret_sha256`);
  if (secretSha256 !== undefined && !/^[0-9a-f]{64}$/.test(secretSha256)) {
    throw bad(`${where}.secret_sha256 is not 64 lower-case hex digits: the SHA-256 of the secret, not the secret`);
  }
  return {
    id,
    name: textOf(table.name, `${where}.name`) ?? id,
    redirectUris: uris(table.redirect_uris, `${where}.redirect_uris`),
    postLogoutRedirectUris: uris(table.post_logout_redirect_uris, `${where}.post_logout_redirect_uris`),
    secretSha256,
    idTokenAlgorithm: algorithmOf(table.id_token_signed_response_alg, `${where}.id_token_signed_response_alg`),
    webhooks: listOf(table.webhooks, `${where}.webhooks`).map((value, i) =>
      webhookOf(tableOf(value, `${where}.webhooks[${i}]`), { where: `${where}.webhooks[${i}]`, client: id, i }),
    ),
  };
}

function algorithmOf(value: unknown, where: string): SigningAlgorithm {
  const known = value === undefined ? ID_TOKEN_ALGORITHM : SIGNING_ALGORITHMS.find((name) => name === value);
  if (known === undefined) throw bad(`${where} is not ${SIGNING_ALGORITHMS.join(" or ")}`);
  return known;
}

function webhookOf(
  table: Table,
  { where, client, i }: { readonly where: string; readonly client: string; readonly i: number },
): ClientWebhook {
  noOthers(table, where, WEBHOOK_KEYS);
  const url = textOf(table.url, `${where}.url`);
  if (url === undefined) throw bad(`${where}.url is missing`);
  const secret = textOf(table.secret, `${where}.secret`);
  const secrets = texts(table.secrets, `${where}.secrets`) ?? (secret === undefined ? [] : [secret]);
  if (secrets.length === 0) throw bad(`${where}.secret is missing: without one nobody can tell who posts`);
  const topics = matchTopics(texts(table.topics, `${where}.topics`) ?? []);
  if (topics === undefined || topics.size === 0) {
    throw bad(
      `${where}.topics names none or an unknown one; there are ${TOPICS.join(", ")} and prefixes such as login.*`,
    );
  }
  const name = textOf(table.id, `${where}.id`) ?? String(i + 1);
  if (!CLIENT_ID.test(name)) throw bad(`${where}.id is not 1 to 64 characters of A-Za-z0-9._:-`);
  const addresses = texts(table.addresses, `${where}.addresses`);
  for (const address of addresses ?? []) checkAddress(address, where);
  const allowPrivate = table.allow_private ?? false;
  if (typeof allowPrivate !== "boolean") throw bad(`${where}.allow_private is not true or false`);
  return {
    id: `${client}/${name}`,
    clientId: client,
    ...{ url, secrets, topics, allowPrivate },
    addresses: addresses === undefined ? undefined : new Set(addresses),
  };
}

function checkAddress(address: string, where: string): void {
  try {
    decodeAddress(address);
  } catch (cause) {
    throw bad(`${where}.addresses: ${JSON.stringify(address)}: ${errorText(cause)}`);
  }
}

type Table = Readonly<Record<string, unknown>>;

function bad(message: string): ConfigError {
  return new ConfigError("CONFIG_FILE", message);
}

function tableOf(value: unknown, where: string): Table {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw bad(`${where} is not a table`);
  return value as Table;
}

function noOthers(table: Table, where: string, known: readonly string[]): void {
  const other = Object.keys(table).find((key) => !known.includes(key));
  if (other !== undefined) throw bad(`${where} has ${JSON.stringify(other)}; known are ${known.join(", ")}`);
}

function listOf(value: unknown, where: string): readonly unknown[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw bad(`${where} is not a list`);
  return value;
}

function textOf(value: unknown, where: string): string | undefined {
  if (value === undefined || (typeof value === "string" && value !== "" && value.length <= 2048)) return value;
  throw bad(`${where} is not a text of 1 to 2048 characters`);
}

function texts(value: unknown, where: string): string[] | undefined {
  return value === undefined ? undefined : listOf(value, where).map((text) => textOf(text, where) as string);
}

/** Absolute, without fragment (RFC 6749 3.1.2); plain http for this machine only. */
function uris(value: unknown, where: string): string[] {
  return (texts(value, where) ?? []).map((text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined || url.hash !== "") throw bad(`${where}: ${JSON.stringify(text)} is no URL without fragment`);
    const isLocal = ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
    if (url.protocol === "http:" && !isLocal) throw bad(`${where}: ${JSON.stringify(text)} needs https`);
    return text;
  });
}
