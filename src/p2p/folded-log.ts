import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Limits } from "./limits.ts";

type FoldLimits = Pick<Limits, "logLinesPerKind" | "logWindowMs">;
type Level = "info" | "warn" | "error";

interface Fold {
  lines: number;
  /** Not written, and the fields of the last of them. */
  times: number;
  last: object;
  cancel: () => void;
}

/**
 * A logger whose lines of one kind (level and message) are few: a peer can make the node say something, but not fill
 * the disk with it (W18). What is held back is counted and said once at the end of the window, with the last fields.
 * Debug lines pass: who asks for them wants them.
 */
export class FoldedLog implements Logger {
  readonly #limits: FoldLimits;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #folds = new Map<string, Fold>();

  constructor(limits: FoldLimits, deps: { readonly log: Logger; readonly clock: Clock }) {
    this.#limits = limits;
    this.#log = deps.log;
    this.#clock = deps.clock;
  }

  debug(fields: object, message: string): void {
    this.#log.debug(fields, message);
  }

  info(fields: object, message: string): void {
    this.#say("info", fields, message);
  }

  warn(fields: object, message: string): void {
    this.#say("warn", fields, message);
  }

  error(fields: object, message: string): void {
    this.#say("error", fields, message);
  }

  child(fields: { module: string }): Logger {
    return new FoldedLog(this.#limits, { log: this.#log.child(fields), clock: this.#clock });
  }

  /** Says what is held back, and keeps no timers. */
  flush(): void {
    for (const [key, fold] of this.#folds) this.#end(key, fold);
  }

  #say(level: Level, fields: object, message: string): void {
    const key = `${level} ${message}`;
    let fold = this.#folds.get(key);
    if (fold === undefined) {
      const cancel = this.#clock.after(this.#limits.logWindowMs, () => this.#end(key, fold as Fold));
      fold = { lines: 0, times: 0, last: fields, cancel };
      this.#folds.set(key, fold);
    }
    if (fold.lines < this.#limits.logLinesPerKind) {
      fold.lines++;
      this.#log[level](fields, message);
    } else {
      fold.times++;
      fold.last = fields;
    }
  }

  #end(key: string, fold: Fold): void {
    fold.cancel();
    this.#folds.delete(key);
    if (fold.times === 0) return;
    const space = key.indexOf(" ");
    this.#log[key.slice(0, space) as Level]({ ...fold.last, times: fold.times }, key.slice(space + 1));
  }
}
