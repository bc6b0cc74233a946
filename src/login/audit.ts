import type { ChallengeRecord } from "./challenge.ts";
import type { LoginClock } from "./deadline.ts";
import type { LoginSecrets } from "./secrets.ts";
import type { Caller, SessionRecord } from "./service.ts";
import type { Change } from "./store.ts";

/** What happened. `refused` names why in `reason`. */
export type AuditOutcome =
  | "issued"
  | "confirmed"
  | "claimed"
  | "refused"
  | "expired"
  | "failed"
  | "refreshed"
  | "exchanged"
  | "revoked";

/** One line of the audit (V8). No secret, no IP address in the clear. */
export interface AuditRecord {
  readonly at: string;
  readonly outcome: AuditOutcome;
  readonly reason?: string;
  readonly challenge?: string;
  readonly session?: string;
  readonly address?: string;
  readonly method?: string;
  readonly client_id?: string;
  readonly txid?: string;
  readonly block_seq?: number;
  /** Keyed hash of the caller's IP address. */
  readonly client?: string;
}

/** Makes the rows of the append-only audit; who changes state writes them in the same step. */
export class Audit {
  readonly #clock: LoginClock;
  readonly #secrets: LoginSecrets;
  readonly #keepMs: number;
  #count = 0;
  readonly #instance: string;

  constructor(parts: { clock: LoginClock; secrets: LoginSecrets; keepMs: number; instance: string }) {
    this.#clock = parts.clock;
    this.#secrets = parts.secrets;
    this.#keepMs = parts.keepMs;
    this.#instance = parts.instance;
  }

  ofChallenge(outcome: AuditOutcome, record: ChallengeRecord, more: { reason?: string; caller?: Caller } = {}): Change {
    const last = record.history.at(-1);
    return this.row(
      {
        outcome,
        challenge: record.id,
        address: record.loginAddress,
        method: record.method,
        ...(record.clientId !== undefined && { client_id: record.clientId }),
        ...(last?.txid !== undefined && { txid: last.txid }),
        ...(last?.blockSeq !== undefined && { block_seq: last.blockSeq }),
        ...(more.reason !== undefined && { reason: more.reason }),
      },
      more.caller,
    );
  }

  ofSession(
    outcome: AuditOutcome,
    session: SessionRecord,
    more: { reason?: string; caller?: Caller | undefined } = {},
  ): Change {
    return this.row(
      {
        outcome,
        session: session.id,
        address: session.address,
        ...(session.clientId !== undefined && { client_id: session.clientId }),
        ...(more.reason !== undefined && { reason: more.reason }),
      },
      more.caller,
    );
  }

  row(fields: Omit<AuditRecord, "at" | "client">, caller?: Caller): Change {
    const nowMs = this.#clock.nowMs();
    const value = {
      at: new Date(nowMs).toISOString(),
      ...fields,
      ...(caller !== undefined && { client: this.#secrets.clientHash(caller.ip) }),
    };
    const count = String(this.#count++).padStart(9, "0");
    const key = `${String(Math.floor(nowMs)).padStart(15, "0")}-${this.#instance}-${count}`;
    return { table: "audit", key, value, forgetAtMs: nowMs + this.#keepMs };
  }
}
