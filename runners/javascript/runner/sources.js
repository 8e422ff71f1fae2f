/** Source text of a tool: which functions it exports, what it imports of ours, and as text that `eval` takes. It runs nothing. */

import { parse } from "../node_modules/acorn/dist/acorn.mjs";

import { CAPABILITIES, WORKSPACE } from "./offered.js";
import { look, WORDS } from "./parsing.js";

const MOST = 64;
const OPTIONS = { ecmaVersion: "latest", sourceType: "module" };
const LINE = /\r\n|[\n\r\u2028\u2029]/;
const FUNCTIONS = new Set(["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"]);
const OURS = `import { ${Object.keys(CAPABILITIES).join(", ")} } from "holdfast"`;

/** The source is no tool. One sentence that says what to do, and the line. */
export class Refused extends Error {
  constructor(message, line) {
    super(message);
    this.line = line;
  }
}

/**
 * What `source` is: `text`, to evaluate to a function of the `imports` (`[local, name]`) that answers the exported
 * functions by name; `before`, the characters before the source in its first line; `functions` (`{name, node, doc,
 * line, lineOf}`); `capabilities`. `file` names it in stacks. Throws Refused, SyntaxError.
 */
export function sourceOf(source, file) {
  const comments = [];
  const tree = parse(source, { ...OPTIONS, onComment: comments });
  const found = { awaits: false, imports: [] };
  const imports = [];
  const mayAwait = WORDS.test(source); // every call comes by here, and no compiler helps
  const blanks = [];
  for (const statement of tree.body) {
    if (statement.type === "ImportDeclaration") {
      imports.push(...imported(statement, lineOf(source, statement)));
      blanks.push(statement);
    } else if (mayAwait) look(statement, found, true);
  }
  if (found.imports.length) {
    throw new Refused("`import()` finds nothing here; a tool is one file", lineOf(source, { start: found.imports[0] }));
  }
  const functions = exported(tree, source, blanks).map((one) => ({ ...one, doc: docBefore(one.place, comments, source) }));
  const head = `/*# sourceURL=${file} */(${found.awaits ? "async " : ""}(${imports.map(([local]) => local).join(", ")}) => {"use strict";`;
  const tail = `\nreturn {${functions.map((one) => one.name).join(", ")}}})`;
  return {
    text: head + blanked(source, blanks) + tail,
    before: head.length,
    functions,
    imports,
    capabilities: [...capabilities(tree, imports)].sort(),
  };
}

function imported(node, line) {
  const plain = node.specifiers.every((one) => one.type === "ImportSpecifier");
  if (node.source.value !== "holdfast" || !plain || !node.specifiers.length) {
    throw new Refused(`nothing can be imported but what the host offers: \`${OURS}\``, line);
  }
  return node.specifiers.map((one) => {
    const name = one.imported.name ?? one.imported.value;
    if (!Object.hasOwn(CAPABILITIES, name)) throw new Refused(`the host offers no \`${name}\`: \`${OURS}\``, line);
    return [one.local.name, name];
  });
}

/** The line of `source` that `node` begins in. */
function lineOf(source, node) {
  return source.slice(0, node.start).split(LINE).length;
}

/** The exported functions as `{name, node, place, line}`. What is no part of their own text goes to `blanks`. */
function exported(tree, source, blanks) {
  const declared = new Map(tree.body.flatMap(declarations));
  const found = [];
  for (const statement of tree.body) {
    if (statement.type === "ExportAllDeclaration" || (statement.type === "ExportNamedDeclaration" && statement.source)) {
      throw new Refused(`there is nothing to import; export only functions of this file`, lineOf(source, statement));
    }
    if (!statement.type.startsWith("Export")) continue;
    const declaration = statement.declaration;
    const isStatement = declaration && (statement.type === "ExportNamedDeclaration" || declaration.type === "FunctionDeclaration");
    blanks.push(isStatement ? { start: statement.start, end: declaration.start } : statement);
    const line = lineOf(source, statement);
    for (const name of namesOf(statement, line)) found.push(functionOf(name, declared, line, source));
  }
  const names = new Set(found.map((one) => one.name));
  if (!names.size) throw new Refused("there is no exported function; write `export function name({ … }) { … }`");
  if (names.size > MOST) throw new Refused(`more than ${MOST} functions are exported`);
  return [...names].map((name) => found.find((one) => one.name === name));
}

/** What a statement at the top declares: `[name, {node, place}]`. */
function declarations(statement) {
  const node = statement.type.startsWith("Export") ? statement.declaration : statement;
  if (node?.type === "FunctionDeclaration" && node.id) return [[node.id.name, { node, place: statement }]];
  if (node?.type !== "VariableDeclaration") return [];
  return node.declarations.filter((one) => one.id.type === "Identifier").map((one) => [one.id.name, { node: one.init, place: statement }]);
}

function namesOf(statement, line) {
  const { declaration, specifiers = [] } = statement;
  const renamed = specifiers.find((one) => one.local.name !== (one.exported.name ?? one.exported.value));
  if (renamed) throw new Refused(`\`${renamed.local.name}\` is exported by another name; give it that name`, line);
  if (!declaration) return specifiers.map((one) => one.local.name);
  if (declaration.type === "Identifier") return [declaration.name];
  if (declaration.type === "VariableDeclaration") {
    return declaration.declarations.map((one) => one.id.name ?? "");
  }
  if (!declaration.id) throw new Refused("what is exported has no name; write `export default function name({ … })`", line);
  return [declaration.id.name];
}

function functionOf(name, declared, line, source) {
  const { node, place } = declared.get(name) ?? {};
  if (!FUNCTIONS.has(node?.type)) {
    throw new Refused(`\`${name}\` is exported and is no function; export only the functions that are tools`, line);
  }
  if (node.generator) throw new Refused(`\`${name}\` must answer one value: no \`*\``, line);
  return { name, node, place, line: lineOf(source, node), lineOf: (at) => lineOf(source, at) };
}

/** The inner text of the JSDoc comment that stands right before `node`, or nothing. */
function docBefore(node, comments, source) {
  const last = comments.findLast((one) => one.end <= node.start);
  const isDoc = last?.type === "Block" && last.value.startsWith("*");
  return isDoc && !source.slice(last.end, node.start).trim() ? last.value : "*";
}

/** `source` with spaces in the place of each of `parts`; lines and columns stay. */
function blanked(source, parts) {
  return parts.reduce(
    (text, { start, end }) => text.slice(0, start) + text.slice(start, end).replace(/[^\n\r\u2028\u2029]/g, " ") + text.slice(end),
    source,
  );
}

/** The host functions behind `imports`; of the workspace those that are named, or all where it goes elsewhere. */
function capabilities(tree, imports) {
  const found = new Set(imports.flatMap(([, name]) => CAPABILITIES[name]));
  const locals = new Set(imports.filter(([, name]) => name === "workspace").map(([local]) => local));
  if (locals.size) for (const statement of tree.body) members(statement, locals, found);
  return found;
}

function members(node, locals, found) {
  if (node.type === "ImportDeclaration") return;
  const named = node.type === "MemberExpression" && !node.computed && locals.has(node.object.name);
  if (named && Object.hasOwn(WORKSPACE, node.property.name)) {
    found.add(WORKSPACE[node.property.name]);
    return;
  }
  if (node.type === "Identifier" && locals.has(node.name)) for (const one of Object.values(WORKSPACE)) found.add(one);
  for (const [key, part] of Object.entries(node)) {
    if (key === "property" && !node.computed) continue; // the name of a member
    if (Array.isArray(part)) part.forEach((one) => one?.type && members(one, locals, found));
    else if (part?.type) members(part, locals, found);
  }
}
