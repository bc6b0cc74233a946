import { errorText } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { isLoopback } from "./address.ts";
import type { PeersFile } from "./deps.ts";
import type { PeerBook } from "./peer-book.ts";

export interface BookKeeperDeps {
  readonly file: PeersFile | undefined;
  readonly download: ((signal: AbortSignal) => Promise<string>) | undefined;
  readonly log: Logger;
}

/** Where the entries of the peer list come from besides peers themselves (p2p.md 11.1). */
export interface BookSources {
  /** Trusted. */
  readonly defaultConnections: readonly string[];
  readonly customPeers: readonly string[];
}

/** Fills the peer list from file, configuration and web, and keeps it. */
export class BookKeeper {
  readonly #book: PeerBook;
  readonly #deps: BookKeeperDeps;
  readonly #abort = new AbortController();

  constructor(book: PeerBook, deps: BookKeeperDeps) {
    this.#book = book;
    this.#deps = deps;
  }

  /**
   * The stored list, then the configured peers; saved at once, as the reference does.
   * @throws WireError P2P_PEERS_FILE, P2P_ADDRESS
   */
  async load({ defaultConnections, customPeers }: BookSources): Promise<void> {
    this.#book.load((await this.#deps.file?.read()) ?? "");
    for (const address of defaultConnections) this.#book.addConfigured(address, { trusted: true });
    for (const address of customPeers) this.#book.addConfigured(address, { trusted: false });
    await this.save();
  }

  /** What cannot be saved is logged: the list is a convenience. */
  async save(): Promise<void> {
    try {
      await this.#deps.file?.write(this.#book.serialize());
    } catch (error) {
      this.#deps.log.warn({ error: errorText(error) }, "peer list could not be saved");
    }
  }

  /** Adds a list from the web, when it comes; loopback entries of such a list are nobody's. */
  async download(): Promise<void> {
    if (this.#deps.download === undefined) return;
    try {
      const text = await this.#deps.download(this.#abort.signal);
      const lines = text.split("\n").map((line) => line.replaceAll(/\s/g, ""));
      const addresses = lines.filter(
        (line) => line !== "" && !line.startsWith("#") && !isLoopback(line.split(":")[0] ?? ""),
      );
      this.#deps.log.info(
        { listed: addresses.length, added: this.#book.addHeard(addresses, "download") },
        "peer list downloaded",
      );
    } catch (error) {
      if (!this.#abort.signal.aborted)
        this.#deps.log.warn({ error: errorText(error) }, "peer list could not be downloaded");
    }
  }

  /** Gives up a download under way. */
  stop(): void {
    this.#abort.abort();
  }
}
