import { Emitter } from "../base/emitter.ts";
import { assert, errorText } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { type Address, addressOf, decodeAddress, encodeAddress } from "../cipher/address.ts";
import { sameSecret } from "../cipher/hmac.ts";
import { publicKeyOf } from "../cipher/keys.ts";
import type { Random } from "../cipher/random.ts";
import type { Audit } from "./audit.ts";
import {
  type Cause,
  type ChallengeRecord,
  type ChallengeStatus,
  type ClaimBinding,
  isFinal,
  isOpen,
  type StatusChange,
  statusOf,
  TRANSITIONS,
  withChange,
} from "./challenge.ts";
import { deadlineIn, isPast, type LoginClock } from "./deadline.ts";
import { hashText, randomText } from "./encoding.ts";
import { LoginError } from "./errors.ts";
import { CallerLimit, type LoginLimits, RateLimit } from "./limits.ts";
import { loginKey } from "./login-key.ts";
import { isSignedBy, signedMessage } from "./message.ts";
import type { LoginSecrets } from "./secrets.ts";
import type { Caller, ChallengeRequest, ChallengeService, Claimed, IssuedChallenge, LoginEvent } from "./service.ts";
import type { Sessions } from "./sessions.ts";
import type { Change, Json, LoginStore } from "./store.ts";
import type { Tokens } from "./tokens.ts";
import { Turns } from "./turns.ts";

export interface ChallengesOptions {
  readonly issuer: string;
  /** Display name of the coin. */
  readonly coin: string;
  /** Droplets to return. */
  readonly amount: bigint;
  readonly limits: LoginLimits;
}

export interface ChallengesDeps {
  readonly store: LoginStore;
  readonly clock: LoginClock;
  readonly random: Random;
  readonly secrets: LoginSecrets;
  readonly audit: Audit;
  readonly sessions: Sessions;
  readonly tokens: Tokens;
  readonly chain: {
    head(): { readonly seq: number };
    readonly params: { readonly publisherKey: Parameters<typeof signedMessage>[0]["publisherKey"] };
  };
  readonly onEvent: Emitter<LoginEvent>;
  readonly log: Logger;
  /** Refuses a caller whose fundings did not come back. @throws LoginError rate_limited, funding_exhausted */
  readonly checkBudget?: ((caller: Caller) => void) | undefined;
  /** Whether this service itself spends coins of the address; absent: of none. */
  readonly isOurs?: ((address: Address) => boolean) | undefined;
  /** Whether a client id may ask; absent: any of the right form. */
  readonly knowsClient?: ((clientId: string) => boolean) | undefined;
  /** Why nobody is signed in at the moment; absent or undefined: they are. */
  readonly paused?: (() => string | undefined) | undefined;
}

export interface ChallengeChange {
  readonly record: ChallengeRecord;
  /** Undefined: it is new. */
  readonly before: ChallengeStatus | undefined;
  /** Who asked for a new one. */
  readonly caller?: Caller | undefined;
}

/** A step of a challenge: what changes, and why it is written. Undefined: nothing. */
export type Step = (record: ChallengeRecord) => Partial<ChallengeRecord> | undefined;

/** How long a return address is looked after when its challenge is over. */
const RETURN_KEEP_MS = 30 * 86_400_000;
const ALL = "all";

/**
 * Every challenge from issue to its end. Live ones are in memory as stored; each step is written before it is seen.
 * Who proves what is judged elsewhere (watcher.ts): here are states, deadlines, secrets and limits.
 */
export class Challenges implements ChallengeService {
  /** A challenge is new (undefined before) or has changed. After it is stored. */
  readonly onChange = new Emitter<ChallengeChange>();

  readonly #options: ChallengesOptions;
  readonly #deps: ChallengesDeps;
  /** Not final, by id. */
  readonly #live = new Map<string, ChallengeRecord>();
  /** Ids of open ones by login address. */
  readonly #open = new Map<string, Set<string>>();
  readonly #watchers = new Map<string, Set<(record: ChallengeRecord) => void>>();
  readonly #turns = new Turns();
  readonly #limits: Readonly<{ callers: CallerLimit; all: RateLimit; attempts: RateLimit }>;
  readonly #counts = { funding: 0, waiting: 0, seen: 0, confirmed: 0, claimed: 0, expired: 0, failed: 0 };
  #openCount = 0;

  constructor(options: ChallengesOptions, deps: ChallengesDeps) {
    this.#options = options;
    this.#deps = deps;
    const { limits } = options;
    this.#limits = {
      callers: new CallerLimit({ client: limits.challenges, service: limits.challengesOfService }, deps.clock),
      all: new RateLimit(limits.challengesInAll, deps.clock),
      attempts: new RateLimit(limits.attempts, deps.clock),
    };
  }

  /** Reads what was under way when the last process ended. */
  async load(): Promise<readonly ChallengeRecord[]> {
    const { store } = this.#deps;
    for (let after: string | undefined; ; ) {
      const rows = await store.list("live", after === undefined ? {} : { after });
      for (const { key } of rows) {
        const record = await this.#read(key);
        if (record !== undefined) this.#remember(record);
      }
      const last = rows.at(-1);
      if (last === undefined) break;
      after = last.key;
    }
    return [...this.#live.values()];
  }

  /** Live challenges. */
  live(): IterableIterator<ChallengeRecord> {
    return this.#live.values();
  }

  /** A live challenge as it was stored last. */
  peek(id: string): ChallengeRecord | undefined {
    return this.#live.get(id);
  }

  openOf(loginAddress: string): readonly ChallengeRecord[] {
    return [...(this.#open.get(loginAddress) ?? [])].map((id) => this.#live.get(id) as ChallengeRecord);
  }

  counts(): Readonly<Record<ChallengeStatus, number>> {
    return this.#counts;
  }

  get openCount(): number {
    return this.#openCount;
  }

  /**
   * V7: nothing here depends on what is known of the address, neither the answer nor the work before it: no look-up
   * in chain, sessions or a directory. Whether it needs funding is found out afterwards.
   */
  async create(request: ChallengeRequest, caller: Caller): Promise<IssuedChallenge> {
    const { limits, amount, issuer, coin } = this.#options;
    const { clock, random, secrets, audit, store, chain } = this.#deps;
    this.#requireRunning();
    const limit = this.#limits.callers.of(caller);
    limit.demand(caller.key, "rate_limited", "Too many logins were begun from here: wait a little");
    this.#limits.all.demand(ALL, "busy", "The service issues as many challenges as it may: wait a moment");
    if (request.method === "return") this.#deps.checkBudget?.(caller);
    const address = loginAddressOf(request.address);
    if (request.method === "return") this.#refuseOurs(address);
    const loginAddress = encodeAddress(address);
    this.#checkClient(request);
    const id = randomText(random, 16);
    const secret = request.codeChallenge === undefined ? randomText(random, 32) : undefined;
    const issuedAtMs = clock.nowMs();
    const deadline = deadlineIn(clock, limits.challengeMs);
    const returnAddress = encodeAddress(addressOf(publicKeyOf(secrets.returnKey(id))));
    const record: ChallengeRecord = {
      id,
      method: request.method,
      loginAddress,
      returnAddress,
      amount: String(amount),
      message: signedMessage({
        domain: new URL(issuer).host,
        coin,
        address,
        uri: `${issuer}/login/verify/${id}`,
        publisherKey: chain.params.publisherKey,
        nonce: id,
        issuedAtMs,
        expiresAtMs: deadline.wallMs,
      }),
      ...(request.clientId !== undefined && { clientId: request.clientId }),
      claim: claimBinding(request, secret),
      issuedSeq: chain.head().seq,
      issuedAtMs,
      deadline,
      history: [{ status: request.method === "return" ? "funding" : "waiting", atMs: issuedAtMs }],
      clientHash: secrets.clientHash(caller.ip),
    };
    // Places are taken before anything is awaited, so that requests at the same time cannot share one.
    this.#takePlace(loginAddress, id);
    try {
      await store.write([
        ...this.#rows(record),
        {
          table: "return",
          key: returnAddress,
          value: { id, atMs: issuedAtMs },
          forgetAtMs: issuedAtMs + RETURN_KEEP_MS,
        },
        audit.ofChallenge("issued", record, { caller }),
      ]);
    } catch (error) {
      this.#close(loginAddress, id);
      throw error;
    }
    this.#live.set(id, record);
    this.#tell(record, undefined, caller);
    return { record, claimSecret: secret };
  }

  /** As it is now: one whose time is over is expired, whether or not anybody has noticed yet. */
  async get(id: string): Promise<ChallengeRecord> {
    const record = await this.#find(id);
    return this.#isOver(record) ? this.expire(id) : record;
  }

  watch(id: string, listener: (record: ChallengeRecord) => void): () => void {
    const listeners = this.#watchers.get(id) ?? new Set();
    this.#watchers.set(id, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#watchers.delete(id);
    };
  }

  async prove(id: string, signature: string, caller: Caller): Promise<ChallengeRecord> {
    this.#requireRunning();
    this.#limits.attempts.demand(caller.key, "rate_limited", "Too many attempts from here: wait a little");
    const record = await this.get(id);
    if (record.method !== "signature") {
      throw new LoginError(
        "wrong_method",
        "This challenge is proved by returning a coin; ask for one with method signature",
      );
    }
    this.#requireOpen(record);
    if (!isSignedBy(decodeAddress(record.loginAddress), record.message, signature)) {
      await this.#refused(record, "bad_signature", caller);
      throw new LoginError(
        "bad_signature",
        "Sign SHA-256 of the message with the key of the login address; 130 hex digits",
      );
    }
    this.#limits.attempts.give(caller.key); // no guess
    return this.confirm(id, {}, caller);
  }

  async claim(id: string, secret: string, binding: ClaimBinding["kind"], caller: Caller): Promise<Claimed> {
    const { store, sessions, tokens, audit } = this.#deps;
    this.#requireRunning();
    this.#limits.attempts.demand(caller.key, "rate_limited", "Too many attempts from here: wait a little");
    const first = await this.get(id);
    // V5, before anything else: the id alone gives nothing, not even a reason beyond the public status.
    if (first.claim.kind !== binding || !sameText(hashText(secret), first.claim.hash)) {
      await this.#refused(first, "wrong_secret", caller);
      throw new LoginError("wrong_secret", "Claim with the secret that came with this challenge, where it came from");
    }
    this.#limits.attempts.give(caller.key); // no guess
    return this.#turns.run(id, async () => {
      for (;;) {
        const record = await this.#find(id);
        this.#requireClaimable(record);
        const begun = sessions.begin(record, binding === "cookie");
        const prepared = await tokens.prepare(begun.session, binding !== "cookie");
        const challenge = this.#after(record, this.#changed(record, { status: "claimed" }));
        const written = await store.write(
          [
            ...this.#rows(challenge),
            ...begun.changes,
            ...prepared.changes,
            audit.ofChallenge("claimed", challenge, { caller }),
          ],
          { onlyIf: [this.#unchanged(record)], durable: true },
        );
        if (!written) {
          await this.#reload(id); // another instance was first
          continue;
        }
        this.#remember(challenge);
        this.#tell(challenge, statusOf(record));
        this.#deps.onEvent.emit({ type: "login.session", session: begun.session });
        return { challenge, session: begun.session, tokens: prepared.tokens, cookie: begun.cookie };
      }
    });
  }

  /** Proved. Not after its time: then it is expired. Does nothing for one that is proved already. */
  async confirm(id: string, facts: Pick<StatusChange, "txid" | "blockSeq">, caller?: Caller): Promise<ChallengeRecord> {
    const { clock } = this.#deps;
    const { limits } = this.#options;
    const step: Step = (record) => {
      if (!isOpen(statusOf(record))) return undefined;
      if (isPast(record.deadline, clock)) return this.#changed(record, { status: "expired" });
      return {
        ...this.#changed(record, { status: "confirmed", ...facts }),
        claimBy: deadlineIn(clock, limits.claimMs),
      };
    };
    return this.change(id, step, (record) => [
      this.#deps.audit.ofChallenge(statusOf(record) === "expired" ? "expired" : "confirmed", record, {
        ...(caller !== undefined && { caller }),
        ...(statusOf(record) === "expired" && { reason: "proof came too late" }),
      }),
    ]);
  }

  /** To one of the open states. Does nothing when it is there, past it, or over. */
  async move(
    id: string,
    to: "funding" | "waiting" | "seen",
    facts: Pick<StatusChange, "txid"> = {},
  ): Promise<ChallengeRecord> {
    return this.change(id, (record) => {
      const status = statusOf(record);
      if (status === to || !TRANSITIONS[status].includes(to) || this.#isOver(record)) return undefined;
      return this.#changed(record, { status: to, ...facts });
    });
  }

  async fail(id: string, cause: Cause): Promise<ChallengeRecord> {
    return this.change(
      id,
      (record) => (isOpen(statusOf(record)) ? this.#changed(record, { status: "failed", cause }) : undefined),
      (record) => [this.#deps.audit.ofChallenge("failed", record, { reason: cause.code })],
    );
  }

  async expire(id: string): Promise<ChallengeRecord> {
    return this.change(
      id,
      (record) => (this.#isOver(record) ? this.#changed(record, { status: "expired" }) : undefined),
      (record) => [this.#deps.audit.ofChallenge("expired", record)],
    );
  }

  /** Something the visitor should know; the status stays. */
  async note(id: string, notice: Cause): Promise<ChallengeRecord> {
    return this.change(id, (record) =>
      isOpen(statusOf(record)) && record.notice?.code !== notice.code ? { notice } : undefined,
    );
  }

  /** Ends what is over. */
  async expireAll(): Promise<void> {
    const over = [...this.#live.values()].filter((record) => this.#isOver(record));
    for (const { id } of over) await this.expire(id).catch((error: unknown) => this.#failed(id, error));
  }

  /** Takes a step on the newest state, whoever else takes one, and tells of it once it is stored. @throws LoginError */
  async change(
    id: string,
    step: Step,
    also: (next: ChallengeRecord) => readonly Change[] = () => [],
  ): Promise<ChallengeRecord> {
    return this.#turns.run(id, async () => {
      for (;;) {
        const record = await this.#find(id);
        const changes = step(record);
        if (changes === undefined) return record;
        const next = this.#after(record, changes);
        const written = await this.#deps.store.write([...this.#rows(next), ...also(next)], {
          onlyIf: [this.#unchanged(record)],
        });
        if (written) {
          this.#remember(next);
          this.#tell(next, statusOf(record));
          return next;
        }
        await this.#reload(id);
      }
    });
  }

  /** Waits for steps under way. */
  settle(): Promise<void> {
    return this.#turns.settle();
  }

  #after(record: ChallengeRecord, changes: Partial<ChallengeRecord>): ChallengeRecord {
    const next = { ...record, ...changes };
    const [from, to] = [statusOf(record), statusOf(next)];
    assert(from === to || TRANSITIONS[from].includes(to), `a challenge may go from ${from} to ${to}`);
    return next;
  }

  #changed(record: ChallengeRecord, change: Omit<StatusChange, "atMs">): Partial<ChallengeRecord> {
    return withChange(record, { ...change, atMs: this.#deps.clock.nowMs() });
  }

  async #find(id: string): Promise<ChallengeRecord> {
    const record = this.#live.get(id) ?? (/^[\w-]{22}$/.test(id) ? await this.#read(id) : undefined);
    if (record === undefined)
      throw new LoginError("unknown_challenge", "There is no such challenge, or it ended long ago: start again");
    return record;
  }

  async #read(id: string): Promise<ChallengeRecord | undefined> {
    return (await this.#deps.store.get("challenge", id)) as unknown as ChallengeRecord | undefined;
  }

  async #reload(id: string): Promise<void> {
    const record = await this.#read(id);
    if (record !== undefined) return this.#remember(record);
    const known = this.#live.get(id);
    this.#live.delete(id);
    if (known !== undefined) this.#close(known.loginAddress, id);
  }

  #isOver(record: ChallengeRecord): boolean {
    const status = statusOf(record);
    if (isOpen(status)) return isPast(record.deadline, this.#deps.clock);
    return status === "confirmed" && record.claimBy !== undefined && isPast(record.claimBy, this.#deps.clock);
  }

  #requireOpen(record: ChallengeRecord): void {
    const status = statusOf(record);
    if (status === "expired") throw new LoginError("challenge_expired", "The challenge has expired: start again");
    if (!isOpen(status)) throw new LoginError("already_claimed", "The challenge has been proved before");
  }

  #requireClaimable(record: ChallengeRecord): void {
    const status = statusOf(record);
    if (status === "claimed")
      throw new LoginError("already_claimed", "A challenge is claimed once; start again for another login");
    if (status === "expired" || this.#isOver(record))
      throw new LoginError("challenge_expired", "The challenge has expired: start again");
    if (status === "failed") throw new LoginError("challenge_failed", record.history.at(-1)?.cause?.text);
    if (status !== "confirmed")
      throw new LoginError("not_confirmed", "The proof has not been seen yet: follow the status", {
        retryAfterSeconds: 1,
      });
  }

  /** V6. */
  #takePlace(loginAddress: string, id: string): void {
    const { openPerAddress, openInAll } = this.#options.limits;
    const open = this.#open.get(loginAddress) ?? new Set();
    if (open.size >= openPerAddress) {
      throw new LoginError(
        "too_many_open",
        `At most ${openPerAddress} logins of one address may be open at a time: finish one, or wait until it expires`,
        { retryAfterSeconds: 60 },
      );
    }
    if (this.#openCount >= openInAll) {
      throw new LoginError("busy", "As many logins as possible are under way: wait a little", {
        retryAfterSeconds: 60,
      });
    }
    this.#open.set(loginAddress, open.add(id));
    this.#openCount++;
  }

  #close(loginAddress: string, id: string): void {
    const open = this.#open.get(loginAddress);
    if (open?.delete(id) === true) this.#openCount--;
    if (open?.size === 0) this.#open.delete(loginAddress);
  }

  #remember(record: ChallengeRecord): void {
    const { id, loginAddress } = record;
    const status = statusOf(record);
    if (isFinal(status)) this.#live.delete(id);
    else this.#live.set(id, record);
    if (!isOpen(status)) return void this.#close(loginAddress, id);
    const open = this.#open.get(loginAddress) ?? new Set();
    if (!open.has(id)) this.#openCount++;
    this.#open.set(loginAddress, open.add(id));
  }

  #tell(record: ChallengeRecord, before: ChallengeStatus | undefined, caller?: Caller): void {
    if (statusOf(record) !== before) this.#counts[statusOf(record)]++;
    for (const listener of [...(this.#watchers.get(record.id) ?? [])]) listener(record);
    this.onChange.emit({ record, before, caller });
    this.#deps.onEvent.emit({ type: "login.status", challenge: record });
  }

  #rows(record: ChallengeRecord): readonly Change[] {
    const over = (record.claimBy ?? record.deadline).wallMs;
    const forgetAtMs = Math.max(over, this.#deps.clock.nowMs()) + this.#options.limits.keepMs;
    const status = statusOf(record);
    // One that is under way is never forgotten: by which day a wall clock has, it may be wrong, and the end comes anyway.
    const end = isFinal(status) ? { forgetAtMs } : {};
    const row: Change = { table: "challenge", key: record.id, value: record as unknown as Json, ...end };
    if (record.history.length > 1 && !isFinal(status)) return [row]; // it is listed already
    return [row, { table: "live", key: record.id, value: isFinal(status) ? undefined : true }];
  }

  #unchanged(record: ChallengeRecord) {
    return { table: "challenge", key: record.id, equals: record as unknown as Json } as const;
  }

  #requireRunning(): void {
    const reason = this.#deps.paused?.();
    if (reason !== undefined) throw new LoginError("unavailable", `Sign-in is paused: ${reason}`);
  }

  #checkClient({ clientId }: ChallengeRequest): void {
    if (clientId === undefined) return;
    const knows = this.#deps.knowsClient ?? ((id: string) => /^[A-Za-z0-9._:-]{1,64}$/.test(id));
    if (!knows(clientId)) throw new LoginError("invalid_client", "This client id is not known here");
  }

  /**
   * Whoever names the return address of one challenge as the login address of another has a coin sent there: by that the
   * addresses the coin comes from would be proved to be the asker's.
   */
  #refuseOurs(address: Address): void {
    if (this.#deps.isOurs?.(address) !== true) return;
    throw new LoginError("invalid_address", "This service lends coins from that address: prove it by signature");
  }

  async #refused(record: ChallengeRecord, reason: string, caller: Caller): Promise<void> {
    await this.#deps.store.write([this.#deps.audit.ofChallenge("refused", record, { reason, caller })]);
  }

  #failed(id: string, error: unknown): void {
    this.#deps.log.warn({ challenge: id, error: errorText(error) }, "login challenge not changed");
  }
}

/** @throws LoginError invalid_address, invalid_xpub */
export function loginAddressOf(text: string): Address {
  if (text.startsWith("xpub") || text.startsWith("xprv")) {
    try {
      return loginKey(text).address;
    } catch (cause) {
      throw new LoginError("invalid_xpub", text.startsWith("xprv") ? NEVER_PRIVATE : errorText(cause));
    }
  }
  try {
    return decodeAddress(text);
  } catch (cause) {
    throw new LoginError("invalid_address", `This is not an address: ${errorText(cause)}`, { cause });
  }
}

const NEVER_PRIVATE =
  "This is a private key: never give it to anybody. Give the account's public key: walletKeyExport WALLET -k xpub --path=0";

function claimBinding({ codeChallenge, cookie }: ChallengeRequest, secret: string | undefined): ClaimBinding {
  if (codeChallenge !== undefined) {
    if (!/^[\w-]{43}$/.test(codeChallenge)) {
      throw new LoginError(
        "invalid_code_challenge",
        "code_challenge is base64url of SHA-256 of the verifier, 43 characters",
      );
    }
    return { kind: "pkce", hash: codeChallenge };
  }
  return { kind: cookie === true ? "cookie" : "secret", hash: hashText(secret as string) };
}

function sameText(a: string, b: string): boolean {
  const encoder = new TextEncoder();
  return sameSecret(encoder.encode(a), encoder.encode(b));
}
