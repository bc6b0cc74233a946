import type { Blockchain } from "../chain/blockchain.ts";
import type { EquivocationWatch } from "../chain/equivocation.ts";
import type { ChainView } from "../chain/store.ts";
import type { UnconfirmedPool } from "../chain/unconfirmed-pool.ts";

/** What catching up needs of the chain. */
export type SyncChain = Pick<Blockchain, "head" | "stagedHead" | "prepare" | "stagePrepared" | "flush" | "exclusive">;

/** What the whole network layer needs of the chain; `Blockchain` is one. */
export interface NetworkChain extends SyncChain, Pick<Blockchain, "params" | "genesisHash" | "checkSoft"> {
  readonly store: Pick<ChainView, "signedBlockBytes" | "transaction" | "unspent">;
}

/** What gossip needs of the pool; `UnconfirmedPool` is one. */
export type NetworkPool = Pick<UnconfirmedPool, "has" | "get" | "validIds" | "injectFromPeer" | "markAnnounced">;

/** Blocks that differ from ours; `EquivocationWatch` is one. */
export type RivalBlocks = Pick<EquivocationWatch, "relation" | "examine">;

/** Uniform in [0, 1), for choices that nobody gains by guessing; mirrors come from `randomU32`. */
export interface Random {
  fraction(): number;
  u32(): number;
}

/** Lets other work run, then goes on: a turn of the event loop. */
export type Turn = () => Promise<void>;

/** Where the peer list lives. */
export interface PeersFile {
  /** Undefined: there is none. */
  read(): Promise<string | undefined>;
  /** Replaces it as a whole, never half. */
  write(text: string): Promise<void>;
}
