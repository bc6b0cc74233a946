import { toHex } from "../base/bytes.ts";
import { errorText } from "../base/errors.ts";
import { ClientError } from "../client/errors.ts";
import { LoginClient } from "../client/login-client.ts";
import { NodeClient } from "../client/node-client.ts";
import { buildReturn } from "../client/return-coin.ts";
import { findKey, isMnemonic, keyOfSecret, type SeedKey, signMessage } from "../client/seed-keys.ts";
import { canKeep, forget, isKept, keep, PASSWORD_MIN, unlock } from "./vault.ts";

/** The wallet of the verify page: a seed becomes a key here, signs here, and is forgotten. */
const element = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;

const form = element<HTMLFormElement>("wallet");
const seed = element<HTMLTextAreaElement>("seed");
const show = element<HTMLInputElement>("show");
const keepIt = element<HTMLInputElement>("keep");
const lock = element<HTMLInputElement>("lock");
const password = element<HTMLInputElement>("unlock");
const act = element<HTMLButtonElement>("act");
const problem = element("wallet-problem");
const state = element("wallet-state");

/** What the server wrote into the form: all of it public. */
const asked = form.dataset as Record<"id" | "method" | "address" | "return" | "amount" | "message", string>;
const login = new LoginClient({ base: location.origin });
const node = new NodeClient({ base: location.origin });

/** A refusal with words for the visitor, and the field they are about. */
class Refusal extends Error {
  readonly field: HTMLElement | undefined;

  constructor(message: string, field?: HTMLElement) {
    super(message);
    this.field = field;
  }
}

async function run(): Promise<void> {
  busy(true);
  report("");
  try {
    say("Looking for the key of your address …");
    await painted();
    const key = await takeKey();
    if (asked.method === "signature") await signIn(key);
    else await giveBack(key);
    clear();
  } catch (error) {
    say("");
    refuse(error);
  } finally {
    busy(false);
  }
}

/** From the kept key or from what is typed; kept for next time where that is wanted. */
async function takeKey(): Promise<SeedKey> {
  if (!element("kept").hidden) {
    const secret = await unlock(asked.address, password.value);
    if (secret === undefined)
      throw new Refusal("That password does not open the key. Try again, or use a seed instead.", password);
    return keyOfSecret(secret);
  }
  if (seed.value.trim() === "") throw new Refusal("Type or paste a seed, a recovery phrase or a secret key.", seed);
  if (keepIt.checked && lock.value.length < PASSWORD_MIN) {
    throw new Refusal(`To keep the key, choose a password of at least ${PASSWORD_MIN} characters.`, lock);
  }
  const key = findKey(seed.value, asked.address);
  if (key === undefined) throw new Refusal(notFound(seed.value), seed);
  if (keepIt.checked) await keep(key.address, toHex(key.secret), lock.value);
  return key;
}

function notFound(typed: string): string {
  const words = typed.trim().split(/\s+/).length;
  const looked = `None of the first addresses of it is ${asked.address}.`;
  if (isMnemonic(typed.trim().toLowerCase().split(/\s+/).join(" ")))
    return `${looked} Is it the recovery phrase of another wallet?`;
  if ([12, 15, 18, 21, 24].includes(words))
    return `${looked} It is no valid recovery phrase either: check its words and their order.`;
  return `${looked} Check for missing or changed characters, or use the seed of the wallet that holds the address.`;
}

async function signIn(key: SeedKey): Promise<void> {
  say("Signing …");
  await login.prove(asked.id, signMessage(asked.message, key.secret));
  say("Signed and sent.");
}

async function giveBack(key: SeedKey): Promise<void> {
  const { user_verify_transaction: rule } = await node.health();
  say("Waiting for the coin …");
  await funded();
  const { rawtx, txid } = await buildWhenThere(key, rule.burn_factor);
  say("Sending …");
  await node.inject(rawtx);
  say(`Sent as transaction ${txid.slice(0, 8)}…`);
}

/** Signed by hand of this page; the coin may be in the pool a moment before it can be spent. */
async function buildWhenThere(key: SeedKey, burnFactor: number) {
  for (let left = 20; ; left--) {
    const outputs = await node.outputs([key.address]);
    try {
      return buildReturn({ key, to: asked.return, amount: asked.amount, outputs, burnFactor });
    } catch (error) {
      if (!(error instanceof ClientError) || error.code !== "CLIENT_NOT_FUNDED" || left === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

/** Until the login waits for the return. @throws Refusal when it ended before */
function funded(): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      const status = element("challenge").dataset.status ?? "";
      if (status === "funding") return;
      document.removeEventListener("challenge", look);
      if (status === "waiting") resolve();
      else if (status === "seen" || status === "confirmed") reject(new Refusal("The coin is on its way back already."));
      else reject(new Refusal("This login has ended. Start again."));
    };
    document.addEventListener("challenge", look);
    look();
  });
}

/** A frame passes, so that the words are seen while the key is computed. */
function painted(): Promise<void> {
  return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
}

function busy(on: boolean): void {
  act.disabled = on;
  form.setAttribute("aria-busy", String(on));
}

function say(text: string): void {
  state.textContent = text;
}

function report(text: string): void {
  problem.textContent = text;
  problem.hidden = text === "";
  for (const field of [seed, lock, password]) field.removeAttribute("aria-invalid");
}

function refuse(error: unknown): void {
  if (error instanceof Refusal) {
    report(error.message);
    error.field?.setAttribute("aria-invalid", "true");
    error.field?.focus();
    return;
  }
  const text = errorText(error);
  report(`${text.charAt(0).toUpperCase()}${text.slice(1)}. You can try again.`);
}

/** What was typed does not stay in the page. */
function clear(): void {
  for (const field of [seed, lock, password]) field.value = "";
}

function choose(): void {
  const kept = isKept(asked.address);
  element("kept").hidden = !kept;
  element("typed").hidden = kept;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!act.disabled) void run();
});
show.addEventListener("change", () => seed.classList.toggle("masked", !show.checked));
keepIt.addEventListener("change", () => {
  element("keep-with").hidden = !keepIt.checked;
});
element("other").addEventListener("click", () => {
  element("kept").hidden = true;
  element("typed").hidden = false;
  seed.focus();
});
element("forget").addEventListener("click", () => {
  forget(asked.address);
  choose();
  seed.focus();
  say("The key is forgotten.");
});
addEventListener("pagehide", clear);
if (!canKeep()) (keepIt.closest("label") as HTMLElement).hidden = true;
choose();
form.hidden = false;
