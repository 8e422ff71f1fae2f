/** What is said of a value and of an exception. All text is bounded and can be written as JSON. */

import { inspect } from "./inspecting.js";
import { NAME } from "./parsing.js";

const REPR_CHARACTERS = 100_000;
const TRACE_CHARACTERS = 20_000;
const JSON_DEPTH = 32;
const LINE_CHARACTERS = 200;
const FRAMES = 30;
const FRAME = /^(.*)@(.*):(\d+):(\d+)$/;

/** `{"repr", "json"?}` of `value`; `json` only where JSON says it exactly. */
export function shown(value) {
  const text = inspect(value);
  const cut = text.length - REPR_CHARACTERS;
  const repr = (cut <= 0 ? text : `${text.slice(0, REPR_CHARACTERS)}... ${cut} more characters`).toWellFormed();
  return sayable(value) ? { repr, json: value } : { repr };
}

function sayable(value) {
  try {
    return isJson(value, JSON_DEPTH);
  } catch {
    return false; // a proxy that would not be looked at
  }
}

function isJson(value, room) {
  if (value === null || typeof value === "boolean") return true;
  if (typeof value === "string") return value.isWellFormed();
  if (typeof value === "number") return Number.isFinite(value) && !Object.is(value, -0);
  if (typeof value !== "object" || room <= 0 || "toJSON" in value) return false;
  const prototype = Object.getPrototypeOf(value);
  const found = Object.getOwnPropertyDescriptors(value);
  const names = Reflect.ownKeys(found);
  const sound = (name) => "value" in found[name] && isJson(found[name].value, room - 1);
  if (Array.isArray(value)) {
    return prototype === Array.prototype && names.length === value.length + 1 && names.slice(0, -1).every(sound);
  }
  if (prototype !== Object.prototype && prototype !== null) return false;
  return names.every(
    (name) => typeof name === "string" && name.isWellFormed() && (!found[name].enumerable || sound(name)),
  );
}

/** `{"type", "message", "line"?, "traceback"}` of what was thrown; `program` is `{code, before, fault, name?}`. */
export function told(thrown, program) {
  const lines = program.code.split("\n");
  if (!(thrown instanceof Error)) {
    const text = inspect(thrown);
    return described("uncaught", text, null, [`Uncaught ${text}`]);
  }
  const frames = framesOf(thrown, program);
  let [line, message] = [frames[0]?.line ?? null, String(thrown.message)];
  if (thrown instanceof SyntaxError && !frames.length) {
    const fault = thrown.loc ? thrown : program.fault;
    line = Math.min(fault?.loc.line ?? thrown.lineNumber, lines.length);
    if (fault) message = fault.message.replace(/ \(\d+:\d+\)$/, "");
  }
  const parts = [];
  if (line !== null) parts.push(`${program.name ?? NAME}:${line}`, `    ${(lines[line - 1] ?? "").slice(0, LINE_CHARACTERS)}`);
  const type = String(thrown.name || "Error");
  parts.push(message ? `${type}: ${message}` : type, ...frames.slice(0, FRAMES).map(frameText));
  if (frames.length > FRAMES) parts.push(`    ... ${frames.length - FRAMES} more`);
  return described(type, message, line, [...parts, ...causes(thrown, program)]);
}

function described(type, message, line, parts) {
  const text = parts.join("\n");
  const half = TRACE_CHARACTERS / 2;
  const cut = text.length - TRACE_CHARACTERS;
  const traceback = cut <= 0 ? text : `${text.slice(0, half)}\n[${cut} characters are left out]\n${text.slice(-half)}`;
  const told = {
    type: type.slice(0, LINE_CHARACTERS).toWellFormed(),
    message: message.slice(0, TRACE_CHARACTERS).toWellFormed(),
    traceback: `${traceback.toWellFormed()}\n`,
  };
  return line === null ? told : { ...told, line };
}

function causes(error, program) {
  const parts = [];
  let cause = error.cause;
  for (let depth = 0; cause !== undefined && depth < 4; depth++) {
    const isError = cause instanceof Error;
    parts.push(`caused by ${isError ? `${cause.name}: ${cause.message}` : inspect(cause)}`);
    if (isError) parts.push(...framesOf(cause, program).slice(0, FRAMES).map(frameText));
    cause = isError ? cause.cause : undefined;
  }
  return parts;
}

/** The frames of the program, innermost first, without ours and without what was put around it. */
function framesOf(error, { code, before, name: called = NAME }) {
  if (typeof error.stack !== "string") return [];
  const lines = code.split("\n").length;
  const frames = [];
  for (const text of error.stack.split("\n")) {
    const [, name, file, line, column] = FRAME.exec(text) ?? [];
    if (file !== called && !file?.startsWith(`${called} line `)) continue;
    if (file === called && Number(line) > lines) continue;
    const shift = file === called && line === "1" ? before : 0;
    frames.push({ name: name.replace("async*", "async "), file, line: Number(line), column: Number(column) - shift });
  }
  return frames;
}

function frameText({ name, file, line, column }) {
  const place = `${file}:${line}:${column}`;
  return name.trim() ? `    at ${name} (${place})` : `    at ${place}`;
}
