/** Values as text, for people and models to read. It runs no getter, and bounds how much it says. */

const DEPTH = 4;
const ITEMS = 100;
const MOST = 5_000;
const TEXT = 100_000;
const WIDTH = 76;
const PLAIN_KEY = /^[A-Za-z_$][\w$]*$/;
const TypedArray = Object.getPrototypeOf(Uint8Array);

/** `value` as text, nested at most four deep. */
export function inspect(value) {
  const state = { above: [], left: MOST };
  try {
    return shown(value, state);
  } catch {
    return "<a value that cannot be shown>";
  }
}

function shown(value, state) {
  switch (typeof value) {
    case "string":
      return quoted(value);
    case "bigint":
      return `${value}n`;
    case "number":
      return Object.is(value, -0) ? "-0" : String(value);
    case "symbol":
      return value.toString();
    case "function":
      return named(value);
    case "object":
      return value === null ? "null" : object(value, state);
    default:
      return String(value);
  }
}

function quoted(text) {
  if (text.length > TEXT) return `${quoted(text.slice(0, TEXT))}... ${text.length - TEXT} more characters`;
  const mark = !text.includes("'") ? "'" : !text.includes('"') ? '"' : "'";
  const inner = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"');
  return mark + (mark === "'" ? inner.replaceAll("'", "\\'") : inner) + mark;
}

function named(value) {
  const name = own(value, "name");
  const isClass = Function.prototype.toString.call(value).startsWith("class");
  return `[${isClass ? "class" : "Function"}${typeof name === "string" && name ? `${isClass ? " " : ": "}${name}` : ""}]`;
}

function object(value, state) {
  if (state.above.includes(value)) return "[Circular]";
  const kind = constructorOf(value);
  if (state.above.length >= DEPTH) return Array.isArray(value) ? "[Array]" : `[${kind || "Object"}]`;
  if (--state.left < 0) return "...";
  state.above.push(value);
  try {
    return special(value, kind, state) ?? record(value, kind, state);
  } finally {
    state.above.pop();
  }
}

function special(value, kind, state) {
  if (Array.isArray(value)) return list(value, kind === "Array" ? "" : `${kind}(${value.length}) `, state);
  if (value instanceof TypedArray) return list(value, `${kind}(${value.length}) `, state);
  if (value instanceof Error) return `[${errorText(value)}]`;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString();
  if (value instanceof RegExp) return RegExp.prototype.toString.call(value);
  if (value instanceof Map) {
    const entries = some(value.entries(), value.size, ([key, item]) => `${shown(key, state)} => ${shown(item, state)}`);
    return braced(`${kind}(${value.size}) {`, entries, "}");
  }
  if (value instanceof Set) {
    return braced(`${kind}(${value.size}) {`, some(value.values(), value.size, (item) => shown(item, state)), "}");
  }
  if (value instanceof Promise) return "Promise {}";
  if (value instanceof ArrayBuffer) return `ArrayBuffer { byteLength: ${value.byteLength} }`;
  if (value instanceof Number || value instanceof String || value instanceof Boolean) {
    return `[${kind}: ${shown(value.valueOf(), state)}]`;
  }
  return null;
}

function list(value, prefix, state) {
  const items = [];
  const end = Math.min(value.length, ITEMS);
  for (let at = 0; at < end; at++) items.push(at in value ? property(value, at, state) : "<empty>");
  if (value.length > end) items.push(`... ${value.length - end} more items`);
  return braced(`${prefix}[`, items, "]");
}

function record(value, kind, state) {
  const keys = Reflect.ownKeys(value).filter((key) => Object.getOwnPropertyDescriptor(value, key)?.enumerable);
  const items = keys.slice(0, ITEMS).map((key) => `${keyText(key)}: ${property(value, key, state)}`);
  if (keys.length > ITEMS) items.push(`... ${keys.length - ITEMS} more`);
  const prefix = kind === "Object" ? "" : kind ? `${kind} ` : "[Object: null prototype] ";
  return braced(`${prefix}{`, items, "}");
}

function property(value, key, state) {
  const found = Object.getOwnPropertyDescriptor(value, key);
  if (found === undefined) return "undefined";
  if ("value" in found) return shown(found.value, state);
  return found.get ? (found.set ? "[Getter/Setter]" : "[Getter]") : "[Setter]";
}

function keyText(key) {
  if (typeof key === "symbol") return `[${key.toString()}]`;
  return PLAIN_KEY.test(key) ? key : quoted(key);
}

function some(items, size, show) {
  const texts = [];
  for (const item of items) {
    if (texts.length >= ITEMS) {
      texts.push(`... ${size - ITEMS} more`);
      break;
    }
    texts.push(show(item));
  }
  return texts;
}

function braced(open, items, close) {
  if (!items.length) return open + close;
  const length = items.reduce((sum, item) => sum + item.length + 2, open.length);
  if (length <= WIDTH && !items.some((item) => item.includes("\n"))) return `${open} ${items.join(", ")} ${close}`;
  return `${open}\n${items.map((item) => `  ${item.replaceAll("\n", "\n  ")}`).join(",\n")}\n${close}`;
}

function constructorOf(value) {
  for (let one = value; one !== null; one = Object.getPrototypeOf(one)) {
    const maker = own(one, "constructor");
    if (typeof maker === "function") return String(own(maker, "name") || "Object");
  }
  return "";
}

function own(value, name) {
  return Object.getOwnPropertyDescriptor(value, name)?.value;
}

function errorText(error) {
  const name = String(error.name || "Error");
  const message = String(error.message);
  return message ? `${name}: ${message}` : name;
}
