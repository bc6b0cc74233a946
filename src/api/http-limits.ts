/** Every bound of an HTTP listener (p2p.md 12.2 c). Times in milliseconds, sizes in bytes. */
export interface HttpLimits {
  /** Sockets in any state, and of one client. */
  readonly connectionsMax: number;
  readonly connectionsPerClientMax: number;
  /** Requests being answered, and of one client. */
  readonly inFlightMax: number;
  readonly inFlightPerClientMax: number;
  /** Requests of one connection that wait for their answers; browsers send one at a time. */
  readonly pipelinedMax: number;
  /**
   * Whether the two limits per client hold for loopback too. Not by default: a reverse proxy comes from there, with
   * everybody's requests, and whoever runs programs on this machine has simpler means to starve the node.
   */
  readonly loopbackCounts: boolean;
  /** Announced lengths of all bodies being read; a body without length counts as the largest allowed. */
  readonly bodyBytesInFlightMax: number;
  /** Bodies up to here are taken whatever the others hold: a transaction fits, and `inFlightMax` bounds their number. */
  readonly bodyBytesFree: number;
  /** Answers that wait for their readers, together; whoever holds most is cut off. */
  readonly outputBytesMax: number;
  /** Requests that wait for the node to be ready. */
  readonly waitingMax: number;
  readonly headerBytesMax: number;
  /** First byte of a connection or request to the end of the header. The reference gives header and body 10 s together. */
  readonly headersTimeoutMs: number;
  /** Header and body. Reference. */
  readonly requestTimeoutMs: number;
  /** End of the header to the end of the answer. Reference. */
  readonly responseTimeoutMs: number;
  /** Kept-alive connections without a request. Reference. */
  readonly idleTimeoutMs: number;
  /** How long a stop waits for clients: for the rest of a request, or until an answer is read. */
  readonly drainMs: number;
  /** And for answers this node still works on: unlocking a wallet takes seconds, and is not left half done anyway. */
  readonly drainWorkMs: number;
  /** After a failed accept: newcomers are dropped for so long, instead of spending the last descriptors on them. */
  readonly acceptPauseMs: number;
}

export const HTTP_LIMITS: HttpLimits = {
  connectionsMax: 4096,
  connectionsPerClientMax: 256,
  inFlightMax: 2048,
  inFlightPerClientMax: 64,
  pipelinedMax: 32,
  loopbackCounts: false,
  bodyBytesInFlightMax: 16 * 1024 * 1024,
  bodyBytesFree: 8 * 1024,
  outputBytesMax: 16 * 1024 * 1024,
  waitingMax: 256,
  headerBytesMax: 1024 * 1024,
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 10_000,
  responseTimeoutMs: 60_000,
  idleTimeoutMs: 120_000,
  drainMs: 3_000,
  drainWorkMs: 30_000,
  acceptPauseMs: 50,
};

/** For strangers: no client of theirs sends headers of that size, and there may be thousands of them. */
export const PUBLIC_HTTP_LIMITS: HttpLimits = { ...HTTP_LIMITS, headerBytesMax: 64 * 1024 };
