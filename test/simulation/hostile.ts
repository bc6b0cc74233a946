import { type Block, blockHash, encodeSignedBlock, type SignedBlock } from "../../src/chain/block.ts";
import { DEFAULT_VERIFY } from "../../src/chain/params.ts";
import type { Transaction } from "../../src/chain/transaction.ts";
import type { Hash } from "../../src/cipher/hash.ts";
import { FrameSplitter } from "../../src/p2p/frame.ts";
import { introductionOf } from "../../src/p2p/introduction.ts";
import { decodeMessage, encode, type Message } from "../../src/p2p/messages.ts";
import type { Connection } from "../../src/p2p/transport.ts";
import { blockAfter, bob, malleated, signBlock } from "../support/chain.ts";
import { rawFrame } from "../support/p2p-wire.ts";
import type { VirtualClock } from "../support/virtual-clock.ts";
import { BASE, PARAMS, PUBLISHER } from "./coins.ts";
import type { Dice } from "./dice.ts";
import { PORT, type SimNode } from "./node.ts";
import type { Trace } from "./trace.ts";
import type { Watch } from "./watch.ts";
import type { Wires } from "./wires.ts";

export interface HostileDeps {
  readonly clock: VirtualClock;
  readonly wires: Wires;
  readonly watch: Watch;
  readonly trace: Trace;
  readonly honest: readonly SimNode[];
  readonly happened: (what: string) => void;
  /** It signs with the publisher's own key, as a publisher gone mad would. */
  readonly hasKey: boolean;
}

export const TRICKS = [
  "garbage",
  "unknown",
  "malformed",
  "oversize",
  "half a frame",
  "forged block",
  "false block",
  "stale blocks",
  "blocks ahead",
  "tampered block",
  "lying height",
  "invalid transactions",
  "announcements",
  "requests",
  "ping flood",
  "false peers",
  "echo",
  "second introduction",
] as const;
export type Trick = (typeof TRICKS)[number];

/** A peer that knows the protocol and keeps to none of it. Answers no request, except sometimes wrongly. */
export class Hostile {
  readonly ip: string;
  readonly #dice: Dice;
  readonly #deps: HostileDeps;
  readonly #tricks: readonly Trick[];
  readonly #links = new Map<Connection, { heard: Uint8Array[] }>();
  readonly #pauseMs: number;
  readonly #claimsToBeOurs: boolean;
  readonly #spares: number;
  #isGone = false;

  constructor(ip: string, dice: Dice, deps: HostileDeps) {
    this.ip = ip;
    this.#dice = dice;
    this.#deps = deps;
    const drawn = TRICKS.filter(() => dice.chance(0.3)).filter((trick) => trick !== "false block");
    this.#tricks = deps.hasKey ? [...drawn, "false block"] : drawn;
    this.#pauseMs = dice.pick([30, 100, 400]);
    this.#claimsToBeOurs = dice.chance(0.5);
    this.#spares = dice.int(0, 3);
  }

  get tricks(): readonly Trick[] {
    return this.#tricks;
  }

  async start(): Promise<void> {
    await this.#deps.wires
      .host(this.ip)
      .listen({ ip: this.ip, port: PORT }, { accept: (connection) => this.#open(connection), failed: () => {} });
    this.#deps.clock.after(this.#dice.int(0, 1000), () => this.#act());
  }

  leave(): void {
    this.#isGone = true;
    this.#deps.wires.kill(this.ip, { power: false });
  }

  #act(): void {
    if (this.#isGone) return;
    this.#deps.clock.after(this.#dice.int(1, 2 * this.#pauseMs), () => this.#act());
    if (this.#links.size === 0 || (this.#links.size <= this.#spares && this.#dice.chance(0.2))) {
      void this.#dial();
      return;
    }
    if (this.#tricks.length === 0) return;
    const connection = this.#dice.pick([...this.#links.keys()]);
    const trick = this.#dice.pick(this.#tricks);
    this.#deps.trace.note(`${this.ip}: ${trick}`);
    this.#deps.happened("hostile message");
    for (const frame of this.#framesOf(trick, connection)) connection.send(frame);
  }

  async #dial(): Promise<void> {
    const { ip } = this.#dice.pick(this.#deps.honest);
    try {
      const { signal } = new AbortController();
      this.#open(await this.#deps.wires.host(this.ip).dial({ ip, port: PORT }, { signal }));
    } catch {
      // Nobody there, or no more of us wanted: later again.
    }
  }

  #open(connection: Connection): void {
    const link = { heard: [] as Uint8Array[] };
    this.#links.set(connection, link);
    const splitter = new FrameSplitter();
    connection.open({
      data: (bytes) => {
        try {
          for (const frame of splitter.push(bytes)) {
            link.heard.push(frame);
            if (link.heard.length > 20) link.heard.shift();
            this.#answer(connection, decodeMessage(frame));
          }
        } catch {
          connection.destroy();
        }
      },
      drain: () => {},
      closed: () => this.#links.delete(connection),
    });
    if (this.#dice.chance(0.9)) connection.send(this.#introduction());
  }

  #introduction(): Uint8Array {
    const identity = {
      mirror: this.#dice.u32(),
      listenPort: PORT,
      publisherKey: PARAMS.publisherKey,
      verify: DEFAULT_VERIFY,
      userAgent: "skycoin:0.27.1",
      genesisHash: blockHash(BASE.changes[0]?.block as SignedBlock),
    };
    const capabilities = this.#claimsToBeOurs ? { steadyDecoder: true, blocksPerAnswer: 128 } : undefined;
    return encode.introduction(introductionOf(identity, capabilities));
  }

  /** Enough to stay connected; blocks and transactions asked for come wrong, or not at all. */
  #answer(connection: Connection, message: Message): void {
    if (message.id === "PING") connection.send(encode.empty("PONG"));
    if (message.id === "GETB" && this.#tricks.includes("lying height") && this.#dice.chance(0.5)) {
      for (const frame of this.#framesOf(
        this.#dice.pick(["stale blocks", "forged block", "blocks ahead"]),
        connection,
      )) {
        connection.send(frame);
      }
    }
  }

  #framesOf(trick: Trick, connection: Connection): readonly Uint8Array[] {
    const dice = this.#dice;
    const { blocks } = this.#deps.watch;
    switch (trick) {
      case "garbage":
        return [dice.bytes(dice.int(1, 200))];
      case "unknown":
        return [rawFrame("EVIL", dice.bytes(8))];
      case "malformed":
        return [rawFrame(dice.pick(["GIVB", "GIVT", "INTR", "ANNT", "GETB", "GIVP"]), dice.bytes(dice.int(0, 60)))];
      case "oversize":
        return [Uint8Array.of(0xff, 0xff, 0xff, dice.int(0, 255), 0x47, 0x49, 0x56, 0x42)];
      case "half a frame":
        return [rawFrame("GIVB", dice.bytes(4000)).subarray(0, dice.int(1, 3000))];
      case "forged block":
        return this.#give(this.#nextBlock({}, bob.secret));
      case "false block":
        return this.#give(this.#falseBlock());
      case "tampered block":
        return this.#give(this.#tampered());
      case "stale blocks":
        return [encode.blocks(blocks.slice(dice.int(0, blocks.length - 1)).map(encodeSignedBlock))];
      case "blocks ahead":
        return this.#ahead();
      case "lying height":
        return dice.chance(0.5)
          ? [encode.announceBlocks(dice.pick([blocks.length, blocks.length + 5, 1_000_000, Number.MAX_SAFE_INTEGER]))]
          : [encode.getBlocks(dice.pick([0, 1, blocks.length + 3, Number.MAX_SAFE_INTEGER]), dice.int(0, 200))];
      case "invalid transactions":
        return [encode.transactions(dice.pick(BASE.purses).invalid.slice(dice.int(0, 2)))];
      case "announcements":
        return [encode.txids("ANNT", this.#randomIds())];
      case "requests":
        return [encode.txids("GETT", this.#randomIds()), encode.empty("GETP"), encode.getBlocks(0, 128)];
      case "ping flood":
        return Array.from({ length: dice.int(5, 60) }, () => encode.empty("PING"));
      case "false peers":
        return [
          encode.peers(
            Array.from({ length: dice.int(1, 40) }, () => ({
              ip: `10.${dice.int(1, 250)}.${dice.int(1, 250)}.${dice.int(1, 250)}`,
              port: 6000,
            })),
          ),
        ];
      case "echo":
        return this.#links.get(connection)?.heard.slice(-dice.int(1, 5)) ?? [];
      case "second introduction":
        return [this.#introduction()];
    }
  }

  #give(block: SignedBlock | undefined): Uint8Array[] {
    return block === undefined ? [] : [encode.blocks([encodeSignedBlock(block)])];
  }

  #randomIds(): Hash[] {
    return Array.from({ length: this.#dice.int(1, 30) }, () => this.#dice.bytes(32) as Hash);
  }

  /** A block that only `changes` and the key keep from being the next one. */
  #nextBlock(
    changes: Partial<Block["header"]>,
    secret = PUBLISHER.secret,
    txns: readonly Transaction[] = this.#spendable(),
  ) {
    const longest = this.#longest();
    if (longest === undefined || txns.length === 0) return undefined;
    return signBlock(blockAfter(longest.process.chain.head(), txns, changes), secret);
  }

  /** Signed with the publisher's own key, as by a publisher gone mad, and against the rules all the same. */
  #falseBlock(): SignedBlock | undefined {
    const dice = this.#dice;
    const hash = () => dice.bytes(32) as Hash;
    const longest = this.#longest();
    // On a shorter chain than the longest one it might be a block that anybody would take.
    if (longest === undefined || longest.head.seq < this.#deps.watch.blocks.length - 1) return undefined;
    const { seq, time } = longest.process.chain.head();
    const spendable = this.#spendable();
    const rivals = BASE.purses.find(({ rivals }) => rivals[0] === spendable[0])?.rivals ?? [];
    const spent = this.#deps.watch.blocks.at(-1)?.transactions ?? [];
    switch (dice.int(0, 10)) {
      case 0:
        return this.#nextBlock({ prevHash: hash() });
      case 1:
        return this.#nextBlock({ uxHash: hash() });
      case 2:
        return this.#nextBlock({ time });
      case 3:
        return this.#nextBlock({ time: time - 100 });
      case 4:
        return this.#nextBlock({ bodyHash: hash() });
      case 5:
        return this.#nextBlock({ seq: seq + 2 });
      case 6:
        return this.#nextBlock({}, PUBLISHER.secret, rivals.slice(0, 2));
      case 7:
        return this.#nextBlock({}, PUBLISHER.secret, seq > 1 ? spent : []);
      case 8:
        return this.#nextBlock({}, PUBLISHER.secret, [dice.pick(dice.pick(BASE.purses).invalid)]);
      case 9:
        return this.#nextBlock({}, PUBLISHER.secret, [...spendable, ...spendable]);
      default: {
        const block = this.#nextBlock({ prevHash: hash() });
        return block && { ...block, sig: malleated(block.sig) };
      }
    }
  }

  /** A block of the chain with something changed behind its signature. */
  #tampered(): SignedBlock | undefined {
    const block = this.#deps.watch.blocks.at(-1) as SignedBlock;
    switch (this.#dice.int(0, 2)) {
      case 0:
        return { ...block, sig: malleated(block.sig) };
      case 1:
        return { ...block, transactions: this.#spendable() };
      default:
        return { ...block, header: { ...block.header, seq: block.header.seq + 1 } };
    }
  }

  /** Genuine in part, in the wrong order, with blocks that nobody has seen yet. */
  #ahead(): Uint8Array[] {
    const { blocks } = this.#deps.watch;
    const key = this.#deps.hasKey ? PUBLISHER.secret : bob.secret;
    const known = blocks.slice(-4);
    const beyond = [1, 2, 3].flatMap((n) => this.#nextBlock({ seq: blocks.length + n, prevHash: NOTHING }, key) ?? []);
    return [...beyond, ...known].reverse().map((block) => encode.blocks([encodeSignedBlock(block)]));
  }

  #longest(): SimNode | undefined {
    const up = this.#deps.honest.filter((node) => node.isUp);
    return up.sort((a, b) => b.head.seq - a.head.seq)[0];
  }

  /** A valid transaction of the moment, if there is one. */
  #spendable(): Transaction[] {
    const { watch } = this.#deps;
    const free = BASE.purses.find(({ rivals }) => watch.isUnspent(rivals[0]?.inputs[0] as Hash));
    return free === undefined ? [] : [free.rivals[0] as Transaction];
  }
}

const NOTHING = new Uint8Array(32) as Hash;
