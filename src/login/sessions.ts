import { toHex } from "../base/bytes.ts";
import type { Emitter } from "../base/emitter.ts";
import type { PublicKey } from "../cipher/keys.ts";
import type { Random } from "../cipher/random.ts";
import type { Audit } from "./audit.ts";
import { type ChallengeRecord, lastChange } from "./challenge.ts";
import { deadlineIn, isPast, type LoginClock } from "./deadline.ts";
import { hashText, randomText } from "./encoding.ts";
import type { LoginLimits } from "./limits.ts";
import type { Caller, EndReason, LoginEvent, SessionRecord, SessionService } from "./service.ts";
import type { Change, Json, LoginStore } from "./store.ts";

export interface SessionsDeps {
  readonly store: LoginStore;
  readonly clock: LoginClock;
  readonly random: Random;
  readonly audit: Audit;
  readonly limits: LoginLimits;
  readonly publisherKey: PublicKey;
  readonly onEvent: Emitter<LoginEvent>;
}

/** A session that begins: its rows are written in the same step as the claim. */
export interface NewSession {
  readonly session: SessionRecord;
  readonly cookie: string | undefined;
  readonly changes: readonly Change[];
}

/** Logins after their claim. What a client holds is kept as a hash only. */
export class Sessions implements SessionService {
  readonly #deps: SessionsDeps;

  constructor(deps: SessionsDeps) {
    this.#deps = deps;
  }

  begin(challenge: ChallengeRecord, withCookie: boolean): NewSession {
    const { clock, random, limits, publisherKey } = this.#deps;
    const proved = challenge.history.find(({ status }) => status === "confirmed") ?? lastChange(challenge);
    const session: SessionRecord = {
      id: randomText(random, 16),
      subject: `skycoin:${toHex(publisherKey)}:${challenge.loginAddress}`,
      address: challenge.loginAddress,
      method: challenge.method,
      ...(challenge.clientId !== undefined && { clientId: challenge.clientId }),
      ...(proved.txid !== undefined && { txid: proved.txid }),
      ...(proved.blockSeq !== undefined && { blockSeq: proved.blockSeq }),
      challengeId: challenge.id,
      authTimeMs: proved.atMs,
      deadline: deadlineIn(clock, limits.sessionMs),
    };
    const changes = [this.row(session)];
    if (!withCookie) return { session, cookie: undefined, changes };
    const cookie = randomText(random, 32);
    const forgetAtMs = session.deadline.wallMs + FORGET_AFTER_MS;
    changes.push({ table: "cookie", key: hashText(cookie), value: session.id, forgetAtMs });
    return { session, cookie, changes };
  }

  /** Its row; kept a while after its end, so that an old token is told from an unknown one. */
  row(session: SessionRecord): Change {
    return {
      table: "session",
      key: session.id,
      value: session as unknown as Json,
      forgetAtMs: session.deadline.wallMs + FORGET_AFTER_MS,
    };
  }

  async fromCookie(value: string): Promise<SessionRecord | undefined> {
    if (!/^[\w-]{43}$/.test(value)) return undefined;
    const id = await this.#deps.store.get("cookie", hashText(value));
    return typeof id === "string" ? this.get(id) : undefined;
  }

  async get(id: string): Promise<SessionRecord | undefined> {
    const session = await this.find(id);
    const live =
      session !== undefined && session.revokedAtMs === undefined && !isPast(session.deadline, this.#deps.clock);
    return live ? session : undefined;
  }

  /** Live or not. */
  async find(id: string): Promise<SessionRecord | undefined> {
    if (!/^[\w-]{1,64}$/.test(id)) return undefined;
    return (await this.#deps.store.get("session", id)) as unknown as SessionRecord | undefined;
  }

  async revoke(id: string, caller?: Caller): Promise<void> {
    await this.end(id, "asked", caller);
  }

  /** Every token of it is void from here on, also after a restart. */
  async end(id: string, why: EndReason, caller?: Caller): Promise<void> {
    const { store, clock, audit, onEvent } = this.#deps;
    for (;;) {
      const session = await this.find(id);
      if (session === undefined || session.revokedAtMs !== undefined) return;
      const written = await store.write(
        [
          this.row({ ...session, revokedAtMs: clock.nowMs() }),
          audit.ofSession("revoked", session, { reason: why, caller }),
        ],
        { onlyIf: [{ table: "session", key: id, equals: session as unknown as Json }], durable: true },
      );
      if (!written) continue; // somebody else was first
      onEvent.emit({ type: "login.revoked", session, why });
      return;
    }
  }
}

const FORGET_AFTER_MS = 86_400_000;

/** What every token and answer says of a login; the address comes under a name of its own in each. */
export function loginClaims(session: SessionRecord) {
  return {
    sub: session.subject,
    sid: session.id,
    auth_time: Math.floor(session.authTimeMs / 1000),
    acr: `urn:skycoin:login:${session.method}`,
    amr: [session.method === "signature" ? "skymsg" : "skytx"],
    ...(session.txid !== undefined && { txid: session.txid }),
    ...(session.blockSeq !== undefined && { block_seq: session.blockSeq }),
  };
}
