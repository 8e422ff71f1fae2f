(; {{name}}: a core-json tool. `alloc` says where the arguments go, `run` is called with where they are and how long,
   and answers with the place and the length of its answer in one number. The arguments are {"name":"..."}, as the schema
   of tool.toml says and without spaces: what follows the first 9 bytes is the name, its closing quote and brace. ;)
(module
  (memory (export "memory") 1 16)
  (data (i32.const 16) "{\"greeting\":\"hello, ")
  (func (export "alloc") (param $length i32) (result i32) (i32.const 1024))
  (func (export "run") (param $at i32) (param $length i32) (result i64)
    (local $rest i32)
    (local.set $rest (i32.sub (local.get $length) (i32.const 9)))
    (memory.copy
      (i32.const 36)
      (i32.add (local.get $at) (i32.const 9))
      (local.get $rest))
    (i64.or
      (i64.shl (i64.const 16) (i64.const 32))
      (i64.extend_i32_u (i32.add (local.get $rest) (i32.const 20))))))
