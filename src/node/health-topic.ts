import { unreadiness } from "../api/readiness.ts";
import type { Clock } from "../base/clock.ts";
import type { EventFeed } from "../login/events/feed.ts";
import type { LoginService } from "../login/service.ts";

const LOOK_MS = 2_000;

export interface HealthTopicDeps {
  readonly services: Parameters<typeof unreadiness>[0];
  readonly feed: EventFeed;
  readonly login: LoginService;
  readonly clock: Clock;
}

/** Tells services when the node stops or begins to be of use: topic `node.health`. Why is for its operator (`/readyz`). */
export class HealthTopic {
  readonly #deps: HealthTopicDeps;
  #told = "";
  #cancel: () => void = () => {};

  constructor(deps: HealthTopicDeps) {
    this.#deps = deps;
  }

  start(): void {
    const { services, feed, login, clock } = this.#deps;
    const data = { ready: unreadiness(services).length === 0, stock: login.stock().condition };
    const now = JSON.stringify(data);
    if (now !== this.#told) {
      this.#told = now;
      feed.note({ topic: "node.health", key: "node", data: { ...data, seq: services.chain.store.head()?.seq ?? 0 } });
    }
    this.#cancel = clock.after(LOOK_MS, () => this.start());
  }

  stop(): void {
    this.#cancel();
  }
}
