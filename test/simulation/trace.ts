/** What happened in a run, in order: as a fingerprint always, as text on demand. */
export class Trace {
  readonly #say: ((line: string) => void) | undefined;
  readonly #nowMs: () => number;
  #a = 0x811c9dc5;
  #b = 0x1b873593;
  events = 0;

  constructor(nowMs: () => number, say?: (line: string) => void) {
    this.#nowMs = nowMs;
    this.#say = say;
  }

  get isRead(): boolean {
    return this.#say !== undefined;
  }

  /** Part of the fingerprint. */
  note(text: string): void {
    const now = this.#nowMs();
    this.events++;
    this.#mix(now);
    for (let i = 0; i < text.length; i++) this.#mix(text.charCodeAt(i));
    this.#say?.(`${now.toFixed(0).padStart(7)}  ${text}`);
  }

  /** The same for bytes on a connection: their number, their ends. */
  bytes(from: string, to: string, bytes: Uint8Array): void {
    this.events++;
    this.#mix(this.#nowMs());
    this.#mix(bytes.length);
    for (let i = 4; i < 16 && i < bytes.length; i++) this.#mix(bytes[i] as number);
    for (let i = Math.max(16, bytes.length - 8); i < bytes.length; i++) this.#mix(bytes[i] as number);
    if (this.#say === undefined) return;
    const id = String.fromCharCode(...bytes.subarray(4, 8)).replaceAll(/[^A-Z]/g, "?");
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const numbers = id === "GETB" || id === "ANNB" ? [8, 16].filter((at) => at + 8 <= bytes.length) : [];
    const said = numbers.map((at) => view.getBigUint64(at, true));
    this.#say(`${this.#nowMs().toFixed(0).padStart(7)}    ${from} > ${to}  ${id} ${said.join(" ") || bytes.length}`);
  }

  /** For readers only. */
  remark(text: () => string): void {
    this.#say?.(`${this.#nowMs().toFixed(0).padStart(7)}      ${text()}`);
  }

  get fingerprint(): string {
    const hex = (n: number) => (n >>> 0).toString(16).padStart(8, "0");
    return hex(this.#a) + hex(this.#b);
  }

  #mix(n: number): void {
    this.#a = Math.imul(this.#a ^ n, 0x01000193);
    this.#b = (Math.imul(this.#b ^ n, 0x85ebca6b) ^ (this.#b >>> 13)) | 0;
  }
}
