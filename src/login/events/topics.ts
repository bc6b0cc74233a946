import type { Json } from "../store.ts";

/** What services can subscribe to. */
export const TOPICS = [
  "block.new",
  "txn.pending",
  "txn.confirmed",
  "address.activity",
  "login.status",
  "login.session",
  "login.revoked",
  "node.health",
] as const;
export type Topic = (typeof TOPICS)[number];

/** Topics that tell who takes part: for those the operator has given a key, never for everybody. */
export function isPrivate(topic: Topic): boolean {
  return topic.startsWith("login.");
}

/** Something that happened, as told to services. */
export interface TopicEvent {
  /** The same at every telling, so that a service can drop what it has seen. Contains no dot. */
  readonly id: string;
  readonly topic: Topic;
  /** When: RFC 3339. */
  readonly time: string;
  readonly data: Readonly<Record<string, Json>>;
  /** Events with one key are told in order; the others need not wait for each other. */
  readonly key: string;
}

/** How far a listener has come. What it has seen: the blocks to `seq`, the entries of the log to `entry`. */
export interface Cursor {
  readonly seq: number;
  readonly entry: number;
}

/** As a Last-Event-ID. */
export function formatCursor({ seq, entry }: Cursor): string {
  return `${seq}-${entry}`;
}

/** Undefined for anything `formatCursor` did not make. */
export function parseCursor(text: string): Cursor | undefined {
  const match = /^(\d{1,15})-(\d{1,15})$/.exec(text);
  return match === null ? undefined : { seq: Number(match[1]), entry: Number(match[2]) };
}

/** Which events somebody wants. */
export interface Subscription {
  readonly topics: ReadonlySet<Topic>;
  /** For `address.activity`: only these; undefined: all. Base58. */
  readonly addresses?: ReadonlySet<string> | undefined;
  /** The service that asks, once it has shown that it is that: `login.*` tells it of its own visitors alone. */
  readonly clientId?: string | undefined;
}

export function wants({ topics, addresses, clientId }: Subscription, event: TopicEvent): boolean {
  if (!topics.has(event.topic)) return false;
  if (isPrivate(event.topic)) return clientId !== undefined && event.data.client_id === clientId;
  return event.topic !== "address.activity" || addresses === undefined || addresses.has(event.data.address as string);
}

/**
 * Topics of a list of names, where `login.*` stands for all that begin so and `*` for all.
 * Undefined when a name stands for nothing.
 */
export function matchTopics(names: readonly string[]): Set<Topic> | undefined {
  const found = new Set<Topic>();
  for (const name of names) {
    const prefix = name.endsWith("*") ? name.slice(0, -1) : undefined;
    const matches = TOPICS.filter((topic) => (prefix === undefined ? topic === name : topic.startsWith(prefix)));
    if (matches.length === 0) return undefined;
    for (const topic of matches) found.add(topic);
  }
  return found;
}
