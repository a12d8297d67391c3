/** For misspelt names: the known name that needs the fewest changed characters. */
export function nearestName(name: string, known: readonly string[]): string {
  let nearest = "";
  let fewest = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const changes = changesBetween(name, candidate);
    if (changes >= fewest) continue;
    nearest = candidate;
    fewest = changes;
  }
  return nearest;
}

/** Inserted, removed and replaced characters (Levenshtein), one row of the table at a time. */
function changesBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_unused, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
