import { EventEmitter, once } from "node:events";
import { DEFAULT_VERIFY } from "../../src/chain/params.ts";
import { FrameSplitter } from "../../src/p2p/frame.ts";
import type { Identity } from "../../src/p2p/introduction.ts";
import { introductionOf } from "../../src/p2p/introduction.ts";
import { decodeMessage, encode, type Introduction, type Message, type MessageId } from "../../src/p2p/messages.ts";
import type { Connection } from "../../src/p2p/transport.ts";
import type { PeerNode } from "./p2p-node.ts";

let nextMirror = 1_000_000;

/** A hand-made peer on one connection: says what it is told, remembers what it hears. */
export class WireClient {
  readonly connection: Connection;
  readonly heard: Message[] = [];
  closed = false;
  /** Answers PING, as a well-behaved peer does. */
  answersPings = true;
  readonly #events = new EventEmitter();

  constructor(connection: Connection) {
    this.connection = connection;
    const splitter = new FrameSplitter();
    connection.open({
      data: (bytes) => {
        for (const frame of splitter.push(bytes)) {
          const message = decodeMessage(frame);
          this.heard.push(message);
          if (message.id === "PING" && this.answersPings) this.say(encode.empty("PONG"));
        }
        this.#events.emit("change");
      },
      drain: () => {},
      closed: () => {
        this.closed = true;
        this.#events.emit("change");
      },
    });
  }

  say(frame: Uint8Array): void {
    this.connection.send(frame);
  }

  introduce(introduction: Introduction): void {
    this.say(encode.introduction(introduction));
  }

  ids(): MessageId[] {
    return this.heard.map(({ id }) => id);
  }

  /** Code of the DISC it was sent, if any. */
  get reason(): number | undefined {
    for (const message of this.heard) if (message.id === "DISC") return message.reason;
    return undefined;
  }

  /** Resolves when it holds; looked at after every event. For clocks that run by themselves. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await once(this.#events, "change");
  }
}

/** How a stranger with the right chain would introduce itself to `node`. */
export function identityFor(node: PeerNode, changes: Partial<Identity> = {}): Identity {
  const { chain } = node.test;
  return {
    mirror: nextMirror++,
    listenPort: 6000,
    publisherKey: chain.params.publisherKey,
    verify: DEFAULT_VERIFY,
    userAgent: "skycoin:0.27.1",
    genesisHash: chain.genesisHash,
    ...changes,
  };
}

export function introductionFor(node: PeerNode, changes: Partial<Identity> = {}): Introduction {
  return introductionOf(identityFor(node, changes));
}
