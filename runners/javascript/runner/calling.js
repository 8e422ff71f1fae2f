/** `tools.NAME({...})`: asks the host to call another tool. Whether it may is the host's to say. */

/** Another tool did not answer. `status` is `denied`, `error`, `stopped` or `pending`; `code` a reason's. */
export class ToolCallError extends Error {
  constructor(status, code, message) {
    super(`${status}: ${message}${code ? ` (${code})` : ""}`);
    this.name = "ToolCallError";
    this.status = status;
    this.code = code;
  }
}

// What an engine or a printer asks of any object, which no tool is called.
const NO_TOOLS = new Set(["then", "toJSON", "constructor", "inspect"]);

/** The other tools, as functions that take one object of arguments and answer at once. `host` is its `call`. */
export function toolsOver(host) {
  return new Proxy(Object.freeze({}), {
    get: (_target, name) => {
      if (typeof name !== "string" || NO_TOOLS.has(name)) return undefined;
      return (given = {}) => call(host, name, given);
    },
  });
}

function call(host, name, given) {
  if (given === null || typeof given !== "object" || Array.isArray(given)) {
    throw new TypeError(`tools.${name} takes one object of arguments by name`);
  }
  const told = JSON.parse(asked(host, JSON.stringify({ name, arguments: given })));
  if (told.status !== "ok") {
    const reason = told.reason ?? {};
    const message = reason.message || told.text || "the tool did not answer";
    throw new ToolCallError(told.status, reason.code ?? "", message);
  }
  const { structured, text = "" } = told;
  if (structured === null || structured === undefined) return text;
  if (typeof structured !== "object" || Array.isArray(structured)) return structured;
  // Beside the answer, not in it: it is not there when the answer is printed, listed or written as JSON.
  return Object.defineProperty(structured, "text", { value: structured.text ?? text, enumerable: "text" in structured });
}

function asked(host, payload) {
  try {
    return host("tool-invoke", payload);
  } catch (error) {
    const told = error?.payload;
    if (!Array.isArray(told)) throw error;
    throw new ToolCallError("denied", String(told[0]), String(told[1]));
  }
}
