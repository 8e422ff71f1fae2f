/** Source text as a tool: says what its functions are, and calls one of them with arguments in JSON. */

import { described } from "./jsdoc.js";
import { offeredBy } from "./offered.js";
import { Refused, sourceOf } from "./sources.js";
import { told } from "./telling.js";
import { NoSchema, schemaOf } from "./types.js";
import { settled } from "./waiting.js";
import { jsonText, NoJson, OUT_OF_MEMORY } from "./writing.js";

const evaluate = eval; // in the global scope, as `answering.js` does
const PLAIN = new Set(["string", "number", "boolean"]);
const NOT_IN_A_NAME = /[^\w.-]/g;

/** Call `function` of `source` with `arguments`; without `function`, say what there is. Throws when memory is full. */
export async function runTool(asked, host) {
  const name = asked.file.replace(NOT_IN_A_NAME, "_");
  const program = { code: asked.source, before: 0, fault: null, name };
  try {
    const source = sourceOf(asked.source, name);
    program.before = source.before;
    if (!("function" in asked)) {
      const tools = source.functions.map(toolOf);
      await settled(asked.source, () => functionsOf(source, host));
      return { described: { tools, capabilities: source.capabilities } };
    }
    const value = await settled(asked.source, () => called(source, asked, host));
    return { result: jsonText(value) };
  } catch (thrown) {
    if (thrown === OUT_OF_MEMORY) throw thrown;
    if (thrown instanceof Refused) return refusal(thrown);
    if (thrown instanceof NoJson) return { error: { type: "TypeError", message: thrown.message, traceback: "" } };
    return { error: told(thrown, program) };
  }
}

function refusal({ message, line }) {
  const refused = message.toWellFormed();
  return line === undefined ? { refused } : { refused, line };
}

/** The exported functions by name, or a promise of them. */
export function functionsOf(source, host) {
  const offered = offeredBy(host.call);
  return evaluate(source.text)(...source.imports.map(([, name]) => offered[name]));
}

function called(source, asked, host) {
  const found = functionsOf(source, host);
  return found instanceof Promise ? found.then((functions) => call(functions, source, asked)) : call(found, source, asked);
}

function call(functions, source, asked) {
  if (Object.hasOwn(functions, asked.function)) return functions[asked.function](asked.arguments);
  if (source.functions.length > 1) throw new Refused(`there is no function \`${asked.function}\``);
  return functions[source.functions[0].name](asked.arguments); // a tool of one function may be called otherwise
}

/** What is told of one exported function. Throws Refused. */
export function toolOf({ name, node, doc, line, lineOf }) {
  const { description, params } = described(doc);
  const takes = argumentsOf(name, node, params, { line, lineOf });
  const properties = Object.create(null);
  const required = [];
  for (const argument of takes) {
    const { schema, optional } = propertyOf(name, argument);
    properties[argument.name] = schema;
    if (!optional) required.push(argument.name);
  }
  const schema = { type: "object", properties, additionalProperties: false };
  return { name, description: description.toWellFormed(), input_schema: required.length ? { ...schema, required } : schema };
}

/** The arguments by name: `{name, line, param, given}`; `given` is the node of a default. Throws Refused. */
function argumentsOf(name, node, params, { line, lineOf }) {
  const [first, ...more] = node.params;
  const taken = first?.type === "AssignmentPattern" ? first.left : first;
  const positional = more[0] ?? (taken?.type === "RestElement" || taken?.type === "ArrayPattern" ? taken : undefined);
  if (positional) {
    throw new Refused(`\`${name}\` takes one object, for a caller gives names: \`${name}({ … })\``, lineOf(positional));
  }
  if (taken === undefined) return [];
  if (taken.type === "Identifier") return documented(name, taken, params, { line, lineOf });
  const found = taken.properties.map((one) => argumentOf(name, one, params, lineOf(one)));
  const stray = params.find((one) => !found.some((other) => other.name === one.name) && !isOwner(one, params));
  if (stray) throw new Refused(`\`@param ${stray.name}\` is no argument of \`${name}\``, line);
  return found;
}

/** Of `f(args)`: the arguments are those that the comment names as `args.NAME`. */
function documented(name, taken, params, { line, lineOf }) {
  const found = params.filter((one) => one.owner === taken.name);
  if (!found.length) {
    const remedy = `write \`${name}({ ${taken.name} })\``;
    throw new Refused(`\`${taken.name}\` of \`${name}\` is no name a caller gives; ${remedy}`, lineOf(taken));
  }
  return found.map((param) => ({ name: param.name, line, param, given: null }));
}

function isOwner(param, params) {
  return !param.owner && params.some((one) => one.owner === param.name);
}

function argumentOf(name, property, params, line) {
  if (property.type === "RestElement") {
    throw new Refused(`\`...${property.argument.name}\` of \`${name}\` has no names for a caller; write each out`, line);
  }
  const key = property.computed ? undefined : (property.key.name ?? property.key.value);
  if (typeof key !== "string") throw new Refused(`an argument of \`${name}\` has no plain name`, line);
  const param = params.find((one) => one.name === key && !isOwner(one, params));
  const given = property.value.type === "AssignmentPattern" ? property.value.right : null;
  return { name: key, line, param, given };
}

function propertyOf(name, { name: key, line, param, given }) {
  if (!param?.type) {
    const remedy = `add \`@param {string} args.${key} - what it is\` to the comment before it, with its type`;
    throw new Refused(`\`${key}\` of \`${name}\` has no type; ${remedy}`, line);
  }
  const { schema, optional } = schemaIn(name, key, param.type, line);
  const described = param.text ? { ...schema, description: param.text.toWellFormed() } : { ...schema };
  const fallback = given ? constantOf(given) : written(param.fallback, schema);
  if (fallback !== undefined) described.default = fallback;
  return { schema: described, optional: optional || param.optional || given !== null };
}

function schemaIn(name, key, type, line) {
  try {
    return schemaOf(type);
  } catch (error) {
    if (!(error instanceof NoSchema)) throw error;
    throw new Refused(`\`${key}\` of \`${name}\` ${error.message}`, line);
  }
}

/** The value of a default that is one literal. A manifest is TOML, which has no null. */
function constantOf(node) {
  const negative = node.type === "UnaryExpression" && node.operator === "-";
  const { type, value } = negative ? node.argument : node;
  if (type !== "Literal" || !PLAIN.has(typeof value) || value === Infinity) return undefined;
  return negative ? -value : value;
}

/** A default that only the comment writes: JSON, or text where the argument is text. */
function written(text, schema) {
  if (text === null) return undefined;
  try {
    const value = JSON.parse(text);
    if (PLAIN.has(typeof value)) return value;
  } catch {
    if (schema.type === "string") return text.trim();
  }
  return undefined;
}
