/**
 * Every cap and timeout of the peer-to-peer layer. Values named "reference" are the Go node's and belong to the
 * protocol; the others are ours (p2p.md 12.2). Milliseconds and bytes unless said otherwise.
 */
export interface Limits {
  /** A second opinion on the accept loop: sockets in any state. Over it they are destroyed, never queued. */
  readonly socketsMax: number;
  /** Connections from one address; the reference says 3 and means 2. Loopback is exempt in localhost-only mode. */
  readonly perIpMax: number;
  readonly perIpUnintroducedMax: number;
  readonly perSubnetMax: number;

  /** Absolute, from connect to a valid introduction. The reference waits 30 s. */
  readonly introductionMs: number;
  /** An acceptor speaks second, but not never: a dialler that waits too would wait for ever. */
  readonly silentDiallerMs: number;
  /** No complete frame. Reference. */
  readonly idleMs: number;
  /** No byte at all. Reference. */
  readonly silenceMs: number;
  /** A begun frame has this long, plus a second per 16 KiB. */
  readonly frameMs: number;
  /** Nothing sent for so long: PING is due. Reference. */
  readonly pingAfterMs: number;
  /** Oldest unsent byte. Reference. */
  readonly writeMs: number;
  readonly sweepMs: number;
  /** After DISC: time for it to leave. */
  readonly disconnectFlushMs: number;
  readonly stopFlushMs: number;

  readonly sendFramesMax: number;
  readonly sendBytesMax: number;
  /** So many dropped replies within `sendDropWindowMs` end the connection. */
  readonly sendDropsMax: number;
  readonly sendDropWindowMs: number;
  /** Answers to requests wait while more than this is queued. */
  readonly answerBelowBytes: number;

  /** Sender rules toward peers not known to be ours (p2p.md 1.2): their decoder loses frames and dies of bursts. */
  readonly isolateAboveBytes: number;
  readonly isolateMs: number;
  readonly burstFrames: number;
  readonly burstMs: number;

  /** Decoded frames that wait per connection; over it reading pauses. */
  readonly inboxFramesMax: number;
  readonly inboxBytesMax: number;
  /** Bytes held for all peers together; over it the one that holds most is closed. */
  readonly heldBytesMax: number;
  /** Longest a turn of frame handling or block execution runs before it yields. */
  readonly turnMs: number;
  readonly turnFrames: number;
  /** Blocks and transactions executed per turn (B6). */
  readonly turnBlocks: number;
  readonly turnTransactions: number;

  /** Token buckets: per second, and how many may come at once. */
  readonly frames: Rate;
  readonly framesOurs: Rate;
  readonly unsolicitedBytes: Rate;
  readonly pings: Rate;
  readonly getBlocks: Rate;
  readonly givenBytes: Rate;
  readonly givenBytesOurs: Rate;
  readonly givenBytesAll: Rate;
  readonly getPeers: Rate;
  readonly announceTransactions: Rate;
  readonly announceBlocks: Rate;
  readonly getTransactions: Rate;
  readonly giveTransactions: Rate;
  /** PINGs per second that end a connection. */
  readonly pingFloodPerSecond: number;

  readonly points: Points;
  readonly pointsBan: number;
  readonly pointsHalveMs: number;
  readonly banMs: number;

  /** Reference: what one GETB is answered with, and asks for. */
  readonly blocksPerAnswer: number;
  /** Toward our own nodes, which say so when introduced. */
  readonly blocksPerAnswerOurs: number;
  readonly blockRequestsOutstanding: number;
  readonly blockRequestsWaiting: number;
  /** A stranger that asks no further after an answer may have lost it: it is reminded once. */
  readonly remindAfterMs: number;
  readonly syncBlocksMax: number;
  readonly syncBytesMax: number;
  /** Blocks that may come unasked and ahead of their turn (B4). */
  readonly strayBlocksMax: number;
  /** No progress for so long: ask somebody else (B2). */
  readonly syncStallMs: number;
  readonly syncPrepareSignatures: number;
  readonly syncPreparesOpen: number;
  /** Staged blocks worth a write while more are coming. */
  readonly syncFlushBlocks: number;
  readonly syncFlushMs: number;
  /** Blocks staged ahead of the disk. */
  readonly syncStagedMax: number;

  readonly transactionRetryMs: number;
  readonly transactionsWantedMax: number;
  /** Transaction ids remembered per peer, either direction. */
  readonly knownIdsMax: number;

  readonly pexKeepMax: number;
  readonly pexPerSourceMax: number;
  readonly pexSolicitedMs: number;
  readonly pexUnsolicitedMs: number;
  readonly neverReachedMax: number;

  readonly dialMs: number;
  readonly dialSpacingMs: number;
  readonly dialsAtOnceMax: number;
  readonly backoffFirstMs: number;
  readonly backoffMaxMs: number;
  /** How long a duplicate may live before one of the two links must go (M5). */
  readonly shadowMs: number;
  /** How long a reference node gets to notice that its old link has ended before we speak on the new one. */
  readonly handOverMs: number;
}

export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** What misbehaviour costs; `pointsBan` and the connection ends. */
export interface Points {
  readonly malformed: number;
  readonly unknownId: number;
  readonly beforeIntroduction: number;
  readonly forgedBlock: number;
  readonly invalidBlock: number;
  readonly hardInvalidTransaction: number;
  readonly flood: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;

export const LIMITS: Limits = Object.freeze({
  socketsMax: 192,
  perIpMax: 3,
  perIpUnintroducedMax: 2,
  perSubnetMax: 16,

  introductionMs: 10_000,
  silentDiallerMs: 1_000,
  idleMs: 60_000,
  silenceMs: 30_000,
  frameMs: 10_000,
  pingAfterMs: 5_000,
  writeMs: 30_000,
  sweepMs: 1_000,
  disconnectFlushMs: 500,
  stopFlushMs: 500,

  sendFramesMax: 128,
  sendBytesMax: MIB,
  sendDropsMax: 3,
  sendDropWindowMs: 60_000,
  answerBelowBytes: 512 * KIB,

  isolateAboveBytes: 1016,
  isolateMs: 20,
  burstFrames: 16,
  burstMs: 50,

  inboxFramesMax: 64,
  inboxBytesMax: 2 * MIB,
  heldBytesMax: 96 * MIB,
  turnMs: 10,
  turnFrames: 256,
  turnBlocks: 8,
  turnTransactions: 160,

  frames: { perSecond: 100, burst: 400 },
  framesOurs: { perSecond: 1000, burst: 4000 },
  unsolicitedBytes: { perSecond: 512 * KIB, burst: 4 * MIB },
  pings: { perSecond: 1, burst: 10 },
  // Differs: the table says 10 (20). A reference peer that catches up on small blocks asks some 27 times a second;
  // what an answer may cost is bounded by its bytes anyway.
  getBlocks: { perSecond: 100, burst: 200 },
  givenBytes: { perSecond: 2 * MIB, burst: 4 * MIB },
  // Our own nodes take more than 10,000 transactions a second, some 5 MiB.
  givenBytesOurs: { perSecond: 16 * MIB, burst: 16 * MIB },
  givenBytesAll: { perSecond: 32 * MIB, burst: 32 * MIB },
  getPeers: { perSecond: 0.1, burst: 3 },
  announceTransactions: { perSecond: 20, burst: 256 },
  announceBlocks: { perSecond: 2, burst: 20 },
  getTransactions: { perSecond: 4, burst: 32 },
  giveTransactions: { perSecond: 10, burst: 100 },
  pingFloodPerSecond: 20,

  points: {
    malformed: 50,
    unknownId: 20,
    beforeIntroduction: 20,
    forgedBlock: 50,
    invalidBlock: 30,
    hardInvalidTransaction: 10,
    flood: 1,
  },
  pointsBan: 100,
  pointsHalveMs: 10 * 60_000,
  banMs: 60 * 60_000,

  blocksPerAnswer: 20,
  blocksPerAnswerOurs: 128,
  blockRequestsOutstanding: 6,
  blockRequestsWaiting: 16,
  remindAfterMs: 10_000,
  syncBlocksMax: 1024,
  syncBytesMax: MIB / 2,
  strayBlocksMax: 64,
  syncStallMs: 10_000,
  syncPrepareSignatures: 512,
  syncPreparesOpen: 3,
  syncFlushBlocks: 64,
  syncFlushMs: 50,
  syncStagedMax: 256,

  transactionRetryMs: 10_000,
  transactionsWantedMax: 4096,
  knownIdsMax: 4096,

  pexKeepMax: 64,
  pexPerSourceMax: 1024,
  pexSolicitedMs: 30_000,
  pexUnsolicitedMs: 10 * 60_000,
  neverReachedMax: 4096,

  dialMs: 10_000,
  dialSpacingMs: 250,
  dialsAtOnceMax: 4,
  backoffFirstMs: 2_000,
  backoffMaxMs: 60_000,
  shadowMs: 2_000,
  handOverMs: 200,
});
