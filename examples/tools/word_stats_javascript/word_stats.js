/**
 * Says how often each word of a text is in it, the most frequent first.
 *
 * @param {string} args.text - any text
 * @param {integer} [args.limit=10] - how many words to name
 * @param {string[]} [args.without] - words that do not count
 */
export function word_stats({ text, limit = 10, without = [] }) {
  if (limit < 1) throw new RangeError("limit is at least 1");
  const ignored = new Set(without.map((word) => word.toLowerCase()));
  const counts = new Map();
  for (const word of text.toLowerCase().split(/[\s.,:;!?"'()[\]-]+/)) {
    if (word && !ignored.has(word)) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const sorted = [...counts].sort(([one, n], [other, m]) => m - n || (one < other ? -1 : 1));
  return sorted.slice(0, limit).map(([word, count]) => ({ word, count }));
}
