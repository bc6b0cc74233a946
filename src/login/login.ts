import { Emitter } from "../base/emitter.ts";
import { errorText } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { decodeAddress } from "../cipher/address.ts";
import { hashHex } from "../cipher/hash.ts";
import type { SecretKey } from "../cipher/keys.ts";
import type { Random } from "../cipher/random.ts";
import { Audit } from "./audit.ts";
import type { LoginChain, LoginPool, Submit } from "./chain.ts";
import { Challenges } from "./challenges.ts";
import type { LoginClock } from "./deadline.ts";
import { randomText } from "./encoding.ts";
import { Funding } from "./funding.ts";
import { FundingBudget } from "./funding-budget.ts";
import { KeyRing, type KeyVault, type SigningAlgorithm } from "./key-ring.ts";
import { LOGIN_LIMITS, type LoginLimits } from "./limits.ts";
import { LoginRate } from "./login-rate.ts";
import { OpenId } from "./open-id.ts";
import { LoginSecrets } from "./secrets.ts";
import type {
  Caller,
  LoginEvent,
  LoginService,
  OpenIdService,
  SessionService,
  StockState,
  TokenService,
} from "./service.ts";
import { Sessions } from "./sessions.ts";
import { STOCK_OPTIONS, Stock, type StockOptions } from "./stock.ts";
import type { LoginStore } from "./store.ts";
import { Tokens } from "./tokens.ts";
import { Watcher } from "./watcher.ts";

export interface LoginOptions {
  /** Base URL under which the public listener is reached, no slash at the end. */
  readonly issuer: string;
  /** Display name of the coin, for the signed message. */
  readonly coin: string;
  /** Keys of the stock, the first one's address being shown; without, nobody is funded. */
  readonly stockKeys?: readonly SecretKey[] | undefined;
  readonly limits?: Partial<LoginLimits>;
  readonly stock?: Partial<StockOptions>;
  /** Of ID tokens, by client id; EdDSA where none is said. */
  readonly idTokenAlgorithms?: ReadonlyMap<string, SigningAlgorithm>;
}

export interface LoginDeps {
  readonly chain: LoginChain;
  readonly pool: LoginPool;
  readonly submit: Submit;
  readonly store: LoginStore;
  readonly vault: KeyVault;
  readonly clock: LoginClock;
  readonly random: Random;
  readonly log: Logger;
  /** Whether a client id may ask; absent: any of the right form. */
  readonly knowsClient?: (clientId: string) => boolean;
  /** Why nobody is signed in at the moment; undefined: they are. Sessions that exist go on. */
  readonly paused?: () => string | undefined;
}

const TICK_MS = 1_000;
const ROTATE_MS = 3_600_000;
const FORGET_MS = 10_000;
const FORGET_MAX = 1_000;
/** Rows of return addresses looked at for coins in one go, and when again once all were. */
const SWEEP_ROWS = 200;
const SWEEP_AGAIN_MS = 600_000;
/** A return address that holds nothing is watched for late coins this long after its issue. */
const SWEEP_KEEP_MS = 86_400_000;

/**
 * The login service: challenges, their funding and proof, sessions and tokens, on a node's own chain. What was under
 * way when the last process ended goes on.
 */
export class Login implements LoginService {
  readonly issuer: string;
  readonly secure: boolean;
  readonly challenges: Challenges;
  readonly sessions: SessionService;
  readonly tokens: TokenService;
  readonly openId: OpenIdService;
  readonly onEvent: Emitter<LoginEvent>;
  readonly #parts: LoginParts;
  readonly #rate: LoginRate;
  #cancelTick: (() => void) | undefined;
  #ticking: Promise<void> | undefined;
  #stopped = false;
  #rotateAtMs = 0;
  #forgetAtMs = 0;
  #sweep: { after: string; atMs: number } = { after: "", atMs: 0 };

  private constructor(issuer: string, onEvent: Emitter<LoginEvent>, parts: LoginParts) {
    this.issuer = issuer;
    this.secure = issuer.startsWith("https:");
    this.onEvent = onEvent;
    this.challenges = parts.challenges;
    this.sessions = parts.sessions;
    this.tokens = parts.tokens;
    this.openId = parts.openId;
    this.#parts = parts;
    this.#rate = new LoginRate(onEvent, parts.deps.clock);
  }

  /** @throws KeyRingError, LoginStoreError */
  static async open(options: LoginOptions, deps: LoginDeps): Promise<Login> {
    const onEvent = new Emitter<LoginEvent>();
    const parts = await makeParts(options, deps, onEvent);
    const login = new Login(options.issuer, onEvent, parts);
    parts.stock?.start();
    parts.funding.start();
    parts.watcher.start(await parts.challenges.load());
    login.#tick();
    return login;
  }

  stock(): StockState {
    const { stock } = this.#parts;
    if (stock !== undefined) return stock.state();
    return { address: undefined, ready: 0, reserved: 0, outputs: 0, coins: 0n, hours: 0n, condition: "off" };
  }

  loginsPerMinute(): readonly number[] {
    return this.#rate.perMinute();
  }

  /** Issues and proves nothing any more; steps under way are stored. The store is the caller's to close. */
  async close(): Promise<void> {
    this.#stopped = true;
    this.#cancelTick?.();
    const { watcher, funding, stock, challenges } = this.#parts;
    watcher.stop();
    await funding.stop();
    await stock?.stop();
    await this.#ticking;
    await challenges.settle();
  }

  #tick(): void {
    if (this.#stopped) return;
    this.#ticking = this.#chores()
      .catch((error: unknown) => this.#parts.deps.log.warn({ error: errorText(error) }, "login upkeep failed"))
      .then(() => {
        if (!this.#stopped) this.#cancelTick = this.#parts.deps.clock.after(TICK_MS, () => this.#tick());
      });
  }

  async #chores(): Promise<void> {
    const { challenges, watcher, keys, deps } = this.#parts;
    await challenges.expireAll();
    watcher.retry();
    const nowMs = deps.clock.monotonicMs();
    if (nowMs >= this.#rotateAtMs) {
      this.#rotateAtMs = nowMs + ROTATE_MS;
      await keys.rotate();
    }
    if (nowMs >= this.#forgetAtMs) {
      const forgotten = await deps.store.forget(deps.clock.nowMs(), FORGET_MAX);
      this.#forgetAtMs = forgotten === FORGET_MAX ? nowMs : nowMs + FORGET_MS;
    }
    if (nowMs >= this.#sweep.atMs) await this.#sweepSome(nowMs);
  }

  /** Coins that came to return addresses while nobody looked: late ones, and those of before a restart. */
  async #sweepSome(nowMs: number): Promise<void> {
    const { stock, secrets, challenges, deps } = this.#parts;
    if (stock === undefined) return;
    const rows = await deps.store.list("return", { after: this.#sweep.after, limit: SWEEP_ROWS });
    const old: string[] = [];
    for (const { key, value } of rows) {
      const { id, atMs } = value as { id: string; atMs: number };
      const outputs = deps.chain.store.unspentsOf(decodeAddress(key));
      for (const output of outputs)
        if (!stock.holds(hashHex(output.id))) stock.addReturned(output, secrets.returnKey(id));
      const isOver = challenges.peek(id) === undefined && deps.clock.nowMs() - atMs > SWEEP_KEEP_MS;
      if (outputs.length === 0 && isOver) old.push(key);
    }
    if (old.length > 0) await deps.store.write(old.map((key) => ({ table: "return" as const, key, value: undefined })));
    const last = rows.at(-1)?.key;
    this.#sweep =
      rows.length < SWEEP_ROWS || last === undefined
        ? { after: "", atMs: nowMs + SWEEP_AGAIN_MS }
        : { after: last, atMs: nowMs };
  }
}

interface LoginParts {
  readonly deps: LoginDeps;
  readonly keys: KeyRing;
  readonly secrets: LoginSecrets;
  readonly sessions: Sessions;
  readonly tokens: Tokens;
  readonly openId: OpenId;
  readonly challenges: Challenges;
  readonly stock: Stock | undefined;
  readonly funding: Funding;
  readonly watcher: Watcher;
}

async function makeParts(options: LoginOptions, deps: LoginDeps, onEvent: Emitter<LoginEvent>): Promise<LoginParts> {
  const { issuer, coin, stockKeys } = options;
  const { chain, pool, submit, store, vault, clock, random, log } = deps;
  const limits = { ...LOGIN_LIMITS, ...options.limits };
  const stockOptions = { ...STOCK_OPTIONS, ...options.stock };
  const algorithms = options.idTokenAlgorithms;
  const keys = await KeyRing.open({ vault, clock, random, algorithms: algorithms?.values() ?? [] });
  const secrets = new LoginSecrets(keys.secret);
  const audit = new Audit({ clock, secrets, keepMs: limits.auditKeepMs, instance: randomText(random, 6) });
  const { publisherKey } = chain.params;
  const sessions = new Sessions({ store, clock, random, audit, limits, publisherKey, onEvent });
  const tokens = new Tokens({ issuer, keys, sessions, store, clock, random, audit, limits });
  const openId = new OpenId({ issuer, sessions, tokens, store, clock, random, audit, limits, algorithms });
  const budget = new FundingBudget(limits, clock);
  const stock =
    stockKeys === undefined ? undefined : new Stock(stockKeys, stockOptions, { chain, pool, submit, clock, log });
  const challenges = new Challenges(
    { issuer, coin, amount: stockOptions.amount, limits },
    {
      ...{ store, clock, random, secrets, audit, sessions, tokens, chain, onEvent, log },
      knowsClient: deps.knowsClient,
      paused: deps.paused,
      isOurs: (address) => stock?.owns(address) === true,
      checkBudget: (caller: Caller) => budget.check(caller),
    },
  );
  const funding = new Funding(
    stockOptions.amount,
    { chain, pool, stock, clock, log },
    {
      onFunded: (address) => watcher.onFunded(address),
      onFailed: (address, cause) => watcher.onFailed(address, cause),
    },
  );
  const watcher: Watcher = new Watcher({ chain, pool, challenges, funding, budget, stock, secrets, clock, log });
  return { deps, keys, secrets, sessions, tokens, openId, challenges, stock, funding, watcher };
}
