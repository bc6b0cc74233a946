import { access, readFile, rm, writeFile } from "node:fs/promises";
import { hostname, networkInterfaces } from "node:os";
import { CoinError } from "../base/errors.ts";
import { selfSignedCertificate } from "./certificate.ts";

export class CertificateError extends CoinError<"API_CERTIFICATE"> {}

/**
 * The PEM texts of a certificate and its key. When neither file exists a self-signed pair is made and kept, readable
 * by the owner only. Source: api.md 1.2.
 * @throws CertificateError API_CERTIFICATE when only one of the two exists; errors of the file system
 */
export async function loadOrCreateCertificate(
  files: { readonly cert: string; readonly key: string },
  clock: { nowMs(): number },
): Promise<{ cert: string; key: string }> {
  const [hasCert, hasKey] = await Promise.all([exists(files.cert), exists(files.key)]);
  if (hasCert && !hasKey) throw half(`certfile ${files.cert} exists but keyfile ${files.key} does not`);
  if (hasKey && !hasCert) throw half(`keyfile ${files.key} exists but certfile ${files.cert} does not`);
  if (!hasCert) await create(files, clock);
  const [cert, key] = await Promise.all([readFile(files.cert, "utf8"), readFile(files.key, "utf8")]);
  return { cert, key };
}

function half(message: string): CertificateError {
  return new CertificateError("API_CERTIFICATE", message);
}

async function exists(file: string): Promise<boolean> {
  try {
    await access(file);
    return true;
  } catch {
    return false;
  }
}

async function create(files: { cert: string; key: string }, clock: { nowMs(): number }): Promise<void> {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address));
  const { cert, key } = selfSignedCertificate({ hostname: hostname(), addresses, nowMs: clock.nowMs() });
  const options = { mode: 0o600, flag: "wx" } as const;
  await writeFile(files.cert, cert, options);
  try {
    await writeFile(files.key, key, options);
  } catch (error) {
    await rm(files.cert, { force: true }); // half a pair would keep the next start from making one
    throw error;
  }
}
