/** Types of JSDoc as JSON Schema. What it does not know it refuses. */

const DEPTH = 32;
const TOKEN = /\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|-?\d+(?:\.\d+)?|[A-Za-z_$][\w$]*|\[\]|\.<|[<>(){}|,;:?!=*])/y;
const PLAIN = new Map([
  ["string", "string"],
  ["number", "number"],
  ["integer", "integer"],
  ["int", "integer"],
  ["boolean", "boolean"],
  ["bool", "boolean"],
  ["null", "null"],
]);
const ANYTHING = new Set(["any", "unknown", "*"]);
const RECORDS = new Set(["object", "Object", "Record"]);
const WORD = /^[A-Za-z_$]/;
const QUOTED = /^["']/;
const NUMBER = /^-?\d/;

/** A type has no schema. Says why, in words that follow the name of what has it. */
export class NoSchema extends Error {}

/** `{schema, optional}` of the type that `text` writes, without its braces. Throws NoSchema. */
export function schemaOf(text) {
  const reading = { tokens: tokensOf(text), at: 0, text };
  const schema = union(reading, DEPTH);
  const optional = taken(reading, "=");
  if (reading.at < reading.tokens.length) throw unreadable(text);
  return { schema, optional };
}

function tokensOf(text) {
  const tokens = [];
  const rest = text.trim();
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < rest.length) {
    const found = TOKEN.exec(rest);
    if (found === null) throw unreadable(text);
    tokens.push(found[1]);
  }
  return tokens;
}

function unreadable(text) {
  return new NoSchema(`has the type \`${text.trim()}\`, which cannot be read`);
}

function taken(reading, token) {
  if (reading.tokens[reading.at] !== token) return false;
  reading.at++;
  return true;
}

function wanted(reading, token) {
  if (!taken(reading, token)) throw unreadable(reading.text);
}

function union(reading, room) {
  if (room <= 0) throw new NoSchema("has a type that is nested too deep");
  taken(reading, "|");
  const found = [postfix(reading, room - 1)];
  while (taken(reading, "|")) found.push(postfix(reading, room - 1));
  return oneOf(found);
}

/** One schema for any of `schemas`; literals become one list of choices. */
function oneOf(schemas) {
  const choices = schemas.flatMap((one) => one.enum ?? []);
  const others = schemas.filter((one) => !one.enum);
  const all = choices.length ? [{ enum: [...new Set(choices)] }, ...others] : others;
  return all.length === 1 ? all[0] : { anyOf: all };
}

function postfix(reading, room) {
  if (room <= 0) throw new NoSchema("has a type that is nested too deep");
  if (taken(reading, "!")) return postfix(reading, room - 1);
  if (taken(reading, "?")) return oneOf([postfix(reading, room - 1), { type: "null" }]);
  let schema = primary(reading, room - 1);
  while (taken(reading, "[]")) schema = { type: "array", items: schema };
  return schema;
}

function primary(reading, room) {
  const token = reading.tokens[reading.at++];
  if (token === undefined) throw unreadable(reading.text);
  if (token === "(") {
    const schema = union(reading, room);
    wanted(reading, ")");
    return schema;
  }
  if (token === "{") return record(reading, room);
  if (QUOTED.test(token)) return { enum: [literal(token, reading)] };
  if (NUMBER.test(token)) return { enum: [Number(token)] };
  if (PLAIN.has(token)) return { type: PLAIN.get(token) };
  if (ANYTHING.has(token)) return {};
  if (token === "Array") return list(parameters(reading, room), reading);
  if (RECORDS.has(token)) return table(parameters(reading, room), reading);
  if (!WORD.test(token)) throw unreadable(reading.text);
  throw new NoSchema(`has the type \`${token}\`, which has no form in JSON`);
}

function literal(token, reading) {
  const inner = token.slice(1, -1);
  if (inner.includes("\\")) throw unreadable(reading.text);
  return inner;
}

function parameters(reading, room) {
  if (!taken(reading, "<") && !taken(reading, ".<")) return [];
  const found = [union(reading, room)];
  while (taken(reading, ",")) found.push(union(reading, room));
  wanted(reading, ">");
  return found;
}

function list(within, { text }) {
  if (within.length > 1) throw unreadable(text);
  return within.length ? { type: "array", items: within[0] } : { type: "array" };
}

function table(within, { text }) {
  if (!within.length) return { type: "object" };
  if (within.length !== 2) throw unreadable(text);
  if (within[0].type !== "string") throw new NoSchema("has an object whose keys are no `string`");
  return { type: "object", additionalProperties: within[1] };
}

/** `{a: string, b?: number}`, after its first brace. */
function record(reading, room) {
  const properties = Object.create(null);
  const required = [];
  while (!taken(reading, "}")) {
    const name = reading.tokens[reading.at++] ?? "";
    if (!WORD.test(name)) throw unreadable(reading.text);
    const optional = taken(reading, "?");
    wanted(reading, ":");
    properties[name] = union(reading, room);
    if (!optional) required.push(name);
    if (!taken(reading, ",") && !taken(reading, ";") && reading.tokens[reading.at] !== "}") throw unreadable(reading.text);
  }
  const schema = { type: "object", properties, additionalProperties: false };
  return required.length ? { ...schema, required } : schema;
}
