import type { Socket } from "node:net";

/** What is known of an address: its requests were answered, nothing, or that its connections led to no answer. */
type Standing = "regular" | "stranger" | "useless";

export interface LobbyLimits {
  /** Served in one round of the event loop. */
  readonly perRound: Readonly<Record<Standing, number>>;
  /** Longest wait; then the connection is ended. */
  readonly waitMs: number;
  /** Addresses remembered; what was seen longest ago is forgotten. */
  readonly addressesMax: number;
}

export const LOBBY_LIMITS: LobbyLimits = {
  perRound: { regular: 16, stranger: 16, useless: 1 },
  waitMs: 5_000,
  addressesMax: 16_384,
};

interface Line {
  readonly perRound: number;
  /** The newest goes first: in a line of attackers nobody would get in for seconds. */
  readonly newestFirst: boolean;
  /** The newest is last. */
  readonly waiting: Socket[];
  /** In this round. */
  served: number;
}

/**
 * Between the system's queue and HTTP. Accepting costs little and serving much: under attack everybody is accepted at
 * once, so that the system's queue does not fill, and a few are served in each round of the event loop. Who was answered
 * before comes first, who only held connections comes last. Without a rush nobody waits. Who waits is not
 * read from, and so costs no more than the connection.
 */
export class Lobby {
  readonly #limits: LobbyLimits;
  readonly #serve: (socket: Socket) => void;
  readonly #standings = new Map<string, Standing>();
  readonly #lines: Readonly<Record<Standing, Line>>;
  #isRoundOpen = false;

  constructor(limits: LobbyLimits, deps: { readonly serve: (socket: Socket) => void }) {
    this.#limits = limits;
    this.#serve = deps.serve;
    const line = (standing: Standing, newestFirst: boolean): Line => ({
      ...{ perRound: limits.perRound[standing], newestFirst, waiting: [], served: 0 },
    });
    this.#lines = { regular: line("regular", false), stranger: line("stranger", true), useless: line("useless", true) };
  }

  /** A connection of `address` has led to an answer. */
  answered(address: string): void {
    this.#note(address, "regular");
  }

  /** One has ended without: browsers open some that they do not use, so who was answered becomes a stranger again. */
  wasted(address: string): void {
    if (this.#standings.get(address) === "regular") this.#standings.delete(address);
    else this.#note(address, "useless");
  }

  /** Serves a connection whose reading has not begun, now or in one of the next rounds. */
  enter(socket: Socket, address: string): void {
    this.#openRound();
    const line = this.#lines[this.#standings.get(address) ?? "stranger"];
    if (line.waiting.length === 0 && line.served < line.perRound) {
      line.served++;
      this.#serve(socket);
    } else {
      socket.on("error", destroy);
      socket.setTimeout(this.#limits.waitMs, destroy);
      line.waiting.push(socket);
    }
  }

  /** Nobody who waits is served any more. */
  close(): void {
    for (const { waiting } of Object.values(this.#lines)) for (const socket of waiting) socket.destroy();
  }

  #note(address: string, standing: Standing): void {
    this.#standings.delete(address);
    this.#standings.set(address, standing);
    const [oldest = ""] = this.#standings.keys();
    if (this.#standings.size > this.#limits.addressesMax) this.#standings.delete(oldest);
  }

  #openRound(): void {
    if (this.#isRoundOpen) return;
    this.#isRoundOpen = true;
    setImmediate(() => this.#nextRound());
  }

  #nextRound(): void {
    this.#isRoundOpen = false;
    for (const line of Object.values(this.#lines)) {
      const { waiting, perRound, newestFirst } = line;
      while (waiting[0]?.destroyed) waiting.shift(); // who waited too long, or made room
      for (line.served = 0; line.served < perRound && waiting.length > 0; ) {
        const socket = newestFirst ? waiting.pop() : waiting.shift();
        if (socket === undefined || socket.destroyed) continue;
        socket.setTimeout(0, destroy);
        socket.off("error", destroy);
        line.served++;
        this.#serve(socket);
      }
      if (waiting.length > 0) this.#openRound();
    }
  }
}

function destroy(this: Socket): void {
  this.destroy();
}
