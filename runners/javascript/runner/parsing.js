/** Rewrites a program that awaits or imports at its top into one that the engine's `eval` takes. It runs nothing. */

import { parse } from "../node_modules/acorn/dist/acorn.mjs";

export const NAME = "code.js";
/** Names the program in stacks; on its first line, so that lines keep their numbers. */
export const HEADER = `/*# sourceURL=${NAME} */`;
export const NOTHING_TO_IMPORT = "there is nothing to import: a program has the language, `files`, `tools` and `input`";
const ASYNC = "(async () => {";
const OPTIONS = {
  ecmaVersion: "latest",
  locations: true,
  allowAwaitOutsideFunction: true,
  allowImportExportEverywhere: true,
};
/** Without these a source awaits and imports nothing. */
export const WORDS = /\b(?:await|import)\b/;
const SCOPES = new Set([
  "FunctionDeclaration",
  "FunctionExpression",
  "ArrowFunctionExpression",
  "MethodDefinition",
  "PropertyDefinition",
  "StaticBlock",
]);

/** The text to evaluate, and how many characters stand before the program in its first line. Throws SyntaxError. */
export function evaluable(code) {
  const plain = { text: HEADER + code, before: HEADER.length, fault: null };
  if (!WORDS.test(code)) return plain;
  let tree;
  try {
    tree = parse(code, OPTIONS);
  } catch (fault) {
    return { ...plain, fault }; // the engine has the last word; if it finds a fault as well, this one is better placed
  }
  const found = { awaits: false, imports: [] };
  for (const statement of tree.body) look(statement, found, true);
  const rewritten = withoutImports(code, found.imports);
  if (!found.awaits) return { text: HEADER + rewritten, before: HEADER.length, fault: null };
  const { text, before } = asynchronous(rewritten, tree);
  return { text, before, fault: null };
}

/** Puts into `found` whether `node` awaits at the top, and where it imports. Throws SyntaxError. */
export function look(node, found, atTop) {
  if (node.type === "ImportDeclaration") {
    throw Object.assign(new SyntaxError(NOTHING_TO_IMPORT), { loc: node.loc.start });
  }
  if (node.type === "ImportExpression") found.imports.push(node.start);
  if (atTop && (node.type === "AwaitExpression" || (node.type === "ForOfStatement" && node.await))) found.awaits = true;
  const inside = atTop && !SCOPES.has(node.type);
  for (const part of Object.values(node)) {
    if (Array.isArray(part)) part.forEach((one) => one?.type && look(one, found, inside));
    else if (part?.type) look(part, found, inside);
  }
}

/** `import(...)` reaches for a file system that is not there, and ends the engine; a function that rejects does not. */
function withoutImports(code, starts) {
  return starts
    .toSorted((one, two) => two - one)
    .reduce((text, at) => `${text.slice(0, at)}$mport${text.slice(at + "import".length)}`, code);
}

/** The program as an async function that answers the value of its last statement, if that is an expression. */
function asynchronous(code, tree) {
  const last = tree.body.at(-1);
  const text =
    last?.type === "ExpressionStatement"
      ? `${code.slice(0, last.start)}return (${code.slice(last.start, last.expression.end)}\n)`
      : code;
  return { text: `${HEADER}${ASYNC}${text}\n})()`, before: HEADER.length + ASYNC.length };
}
