"""The kernel of a plugin's call, in WebAssembly text of ours: the memory its input, output and errors live in.

1. Its own state is in globals: nothing that a plugin stores can change where input, output or free blocks are said to
   be found, except in the plugin's own favour inside this one memory, which holds nothing but this one call.
2. Every address is checked against the memory before it is used; what is outside reads as zero and is not written.
3. It never grows beyond what `bound` was told, and says in `short` that it had to refuse.
"""

from typing import Final

ROOT: Final = 64
"""Nothing below is ever handed out, so that zero and small numbers are no address."""

# A block is a head of 16 bytes (size, used, mark, next free) and its data; addresses are those of the data. The mark
# is the address itself, disguised, so that an address inside a block is not taken for one. The chain of free blocks is
# walked for 64 blocks at most: a chain that a plugin has bent into a ring costs it fuel, and no more.
TEXT: Final = """(module
  (memory (export "memory") 1)
  (global $at (mut i32) (i32.const 64))
  (global $free (mut i32) (i32.const 0))
  (global $most (mut i64) (i64.const 65536))
  (global $short (export "short") (mut i32) (i32.const 0))
  (global $input (mut i64) (i64.const 0))
  (global $input_length (mut i64) (i64.const 0))
  (global $output (mut i64) (i64.const 0))
  (global $output_length (mut i64) (i64.const 0))
  (global $error (mut i64) (i64.const 0))

  (func (export "bound") (param $most i64) (global.set $most (local.get $most)))

  (func $end (result i64) (i64.shl (i64.extend_i32_u (memory.size)) (i64.const 16)))

  (func $inside (param $p i64) (param $n i64) (result i32)
    (i32.and
      (i64.ge_u (local.get $p) (i64.const 64))
      (i32.and
        (i64.le_u (local.get $n) (call $end))
        (i64.le_u (local.get $p) (i64.sub (call $end) (local.get $n))))))

  (func $held (param $p i64) (result i32)
    (if (i32.eqz (call $inside (i64.sub (local.get $p) (i64.const 16)) (i64.const 24))) (then (return (i32.const 0))))
    (if (i64.ne (i64.and (local.get $p) (i64.const 7)) (i64.const 0)) (then (return (i32.const 0))))
    (i32.eq
      (i32.load (i32.sub (i32.wrap_i64 (local.get $p)) (i32.const 8)))
      (i32.xor (i32.wrap_i64 (local.get $p)) (i32.const 0x5ac3f00d))))

  (func $hold (param $p i32) (param $size i32) (param $used i32) (result i64)
    (i32.store (i32.sub (local.get $p) (i32.const 16)) (local.get $size))
    (i32.store (i32.sub (local.get $p) (i32.const 12)) (local.get $used))
    (i32.store (i32.sub (local.get $p) (i32.const 8)) (i32.xor (local.get $p) (i32.const 0x5ac3f00d)))
    (i64.extend_i32_u (local.get $p)))

  (func $reuse (param $size i32) (param $used i32) (result i64)
    (local $p i32) (local $before i32) (local $steps i32) (local $has i32)
    (local.set $p (global.get $free))
    (block $none
      (loop $next
        (br_if $none (i32.eqz (call $inside (i64.extend_i32_u (i32.sub (local.get $p) (i32.const 16))) (i64.const 24))))
        (br_if $none (i32.ge_u (local.get $steps) (i32.const 64)))
        (local.set $has (i32.load (i32.sub (local.get $p) (i32.const 16))))
        (if (i32.and
              (i32.ge_u (local.get $has) (local.get $size))
              (call $inside (i64.extend_i32_u (local.get $p)) (i64.extend_i32_u (local.get $has))))
          (then
            (if (i32.ge_u (i32.sub (local.get $has) (local.get $size)) (i32.const 128))
              (then
                (local.set $has (i32.sub (i32.sub (local.get $has) (local.get $size)) (i32.const 16)))
                (i32.store (i32.sub (local.get $p) (i32.const 16)) (local.get $has))
                (return (call $hold
                  (i32.add (i32.add (local.get $p) (local.get $has)) (i32.const 16))
                  (local.get $size) (local.get $used)))))
            (if (local.get $before)
              (then (i32.store
                (i32.sub (local.get $before) (i32.const 4))
                (i32.load (i32.sub (local.get $p) (i32.const 4)))))
              (else (global.set $free (i32.load (i32.sub (local.get $p) (i32.const 4))))))
            (return (call $hold (local.get $p) (local.get $has) (local.get $used)))))
        (local.set $before (local.get $p))
        (local.set $p (i32.load (i32.sub (local.get $p) (i32.const 4))))
        (local.set $steps (i32.add (local.get $steps) (i32.const 1)))
        (br $next)))
    (i64.const 0))

  (func $refuse (result i64) (global.set $short (i32.const 1)) (i64.const 0))

  (func (export "alloc") (param $n i64) (result i64)
    (local $size i32) (local $p i64) (local $end i64)
    (if (i64.eqz (local.get $n)) (then (return (i64.const 0))))
    (if (i64.gt_u (local.get $n) (global.get $most)) (then (return (call $refuse))))
    (local.set $size (i32.and (i32.add (i32.wrap_i64 (local.get $n)) (i32.const 7)) (i32.const -8)))
    (local.set $p (call $reuse (local.get $size) (i32.wrap_i64 (local.get $n))))
    (if (i64.ne (local.get $p) (i64.const 0)) (then (return (local.get $p))))
    (local.set $end (i64.add
      (i64.extend_i32_u (global.get $at))
      (i64.add (i64.extend_i32_u (local.get $size)) (i64.const 16))))
    (if (i64.gt_u (local.get $end) (global.get $most)) (then (return (call $refuse))))
    (if (i64.gt_u (local.get $end) (call $end))
      (then
        (if (i32.eq
              (memory.grow (i32.wrap_i64 (i64.shr_u
                (i64.add (i64.sub (local.get $end) (call $end)) (i64.const 65535)) (i64.const 16))))
              (i32.const -1))
          (then (return (call $refuse))))))
    (local.set $p (call $hold
      (i32.add (global.get $at) (i32.const 16)) (local.get $size) (i32.wrap_i64 (local.get $n))))
    (global.set $at (i32.wrap_i64 (local.get $end)))
    (local.get $p))

  (func (export "free") (param $p i64)
    (if (i32.eqz (call $held (local.get $p))) (then (return)))
    (i32.store (i32.sub (i32.wrap_i64 (local.get $p)) (i32.const 8)) (i32.const 0))
    (i32.store (i32.sub (i32.wrap_i64 (local.get $p)) (i32.const 4)) (global.get $free))
    (global.set $free (i32.wrap_i64 (local.get $p)))
    (if (i64.eq (local.get $p) (global.get $input)) (then (global.set $input_length (i64.const 0)))))

  (func $length (export "length") (param $p i64) (result i64)
    (if (i32.eqz (call $held (local.get $p))) (then (return (i64.const 0))))
    (i64.extend_i32_u (i32.load (i32.sub (i32.wrap_i64 (local.get $p)) (i32.const 12)))))
  (func (export "length_unsafe") (param $p i64) (result i64) (call $length (local.get $p)))

  (func (export "load_u8") (param $p i64) (result i32)
    (if (i32.eqz (call $inside (local.get $p) (i64.const 1))) (then (return (i32.const 0))))
    (i32.load8_u (i32.wrap_i64 (local.get $p))))
  (func (export "load_u64") (param $p i64) (result i64)
    (if (i32.eqz (call $inside (local.get $p) (i64.const 8))) (then (return (i64.const 0))))
    (i64.load (i32.wrap_i64 (local.get $p))))
  (func (export "store_u8") (param $p i64) (param $x i32)
    (if (call $inside (local.get $p) (i64.const 1))
      (then (i32.store8 (i32.wrap_i64 (local.get $p)) (local.get $x)))))
  (func (export "store_u64") (param $p i64) (param $x i64)
    (if (call $inside (local.get $p) (i64.const 8))
      (then (i64.store (i32.wrap_i64 (local.get $p)) (local.get $x)))))

  (func $given (param $at i64) (param $n i64) (result i32)
    (i32.and
      (i64.ge_u (global.get $input_length) (local.get $n))
      (i64.le_u (local.get $at) (i64.sub (global.get $input_length) (local.get $n)))))
  (func (export "input_load_u8") (param $at i64) (result i32)
    (if (i32.eqz (call $given (local.get $at) (i64.const 1))) (then (return (i32.const 0))))
    (i32.load8_u (i32.wrap_i64 (i64.add (global.get $input) (local.get $at)))))
  (func (export "input_load_u64") (param $at i64) (result i64)
    (if (i32.eqz (call $given (local.get $at) (i64.const 8))) (then (return (i64.const 0))))
    (i64.load (i32.wrap_i64 (i64.add (global.get $input) (local.get $at)))))

  (func (export "input_set") (param $p i64) (param $n i64)
    (if (i32.eqz (call $inside (local.get $p) (local.get $n))) (then (return)))
    (global.set $input (local.get $p))
    (global.set $input_length (local.get $n)))
  (func (export "input_length") (result i64) (global.get $input_length))
  (func (export "input_offset") (result i64) (global.get $input))

  (func (export "output_set") (param $p i64) (param $n i64)
    (if (i32.eqz (call $inside (local.get $p) (local.get $n))) (then (return)))
    (global.set $output (local.get $p))
    (global.set $output_length (local.get $n)))
  (func (export "output_length") (result i64) (global.get $output_length))
  (func (export "output_offset") (result i64) (global.get $output))

  (func (export "error_set") (param $p i64)
    (if (i64.ne (local.get $p) (i64.const 0))
      (then (if (i32.eqz (call $inside (local.get $p) (i64.const 1))) (then (return)))))
    (global.set $error (local.get $p)))
  (func (export "error_get") (result i64) (global.get $error))

  (func (export "reset")
    (memory.fill (i32.const 64) (i32.const 0) (i32.sub (global.get $at) (i32.const 64)))
    (global.set $at (i32.const 64))
    (global.set $free (i32.const 0))
    (global.set $input (i64.const 0)) (global.set $input_length (i64.const 0))
    (global.set $output (i64.const 0)) (global.set $output_length (i64.const 0))
    (global.set $error (i64.const 0)))

  (func (export "memory_bytes") (result i64) (call $end)))"""
