import type { Cause } from "./challenge.ts";
import type { LoginClock } from "./deadline.ts";
import { LoginError } from "./errors.ts";
import { CallerLimit, type LoginLimits, RateLimit } from "./limits.ts";
import type { Caller } from "./service.ts";

const ALL = "all";
/** Of challenges from before a restart: not limited. */
const NOBODY: Pick<Caller, "key" | "isService"> = { key: undefined };

interface Account {
  readonly caller: Pick<Caller, "key" | "isService">;
  spent: boolean;
}

/**
 * How many coins may be out at a time: of one client, and in all (V6). A coin that comes back gives its place back,
 * so who finishes logins is never limited, and who asks for coins and keeps them soon is.
 */
export class FundingBudget {
  readonly #callers: CallerLimit;
  readonly #all: RateLimit;
  /** Challenge -> whose it is, and whether it was paid for. */
  readonly #accounts = new Map<string, Account>();

  constructor(limits: Pick<LoginLimits, "fundings" | "fundingsOfService" | "fundingsInAll">, clock: LoginClock) {
    this.#callers = new CallerLimit({ client: limits.fundings, service: limits.fundingsOfService }, clock);
    this.#all = new RateLimit(limits.fundingsInAll, clock);
  }

  /** Whoever asks must have something left, whether or not the address will need it. @throws LoginError rate_limited, busy */
  check(caller: Caller): void {
    const wait = this.#callers.of(caller).waitMs(caller.key);
    if (wait > 0) {
      const text = "Too many coins lent to you have not come back: return them, or wait";
      throw new LoginError("rate_limited", text, { retryAfterSeconds: wait / 1000 });
    }
    const waitAll = this.#all.waitMs(ALL);
    if (waitAll > 0)
      throw new LoginError("busy", "Too many coins are out at the moment: wait a little", {
        retryAfterSeconds: waitAll / 1000,
      });
  }

  remember(challenge: string, caller: Caller | undefined): void {
    this.#accounts.set(challenge, { caller: caller ?? NOBODY, spent: false });
  }

  forget(challenge: string): void {
    this.#accounts.delete(challenge);
  }

  /** Pays for a funding, once for each challenge. The reason when there is nothing to pay with. */
  spend(challenge: string): Cause | undefined {
    const account = this.#accounts.get(challenge) ?? { caller: NOBODY, spent: false };
    this.#accounts.set(challenge, account);
    if (account.spent) return undefined;
    const { caller } = account;
    if (!this.#callers.of(caller).take(caller.key)) return TOO_MANY;
    if (!this.#all.take(ALL)) {
      this.#callers.of(caller).give(caller.key);
      return TOO_MANY;
    }
    account.spent = true;
    return undefined;
  }

  /** The coin has come back. */
  returned(challenge: string): void {
    const account = this.#accounts.get(challenge);
    if (account?.spent !== true) return;
    account.spent = false;
    this.#callers.of(account.caller).give(account.caller.key);
    this.#all.give(ALL);
  }
}

const TOO_MANY: Cause = {
  code: "funding_exhausted",
  text: "Too many coins lent for logins have not come back. Return yours, send one from your own wallet, or try again later.",
};
