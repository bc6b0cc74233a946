import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** A connection that sends exactly these bytes and shows exactly what comes back, as latin1. */
export class RawClient {
  readonly socket: Socket;
  received = "";
  #onChange = (): void => {};

  private constructor(socket: Socket) {
    this.socket = socket.setNoDelay(true).setEncoding("latin1");
    socket.on("error", () => {});
    socket.on("data", (text: string) => {
      this.received += text;
      this.#onChange();
    });
    socket.on("close", () => this.#onChange());
  }

  static async open(port: number): Promise<RawClient> {
    const client = new RawClient(connect(port, "127.0.0.1"));
    await once(client.socket, "connect");
    return client;
  }

  /** The answer to one request, which has a length. */
  async ask(request: string): Promise<string> {
    this.received = "";
    this.socket.write(request, "latin1");
    for (;;) {
      const [head, length] = /^.*?\r\ncontent-length: (\d+)\r\n.*?\r\n\r\n/is.exec(this.received) ?? [];
      if (head !== undefined && this.received.length >= head.length + Number(length)) return this.received;
      if (this.socket.closed) throw new Error("the connection was closed before the answer was here");
      await new Promise<void>((resolve) => {
        this.#onChange = resolve;
      });
    }
  }

  close(): void {
    this.socket.destroy();
  }
}

/** An answer without what tells the time. */
export function undated(answer: string): string {
  return answer.replace(/^Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r$/gm, "Date: now\r");
}
