import { assert } from "../base/errors.ts";
import { type Json, LIST_MAX, LOGIN_TABLES, type LoginTable, type Range } from "../login/store.ts";

/** A row's place among all rows: `<table>/<key>`, tables having no slash in their names. */
export function rowPlace(table: LoginTable, key: string): string {
  assert(
    LOGIN_TABLES.includes(table) && /^[\x20-\x7e]{1,200}$/.test(key),
    "a row has a known table and a key of printable ASCII",
  );
  return `${table}/${key}`;
}

export function keyOfPlace(place: string): string {
  return place.slice(place.indexOf("/") + 1);
}

/** Places from `from` up to but without `to`; empty when `from` is not below `to`. */
export function placesIn(table: LoginTable, { after, before, prefix = "" }: Range): { from: string; to: string } {
  let from = `${table}/${prefix}`;
  let to = `${table}/${prefix}\x7f`; // above every printable character
  if (after !== undefined && `${table}/${after}\0` > from) from = `${table}/${after}\0`;
  if (before !== undefined && `${table}/${before}` < to) to = `${table}/${before}`;
  return { from, to };
}

export function limitOf({ limit = LIST_MAX }: Range): number {
  assert(Number.isInteger(limit) && limit >= 1 && limit <= LIST_MAX, "a page has 1 to LIST_MAX rows");
  return limit;
}

/** What conditions compare: the text a value is stored as. */
export function textOf(value: Json | undefined): string | undefined {
  return value === undefined ? undefined : JSON.stringify(value);
}
