import type { LoginClock } from "./deadline.ts";
import { LoginError, type LoginErrorCode } from "./errors.ts";
import type { Caller } from "./service.ts";

/** Every bound of the login service. Times in milliseconds. */
export interface LoginLimits {
  /** From issue to proof (V6). */
  readonly challengeMs: number;
  /** From proof to claim. */
  readonly claimMs: number;
  /** Challenges of one address that are open at a time (V6). */
  readonly openPerAddress: number;
  /** Challenges open at a time in all: memory. */
  readonly openInAll: number;
  /** New challenges of one client, of one service that asks for its visitors, and of all. */
  readonly challenges: Rate;
  readonly challengesOfService: Rate;
  readonly challengesInAll: Rate;
  /** Fundings of one client, one service, and all, that did not come back: each return gives one back. */
  readonly fundings: Rate;
  readonly fundingsOfService: Rate;
  readonly fundingsInAll: Rate;
  /** Claims, signatures and codes of one client that were wrong. */
  readonly attempts: Rate;
  /** Refreshes of one session: each is a synced write and a line of the audit. */
  readonly refreshes: Rate;
  /** Sign-ins begun for services by one client, and by all: what waits in the store. */
  readonly signIns: Rate;
  readonly signInsInAll: Rate;
  /** From what a service asks to the proof: time to find the seed, and a challenge that began late. */
  readonly signInMs: number;
  /** From the proof to the exchange of the code. */
  readonly codeMs: number;
  /** From claim to the end of the session. */
  readonly sessionMs: number;
  readonly accessTokenMs: number;
  /** A finished challenge can still be looked at. */
  readonly keepMs: number;
  readonly auditKeepMs: number;
}

/** `burst` at once, then one for every `everyMs`. */
export interface Rate {
  readonly burst: number;
  readonly everyMs: number;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export const LOGIN_LIMITS: LoginLimits = {
  challengeMs: 10 * MINUTE,
  claimMs: 2 * MINUTE,
  openPerAddress: 3,
  openInAll: 10_000,
  challenges: { burst: 30, everyMs: 10_000 },
  challengesOfService: { burst: 1_000, everyMs: 10 },
  challengesInAll: { burst: 2_000, everyMs: 5 },
  fundings: { burst: 20, everyMs: 6 * MINUTE },
  fundingsOfService: { burst: 2_000, everyMs: 10_000 },
  fundingsInAll: { burst: 10_000, everyMs: 1_000 },
  attempts: { burst: 60, everyMs: 1_000 },
  refreshes: { burst: 20, everyMs: MINUTE },
  signIns: { burst: 60, everyMs: 5_000 },
  signInsInAll: { burst: 5_000, everyMs: 10 },
  signInMs: 30 * MINUTE,
  codeMs: MINUTE,
  sessionMs: DAY,
  accessTokenMs: 15 * MINUTE,
  keepMs: DAY,
  auditKeepMs: 400 * DAY,
};

/** One bucket for each caller, in that of its kind. */
export class CallerLimit {
  readonly #clients: RateLimit;
  readonly #services: RateLimit;

  constructor(rates: { readonly client: Rate; readonly service: Rate }, clock: Pick<LoginClock, "monotonicMs">) {
    this.#clients = new RateLimit(rates.client, clock);
    this.#services = new RateLimit(rates.service, clock);
  }

  of({ isService }: Pick<Caller, "isService">): RateLimit {
    return isService === true ? this.#services : this.#clients;
  }
}

/** Keys remembered at most; a key that has not been used for long has its whole burst again anyway. */
const KEYS_MAX = 50_000;

/** Token buckets by key, on the monotonic clock. Without a key nothing is limited. */
export class RateLimit {
  readonly #rate: Rate;
  readonly #clock: Pick<LoginClock, "monotonicMs">;
  /** When the bucket would be full again; absent: it is. Least recently used first. */
  readonly #fullAtMs = new Map<string, number>();

  constructor(rate: Rate, clock: Pick<LoginClock, "monotonicMs">) {
    this.#rate = rate;
    this.#clock = clock;
  }

  /** Milliseconds to wait until `take` succeeds; 0: it would now. */
  waitMs(key: string | undefined): number {
    if (key === undefined) return 0;
    const { burst, everyMs } = this.#rate;
    return Math.max(0, this.#debtMs(key) - (burst - 1) * everyMs);
  }

  /** True and one less, or false. */
  take(key: string | undefined): boolean {
    if (key === undefined) return true;
    if (this.waitMs(key) > 0) return false;
    this.#set(key, this.#debtMs(key) + this.#rate.everyMs);
    return true;
  }

  /** One less. @throws LoginError of that code, with the time to wait */
  demand(key: string | undefined, code: LoginErrorCode, text: string): void {
    if (!this.take(key)) throw new LoginError(code, text, { retryAfterSeconds: this.waitMs(key) / 1000 });
  }

  /** One back. */
  give(key: string | undefined): void {
    if (key !== undefined) this.#set(key, Math.max(0, this.#debtMs(key) - this.#rate.everyMs));
  }

  #debtMs(key: string): number {
    return Math.max(0, (this.#fullAtMs.get(key) ?? 0) - this.#clock.monotonicMs());
  }

  #set(key: string, debtMs: number): void {
    this.#fullAtMs.delete(key);
    if (debtMs === 0) return;
    this.#fullAtMs.set(key, this.#clock.monotonicMs() + debtMs);
    if (this.#fullAtMs.size > KEYS_MAX) {
      for (const oldest of this.#fullAtMs.keys()) {
        this.#fullAtMs.delete(oldest);
        break;
      }
    }
  }
}
