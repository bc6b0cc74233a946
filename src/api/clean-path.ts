import { unescapePercent } from "./form.ts";

/** Where Go's mux sends a path that is not in its shortest form; undefined when it is. Source: api.md 1.1. */
export function cleanedTarget(target: string): string | undefined {
  const mark = target.indexOf("?");
  const rawPath = mark < 0 ? target : target.slice(0, mark);
  if (isPlainlyClean(rawPath)) return undefined;
  const path = unescapePercent(rawPath);
  if (path === undefined) return undefined;
  const cleaned = cleanPath(path);
  return cleaned === path ? undefined : escapePath(cleaned) + (mark < 0 ? "" : target.slice(mark));
}

/** Nearly every request: no doubled slash, no dot segment, nothing escaped. */
function isPlainlyClean(path: string): boolean {
  return path.startsWith("/") && !/\/\/|\/\.|%/.test(path);
}

/** Go's `path.Clean` for rooted paths, keeping a trailing slash. */
export function cleanPath(path: string): string {
  const kept: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") kept.pop();
    else if (segment !== "" && segment !== ".") kept.push(segment);
  }
  const cleaned = `/${kept.join("/")}`;
  return path.endsWith("/") && cleaned !== "/" ? `${cleaned}/` : cleaned;
}

/** Go's `URL.EscapedPath` of a decoded path. */
export function escapePath(path: string): string {
  return encodeURIComponent(path)
    .replace(/%(2F|3A|40|26|3D|2B|24|2C|3B)/g, decodeURIComponent)
    .replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** The page Go's redirects carry. */
export function redirectPage(location: string): string {
  const escaped = location.replace(/[&<>"']/g, (c) => HTML[c] as string);
  return `<a href="${escaped}">Moved Permanently</a>.\n\n`;
}

const HTML: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;" };
