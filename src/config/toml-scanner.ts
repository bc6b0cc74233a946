/** One statement of a TOML text, by offsets: what an edit needs to touch a value and nothing else. */
export type TomlStatement =
  | {
      readonly kind: "table" | "array-table";
      readonly path: readonly string[];
      readonly start: number;
      readonly end: number;
    }
  | {
      readonly kind: "pair";
      /** Path of the table whose header precedes; empty at the top. */
      readonly table: readonly string[];
      readonly key: readonly string[];
      /** Where the key as written begins, and the value as written. */
      readonly start: number;
      readonly valueStart: number;
      readonly valueEnd: number;
    };

/** Statements in order. The text must be valid TOML (a parser has accepted it); nothing is checked here. */
export function scanToml(text: string): readonly TomlStatement[] {
  const statements: TomlStatement[] = [];
  let table: readonly string[] = [];
  for (let at = skipBlank(text, 0); at < text.length; at = skipBlank(text, at)) {
    const start = at;
    if (text[at] === "[") {
      const kind = text[at + 1] === "[" ? "array-table" : "table";
      const header = readKey(text, at + (kind === "table" ? 1 : 2));
      table = header.path;
      at = header.end + (kind === "table" ? 1 : 2);
      statements.push({ kind, path: table, start, end: at });
    } else {
      const { path: key, end } = readKey(text, at);
      const valueStart = skipSpaces(text, end + 1); // past the equals sign
      const valueEnd = skipValue(text, valueStart);
      statements.push({ kind: "pair", table, key, start, valueStart, valueEnd });
      at = valueEnd;
    }
  }
  return statements;
}

/** Offset of the line break that ends the line of `at`, or the text's length. */
export function lineEnd(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  if (end < 0) return text.length;
  return text[end - 1] === "\r" && end > at ? end - 1 : end;
}

function skipSpaces(text: string, at: number): number {
  while (text[at] === " " || text[at] === "\t") at++;
  return at;
}

/** Past blanks, line breaks and comments. */
function skipBlank(text: string, at: number): number {
  for (;;) {
    while (at < text.length && " \t\r\n".includes(text[at] as string)) at++;
    if (text[at] !== "#") return at;
    at = lineEnd(text, at);
  }
}

/** A dotted key; `end` is the character that ends it: an equals sign or a bracket. */
function readKey(text: string, from: number): { path: string[]; end: number } {
  const path: string[] = [];
  let at = from;
  for (;;) {
    at = skipSpaces(text, at);
    if (text[at] === '"') {
      const end = skipString(text, at);
      path.push(unescapeKey(text.slice(at + 1, end - 1)));
      at = end;
    } else if (text[at] === "'") {
      const end = skipString(text, at);
      path.push(text.slice(at + 1, end - 1));
      at = end;
    } else {
      const end = skipBare(text, at);
      path.push(text.slice(at, end));
      at = end;
    }
    at = skipSpaces(text, at);
    if (text[at] !== ".") return { path, end: at };
    at++;
  }
}

function skipBare(text: string, at: number): number {
  while (at < text.length && /[A-Za-z0-9_-]/.test(text[at] as string)) at++;
  return at;
}

function unescapeKey(body: string): string {
  return body.replaceAll(/\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))/g, (_, short, long, other) => {
    const hex: string | undefined = short ?? long;
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    return { b: "\b", t: "\t", n: "\n", f: "\f", r: "\r", e: "\u001b" }[other as string] ?? other;
  });
}

/** End of the value beginning at `at`, exclusive. */
function skipValue(text: string, at: number): number {
  const first = text[at];
  if (first === '"' || first === "'") return skipString(text, at);
  if (first === "[" || first === "{") return skipNested(text, at);
  const hash = text.indexOf("#", at);
  const line = lineEnd(text, at);
  const end = hash >= 0 && hash < line ? hash : line;
  return at + text.slice(at, end).trimEnd().length;
}

function skipString(text: string, at: number): number {
  const quote = text[at] as string;
  const triple = quote.repeat(3);
  const multiline = text.startsWith(triple, at);
  let pos = at + (multiline ? 3 : 1);
  for (; pos < text.length; pos++) {
    if (text[pos] === "\\" && quote === '"') pos++;
    else if (!multiline && text[pos] === quote) return pos + 1;
    else if (multiline && text.startsWith(triple, pos)) {
      pos += 3;
      // Up to two quotes may precede the closing three.
      for (let extra = 0; extra < 2 && text[pos] === quote; extra++) pos++;
      return pos;
    }
  }
  return pos;
}

function skipNested(text: string, at: number): number {
  let depth = 0;
  for (let pos = at; pos < text.length; pos++) {
    const c = text[pos] as string;
    if (c === '"' || c === "'") pos = skipString(text, pos) - 1;
    else if (c === "#") pos = lineEnd(text, pos) - 1;
    else if (c === "[" || c === "{") depth++;
    else if (c === "]" || c === "}") {
      depth--;
      if (depth === 0) return pos + 1;
    }
  }
  return text.length;
}
