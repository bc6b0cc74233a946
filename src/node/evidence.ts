import { mkdir, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { toHex } from "../base/bytes.ts";
import { blockHash, encodeSignedBlock, type SignedBlock } from "../chain/block.ts";
import type { Equivocation } from "../chain/equivocation.ts";
import { hashHex } from "../cipher/hash.ts";
import { writeFileAtomically } from "../files/atomic-file.ts";

/** One proof on disk. */
export interface EvidenceFile {
  readonly name: string;
  readonly seq: number;
  /** Hash of the block that is not in the chain here. */
  readonly theirs: string;
}

const NAME = /^block-(\d+)-([0-9a-f]{64})\.json$/;
const SETTLED = "settled";

/** Proofs that the publisher's key signed two blocks of one height: both blocks whole, one file each. */
export class Evidence {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Those that the operator has not settled. */
  open(): Promise<EvidenceFile[]> {
    return proofsIn(this.#directory);
  }

  /** Those on which the operator has decided. */
  settled(): Promise<EvidenceFile[]> {
    return proofsIn(join(this.#directory, SETTLED));
  }

  /** @returns the file's path */
  async keep({ ours, theirs }: Equivocation, found: Date): Promise<string> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const { seq } = ours.header;
    const path = join(this.#directory, `block-${seq}-${hashHex(blockHash(theirs))}.json`);
    const proof = { seq, found: found.toISOString(), ours: shown(ours), theirs: shown(theirs) };
    await writeFileAtomically(path, `${JSON.stringify(proof, undefined, 2)}\n`);
    return path;
  }

  /** The operator has decided: kept aside, and no longer an alarm. */
  async settle(files: readonly EvidenceFile[]): Promise<void> {
    const settled = join(this.#directory, SETTLED);
    await mkdir(settled, { recursive: true, mode: 0o700 });
    for (const { name } of files) await rename(join(this.#directory, name), join(settled, name));
  }
}

async function proofsIn(directory: string): Promise<EvidenceFile[]> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  return names.flatMap((name) => {
    const match = NAME.exec(name);
    return match === null ? [] : [{ name, seq: Number(match[1]), theirs: match[2] as string }];
  });
}

/** As in an export: block and signature apart. */
function shown(block: SignedBlock): object {
  const bytes = encodeSignedBlock(block);
  return {
    hash: hashHex(blockHash(block)),
    block_hex: toHex(bytes.subarray(0, bytes.length - 65)),
    sig_hex: toHex(block.sig),
  };
}
