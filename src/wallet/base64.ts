/** Standard base64 with padding, as Go's base64.StdEncoding. */
export function encodeBase64(bytes: Uint8Array): string {
  let binary = "";
  // In pieces: a call takes only so many arguments.
  for (let at = 0; at < bytes.length; at += 0x2000) binary += String.fromCharCode(...bytes.subarray(at, at + 0x2000));
  return btoa(binary);
}

/** Undefined when it is not base64. Line breaks are skipped, padding is required, as in Go. */
export function decodeBase64(text: string): Uint8Array | undefined {
  const digits = text.replace(/[\r\n]/g, "");
  if (digits.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(digits)) return undefined;
  const binary = atob(digits);
  return Uint8Array.from(binary, (c) => c.charCodeAt(0));
}
