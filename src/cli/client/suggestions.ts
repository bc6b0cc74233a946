/** What cobra says below "unknown command": names one edit away, or of which the word is a prefix, in any case. */
export function suggestions(word: string, names: readonly string[]): string {
  const wanted = word.toLowerCase();
  const close = names.filter((name) => {
    const lower = name.toLowerCase();
    return editDistance(wanted, lower) <= 1 || lower.startsWith(wanted);
  });
  if (close.length === 0) return "";
  return `\n\nDid you mean this?\n${close.map((name) => `\t${name}\n`).join("")}`;
}

/** Levenshtein. Long words are not worth comparing: no name is near them. */
function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 1) return 2;
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
