import type { ApiServices, ConnectionInfo } from "./services.ts";

/** A peer that is this far ahead may simply have heard of blocks a moment before us. */
const BEHIND_BLOCKS_MAX = 10;

/** Why this node should get no traffic at the moment; empty when it should. Constant texts and a number: no secrets. */
export function unreadiness({
  chain,
  network,
  condition,
}: Pick<ApiServices, "chain" | "network" | "condition">): string[] {
  const reasons: string[] = [];
  const head = chain.store.head();
  if (head === undefined) return ["no blocks yet"];
  if (condition?.databaseFailing() === true) reasons.push("database refuses writes");
  const behind = likelyHeight(network?.connections() ?? []) - head.seq;
  if (behind > BEHIND_BLOCKS_MAX) reasons.push(`${behind} blocks behind`);
  if (condition?.publisherFailing() === true) reasons.push("publisher cannot publish");
  const safety = condition?.safety?.();
  if (safety?.refusal !== undefined) reasons.push(`publisher makes no blocks: ${safety.refusal}`);
  return reasons;
}

/** What an operator must look into although the node answers. */
export function alarms({ condition }: Pick<ApiServices, "condition">): string[] {
  const forks = condition?.safety?.().forks ?? [];
  return forks.map((seq) => `the publisher's key has signed two blocks of height ${seq}`);
}

/**
 * The height to be measured against: the highest of the trusted peers, or what at least half of the peers have
 * reached. One liar must not be able to take a node out of service.
 */
function likelyHeight(connections: readonly ConnectionInfo[]): number {
  const introduced = connections.filter(({ state }) => state === "introduced");
  const trusted = introduced.filter((peer) => peer.trusted).map(({ height }) => height);
  if (trusted.length > 0) return Math.max(...trusted);
  const heights = introduced.map(({ height }) => height).sort((a, b) => b - a);
  return heights[Math.floor(heights.length / 2)] ?? 0;
}
