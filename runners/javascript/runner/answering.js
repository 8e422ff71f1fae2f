/**
 * Runs one program in a fresh interpreter and tells what came of it. It protects nothing: the walls are outside.
 *
 * A request: `{"code", "input"?, "files"?: {name: base64}, "output_bytes"}`. An answer has `stdout`, `stderr`, and
 *
 * - `value`: `{"repr", "json"?}` of the last statement, unless it was undefined; a promise is awaited;
 * - `error`: `{"type", "message", "line"?, "traceback"}` when something was thrown that nothing caught;
 * - `files`: `{name: base64}` of what it wrote;
 * - `limit`: `memory_bytes`, when that is what ended it; nothing else is there then.
 *
 * A request with `{"source", "file", "function"?, "arguments"?}` in place of `code` is about a tool. Its answer has
 * `described: {tools, capabilities}` or `result`, else `refused` with `line`, or `error`.
 */

import { toolsOver } from "./calling.js";
import { consoleOver } from "./console.js";
import { put } from "./files.js";
import { evaluable } from "./parsing.js";
import { Room, Written } from "./streams.js";
import { shown, told } from "./telling.js";
import { OUT_OF_MEMORY, written } from "./writing.js";
import { runTool } from "./tools.js";
import { settled } from "./waiting.js";

const { parse } = JSON;
const evaluate = eval; // called by another name it runs what it is given as a script of its own, in the global scope
const { fromBase64 } = Uint8Array;
const MEMORY_FULL = '{"limit":"memory_bytes"}';

/** Run the program of `request`; answers what it says, as this file's comment has it. `host` has `call` and `stop`. */
export async function answer(request, host) {
  const asked = parse(request);
  const room = new Room(asked.output_bytes, host.stop);
  const [out, err] = [new Written(room), new Written(room)];
  try {
    const said = await outcome(asked, host, out, err);
    return written({ stdout: out.taken(), stderr: err.taken() }, said);
  } catch (error) {
    if (error === OUT_OF_MEMORY) return MEMORY_FULL;
    throw error;
  }
}

async function outcome(asked, host, out, err) {
  globalThis.console = consoleOver(out, err);
  if ("source" in asked) return runTool(asked, host);
  equip(asked, host);
  const program = { code: asked.code, before: 0, fault: null };
  try {
    const value = await settled(asked.code, () => run(program));
    return value === undefined ? {} : { value: shown(value) };
  } catch (thrown) {
    if (thrown === OUT_OF_MEMORY) throw thrown;
    return { error: told(thrown, program) };
  }
}

/** Give the program what it finds by name. */
function equip(asked, host) {
  for (const [name, data] of Object.entries(asked.files ?? {})) put(name, fromBase64.call(Uint8Array, data));
  const given = asked.input ?? null;
  Object.assign(globalThis, { input: given, input_data: given });
  globalThis.tools = toolsOver(host.call);
}

/** The value of the program's last statement. Sets where it begins in what is evaluated, for its exceptions. */
export function run(program) {
  const { text, before, fault } = evaluable(program.code);
  program.before = before;
  program.fault = fault;
  return evaluate(text);
}
