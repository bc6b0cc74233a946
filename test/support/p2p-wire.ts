import { encodeSignedBlock } from "../../src/chain/block.ts";
import { encode, type Message } from "../../src/p2p/messages.ts";

/** The frame of any message. */
export function encodeMessage(message: Message): Uint8Array {
  switch (message.id) {
    case "INTR":
      return encode.introduction(message.introduction);
    case "GETP":
    case "PING":
    case "PONG":
      return encode.empty(message.id);
    case "GIVP":
      return encode.peers(message.peers);
    case "GETB":
      return encode.getBlocks(message.last, message.count);
    case "GIVB":
      return encode.blocks(message.blocks.map(encodeSignedBlock));
    case "ANNB":
      return encode.announceBlocks(message.head);
    case "GETT":
    case "ANNT":
      return encode.txids(message.id, message.txids);
    case "GIVT":
      return encode.transactions(message.transactions);
    case "DISC":
      return encode.disconnect(message.reason);
  }
}

/** A frame with any id and body. */
export function rawFrame(id: string, body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(8 + body.length);
  new DataView(frame.buffer).setUint32(0, 4 + body.length, true);
  frame.set(new TextEncoder().encode(id), 4);
  frame.set(body, 8);
  return frame;
}
