import { setImmediate } from "node:timers/promises";
import { BoundedCache } from "./cache.ts";
import { encodeJson, JsonLazyList, type JsonRaw, joinItems } from "./json.ts";

/** Takes a millisecond or two to make, and is sent without being copied. */
const PART_BYTES = 64 * 1024;

/** A list as it would be sent at one moment. */
export interface ListToKeep {
  readonly name: string;
  /** False once something that the list follows from has changed. Taken before `make`. */
  readonly isCurrent: () => boolean;
  /** What the items take as text, roughly. */
  readonly bytes: number;
  /** How deep the list stands. */
  readonly depth: number;
  readonly make: () => JsonLazyList | Promise<JsonLazyList>;
}

interface Kept {
  readonly isCurrent: () => boolean;
  readonly parts: Promise<readonly JsonRaw[]>;
}

/**
 * Whole lists of the chain as text, in parts that every answer shares: all outputs, all transactions. Each is made when
 * it is first asked for in a state of chain and pool, once for all who ask meanwhile.
 */
export class KeptLists {
  readonly #lists: BoundedCache<Kept>;
  readonly #oneMax: number;

  constructor({ bytesMax, oneMax }: { readonly bytesMax: number; readonly oneMax: number }) {
    this.#lists = new BoundedCache({ bytesMax, oneMax: bytesMax }); // `fits` judges one
    this.#oneMax = oneMax;
  }

  /** Whether a list of so many bytes can be kept. Others are to be made while they are sent. */
  fits(bytes: number): boolean {
    return bytes <= this.#oneMax;
  }

  async get(list: ListToKeep): Promise<JsonLazyList> {
    const { name, isCurrent, bytes } = list;
    let kept = this.#lists.find(name);
    if (kept === undefined || !kept.isCurrent()) {
      const made: Kept = { isCurrent, parts: partsOf(list) };
      this.#lists.add(name, made, bytes);
      made.parts.catch(() => this.#lists.find(name) === made && this.#lists.delete(name)); // the next request tries again
      kept = made;
    }
    return new JsonLazyList(await kept.parts);
  }
}

async function partsOf({ make, depth }: ListToKeep): Promise<readonly JsonRaw[]> {
  const parts: JsonRaw[] = [];
  let waiting: string[] = [];
  let length = 0;
  for (const item of (await make()).items) {
    const text = encodeJson(item, depth + 1);
    waiting.push(text);
    length += text.length;
    if (length < PART_BYTES) continue;
    parts.push(joinItems(waiting, depth));
    waiting = [];
    length = 0;
    await setImmediate();
  }
  if (waiting.length > 0) parts.push(joinItems(waiting, depth));
  return parts;
}
