/** What is needed of a WebSocket: the browser's own, or anything with its shape. */
export interface WireSocket {
  binaryType: string;
  readonly bufferedAmount: number;
  send(data: Uint8Array): void;
  close(code?: number): void;
  addEventListener(type: "open" | "error", listener: () => void): void;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: "close", listener: (event: { readonly code: number }) => void): void;
}

export type OpenSocket = (url: string, protocol: string) => WireSocket;

/** The platform's. @throws TypeError where there is none: Node before 22 */
export const openPlatformSocket: OpenSocket = (url, protocol) => {
  const { WebSocket } = globalThis as unknown as { WebSocket?: new (url: string, protocol: string) => WireSocket };
  if (WebSocket === undefined) throw new TypeError("this platform has no WebSocket; pass deps.open");
  return new WebSocket(url, protocol);
};
