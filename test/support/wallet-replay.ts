import { fromHex, toHex } from "../../src/base/bytes.ts";
import { parseDroplets } from "../../src/chain/droplet.ts";
import { decodeTransaction, encodeTransaction, type TxOut } from "../../src/chain/transaction.ts";
import type { Hours } from "../../src/chain/uxout.ts";
import { decodeAddress, encodeAddress } from "../../src/cipher/address.ts";
import { parseHash } from "../../src/cipher/hash.ts";
import { parseSecretKey } from "../../src/cipher/keys.ts";
import type { WalletService } from "../../src/wallet/service.ts";
import { parseShareFactor } from "../../src/wallet/share-factor.ts";
import type { CreatedTransaction, SpendParams } from "../../src/wallet/spend.ts";
import { isLocked, type Wallet, walletEntries, walletId } from "../../src/wallet/wallet.ts";
import type { SpendSelection, WalletSpending } from "../../src/wallet/wallet-spending.ts";

/** A recorded request, variables filled in. */
export interface Recorded {
  readonly method: string;
  readonly path: string;
  readonly query?: string;
  readonly body?: string;
}

/** The part of an answer that is the wallets' own work; names as in the recordings. */
export type Answer = Readonly<Record<string, unknown>> | undefined;

/**
 * Does what a recorded wallet request asks, past the checks of the HTTP layer. Undefined for requests that are all
 * HTTP. Throws what the wallets throw.
 */
export async function replay(request: Recorded, wallets: WalletService, spending: WalletSpending): Promise<Answer> {
  const route = `${request.method} ${request.path.split("?")[0]}`;
  const json = () => JSON.parse(request.body ?? "{}") as Record<string, never>;
  const form = new URLSearchParams(
    request.method === "GET" ? (request.path.split("?")[1] ?? request.query) : request.body,
  );
  const text = (name: string) => form.get(name) ?? "";
  const id = text("id");
  const keys = () => text("private-keys").split(",").filter(Boolean).map(parseSecretKey);
  switch (route) {
    case "GET /api/v1/wallet":
      return walletAnswer(wallets.get(id));
    case "POST /api/v1/wallet/create":
    case "POST /api/v1/wallet/createTemp":
      return walletAnswer(
        await wallets.create({
          type: text("type"),
          label: text("label"),
          seed: text("seed"),
          seedPassphrase: text("seed-passphrase"),
          bip44Coin: form.has("bip44-coin") ? Number(text("bip44-coin")) : undefined,
          xpub: text("xpub"),
          privateKeys: keys(),
          temporary: route.endsWith("Temp"),
          encrypt: text("encrypt") === "true",
          password: text("password"),
          scan: Number(text("scan")),
        }),
      );
    case "POST /api/v1/wallet/newAddress": {
      const request = { count: Number(text("num")), password: text("password"), privateKeys: keys() };
      return addressAnswer(await wallets.newAddresses(id, request));
    }
    case "POST /api/v1/wallet/scan":
      return addressAnswer(await wallets.scan(id, { count: Number(text("num") || "20"), password: text("password") }));
    case "POST /api/v1/wallet/update":
      if (text("label") !== "") await wallets.updateLabel(id, text("label"));
      return undefined;
    case "POST /api/v1/wallet/encrypt":
      return walletAnswer(await wallets.encrypt(id, text("password")));
    case "POST /api/v1/wallet/decrypt":
      return walletAnswer(await wallets.decrypt(id, text("password")));
    case "POST /api/v1/wallet/unload":
      await wallets.unload(id);
      return undefined;
    case "POST /api/v1/wallet/seed": {
      const { seed, seedPassphrase } = await wallets.seed(id, text("password"));
      return seedPassphrase === "" ? { seed } : { seed, seed_passphrase: seedPassphrase };
    }
    case "POST /api/v2/wallet/recover": {
      const { id, seed, seed_passphrase: seedPassphrase = "", password = "" } = json();
      return {
        data: walletAnswer(await wallets.recover(id as never, { seed: seed as never, seedPassphrase, password })),
      };
    }
    case "POST /api/v1/wallet/transaction": {
      const body = json() as unknown as SpendBody;
      const { password = "", unsigned = false } = body;
      const spend = { params: spendParams(body), selection: selectionOf(body), password, unsigned };
      return transactionAnswer(await spending.createFromWallet(body.wallet_id ?? "", spend));
    }
    case "POST /api/v2/transaction": {
      const body = json() as unknown as SpendBody;
      return { data: transactionAnswer(await spending.create(spendParams(body), selectionOf(body))) };
    }
    case "POST /api/v2/wallet/transaction/sign": {
      const body = json() as unknown as SignBody;
      const txn = decodeTransaction(fromHex(body.encoded_transaction));
      const { sign_indexes: indexes = [], password = "" } = body;
      return { data: transactionAnswer(await spending.sign(body.wallet_id, { txn, indexes, password })) };
    }
    default:
      return undefined;
  }
}

interface SignBody {
  wallet_id: string;
  password?: string;
  encoded_transaction: string;
  sign_indexes?: number[];
}

interface SpendBody {
  wallet_id?: string;
  password?: string;
  unsigned?: boolean;
  ignore_unconfirmed?: boolean;
  hours_selection: { type: string; mode?: string; share_factor?: string };
  change_address?: string;
  to: { address: string; coins: string; hours?: string }[];
  unspents?: string[];
  addresses?: string[];
}

function spendParams(body: SpendBody): SpendParams {
  const { type, mode = "", share_factor } = body.hours_selection;
  return {
    hoursSelection: {
      type,
      mode,
      shareFactor: share_factor === undefined ? undefined : parseShareFactor(share_factor),
    },
    to: body.to.map(
      (o): TxOut => ({
        address: decodeAddress(o.address),
        coins: parseDroplets(o.coins),
        hours: BigInt(o.hours ?? "0") as Hours,
      }),
    ),
    changeAddress: body.change_address === undefined ? undefined : decodeAddress(body.change_address),
  };
}

function selectionOf(body: SpendBody): SpendSelection {
  return {
    uxOuts: (body.unspents ?? []).map(parseHash),
    addresses: (body.addresses ?? []).map(decodeAddress),
    ignoreUnconfirmed: body.ignore_unconfirmed ?? false,
  };
}

function walletAnswer(wallet: Wallet): Answer {
  const meta = (key: string) => wallet.meta.get(key);
  return {
    meta: {
      coin: meta("coin"),
      filename: walletId(wallet),
      label: meta("label"),
      type: wallet.type,
      version: meta("version"),
      crypto_type: meta("cryptoType") ?? "",
      temp: meta("temp") === "true",
      encrypted: isLocked(wallet),
      ...(wallet.type === "bip44" && { bip44_coin: Number(meta("bip44Coin")) }),
      ...(wallet.type === "xpub" && { xpub: meta("xpub") }),
    },
    entries: walletEntries(wallet).map((entry) => ({
      address: encodeAddress(entry.address),
      public_key: toHex(entry.publicKey),
      ...((wallet.type === "bip44" || wallet.type === "xpub") && { child_number: entry.childNumber }),
      ...(wallet.type === "bip44" && { change: entry.change }),
    })),
  };
}

function addressAnswer(addresses: readonly Uint8Array[]): Answer {
  return { addresses: addresses.length === 0 ? null : addresses.map((a) => encodeAddress(a as never)) };
}

/** Without what signatures change. */
function transactionAnswer({ txn, inputs }: CreatedTransaction): Answer {
  return {
    transaction: {
      length: txn.length,
      type: txn.type,
      inner_hash: toHex(txn.innerHash),
      signed: txn.sigs.map((sig) => sig.some((byte) => byte !== 0)),
      inputs: inputs.map((c) => ({
        uxid: toHex(c.id),
        address: encodeAddress(c.address),
        hours: String(c.initialHours),
        calculated_hours: String(c.hours),
        txid: toHex(c.srcTransaction),
      })),
      outputs: txn.outputs.map((o) => ({ address: encodeAddress(o.address), hours: String(o.hours) })),
    },
    encoded_transaction: toHex(encodeTransaction(txn)),
  };
}
