import { type Clock, unixSeconds } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Address } from "../cipher/address.ts";
import type { SecretKey } from "../cipher/keys.ts";
import { platformRandom, type Random } from "../cipher/random.ts";
import type { ActivityFinder } from "./activity.ts";
import { addKeys, walletFingerprint } from "./create.ts";
import { newWalletFilename } from "./document.ts";
import { WalletError, WalletFault } from "./errors.ts";
import { extendInTurns, scanAhead } from "./extend.ts";
import { loadWalletDirectory, requireWritable, saveWallet, WALLET_FILES_MAX, walletFileExists } from "./files.ts";
import { type CreateWalletRequest, makeWallet, recreateWallet } from "./make-wallet.ts";
import { type CryptoType, metaText, timestamp } from "./meta.ts";
import type { SecretBox } from "./secret-box.ts";
import { lockWallet, unlockWallet } from "./secrets.ts";
import { isLocked, setMeta, type Wallet, walletAddresses, walletId, wipeSecrets } from "./wallet.ts";

export interface WalletServiceOptions {
  readonly directory: string;
  /** For wallets that are encrypted when they are made. */
  readonly cryptoType: CryptoType;
  /** False: nothing is read and every call is refused with WALLET_API_DISABLED. */
  readonly enableWalletApi: boolean;
  readonly enableSeedApi: boolean;
  readonly bip44Coin: number;
}

export interface WalletServiceDeps {
  readonly box: SecretBox;
  readonly activity: ActivityFinder;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random?: Random;
}

/** Changes that may wait for their turn. */
const WAITING_MAX = 64;

/**
 * The node's wallets: one directory, every file a wallet, its name the id. Changes happen one after the other, each
 * on a value of its own that replaces the stored one once it is on disk; reading never waits. Every method throws
 * WALLET_API_DISABLED first and WALLET_UNKNOWN for an id that is not there. Passwords are texts, "" for none.
 */
export class WalletService {
  readonly #options: WalletServiceOptions;
  readonly #deps: WalletServiceDeps;
  readonly #random: Random;
  readonly #wallets: Map<string, Wallet>;
  readonly #fingerprints = new Map<string, string>();
  #tail: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  private constructor(options: WalletServiceOptions, deps: WalletServiceDeps, wallets: Map<string, Wallet>) {
    this.#options = options;
    this.#deps = deps;
    this.#random = deps.random ?? platformRandom;
    this.#wallets = wallets;
    for (const [id, wallet] of wallets) this.#remember(walletFingerprint(wallet), id);
  }

  /** Loads the directory, unless the wallet API is disabled. @throws WalletFault WALLET_FILES: the node must not start */
  static async open(options: WalletServiceOptions, deps: WalletServiceDeps): Promise<WalletService> {
    const wallets = options.enableWalletApi ? await loadWalletDirectory(options.directory, deps.log) : new Map();
    return new WalletService(options, deps, wallets);
  }

  get enabled(): boolean {
    return this.#options.enableWalletApi;
  }

  get activity(): ActivityFinder {
    return this.#deps.activity;
  }

  /** Where the files are. */
  directory(): string {
    this.#requireEnabled();
    return this.#options.directory;
  }

  get(id: string): Wallet {
    this.#requireEnabled();
    const wallet = this.#wallets.get(id);
    if (wallet === undefined) throw new WalletError("WALLET_UNKNOWN");
    return wallet;
  }

  /** All of them, oldest first, ties by file name. */
  list(): Wallet[] {
    this.#requireEnabled();
    const order = (a: Wallet, b: Wallet): number =>
      timestamp(a.meta) - timestamp(b.meta) || (walletId(a) < walletId(b) ? -1 : 1);
    return [...this.#wallets.values()].sort(order);
  }

  /** Of both chains for a bip44 wallet. */
  addresses(id: string): Address[] {
    return walletAddresses(this.get(id));
  }

  /**
   * Makes and saves a wallet with one address (bip44: one per chain; collection: its keys), then those a scan finds.
   * @throws what `newWallet` and `lockWallet` throw, WALLET_FINGERPRINT_TAKEN, WALLET_PASSWORD_MISSING
   */
  async create(request: CreateWalletRequest): Promise<Wallet> {
    return this.#exclusive(async () => {
      if (this.#wallets.size >= WALLET_FILES_MAX) throw new WalletFault("WALLET_FILES", "too many wallets");
      const filename = await this.#freeFilename();
      const timestamp = unixSeconds(this.#deps.clock);
      const wallet = await makeWallet(request, { ...this.#options, filename, timestamp, activity: this.activity });
      const fingerprint = walletFingerprint(wallet);
      if (this.#fingerprints.has(fingerprint)) throw new WalletError("WALLET_FINGERPRINT_TAKEN", [wallet.type]);
      const done = request.encrypt === true ? await lockWallet(wallet, utf8(request.password), this.#deps.box) : wallet;
      await this.#store(done);
      this.#remember(fingerprint, filename);
      return done;
    });
  }

  /**
   * More addresses, at the end of the external chain; for a collection, those of the keys. Encrypted bip44 wallets
   * need no password. @throws WALLET_NOT_ENCRYPTED, WALLET_PASSWORD_*, WALLET_NOT_WRITABLE, WALLET_TOO_MANY_ADDRESSES
   */
  async newAddresses(
    id: string,
    request: { readonly count?: number; readonly password?: string; readonly privateKeys?: readonly SecretKey[] },
  ): Promise<readonly Address[]> {
    const { count = 0, password = "", privateKeys = [] } = request;
    return this.#grow(id, password, async (wallet) => {
      if (wallet.type !== "collection") return extendInTurns(wallet, count);
      const grown = addKeys(wallet, privateKeys);
      return { wallet: grown, addresses: grown.entries.slice(wallet.entries.length).map((entry) => entry.address) };
    });
  }

  /** Keeps addresses ahead up to the last one ever used; returns those. @throws also WALLET_SCAN_PASSWORD, WALLET_SCAN_COLLECTION */
  async scan(id: string, request: { readonly count: number; readonly password?: string }): Promise<readonly Address[]> {
    const { count, password = "" } = request;
    if (this.get(id).type === "bip44" && password !== "") throw new WalletError("WALLET_SCAN_PASSWORD");
    return this.#grow(id, password, (wallet) => scanAhead(wallet, count, this.activity));
  }

  async #grow(
    id: string,
    password: string,
    grow: (wallet: Wallet) => Promise<{ wallet: Wallet; addresses: readonly Address[] }>,
  ): Promise<readonly Address[]> {
    return this.#exclusive(async () => {
      const wallet = this.get(id);
      let addresses: readonly Address[] = [];
      const remember = async (open: Wallet): Promise<Wallet> => {
        const grown = await grow(open);
        addresses = grown.addresses;
        return grown.wallet;
      };
      const changed = await this.#withOpen(wallet, password, remember);
      await requireWritable(changed, this.#options.directory);
      await this.#store(changed);
      return addresses;
    });
  }

  /** Applies a change, unlocking and locking again where the type needs it. */
  async #withOpen(wallet: Wallet, password: string, change: (open: Wallet) => Promise<Wallet>): Promise<Wallet> {
    if (isLocked(wallet) && wallet.type !== "bip44") {
      const open = await unlockWallet(wallet, utf8(password), this.#deps.box);
      try {
        return await lockWallet(await change(open), utf8(password), this.#deps.box);
      } finally {
        wipeSecrets(open);
      }
    }
    if (!isLocked(wallet) && password !== "") throw new WalletError("WALLET_NOT_ENCRYPTED");
    return change(wallet);
  }

  async updateLabel(id: string, label: string): Promise<void> {
    await this.update(id, (wallet) => ({ wallet: setMeta(wallet, { label }), result: undefined }));
  }

  /** A change that needs no secrets; saved unless nothing changed. */
  async update<T>(id: string, change: (wallet: Wallet) => { wallet: Wallet; result: T }): Promise<T> {
    return this.#exclusive(async () => {
      const before = this.get(id);
      const { wallet, result } = change(before);
      if (wallet !== before) await this.#store(wallet);
      return result;
    });
  }

  /** @throws WALLET_ENCRYPTED, WALLET_PASSWORD_MISSING, WALLET_XPUB_NO_ENCRYPTION, WALLET_TEMP_NO_ENCRYPTION */
  async encrypt(id: string, password: string): Promise<Wallet> {
    return this.#exclusive(async () => {
      const wallet = this.get(id);
      if (isLocked(wallet)) throw new WalletError("WALLET_ENCRYPTED");
      return this.#store(await lockWallet(wallet, utf8(password), this.#deps.box));
    });
  }

  /** Writes the secrets in the clear. @throws WALLET_NOT_ENCRYPTED, WALLET_PASSWORD_MISSING, WALLET_PASSWORD_INVALID */
  async decrypt(id: string, password: string): Promise<Wallet> {
    return this.#exclusive(async () => {
      const wallet = this.get(id);
      if (!isLocked(wallet)) throw new WalletError("WALLET_NOT_ENCRYPTED");
      return this.#store(await unlockWallet(wallet, utf8(password), this.#deps.box));
    });
  }

  /** Of an encrypted wallet only. @throws WALLET_SEED_API_DISABLED, WALLET_NOT_ENCRYPTED, WALLET_PASSWORD_* */
  async seed(id: string, password: string): Promise<{ readonly seed: string; readonly seedPassphrase: string }> {
    this.#requireEnabled();
    if (!this.#options.enableSeedApi) throw new WalletError("WALLET_SEED_API_DISABLED");
    const wallet = this.get(id);
    if (!isLocked(wallet)) throw new WalletError("WALLET_NOT_ENCRYPTED");
    return this.viewSecrets(id, password, async ({ meta }) => ({
      seed: metaText(meta, "seed"),
      seedPassphrase: metaText(meta, "seedPassphrase"),
    }));
  }

  /**
   * Shows an open wallet to `view`, which must not keep it: an unlocked copy is overwritten afterwards.
   * @throws WALLET_NOT_ENCRYPTED (a password without need), WALLET_PASSWORD_MISSING, WALLET_PASSWORD_INVALID
   */
  async viewSecrets<T>(id: string, password: string, view: (open: Wallet) => Promise<T>): Promise<T> {
    const wallet = this.get(id);
    if (!isLocked(wallet)) {
      if (password !== "") throw new WalletError("WALLET_NOT_ENCRYPTED");
      return view(wallet);
    }
    const open = await unlockWallet(wallet, utf8(password), this.#deps.box);
    try {
      return await view(open);
    } finally {
      wipeSecrets(open);
    }
  }

  /**
   * Makes an encrypted wallet anew from its seed, with as many addresses, under a new password or none.
   * @throws WALLET_NOT_ENCRYPTED, WALLET_NOT_RECOVERABLE, WALLET_RECOVERY_FAILED, WALLET_RECOVERY_SEED_WRONG
   */
  async recover(
    id: string,
    request: { readonly seed: string; readonly seedPassphrase?: string; readonly password?: string },
  ): Promise<Wallet> {
    return this.#exclusive(async () => {
      const old = this.get(id);
      if (!isLocked(old)) throw new WalletError("WALLET_NOT_ENCRYPTED");
      const anew = await recreateWallet(old, request);
      const { password = "" } = request;
      return this.#store(password === "" ? anew : await lockWallet(anew, utf8(password), this.#deps.box));
    });
  }

  /** Forgets a wallet; its file stays. An unknown id is no error. */
  async unload(id: string): Promise<void> {
    return this.#exclusive(async () => {
      for (const [fingerprint, owner] of this.#fingerprints) if (owner === id) this.#fingerprints.delete(fingerprint);
      this.#wallets.delete(id);
    });
  }

  /** Waits for changes under way. */
  async close(): Promise<void> {
    await this.#tail;
  }

  #requireEnabled(): void {
    if (!this.#options.enableWalletApi) throw new WalletError("WALLET_API_DISABLED");
  }

  /** Runs `work` after all changes before it. */
  async #exclusive<T>(work: () => Promise<T>): Promise<T> {
    this.#requireEnabled();
    if (this.#waiting >= WAITING_MAX) throw new WalletFault("WALLET_BUSY", "too many wallet changes wait");
    this.#waiting++;
    const run = this.#tail.then(work).finally(() => this.#waiting--);
    this.#tail = run.catch(() => {});
    return run;
  }

  /** Disk first: what is in memory is never newer than what a restart would find. */
  async #store<W extends Wallet>(wallet: W): Promise<W> {
    await saveWallet(wallet, this.#options.directory);
    this.#wallets.set(walletId(wallet), wallet);
    return wallet;
  }

  #remember(fingerprint: string, id: string): void {
    if (fingerprint !== "") this.#fingerprints.set(fingerprint, id);
  }

  /** Differs: the reference looks at loaded wallets only, and may overwrite the file of an unloaded one. */
  async #freeFilename(): Promise<string> {
    for (;;) {
      const name = newWalletFilename(this.#deps.clock.nowMs(), this.#random);
      if (!this.#wallets.has(name) && !(await walletFileExists(name, this.#options.directory))) return name;
    }
  }
}

function utf8(text = ""): Uint8Array {
  return new TextEncoder().encode(text);
}
