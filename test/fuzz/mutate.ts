import type { Random } from "../../src/p2p/deps.ts";

/** Values at which decoders tend to change their minds, little-endian. */
export const EDGES: readonly bigint[] = [
  0n,
  1n,
  0x7fn,
  0x80n,
  0xffn,
  0x100n,
  0xffffn,
  0x7fff_ffffn,
  0xffff_ffffn,
  (1n << 53n) - 1n,
  (1n << 64n) - 1n,
];
export const INPUT_BYTES_MAX = 4096;

/** A changed copy of `from`: one to eight steps, each a small damage, a splice with `other`, or a word of the format. */
export function mutate(from: Uint8Array, other: Uint8Array, words: readonly Uint8Array[], random: Random): Uint8Array {
  let bytes = from;
  for (let steps = 1 + below(random, 8); steps > 0; steps--) bytes = step(bytes, other, words, random);
  return bytes.length > INPUT_BYTES_MAX ? bytes.subarray(0, INPUT_BYTES_MAX) : bytes;
}

function step(bytes: Uint8Array, other: Uint8Array, words: readonly Uint8Array[], random: Random): Uint8Array {
  const at = below(random, bytes.length + 1);
  const end = Math.min(bytes.length, at + 1 + below(random, 32));
  switch (below(random, 9)) {
    case 0:
      return overwrite(bytes, at, Uint8Array.of((bytes[at] ?? 0) ^ (1 << below(random, 8))));
    case 1:
      return overwrite(bytes, at, Uint8Array.of(below(random, 256)));
    case 2:
      return overwrite(bytes, at, edge(random));
    case 3:
      return overwrite(bytes, at, Uint8Array.of((bytes[at] ?? 0) + below(random, 9) - 4));
    case 4:
      return splice(bytes, at, end, new Uint8Array(0));
    case 5:
      return splice(bytes, at, at, bytes.subarray(at, end));
    case 6:
      return bytes.subarray(0, at);
    case 7: {
      const start = below(random, other.length + 1);
      return splice(bytes, at, end, other.subarray(start, start + 1 + below(random, 64)));
    }
    default: {
      const word = words[below(random, words.length)] ?? edge(random);
      return below(random, 2) === 0 ? splice(bytes, at, at, word) : overwrite(bytes, at, word);
    }
  }
}

function edge(random: Random): Uint8Array {
  const size = [1, 2, 4, 8][below(random, 4)] as number;
  const value = EDGES[below(random, EDGES.length)] as bigint;
  return Uint8Array.from({ length: size }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
}

function overwrite(bytes: Uint8Array, at: number, by: Uint8Array): Uint8Array {
  const changed = new Uint8Array(Math.max(bytes.length, at + by.length));
  changed.set(bytes);
  changed.set(by, at);
  return changed;
}

function splice(bytes: Uint8Array, from: number, to: number, by: Uint8Array): Uint8Array {
  const changed = new Uint8Array(from + by.length + bytes.length - to);
  changed.set(bytes.subarray(0, from));
  changed.set(by, from);
  changed.set(bytes.subarray(to), from + by.length);
  return changed;
}

/** 0 to n - 1; 0 for n = 0. */
export function below(random: Random, n: number): number {
  return n === 0 ? 0 : random.u32() % n;
}
