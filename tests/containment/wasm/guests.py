"""Guests in WebAssembly text. Each does one thing a tool might do to its host."""

WASI = "wasi_snapshot_preview1"


def core(body: str, *, parts: str = "", memory: str = "1") -> str:
    """A core-json tool whose `run` is *body*, which leaves an i64: `ptr << 32 | len`."""
    return f"""(module (memory (export "memory") {memory}) {parts}
      (func (export "alloc") (param i32) (result i32) (i32.const 1024))
      (func $run (export "run") (param $ptr i32) (param $len i32) (result i64) {body}))"""


def answering(expression: str, *, parts: str = "", before: str = "", memory: str = "1") -> str:
    """A core-json tool that answers the i32 *expression* in decimal."""
    return core(
        f"""{before} (local.set $n {expression}) (local.set $at (i32.const 99))
        (loop $digit
          (i32.store8 (local.get $at) (i32.add (i32.const 48) (i32.rem_u (local.get $n) (i32.const 10))))
          (local.set $at (i32.sub (local.get $at) (i32.const 1)))
          (local.set $n (i32.div_u (local.get $n) (i32.const 10)))
          (br_if $digit (local.get $n)))
        (i64.or (i64.shl (i64.extend_i32_u (i32.add (local.get $at) (i32.const 1))) (i64.const 32))
                (i64.extend_i32_u (i32.sub (i32.const 99) (local.get $at))))""",
        parts=parts,
        memory=memory,
    ).replace("(result i64) ", "(result i64) (local $n i32) (local $at i32) (local $i i32) ", 1)


def command(body: str, *imports: str, parts: str = "", memory: str = "1") -> str:
    """A wasi-command whose `_start` is *body*. *imports* are `name params`, results in `i32`."""
    written = "".join(
        f'(import "{WASI}" "{name}" (func ${name} {f"(param {params})" if params else ""} (result i32)))'
        for name, _, params in (item.partition(" ") for item in imports)
    )
    return f"""(module {written} (memory (export "memory") {memory}) {parts}
      (func (export "_start") (local $i i32) (local $n i32) {body}))"""


WRITE = "fd_write i32 i32 i32 i32"
YIELD = "sched_yield "
POLL = "poll_oneoff i32 i32 i32 i32"

# Write the low digit of the i32 on the stack, and of what is above it in hundreds: enough for errno values.
SAY = """(local.set $n) (i32.store8 (i32.const 100) (i32.add (i32.const 48) (i32.div_u (local.get $n) (i32.const 10))))
 (i32.store8 (i32.const 101) (i32.add (i32.const 48) (i32.rem_u (local.get $n) (i32.const 10))))
 (i32.store (i32.const 104) (i32.const 100)) (i32.store (i32.const 108) (i32.const 2))
 (drop (call $fd_write (i32.const 1) (i32.const 104) (i32.const 1) (i32.const 112)))"""


def flood(descriptor: int, chunk: int = 4096) -> str:
    """Writes *chunk* bytes of `x` to *descriptor* until the end of time."""
    return command(
        f"""(memory.fill (i32.const 1024) (i32.const 120) (i32.const {chunk}))
        (i32.store (i32.const 0) (i32.const 1024)) (i32.store (i32.const 4) (i32.const {chunk}))
        (loop $more
          (drop (call $fd_write (i32.const {descriptor}) (i32.const 0) (i32.const 1) (i32.const 16)))
          (br $more))""",
        WRITE,
    )


LOOP = core("(loop $l (br $l)) unreachable")
RECURSE = core("(call $run (local.get $ptr) (local.get $len))")
GROW = answering(
    "(i32.mul (memory.size) (i32.const 64))",
    before="(loop $l (br_if $l (i32.ne (i32.const -1) (memory.grow (i32.const 1)))))",
)
TABLE_GROW = answering(
    "(table.size $t)",
    parts="(table $t 0 funcref)",
    before="(loop $l (br_if $l (i32.ne (i32.const -1) (table.grow $t (ref.null func) (i32.const 1000)))))",
)
STATE = answering(
    "(i32.add (global.get $g) (i32.load (i32.const 60000)))",
    parts="(global $g (mut i32) (i32.const 0))",
    before="""(global.set $g (i32.add (global.get $g) (i32.const 1)))
      (i32.store (i32.const 60000) (i32.add (i32.load (i32.const 60000)) (i32.const 1)))""",
)
SLEEP = command(
    """(i32.store (i32.const 16) (i32.const 1)) (i64.store (i32.const 24) (i64.const 3600000000000))
    (drop (call $poll_oneoff (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 256)))""",
    POLL,
)
TRAP_IN_START = core("(i64.const 0)", parts="(func $bad unreachable) (start $bad)")
HELLO = command(
    """(i32.store (i32.const 0) (i32.const 512)) (i32.store (i32.const 4) (i32.const 12))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))""",
    WRITE,
    parts='(data (i32.const 512) "{\\"hello\\": 1}")',
)
