/** `console`: text for the two streams of a program. It opens nothing. */

import { inspect } from "./inspecting.js";

const DIRECTIVE = /%[sdifjoOc%]/g;

/** What the methods of `console` write. */
export function formatted(values) {
  let rest = values;
  let text = "";
  if (typeof values[0] === "string") {
    let at = 1;
    text = values[0].replace(DIRECTIVE, (directive) => {
      if (directive === "%%") return values.length > 1 ? "%" : directive;
      return at < values.length ? one(directive, values[at++]) : directive;
    });
    rest = values.slice(at);
  }
  const more = rest.map((value) => (typeof value === "string" ? value : inspect(value)));
  return typeof values[0] === "string" ? [text, ...more].join(" ") : more.join(" ");
}

function one(directive, value) {
  switch (directive) {
    case "%s":
      return typeof value === "string" ? value : inspect(value);
    case "%d":
      return typeof value === "object" ? "NaN" : String(Number(value));
    case "%i":
      return String(Number.parseInt(value, 10));
    case "%f":
      return String(Number.parseFloat(value));
    case "%j":
      return String(JSON.stringify(value));
    case "%c":
      return "";
    default:
      return inspect(value);
  }
}

/** A console that writes to `out` and `err`, both `Written`. */
export function consoleOver(out, err) {
  let indent = "";
  const counts = new Map();
  const timers = new Map();
  const say = (stream, values) => {
    const text = formatted(values);
    stream.write(indent ? `${indent}${text.replaceAll("\n", `\n${indent}`)}\n` : `${text}\n`);
  };
  const log = (...values) => say(out, values);
  const warn = (...values) => say(err, values);
  const group = (...values) => {
    if (values.length) say(out, values);
    indent += "  ";
  };
  const elapsed = (label) => say(out, [`${label}: ${(performance.now() - (timers.get(label) ?? 0)).toFixed(3)}ms`]);
  return {
    log,
    info: log,
    debug: log,
    dir: (value) => say(out, [value]),
    table: (value) => say(out, [value]),
    warn,
    error: warn,
    trace: (...values) => say(err, ["Trace:", ...values]),
    assert: (held, ...values) => {
      if (!held) say(err, ["Assertion failed", ...values]);
    },
    group,
    groupCollapsed: group,
    groupEnd: () => {
      indent = indent.slice(2);
    },
    count: (label = "default") => {
      counts.set(label, (counts.get(label) ?? 0) + 1);
      say(out, [`${label}: ${counts.get(label)}`]);
    },
    countReset: (label = "default") => counts.delete(label),
    time: (label = "default") => timers.set(label, performance.now()),
    timeLog: (label = "default") => elapsed(label),
    timeEnd: (label = "default") => {
      elapsed(label);
      timers.delete(label);
    },
    clear: () => {},
  };
}
