/** Beyond this many ids the filter says "perhaps" to everything: 24 MiB of memory is enough. */
const CAPACITY_MAX = 16 << 20;
const CAPACITY_FIRST = 64 << 10;
const BITS_PER_ID = 12;

interface Layer {
  readonly bits: Uint32Array;
  readonly mask: number;
  room: number;
}

/**
 * Says of an id that it is certainly not stored, or perhaps. New outputs are looked up before they are created and
 * nearly never found; without this each costs a walk through LevelDB (2 us). A Bloom filter: ids are hashes, so
 * their bytes serve as its four hash functions. Nothing is ever taken out: what is gone costs a needless look-up.
 * Grows by layers, each twice as large; under 1 % of absent ids pass.
 */
export class IdFilter {
  readonly #layers: Layer[] = [];
  #capacity = 0;
  #full = false;

  add(id: Uint8Array): void {
    if (this.#full) return;
    let layer = this.#layers.at(-1);
    if (layer === undefined || layer.room === 0) {
      if (this.#capacity >= CAPACITY_MAX) {
        this.#full = true;
        this.#layers.length = 0;
        return;
      }
      layer = makeLayer(Math.max(CAPACITY_FIRST, this.#capacity));
      this.#capacity += layer.room;
      this.#layers.push(layer);
    }
    layer.room--;
    const { bits, mask } = layer;
    for (let i = 0; i < 16; i += 4) {
      const bit = wordAt(id, i) & mask;
      bits[bit >>> 5] = (bits[bit >>> 5] as number) | (1 << (bit & 31));
    }
  }

  mayHave(id: Uint8Array): boolean {
    if (this.#full) return true;
    for (const { bits, mask } of this.#layers) {
      let i = 0;
      for (; i < 16; i += 4) {
        const bit = wordAt(id, i) & mask;
        if (((bits[bit >>> 5] as number) & (1 << (bit & 31))) === 0) break;
      }
      if (i === 16) return true;
    }
    return false;
  }
}

function makeLayer(ids: number): Layer {
  let size = 1 << 10;
  while (size < ids * BITS_PER_ID) size *= 2;
  return { bits: new Uint32Array(size / 32), mask: size - 1, room: Math.floor(size / BITS_PER_ID) };
}

function wordAt(id: Uint8Array, at: number): number {
  return (
    (id[at] as number) | ((id[at + 1] as number) << 8) | ((id[at + 2] as number) << 16) | ((id[at + 3] as number) << 24)
  );
}
