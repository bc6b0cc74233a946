import { createHash } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { connect, type Socket } from "node:net";
import { recoverPublicKey } from "@noble/secp256k1";

/**
 * A peer written from the description of the protocol alone: shares no line with `src`, so that the document and the
 * code can be held against each other. It introduces itself, answers PING, asks for blocks and checks what it is given.
 */
export interface ChainFacts {
  /** 33 bytes, compressed. */
  readonly publisherKey: Uint8Array;
  /** Hash of the genesis block's header. */
  readonly genesisHash: Uint8Array;
}

export interface Frame {
  readonly id: string;
  readonly body: Buffer;
}

/** What its introduction says. */
export interface PeerFacts {
  readonly mirror: number;
  readonly listenPort: number;
  readonly version: number;
  readonly publisherKey: Buffer;
  readonly burnFactor: number;
  readonly maxTransactionSize: number;
  readonly maxDecimals: number;
  readonly userAgent: string;
  readonly genesisHash: Buffer | undefined;
}

export interface CheckedBlock {
  readonly seq: number;
  readonly hash: string;
  readonly txids: readonly string[];
}

/** As it came, without any check but of sizes. */
export interface ReadBlock {
  readonly header: Buffer;
  readonly hash: Buffer;
  readonly txids: readonly Buffer[];
  readonly signature: Buffer;
}

const HEADER_BYTES = 124;

export class IndependentClient {
  readonly #chain: ChainFacts;
  readonly #socket: Socket;
  readonly #events = new EventEmitter();
  readonly frames: Frame[] = [];
  /** Checked, from block 1. */
  readonly blocks: CheckedBlock[] = [];
  failure: string | undefined;
  closed = false;
  pingsAnswered = 0;
  #rest = Buffer.alloc(0);

  private constructor(socket: Socket, chain: ChainFacts) {
    this.#socket = socket;
    this.#chain = chain;
    socket.on("error", () => {});
    socket.on("data", (chunk) => this.#read(chunk));
    socket.on("close", () => {
      this.closed = true;
      this.#events.emit("change");
    });
  }

  /** Connects and says who it is; resolves when the other side has said so too. */
  static async join(address: string, chain: ChainFacts): Promise<IndependentClient> {
    const [host, port] = address.split(":") as [string, string];
    const socket = connect({ host, port: Number(port), noDelay: true });
    await once(socket, "connect");
    const client = new IndependentClient(socket, chain);
    client.send("INTR", introduction(chain));
    await client.until(() => client.introduction !== undefined);
    return client;
  }

  get introduction(): PeerFacts | undefined {
    const frame = this.frames.find(({ id }) => id === "INTR");
    return frame === undefined ? undefined : readIntroduction(frame.body);
  }

  send(id: string, body: Buffer = Buffer.alloc(0)): void {
    const head = Buffer.alloc(8);
    head.writeUInt32LE(4 + body.length, 0);
    head.write(id, 4, "latin1");
    this.#socket.write(Buffer.concat([head, body])); // one frame is one write
  }

  /** Asks until every block up to `seq` has been given and checked. */
  async syncTo(seq: number): Promise<void> {
    for (let asked = -1; this.blocks.length < seq; ) {
      const last = this.blocks.length;
      if (asked !== last) {
        const body = Buffer.alloc(16);
        body.writeBigUInt64LE(BigInt(last), 0);
        body.writeBigUInt64LE(20n, 8);
        this.send("GETB", body);
        asked = last;
      }
      await this.until(() => this.blocks.length > last);
    }
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      if (this.failure !== undefined) throw new Error(this.failure);
      if (this.closed) throw new Error(`the connection ended after ${this.frames.map(({ id }) => id).join(" ")}`);
      await once(this.#events, "change");
    }
  }

  leave(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 4) {
      const length = this.#rest.readUInt32LE(0);
      if (this.#rest.length < 4 + length) break;
      const frame = this.#rest.subarray(4, 4 + length);
      this.#rest = this.#rest.subarray(4 + length);
      this.#take({ id: frame.toString("latin1", 0, 4), body: Buffer.from(frame.subarray(4)) });
    }
    this.#events.emit("change");
  }

  #take(frame: Frame): void {
    this.frames.push(frame);
    try {
      if (frame.id === "PING") {
        this.send("PONG");
        this.pingsAnswered++;
      } else if (frame.id === "GIVB") this.#takeBlocks(frame.body);
    } catch (error) {
      this.failure = (error as Error).message;
    }
  }

  #takeBlocks(body: Buffer): void {
    for (const block of readBlocks(body)) this.#check(block);
  }

  #check({ header, hash, txids, signature }: ReadBlock): void {
    const seq = Number(header.readBigUInt64LE(12));
    if (seq <= this.blocks.length) return;
    if (seq !== this.blocks.length + 1) throw new Error(`block ${seq} skips some`);
    const before = this.blocks.at(-1)?.hash ?? Buffer.from(this.#chain.genesisHash).toString("hex");
    if (header.subarray(28, 60).toString("hex") !== before)
      throw new Error(`block ${seq} does not follow the one before`);
    if (!merkleRoot(txids).equals(header.subarray(60, 92))) throw new Error(`block ${seq} has other transactions`);
    const recovered = Buffer.concat([signature.subarray(64), signature.subarray(0, 64)]);
    const signer = recoverPublicKey(recovered, hash, { prehash: false });
    if (!Buffer.from(signer).equals(this.#chain.publisherKey)) throw new Error(`block ${seq} is not the publisher's`);
    const hex = (bytes: Buffer) => bytes.toString("hex");
    this.blocks.push({ seq, hash: hex(hash), txids: txids.map(hex) });
  }
}

/** The blocks of a GIVB body. @throws Error when it is none */
export function readBlocks(body: Buffer): ReadBlock[] {
  const blocks: ReadBlock[] = [];
  let at = 4;
  for (let left = body.readUInt32LE(0); left > 0; left--) {
    const header = body.subarray(at, at + HEADER_BYTES);
    at += HEADER_BYTES;
    const txids: Buffer[] = [];
    const count = body.readUInt32LE(at);
    at += 4;
    for (let i = 0; i < count; i++) {
      const size = transactionSize(body, at);
      if (body.readUInt32LE(at) !== size) throw new Error("a transaction's length is not its size");
      txids.push(sha256(body.subarray(at, at + size)));
      at += size;
    }
    const signature = body.subarray(at, at + 65);
    at += 65;
    blocks.push({ header, hash: sha256(header), txids, signature });
  }
  if (at !== body.length) throw new Error("bytes left over");
  return blocks;
}

function introduction({ publisherKey, genesisHash }: ChainFacts): Buffer {
  const agent = Buffer.from("independent:0.0.1", "latin1");
  const fixed = Buffer.alloc(14);
  fixed.writeUInt32LE(0x1234_5678, 0); // mirror
  fixed.writeUInt16LE(6_789, 4); // listen port
  fixed.writeInt32LE(2, 6); // protocol version
  fixed.writeUInt32LE(33 + 9 + 4 + agent.length + 32, 10); // Extra
  const policy = Buffer.alloc(13);
  policy.writeUInt32LE(10, 0);
  policy.writeUInt32LE(32_768, 4);
  policy.writeUInt8(3, 8);
  policy.writeUInt32LE(agent.length, 9);
  return Buffer.concat([fixed, publisherKey, policy, agent, genesisHash]);
}

function readIntroduction(body: Buffer): PeerFacts {
  const extra = body.subarray(14, 14 + body.readUInt32LE(10));
  const agentEnd = 46 + extra.readUInt32LE(42);
  return {
    mirror: body.readUInt32LE(0),
    listenPort: body.readUInt16LE(4),
    version: body.readInt32LE(6),
    publisherKey: extra.subarray(0, 33),
    burnFactor: extra.readUInt32LE(33),
    maxTransactionSize: extra.readUInt32LE(37),
    maxDecimals: extra.readUInt8(41),
    userAgent: extra.toString("latin1", 46, agentEnd),
    genesisHash: extra.length >= agentEnd + 32 ? extra.subarray(agentEnd, agentEnd + 32) : undefined,
  };
}

/** length(4) type(1) inner hash(32), then signatures of 65, inputs of 32 and outputs of 37 bytes, counted by a u32 each. */
function transactionSize(body: Buffer, at: number): number {
  let end = at + 37;
  for (const element of [65, 32, 37]) end += 4 + element * body.readUInt32LE(end);
  return end - at;
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}

/** Pairs are hashed together until one is left; missing leaves up to a power of two are zeros. */
function merkleRoot(leaves: readonly Buffer[]): Buffer {
  const width = 2 ** Math.ceil(Math.log2(Math.max(1, leaves.length)));
  let level = Array.from({ length: width }, (_, i) => leaves[i] ?? Buffer.alloc(32));
  while (level.length > 1) {
    level = Array.from({ length: level.length / 2 }, (_, i) =>
      sha256(Buffer.concat([level[2 * i] as Buffer, level[2 * i + 1] as Buffer])),
    );
  }
  return level[0] as Buffer;
}
