import type { Socket } from "node:net";

/** What Node's own sockets use of a connection's handle. */
interface Handle {
  /** Called with each piece read, and with nothing when the connection ends or fails. */
  onread: (this: Handle, piece?: ArrayBuffer) => void;
  readonly bytesRead: number;
  useUserBuffer(memory: Uint8Array): void;
}

/** Of all connections: a piece is looked at or copied before the next one is read. As large as what libuv asks for. */
const shared = Buffer.allocUnsafeSlow(64 * 1024);

/**
 * Shows `take` each piece of input before the socket makes a stream of it, in memory that is used again. What it
 * does not take goes on as ever, copied. Node allocates 64 KB for each read and cuts it down: a fifth of what a
 * short request costs. (For connections that a program opens, `onread` of `net.connect` is the same.)
 *
 * Does nothing when the handle is not as foreseen. Not to be called twice for a connection.
 */
export function readInPlace(socket: Socket, take: (memory: Buffer, length: number) => boolean): void {
  const handle: unknown = Reflect.get(socket, "_handle");
  if (!isForeseen(handle)) return;
  const { onread } = handle;
  let seen = handle.bytesRead;
  handle.useUserBuffer(shared);
  handle.onread = () => {
    const length = handle.bytesRead - seen;
    seen += length;
    if (length === 0) onread.call(handle);
    else if (!take(shared, length)) onread.call(handle, shared.buffer.slice(0, length));
  };
}

function isForeseen(handle: unknown): handle is Handle {
  if (typeof handle !== "object" || handle === null) return false;
  const { onread, bytesRead, useUserBuffer } = handle as Partial<Handle>;
  return typeof onread === "function" && typeof bytesRead === "number" && typeof useUserBuffer === "function";
}
