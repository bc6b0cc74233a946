import type { SafetyState } from "../api/services.ts";
import { equalBytes } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { errorText } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { Blockchain } from "../chain/blockchain.ts";
import { type Equivocation, EquivocationWatch } from "../chain/equivocation.ts";
import { PublisherGuard, type PublisherMark } from "../chain/publisher-guard.ts";
import { type Hash, hashHex } from "../cipher/hash.ts";
import type { DaemonConfig } from "../config/daemon-config.ts";
import { ConfigError } from "../config/errors.ts";
import type { Network } from "../p2p/network.ts";
import { Evidence, type EvidenceFile } from "./evidence.ts";
import { PublisherMarkFile } from "./publisher-mark.ts";

/** How often the heads of peers are looked at while a publisher checks its own. */
const LOOK_MS = 100;

export interface ChainSafetyDeps {
  readonly chain: Blockchain;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Watches over the one thing that rules cannot: that the publisher's key signs one chain. Proof of the opposite is
 * kept, told, and stops logins and publishing until the operator settles it with -accept-head.
 */
export class ChainSafety {
  readonly watch: EquivocationWatch;
  readonly #config: DaemonConfig;
  readonly #deps: ChainSafetyDeps;
  readonly #evidence: Evidence;
  readonly #markFile: PublisherMarkFile;
  readonly #mark: PublisherMark | undefined;
  readonly #accepted: boolean;
  #forks: number[];
  #guard: PublisherGuard | undefined;
  #cancel: (() => void) | undefined;
  #writing: Promise<void> = Promise.resolve();

  private constructor(
    config: DaemonConfig,
    deps: ChainSafetyDeps,
    parts: {
      readonly evidence: Evidence;
      readonly markFile: PublisherMarkFile;
      readonly mark: PublisherMark | undefined;
      readonly accepted: boolean;
      readonly open: readonly EvidenceFile[];
      readonly settled: readonly EvidenceFile[];
    },
  ) {
    this.#config = config;
    this.#deps = deps;
    this.#evidence = parts.evidence;
    this.#markFile = parts.markFile;
    this.#mark = parts.mark;
    this.#accepted = parts.accepted;
    this.#forks = parts.open.map(({ seq }) => seq);
    this.watch = new EquivocationWatch(
      deps.chain,
      parts.open.map(({ theirs }) => theirs),
      parts.settled.map(({ theirs }) => theirs),
    );
    this.watch.onFound.on((found) => this.#found(found));
  }

  /** Reads the mark and the evidence, and carries out the operator's decision. @throws ConfigError */
  static async open(config: DaemonConfig, deps: ChainSafetyDeps): Promise<ChainSafety> {
    const { chain, log } = deps;
    const evidence = new Evidence(config.paths.evidence);
    const markFile = new PublisherMarkFile(config.paths.publisherMark, chain.genesisHash);
    const accepted = config.acceptHead !== undefined && isAccepted(chain, config.acceptHead, log);
    let open = await evidence.open();
    let mark = config.blockPublisher ? await markFile.read() : undefined;
    if (accepted && !config.databaseReadOnly) {
      if (open.length > 0) await evidence.settle(open);
      open = [];
      const { seq, hash } = chain.head();
      mark = { seq, hash };
      if (config.blockPublisher) await markFile.write(mark);
      log.warn({ seq, hash: hashHex(hash) }, "the operator accepts this head");
    }
    for (const { seq, name } of open) {
      log.error({ seq, evidence: name }, "the publisher's key has signed two blocks of one height, not settled yet");
    }
    const settled = await evidence.settled();
    return new ChainSafety(config, deps, { evidence, markFile, mark, accepted, open, settled });
  }

  /** Why no login is confirmed at the moment; undefined: they are. */
  get loginsPaused(): string | undefined {
    return this.#forks.length === 0 ? undefined : "the chain is in doubt: its publisher signed two different blocks";
  }

  /** For readiness, health and metrics. */
  state(): SafetyState {
    const guard = this.#guard;
    return {
      forks: this.#forks,
      ...(guard && { publisher: guard.state, ...(guard.refusal !== undefined && { refusal: guard.refusal }) }),
    };
  }

  /** Decides from now on whether this node may publish. `madeHere` tells its own blocks from others'. */
  guard(network: Network | undefined, madeHere: (hash: Hash) => boolean): PublisherGuard {
    const { chain, clock, log } = this.#deps;
    const guard = new PublisherGuard(
      {
        mark: this.#mark,
        knowsPeers: (network?.knownPeers() ?? 0) > 0,
        knowsTrusted: (network?.knownTrusted() ?? 0) > 0,
        waitMs: network === undefined ? 0 : this.#config.publisherWaitMs,
        takeoverMs: this.#config.takeoverWaitMs,
        accepted: this.#accepted,
      },
      { chain, genesisTime: chain.genesis.header.time, clock },
    );
    this.#guard = guard;
    if (this.#forks.length > 0) guard.halt(`the key signed two blocks of height ${this.#forks.join(", ")}`);
    const tell = (): void => this.#tell(guard);
    guard.onChange.on(tell);
    tell();
    chain.onBlock.on(({ block, hash }) => {
      if (!madeHere(hash)) guard.foreignBlock(block.header);
    });
    const look = (): void => {
      guard.look(network?.heardHeads() ?? []);
      if (guard.state === "checking") this.#cancel = clock.after(LOOK_MS, look);
    };
    look();
    if (guard.state === "checking") log.info({ reason: guard.refusal }, "no blocks are made yet");
    return guard;
  }

  /** Remembers a block made here, synced, before anybody is told of it. */
  record(seq: number, hash: Hash): Promise<void> {
    return this.#markFile.write({ seq, hash });
  }

  /** Waits for evidence that is being written. */
  async stop(): Promise<void> {
    this.#cancel?.();
    await this.#writing;
  }

  #tell(guard: PublisherGuard): void {
    const { chain, log } = this.#deps;
    const { seq, hash } = chain.head();
    const head = { seq, hash: hashHex(hash) };
    if (guard.state === "publishing") log.info(head, "publishing on this head");
    if (guard.state === "takeover") log.warn(head, "somebody else made the head: the first block waits for them");
    if (guard.state === "halted") {
      log.error({ ...head, reason: guard.refusal }, "publishing has stopped until -accept-head names the right head");
    }
  }

  #found(found: Equivocation): void {
    const { clock, log } = this.#deps;
    const { seq } = found.ours.header;
    this.#forks = [...this.#forks, seq];
    this.#guard?.halt(`the key signed two blocks of height ${seq}`);
    log.error({ seq }, "the publisher's key has signed two blocks of one height: logins and publishing stop");
    if (this.#config.databaseReadOnly) return;
    this.#writing = this.#writing
      .then(() => this.#evidence.keep(found, new Date(clock.nowMs())))
      .then(
        (path) => log.error({ seq, path }, "both blocks are kept as evidence"),
        (error: unknown) => log.error({ seq, error: errorText(error) }, "evidence could not be written"),
      );
  }
}

/** @throws ConfigError when the chain does not hold that block */
function isAccepted(chain: Blockchain, wanted: Hash, log: Logger): boolean {
  const head = chain.head();
  if (equalBytes(head.hash, wanted)) return true;
  const block = chain.store.blockByHash(wanted);
  if (block === undefined) {
    throw new ConfigError(
      "CONFIG_INVALID",
      `-accept-head ${hashHex(wanted)}: no such block here, the head is block ${head.seq}, ${hashHex(head.hash)}`,
    );
  }
  log.warn({ seq: block.header.seq, head: head.seq }, "-accept-head names a block below the head and is ignored");
  return false;
}
