/** `files`: the files a program was handed and those it writes, in memory. There are no others. */

const contents = new Map();
const writtenNames = new Set();
const decoder = new TextDecoder("utf-8", { fatal: true });
const encoder = new TextEncoder();

/** Make the file `name`; it counts as given, not as written. */
export function put(name, data) {
  contents.set(name, data);
}

/** What the program wrote, as `[name, base64]`. */
export function kept() {
  const names = [...writtenNames].filter((name) => contents.has(name)).sort();
  return names.map((name) => [name, contents.get(name).toBase64()]);
}

/** What a program finds as `files`. */
export const files = Object.freeze({
  /** The names of all files there are, sorted. */
  list: () => [...contents.keys()].sort(),
  exists: (name) => contents.has(plain(name)),
  /** The text of a file in UTF-8. Throws where it is none; `readBytes` reads any. */
  read: (name) => decoder.decode(found(name)),
  readBytes: (name) => found(name).slice(),
  /** Make or replace a file by a string or bytes. */
  write: (name, data) => keep(plain(name), bytes(data)),
  append: (name, data) => {
    const key = plain(name);
    const before = contents.get(key) ?? new Uint8Array(0);
    const more = bytes(data);
    const both = new Uint8Array(before.length + more.length);
    both.set(before);
    both.set(more, before.length);
    keep(key, both);
  },
  remove: (name) => {
    found(name);
    contents.delete(plain(name));
  },
});

function keep(key, data) {
  contents.set(key, data);
  writtenNames.add(key);
}

function found(name) {
  const data = contents.get(plain(name));
  if (data === undefined) throw new Error(`there is no file ${JSON.stringify(name)}; \`files.list()\` names them all`);
  return data;
}

function plain(name) {
  if (typeof name !== "string" || !name) throw new TypeError("the name of a file is a string");
  const parts = name.split("/").filter((part) => part !== ".");
  if (name.includes("\0") || parts.includes("..") || parts.includes("")) {
    throw new RangeError("the name of a file is relative, without `..`");
  }
  return parts.join("/");
}

function bytes(data) {
  if (typeof data === "string") return encoder.encode(data);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  if (data instanceof ArrayBuffer) return new Uint8Array(data).slice();
  throw new TypeError("a file is written from a string or from bytes; use JSON.stringify for anything else");
}
