"""Extism plugins in WebAssembly text: what they import is written out, as a plugin kit would leave it."""

ENV = "extism:host/env"
TYPES = {
    "alloc": "(param i64) (result i64)",
    "free": "(param i64)",
    "length": "(param i64) (result i64)",
    "length_unsafe": "(param i64) (result i64)",
    "load_u8": "(param i64) (result i32)",
    "load_u64": "(param i64) (result i64)",
    "store_u8": "(param i64 i32)",
    "store_u64": "(param i64 i64)",
    "input_set": "(param i64 i64)",
    "input_length": "(result i64)",
    "input_offset": "(result i64)",
    "input_load_u8": "(param i64) (result i32)",
    "input_load_u64": "(param i64) (result i64)",
    "output_set": "(param i64 i64)",
    "output_length": "(result i64)",
    "output_offset": "(result i64)",
    "error_set": "(param i64)",
    "error_get": "(result i64)",
    "reset": "",
    "memory_bytes": "(result i64)",
    "config_get": "(param i64) (result i64)",
    "var_get": "(param i64) (result i64)",
    "var_set": "(param i64 i64)",
    "http_request": "(param i64 i64) (result i64)",
    "http_status_code": "(result i32)",
    "http_headers": "(result i64)",
    "get_log_level": "(result i32)",
    "log_trace": "(param i64)",
    "log_debug": "(param i64)",
    "log_info": "(param i64)",
    "log_warn": "(param i64)",
    "log_error": "(param i64)",
}


def plugin(body: str, *imports: str, parts: str = "", name: str = "run", memory: str = "1", more: str = "") -> str:
    """A plugin that exports the function *name*, whose body leaves an i32, and imports *imports* from Extism."""
    written = " ".join(f'(import "{ENV}" "{item}" (func ${item} {TYPES[item]}))' for item in imports)
    return f"""(module {written} {more} (memory (export "memory") {memory}) {parts}
      (func $run (export "{name}") (result i32)
        (local $p i64) (local $q i64) (local $n i64) (local $i i64) (local $w i32) {body}))"""


def text(content: str, at: int = 16) -> str:
    """Data at *at*, and `$text`, which puts it into the kernel and answers its address. Needs alloc and store_u8."""
    data = content.encode()
    escaped = "".join(f"\\{byte:02x}" for byte in data)
    return f"""(data (i32.const {at}) "{escaped}")
      (func $put (param $from i32) (param $n i32) (result i64) (local $p i64) (local $i i32)
        (local.set $p (call $alloc (i64.extend_i32_u (local.get $n))))
        (block $done (loop $next
          (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
          (call $store_u8 (i64.add (local.get $p) (i64.extend_i32_u (local.get $i)))
            (i32.load8_u (i32.add (local.get $from) (local.get $i))))
          (local.set $i (i32.add (local.get $i) (i32.const 1))) (br $next)))
        (local.get $p))
      (func $text (result i64) (call $put (i32.const {at}) (i32.const {len(data)})))"""


def says(content: str, *imports: str, name: str = "run") -> str:
    """A plugin that answers *content*."""
    return plugin(
        f"(call $output_set (call $text) (i64.const {len(content.encode())})) (i32.const 0)",
        *dict.fromkeys(("alloc", "store_u8", "output_set", *imports)),
        parts=text(content),
        name=name,
    )


ECHO = plugin(
    """(local.set $n (call $input_length)) (local.set $p (call $alloc (local.get $n)))
    (block $done (loop $next
      (br_if $done (i64.ge_u (local.get $i) (local.get $n)))
      (call $store_u8 (i64.add (local.get $p) (local.get $i)) (call $input_load_u8 (local.get $i)))
      (local.set $i (i64.add (local.get $i) (i64.const 1))) (br $next)))
    (call $output_set (local.get $p) (local.get $n)) (i32.const 0)""",
    "input_length", "input_load_u8", "alloc", "store_u8", "output_set", name="echo",
)  # fmt: skip
