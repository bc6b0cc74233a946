import { toHex } from "../../src/base/bytes.ts";
import { sha256 } from "../../src/cipher/hash.ts";
import { signHash } from "../../src/cipher/sign.ts";
import { Visitor } from "./visitor.ts";

/** A browser without script: pages, forms and cookies of one site, and an address to prove. */
export class WebVisitor {
  readonly base: string;
  readonly visitor: Visitor;
  /** Of the last login. */
  lastVerifyPath = "";
  readonly #cookies = new Map<string, string>();

  constructor(base: string) {
    this.base = base;
    this.visitor = new Visitor(base);
  }

  /** A page, or a form sent from it. Redirects are not followed. */
  async open(path: string, form?: Readonly<Record<string, string>>): Promise<Response> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(new URL(path, this.base), {
      redirect: "manual",
      headers: { cookie },
      ...(form !== undefined && { method: "POST", body: new URLSearchParams(form) }),
    });
    for (const set of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
      if (/Max-Age=0/.test(set)) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    return response;
  }

  /** From the sign-in page of an interaction to where the proof leads, by signed message. */
  async prove(loginPath: string): Promise<string> {
    const interaction = new URL(loginPath, this.base).searchParams.get("interaction") ?? "";
    const started = await this.open("/login", { interaction, address: this.visitor.address, method: "signature" });
    const verify = new URL(locationOf(started), this.base);
    this.lastVerifyPath = verify.href.slice(this.base.length);
    const { id, message } = await this.visitor.status(verify.pathname.split("/").at(-1) ?? "");
    const signature = toHex(signHash(sha256(new TextEncoder().encode(message)), this.visitor.secret));
    const proved = await this.visitor.post(`/login/v1/challenges/${id}/signature`, { signature });
    if (proved.status !== 200) throw new Error(`${proved.status} ${JSON.stringify(proved.body)}`);
    return locationOf(await this.open(verify.pathname, { interaction }));
  }
}

export function locationOf(response: Response): string {
  const location = response.headers.get("location");
  if (location === null) throw new Error(`${response.status} leads nowhere`);
  return location;
}
