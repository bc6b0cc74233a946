import { readFile } from "node:fs/promises";
import { isIPv4 } from "node:net";
import { invalid, openErrorText } from "./errors.ts";

/**
 * Checks a peer's `ip:port`, blanks removed. IPv4 and ports from 1024 only, as the peer list of the reference.
 * @throws ConfigError CONFIG_INVALID with the reference's texts
 */
export function checkPeerAddress(text: string, { allowLoopback }: { allowLoopback: boolean }): string {
  const address = text.replaceAll(/\s/g, "");
  const [ip = "", port = "", ...more] = address.split(":");
  if (more.length > 0 || !isIPv4(ip) || !/^\d+$/.test(port) || Number(port) > 65535) throw invalid("Invalid address");
  const octets = ip.split(".").map(Number);
  const first = octets[0] as number;
  if (first === 127) {
    if (!allowLoopback) throw invalid("Localhost address is not allowed");
  } else {
    const linkLocal = first === 169 && octets[1] === 254;
    const multicast = first >= 224 && first <= 239;
    const noHost = octets.every((o) => o === 0) || octets.every((o) => o === 255);
    if (linkLocal || multicast || noHost) throw invalid("IP is not a valid external IP");
  }
  if (Number(port) < 1024) throw invalid("Port must be >= 1024");
  return address;
}

/** True for what `localhost-only` permits as listening address. */
export function isLoopback(address: string): boolean {
  return address === "localhost" || address === "::1" || (isIPv4(address) && address.startsWith("127."));
}

/**
 * Reads a file of peers, one a line; blank lines and those beginning with # are skipped.
 * @throws ConfigError CONFIG_INVALID when it cannot be read or a line is no address
 */
export async function loadPeersFile(path: string, options: { allowLoopback: boolean }): Promise<readonly string[]> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw invalid(`Failed to load custom peers file: ${openErrorText(path, cause)}`, cause);
  }
  const peers: string[] = [];
  for (const line of text.split("\n")) {
    const address = line.replaceAll(/\s/g, "");
    if (address === "" || address.startsWith("#")) continue;
    try {
      peers.push(checkPeerAddress(address, options));
    } catch (cause) {
      throw invalid(`Peers list has invalid address ${address}: ${(cause as Error).message}`, cause);
    }
  }
  return peers;
}
