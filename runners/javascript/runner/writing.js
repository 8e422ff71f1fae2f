/** Writes an answer as JSON. Long text goes in pieces, for the engine cannot quote some lengths at once. */

import { kept } from "./files.js";

/** What the engine throws, a string, when it cannot get more memory. */
export const OUT_OF_MEMORY = "out of memory";

const { stringify } = JSON;
// JSON.stringify sets six times a text's length aside, and this engine cannot: between 8 and 16 MiB it says that its
// memory is full, whatever there is.
const PIECE = 200_000;

/** The answer of `texts`, a record of strings, with the fields of `said` and the files that were written. */
export function written(texts, said) {
  let text = "{";
  for (const name of Object.keys(texts)) text += `"${name}":${quoted(texts[name])},`;
  for (const name of Object.keys(said)) text += `"${name}":${field(name, said[name])},`;
  let files = "";
  for (const [name, base64] of kept()) files += `${files && ","}${quoted(name)}:"${base64}"`;
  return `${text}"files":{${files}}}`;
}

function field(name, said) {
  if (name === "value") return value(said);
  return name === "result" ? said : stringify(said); // a tool's result is JSON already
}

/** A value has no form in JSON. Says why. */
export class NoJson extends Error {}

const DEPTH = 32;
const INTEGER = 2 ** 63;
const { isArray } = Array;
const { entries, getPrototypeOf } = Object;

/** What a tool answered, as JSON: nothing is null, fields that are undefined are left out. Throws NoJson. */
export function jsonText(value, room = DEPTH) {
  switch (typeof value) {
    case "undefined":
      return "null";
    case "boolean":
      return String(value);
    case "string":
      return quoted(value);
    case "number":
      if (!Number.isFinite(value)) throw new NoJson("it answered a number that JSON cannot say");
      if (Number.isInteger(value) && Math.abs(value) >= INTEGER) {
        throw new NoJson("it answered an integer beyond 64 bits; answer it as a string");
      }
      return stringify(value);
    case "object":
      return value === null ? "null" : objectText(value, room - 1);
    default:
      throw new NoJson(`it answered a ${typeof value}, which has no form in JSON`);
  }
}

function objectText(value, room) {
  if (room < 0) throw new NoJson("it answered what is nested too deep");
  if (typeof value.toJSON === "function") return jsonText(value.toJSON(), room);
  if (value instanceof Uint8Array) return `"${value.toBase64()}"`;
  let text = "";
  if (isArray(value)) {
    for (const one of value) text += `${text && ","}${jsonText(one, room)}`;
    return `[${text}]`;
  }
  const prototype = getPrototypeOf(value);
  if (prototype !== null && getPrototypeOf(prototype) !== null) {
    const name = String(prototype.constructor?.name ?? "").toWellFormed();
    throw new NoJson(`it answered a \`${name}\`, which has no form in JSON; answer a plain object`);
  }
  for (const [key, one] of entries(value)) {
    if (one !== undefined) text += `${text && ","}${quoted(key)}:${jsonText(one, room)}`;
  }
  return `{${text}}`;
}

/** A value as JSON; one that is too long to be written so is there by its text alone. */
function value({ repr, json }) {
  if (json === undefined) return `{"repr":${quoted(repr)}}`;
  try {
    return `{"repr":${quoted(repr)},"json":${typeof json === "string" ? quoted(json) : stringify(json)}}`;
  } catch (error) {
    if (error !== OUT_OF_MEMORY) throw error;
    return `{"repr":${quoted(repr)}}`;
  }
}

function quoted(text) {
  const whole = text.toWellFormed();
  let quotedText = '"';
  for (let at = 0; at < whole.length; at += PIECE) quotedText += stringify(whole.slice(at, at + PIECE)).slice(1, -1);
  return `${quotedText}"`;
}
