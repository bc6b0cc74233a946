import assert from "node:assert/strict";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { toHex } from "../../src/base/bytes.ts";
import { encodeAddress } from "../../src/cipher/address.ts";
import type { Signature } from "../../src/cipher/sign.ts";
import { conformancePath } from "./conformance.ts";
import { recordedParams } from "./conformance-chain.ts";
import { GoNode } from "./p2p-go.ts";
import { runProgram, startDaemon, temporaryDirectory } from "./processes.ts";

/** The usual one takes seconds for each password. */
const CRYPTO = "-wallet-crypto-type=sha256-xor";

export interface Nodes {
  /** Base URLs. */
  readonly ours: string;
  readonly go: string;
  readonly directory: string;
}

/** A node of ours with the recorded private chain, and a reference node that got it from there and stays connected. */
export async function twoNodes(
  t: TestContext,
  { csrf = true, apiSets }: { readonly csrf?: boolean; readonly apiSets?: readonly string[] } = {},
): Promise<Nodes> {
  const directory = await temporaryDirectory(t);
  const params = recordedParams("devchain");
  const genesisSignature = params.genesis.signature as Signature;
  const chain = [
    `--genesis-address=${encodeAddress(params.genesis.address)}`,
    `--genesis-timestamp=${params.genesis.time}`,
    `--genesis-signature=${toHex(genesisSignature)}`,
    `--blockchain-public-key=${toHex(params.publisherKey)}`,
    `--data-dir=${join(directory, "ours")}`,
    "--disable-default-peers",
  ];
  const files = [
    conformancePath("devchain/blocks.jsonl"),
    "--unconfirmed",
    conformancePath("devchain/unconfirmed.jsonl"),
  ];
  const imported = await runProgram(["chain", "import", ...files, ...chain]);
  assert.equal(imported.code, 0, imported.stderr);
  const sets = (apiSets ?? ["INSECURE_WALLET_SEED"]).join();
  const api = [`-enable-all-api-sets=${apiSets === undefined}`, `-enable-api-sets=${sets}`, CRYPTO];
  const ours = await startDaemon(t, [...chain, ...api, "--disable-outgoing", `--disable-csrf=${!csrf}`]);
  const go = await GoNode.start({
    params,
    genesisSignature,
    peers: [`127.0.0.1:${ours.port}`],
    flags: [...api, `-disable-csrf=${!csrf}`],
  });
  t.after(() => go.stop());
  await go.until(async () => (await go.seq()) === 11, "the chain to arrive");
  const pooled = async () => (await go.get<{ unconfirmed: number }>("/api/v1/blockchain/metadata")).unconfirmed;
  await go.until(async () => (await pooled()) === 2, "the pool to arrive");
  return { ours: ours.web, go: go.web, directory };
}
