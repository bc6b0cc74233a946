/** A typed list of listeners. A throwing listener is a bug and surfaces to the emitter's caller. */
export class Emitter<Event> {
  readonly #listeners = new Set<(event: Event) => void>();

  /** Adds a listener; the returned function removes it. */
  on(listener: (event: Event) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emit(event: Event): void {
    for (const listener of [...this.#listeners]) listener(event);
  }
}
