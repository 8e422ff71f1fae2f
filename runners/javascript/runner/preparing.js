/** Readies the interpreter while it is built: what programs find by name, and what a first call makes once. */

import { ToolCallError } from "./calling.js";
import { consoleOver } from "./console.js";
import { files } from "./files.js";
import { NOTHING_TO_IMPORT } from "./parsing.js";
import { run } from "./answering.js";
import { Room, Written } from "./streams.js";
import { sourceOf } from "./sources.js";
import { shown, told } from "./telling.js";
import { functionsOf, toolOf } from "./tools.js";
import { takeOver } from "./waiting.js";
import { jsonText } from "./writing.js";

/** Without a network these end the whole interpreter when they are called. */
const GONE = ["fetch", "Request", "Response", "Headers", "location", "WorkerLocation"];
const WARM = [
  "1 + 1",
  "({ a: [1, 2.5, null, 'x', { b: new Map([[1, new Set([2])]]) }], f() {}, d: new Date(0), e: new TypeError('t') })",
  "console.log('%s is %d', 'x', 1, { a: 1 }, [1, 'two'])",
  "(() => {\n  throw new TypeError('t', { cause: new Error('c') })\n})()",
  "let x = (",
  "JSON.parse(JSON.stringify({ a: [1, 'b'] })).a.map((one) => `${one}`).join().replace(/b/g, 'c')",
  "const x = 1;\nfor (const y of [1, 2]) { if (y > x) console.error(y); }\n(async () => { await null; })(); x",
];
const TOOL = `import { log } from "holdfast";
/**
 * Twice.
 * @param {number|string} args.x - a number
 * @param {Array<string>} [args.why=[]] - a reason
 */
export function twice({ x, why = null }) {
  if (why) log(why);
  return { x: [2 * x, "two"] };
}
`;
const ROUNDS = 20;

/** Make the names, take the engine's own away where they have no use, and run programs of ours. */
export function prepare() {
  for (const name of GONE) delete globalThis[name];
  takeOver();
  // A program may have this name for its own, so it is not constant; it only must not be listed.
  const refused = () => Promise.reject(new Error(NOTHING_TO_IMPORT));
  Object.defineProperty(globalThis, "$mport", { value: refused, writable: true, configurable: true });
  Object.assign(globalThis, { files, ToolCallError, input: null, input_data: null });
  warm();
}

function warm() {
  const room = new Room(Number.MAX_SAFE_INTEGER, () => {});
  const kept = globalThis.console;
  globalThis.console = consoleOver(new Written(room), new Written(room));
  for (let round = 0; round < ROUNDS; round++) {
    for (const code of WARM) {
      const program = { code, before: 0, fault: null };
      try {
        JSON.stringify(shown(run(program)));
      } catch (error) {
        JSON.stringify(told(error, program));
      }
    }
    const source = sourceOf(TOOL, "warm.js");
    JSON.stringify(source.functions.map(toolOf));
    jsonText(functionsOf(source, { call: () => "{}" }).twice({ x: 1 }));
  }
  globalThis.console = kept;
}
