import type { Deadline } from "./deadline.ts";

/** How an address is proved: by sending a coin back, or by signing a text. */
export const CHALLENGE_METHODS = ["return", "signature"] as const;
export type ChallengeMethod = (typeof CHALLENGE_METHODS)[number];

/**
 * - `funding`: the login address has nothing to return yet; a coin is on its way
 * - `waiting`: for the return, or the signature
 * - `seen`: a valid return is in the pool, not yet in a block
 * - `confirmed`: proved; the result waits for the holder of the claim secret
 * - `claimed`, `expired`, `failed`: final
 */
export type ChallengeStatus = "funding" | "waiting" | "seen" | "confirmed" | "claimed" | "expired" | "failed";

/** Every step there is. A return may overtake the funding; a pool may lose a transaction. */
export const TRANSITIONS: Readonly<Record<ChallengeStatus, readonly ChallengeStatus[]>> = {
  funding: ["waiting", "seen", "confirmed", "expired", "failed"],
  waiting: ["funding", "seen", "confirmed", "expired", "failed"],
  seen: ["waiting", "confirmed", "expired", "failed"],
  confirmed: ["claimed", "expired"],
  claimed: [],
  expired: [],
  failed: [],
};

export function isFinal(status: ChallengeStatus): boolean {
  return TRANSITIONS[status].length === 0;
}

/** Counts towards the limit of open challenges of an address. */
export function isOpen(status: ChallengeStatus): boolean {
  return status === "funding" || status === "waiting" || status === "seen";
}

/** Why a challenge failed or what its visitor should know. */
export interface Cause {
  readonly code: "funding_exhausted" | "funding_failed" | "other_sender" | "mixed_inputs" | "amount_too_small";
  readonly text: string;
}

/** One entry of a challenge's history; its number is the event id of the status stream. */
export interface StatusChange {
  readonly status: ChallengeStatus;
  readonly atMs: number;
  readonly txid?: string;
  readonly blockSeq?: number;
  readonly cause?: Cause;
}

/** A challenge as stored: JSON. What makes up the claim is kept as hashes only. */
export interface ChallengeRecord {
  /** 128 random bits, base64url. Shows status, never gives a token. */
  readonly id: string;
  readonly method: ChallengeMethod;
  /** Base58. */
  readonly loginAddress: string;
  /** Base58; of this challenge alone (V1). Also there for method `signature`, unused. */
  readonly returnAddress: string;
  /** Droplets to return, at least; decimal. */
  readonly amount: string;
  /** Text to sign. */
  readonly message: string;
  readonly clientId?: string;
  readonly claim: ClaimBinding;
  /** Head when it was issued: a proof is in a later block (V3). */
  readonly issuedSeq: number;
  readonly issuedAtMs: number;
  readonly deadline: Deadline;
  /** Until when a confirmed one can be claimed. */
  readonly claimBy?: Deadline;
  /** At least one; the last is the present status. Bounded: later ones take the place of those before them. */
  readonly history: readonly StatusChange[];
  /** Changes whose place others have taken: versions go on counting. */
  readonly dropped?: number;
  /** What the visitor should know although nothing has changed, e.g. a return from another address. */
  readonly notice?: Cause;
  /** Keyed hash of the client's IP address. */
  readonly clientHash: string;
}

/** What must be shown to claim: a secret, by its SHA-256 in base64url (what PKCE calls S256). */
export interface ClaimBinding {
  readonly kind: "secret" | "pkce" | "cookie";
  readonly hash: string;
}

/** Entries of a history. */
const HISTORY_MAX = 64;

/** What a record becomes by a change. A pool that takes and drops a return again and again must not make it grow. */
export function withChange(
  { history, dropped = 0 }: ChallengeRecord,
  change: StatusChange,
): Pick<ChallengeRecord, "history" | "dropped"> {
  if (history.length < HISTORY_MAX) return { history: [...history, change], ...(dropped > 0 && { dropped }) };
  return { history: [...history.slice(0, HISTORY_MAX - 2), change], dropped: dropped + 2 };
}

/** Number of the change at an index of the history: greater than that of every earlier one, kept or not. */
export function versionOf({ dropped = 0 }: ChallengeRecord, index: number): number {
  return index + 1 + (index >= HISTORY_MAX - 2 ? dropped : 0);
}

export function lastChange(record: ChallengeRecord): StatusChange {
  return record.history.at(-1) as StatusChange;
}

export function statusOf(record: ChallengeRecord): ChallengeStatus {
  return lastChange(record).status;
}
