/**
 * What counts as one owner of an address: an IPv4 address, or the /64 an IPv6 address is in, since whoever has one of
 * those has all of it. `""` for an address that is gone already: all of those together are one.
 */
export function addressKey(address: string | undefined): string {
  if (address === undefined) return "";
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped?.[1] !== undefined) return mapped[1];
  return address.includes(":") ? ipv6Groups(address, 4) : address;
}

/** The first groups of an IPv6 address, 16 bits each: 4 of `2001:db8::1` are `2001:db8:0:0`. */
export function ipv6Groups(address: string, count: number): string {
  const [left = "", right] = (address.split("%", 1)[0] as string).split("::");
  const groups = (text: string): string[] => (text === "" ? [] : text.split(":"));
  const [head, tail] = [groups(left), groups(right ?? "")];
  const zeros = right === undefined ? [] : new Array<string>(Math.max(0, 8 - head.length - tail.length)).fill("0");
  return [...head, ...zeros, ...tail].slice(0, count).join(":");
}
