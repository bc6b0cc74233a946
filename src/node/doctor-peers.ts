import { errorText } from "../base/errors.ts";
import { blockHash } from "../chain/block.ts";
import { makeGenesisBlock } from "../chain/genesis.ts";
import type { DaemonConfig } from "../config/daemon-config.ts";
import { isPeerAddress, splitPeerAddress } from "../p2p/address.ts";
import { disconnectName } from "../p2p/disconnect.ts";
import { FrameSplitter } from "../p2p/frame.ts";
import { checkIntroduction, introductionOf } from "../p2p/introduction.ts";
import { decodeMessage, encode } from "../p2p/messages.ts";
import { peersFileAt } from "../p2p/peers-file.ts";
import { systemRandom } from "../p2p/system.ts";
import type { Connection, Transport } from "../p2p/transport.ts";

const PEERS_MAX = 8;
const ANSWER_MS = 5_000;

/** Addresses a node would dial first: those it is told, then some of its list. @throws when the list is damaged */
export async function peersToAsk({ network, paths }: DaemonConfig): Promise<string[]> {
  const text = await peersFileAt(paths.peersFile).read();
  const listed = text === undefined || text.trim() === "" ? [] : Object.keys(JSON.parse(text) as object);
  return [...new Set([...network.defaultConnections, ...network.customPeers, ...listed])].slice(0, PEERS_MAX);
}

/** Introduces itself to a peer as this node would; what went wrong, if anything. */
export async function askPeer(
  address: string,
  config: DaemonConfig,
  { transport }: { readonly transport: Pick<Transport, "dial"> },
): Promise<{ readonly problem: string | undefined }> {
  if (!isPeerAddress(address, { allowLoopback: config.network.localhostOnly })) {
    return { problem: "is no address of a peer" };
  }
  const signal = AbortSignal.timeout(ANSWER_MS);
  let connection: Connection;
  try {
    connection = await transport.dial(splitPeerAddress(address), { signal });
  } catch (error) {
    const cause = (error as { data?: { cause?: string } }).data?.cause;
    return { problem: signal.aborted ? "does not answer" : `cannot be reached: ${cause ?? errorText(error)}` };
  }
  try {
    return { problem: await introduce(connection, config, signal) };
  } finally {
    connection.destroy();
  }
}

function introduce(connection: Connection, config: DaemonConfig, signal: AbortSignal): Promise<string | undefined> {
  const { params, network } = config;
  const genesisHash = blockHash(makeGenesisBlock(params.genesis));
  const { publisherKey } = params;
  const mirror = systemRandom.u32();
  const identity = { mirror, publisherKey, genesisHash, listenPort: Math.max(1024, network.port) };
  const ours = introductionOf({ ...identity, verify: params.unconfirmed, userAgent: network.userAgentText });
  return new Promise((resolve) => {
    const splitter = new FrameSplitter();
    signal.addEventListener("abort", () => resolve("accepts the connection and does not introduce itself"));
    connection.open({
      data(bytes) {
        try {
          for (const frame of splitter.push(bytes)) {
            const message = decodeMessage(frame);
            if (message.id === "DISC") resolve(`refuses this node: ${disconnectName(message.reason)}`);
            if (message.id !== "INTR") continue;
            const rules = { mirror, publisherKey, genesisHash, legacyPeerCompat: network.legacyPeerCompat };
            const checked = checkIntroduction(message.introduction, rules);
            resolve(checked.ok ? undefined : `is no node of this chain: ${disconnectName(checked.reason)}`);
          }
        } catch (error) {
          resolve(`speaks something else: ${errorText(error)}`);
        }
      },
      drain() {},
      closed: () =>
        resolve("closes the connection without a word: its places are taken, or it has banned this address"),
    });
    connection.send(encode.introduction(ours));
  });
}
