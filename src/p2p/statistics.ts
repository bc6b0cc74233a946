import { type DisconnectReason, disconnectName } from "./disconnect.ts";
import { type Limits, limitEntries, type Points } from "./limits.ts";
import type { MessageId } from "./messages.ts";
import type { Door } from "./peer.ts";
import type { Holdings } from "./pools.ts";
import type { Refusal } from "./transport.ts";

/** One metric with its samples, as `/metrics` shows them; names carry no prefix yet. */
export interface MetricFamily {
  readonly type: "counter" | "gauge";
  readonly name: string;
  readonly help: string;
  readonly samples: readonly (readonly [labels: Readonly<Record<string, string>>, value: number])[];
}

/** What the network layer counts. Labels come from fixed sets: peers cannot make up new ones. */
export class Statistics {
  readonly #refused = new Counter();
  readonly #ended = new Counter();
  readonly #offences = new Counter();
  readonly #received = new Counter();
  readonly #dropped = new Counter();
  #accepted = 0;
  #bans = 0;
  #receivedBytes = 0;
  #sentBytes = 0;

  /** `door` names the transport that has limits of its own. */
  refused(door: Door, why: Refusal): void {
    this.#refused.add(door === "socket" || why.startsWith(door) ? why : `${door} ${why}`);
  }

  accepted(): void {
    this.#accepted++;
  }

  ended(reason: DisconnectReason, byPeer: boolean): void {
    // A peer may send any number as its reason.
    const name = disconnectName(reason);
    this.#ended.add(`${byPeer ? "peer: " : ""}${name.startsWith("reason ") ? "other" : name}`);
  }

  offence(kind: keyof Points): void {
    this.#offences.add(kind);
  }

  banned(): void {
    this.#bans++;
  }

  received(id: MessageId, bytes: number): void {
    this.#received.add(id);
    this.#receivedBytes += bytes;
  }

  sent(bytes: number): void {
    this.#sentBytes += bytes;
  }

  /** A frame that was not queued, since its reader is too slow. */
  dropped(transport: string): void {
    this.#dropped.add(transport);
  }

  /** Everything, with what is so at present and the limits it is measured against. */
  families(present: {
    readonly held: Holdings;
    readonly sockets: Readonly<Record<string, number>>;
    readonly knownPeers: number;
    readonly bans: number;
    readonly limits: Limits;
  }): MetricFamily[] {
    const { held, limits } = present;
    const gauge = (name: string, help: string, value: number): MetricFamily => ({
      ...{ type: "gauge", name, help },
      samples: [[{}, value]],
    });
    const counter = (name: string, help: string, value: number): MetricFamily => ({
      ...{ type: "counter", name, help },
      samples: [[{}, value]],
    });
    return [
      counter("p2p_accepted_total", "Connections taken from others.", this.#accepted),
      this.#refused.family("p2p_refused_total", "Connections refused before a word, by the limit met.", "limit"),
      this.#ended.family("p2p_ended_total", "Connections that ended, by reason.", "reason"),
      this.#offences.family("p2p_offences_total", "Misbehaviour that cost points.", "offence"),
      counter("p2p_bans_total", "Addresses banned.", this.#bans),
      gauge("p2p_banned", "Addresses banned at present.", present.bans),
      this.#received.family("p2p_frames_received_total", "Frames received, by type.", "id"),
      counter("p2p_received_bytes_total", "Bytes of the frames received.", this.#receivedBytes),
      counter("p2p_sent_bytes_total", "Bytes of the frames sent.", this.#sentBytes),
      this.#dropped.family("p2p_frames_dropped_total", "Frames not queued for a reader too slow.", "transport"),
      {
        ...{ type: "gauge", name: "p2p_sockets", help: "Connections, by transport and state." },
        samples: Object.entries(present.sockets).map(([key, n]) => {
          const [transport = "", state = ""] = key.split(" ");
          return [{ transport, state }, n] as const;
        }),
      },
      gauge("p2p_frames_waiting", "Frames decoded and not handled.", held.frames),
      gauge("p2p_input_bytes", "Bytes read and not handled.", held.inputBytes),
      gauge("p2p_output_bytes", "Bytes queued to be sent.", held.outputBytes),
      gauge("p2p_known_peers", "Addresses in the peer list.", present.knownPeers),
      { type: "gauge", name: "p2p_limit", help: "Limits in force (docs/operating.md).", samples: limitSamples(limits) },
    ];
  }
}

function limitSamples(limits: Limits): [Readonly<Record<string, string>>, number][] {
  return limitEntries(limits).flatMap(([limit, value]): [Readonly<Record<string, string>>, number][] => {
    if (typeof value !== "object") return [[{ limit }, Number(value)]];
    return [
      [{ limit: `${limit}.perSecond` }, value.perSecond],
      [{ limit: `${limit}.burst` }, value.burst],
    ];
  });
}

class Counter {
  readonly #counts = new Map<string, number>();

  add(key: string): void {
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  family(name: string, help: string, label: string): MetricFamily {
    return {
      type: "counter",
      name,
      help,
      samples: [...this.#counts].map(([key, n]) => [{ [label]: key }, n] as const),
    };
  }
}
