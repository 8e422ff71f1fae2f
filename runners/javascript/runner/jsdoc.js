/** A JSDoc comment as a description and what it says of each argument. It knows `@param`, and skips all other tags. */

const STAR = /^\s*\* ?/;
const NAME = /^\s*([\w$.-]+)\s*(?:=(.*))?$/;
const WORD = /^[\w$.-]+/;

/**
 * What the comment with the inner text `comment` says: `{description, params}`. A param is `{owner, name, type, text,
 * optional, fallback}`: `args.city` is `city` of the owner `args`; `type` and `fallback` may be null.
 */
export function described(comment) {
  const lines = comment
    .slice(1)
    .split("\n")
    .map((line) => line.replace(STAR, "").trim());
  const summary = [];
  for (const line of lines) {
    if (line.startsWith("@") || (!line && summary.length)) break;
    if (line) summary.push(line);
  }
  return { description: summary.join(" "), params: tagsOf(lines).flatMap(paramOf) };
}

/** Each tag with the lines that go on from it, as one line. */
function tagsOf(lines) {
  const tags = [];
  for (const line of lines) {
    if (line.startsWith("@")) tags.push(line);
    else if (tags.length) tags.push(`${tags.pop()} ${line}`.trimEnd());
  }
  return tags;
}

function paramOf(tag) {
  if (!/^@param(?:eter)?\b/.test(tag)) return [];
  let rest = tag.replace(/^@\w+\s*/, "");
  let type = null;
  if (rest.startsWith("{")) {
    const end = closing(rest, "{", "}");
    type = rest.slice(1, end);
    rest = rest.slice(end + 1).trimStart();
  }
  const optional = rest.startsWith("[");
  const end = optional ? closing(rest, "[", "]") : (WORD.exec(rest)?.[0].length ?? 0);
  const found = NAME.exec(optional ? rest.slice(1, end) : rest.slice(0, end));
  if (!found) return [];
  const parts = found[1].split(".");
  const name = parts.pop();
  const text = rest.slice(optional ? end + 1 : end).replace(/^\s*-?\s*/, "");
  return [{ owner: parts.join("."), name, type, text, optional, fallback: found[2] ?? null }];
}

/** Where the bracket `open` that `text` begins with is closed, or where the text ends. */
function closing(text, open, close) {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === open) depth++;
    if (text[at] === close && --depth === 0) return at;
  }
  return text.length;
}
