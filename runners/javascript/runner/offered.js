/** What a tool imports from "holdfast": what the host may do for it. Whether it does, it decides. */

import { ToolCallError, toolsOver } from "./calling.js";

/** By what is imported: the host functions behind it. Those of the workspace are told by what is used of it. */
export const CAPABILITIES = Object.freeze({
  http: ["http"],
  kv: ["kv"],
  log: [],
  secrets: ["secret-exists"],
  tools: ["tool-invoke"],
  workspace: [],
  HostError: [],
  ToolCallError: [],
});
export const WORKSPACE = Object.freeze({
  read: "workspace-read",
  readBytes: "workspace-read",
  write: "workspace-write",
});

const { fromBase64 } = Uint8Array;
const { parse, stringify } = JSON;
const decoder = new TextDecoder("utf-8");
const encoder = new TextEncoder();

/** The host did not do it. `code` is a reason's. */
export class HostError extends Error {
  constructor(code, message) {
    super(`${message} (${code})`);
    this.name = "HostError";
    this.code = code;
  }
}

/** What can be imported, over `host`, its `call`. Everything answers at once; `await` does no harm. */
export function offeredBy(host) {
  const ask = (name, payload) => asked(host, name, payload);
  const request = (method, url, options = {}) => requested(ask, method, url, options);
  const log = (message, level = "info") => void ask("log", { level, message: String(message) });
  for (const level of ["debug", "info", "warn", "error"]) log[level] = (message) => log(message, level);
  const value = (key) => {
    const found = ask("kv", { op: "get", key }).value;
    return found === null ? null : fromText(found);
  };
  const data = (path) => fromText(ask("workspace-read", { path }).data);
  return {
    http: {
      request,
      get: (url, options) => request("GET", url, options),
      post: (url, options) => request("POST", url, options),
    },
    kv: {
      get: (key) => {
        const found = value(key);
        return found === null ? null : decoder.decode(found);
      },
      getBytes: value,
      set: (key, given) => void ask("kv", { op: "set", key, value: toText(given) }),
      delete: (key) => void ask("kv", { op: "delete", key }),
      list: (prefix = "") => ask("kv", { op: "list", key: prefix }).keys,
    },
    log,
    secrets: { exists: (name) => ask("secret-exists", { name }).exists },
    tools: toolsOver(host),
    workspace: {
      read: (path) => decoder.decode(data(path)),
      readBytes: data,
      write: (path, given) => void ask("workspace-write", { path, data: toText(given) }),
    },
    HostError,
    ToolCallError,
  };
}

function asked(host, name, payload) {
  try {
    return parse(host(name, stringify(payload)));
  } catch (error) {
    const told = error?.payload;
    if (!Array.isArray(told)) throw error;
    throw new HostError(String(told[0]), String(told[1]));
  }
}

function requested(ask, method, url, { headers = {}, body = "", json, follow = true, timeoutMs }) {
  const sent = new Map(Object.entries(headers));
  const named = [...sent.keys()].map((name) => name.toLowerCase());
  if (json !== undefined && !named.includes("content-type")) sent.set("content-type", "application/json");
  const payload = { method, url: String(url), headers: [...sent], body: toText(json === undefined ? body : stringify(json)), follow };
  const told = ask("http", timeoutMs === undefined ? payload : { ...payload, timeout_ms: timeoutMs });
  const bytes = fromText(told.body);
  return {
    status: told.status,
    ok: Math.trunc(told.status / 100) === 2,
    headers: Object.fromEntries(told.headers.map(([name, value]) => [name.toLowerCase(), value])),
    body: bytes,
    text: decoder.decode(bytes),
    json: () => parse(decoder.decode(bytes)),
  };
}

function fromText(text) {
  return fromBase64.call(Uint8Array, text);
}

function toText(data) {
  if (typeof data === "string") return encoder.encode(data).toBase64();
  if (data instanceof Uint8Array) return data.toBase64();
  throw new TypeError("this takes a string or a Uint8Array; use JSON.stringify for anything else");
}
