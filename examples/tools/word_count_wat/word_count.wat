;; Counts lines, words and bytes of {"text": "..."}. A core-json tool: exports memory, alloc and run, imports nothing.
;; JSON's escapes are decoded, so "a\nb" has two lines and "\u00e9" two bytes. Anything but that one object traps.
(module
  (memory (export "memory") 1)
  (global $free (mut i32) (i32.const 1024))      ;; below: the answer is written at 512
  (global $at (mut i32) (i32.const 0))           ;; next byte of the arguments
  (global $end (mut i32) (i32.const 0))
  (data (i32.const 0) "\"text\"")
  (data (i32.const 16) "{\"lines\":")
  (data (i32.const 32) ",\"words\":")
  (data (i32.const 48) ",\"bytes\":")

  ;; A block of $length bytes. Every call has a fresh instance, so nothing is ever freed.
  (func (export "alloc") (param $length i32) (result i32)
    (local $block i32) (local $room i32)
    (local.set $block (global.get $free))
    (if (i32.gt_u (local.get $length) (i32.const 0x3fffffff)) (then unreachable))
    (global.set $free (i32.add (local.get $block) (local.get $length)))
    (local.set $room (i32.shl (memory.size) (i32.const 16)))
    (if (i32.gt_u (global.get $free) (local.get $room))
      (then
        (if (i32.eq (i32.const -1)
              (memory.grow (i32.add (i32.const 1)
                (i32.shr_u (i32.sub (global.get $free) (local.get $room)) (i32.const 16)))))
          (then unreachable))))
    (local.get $block))

  ;; The next byte, which is passed.
  (func $byte (result i32)
    (if (i32.ge_u (global.get $at) (global.get $end)) (then unreachable))
    (i32.load8_u (global.get $at))
    (global.set $at (i32.add (global.get $at) (i32.const 1))))

  ;; The next byte that is not JSON white space, which is passed.
  (func $token (result i32)
    (local $c i32)
    (loop $again
      (local.set $c (call $byte))
      (br_if $again (i32.or
        (i32.or (i32.eq (local.get $c) (i32.const 0x20)) (i32.eq (local.get $c) (i32.const 0x0a)))
        (i32.or (i32.eq (local.get $c) (i32.const 0x0d)) (i32.eq (local.get $c) (i32.const 0x09))))))
    (local.get $c))

  (func $expect (param $wanted i32)
    (if (i32.ne (call $token) (local.get $wanted)) (then unreachable)))

  ;; Four hexadecimal digits.
  (func $hex (result i32)
    (local $value i32) (local $digit i32) (local $c i32) (local $left i32)
    (local.set $left (i32.const 4))
    (loop $more
      (local.set $c (call $byte))
      (local.set $digit (i32.sub (local.get $c) (i32.const 0x30)))              ;; 0-9
      (if (i32.gt_u (local.get $digit) (i32.const 9))
        (then
          (local.set $digit                                                      ;; a-f, A-F
            (i32.add (i32.const 10)
              (i32.sub (i32.or (local.get $c) (i32.const 0x20)) (i32.const 0x61))))
          (if (i32.or (i32.lt_u (local.get $digit) (i32.const 10)) (i32.gt_u (local.get $digit) (i32.const 15)))
            (then unreachable))))
      (local.set $value (i32.or (i32.shl (local.get $value) (i32.const 4)) (local.get $digit)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $more (local.get $left)))
    (local.get $value))

  ;; What follows a backslash: the character, as a number.
  (func $escape (result i32)
    (local $c i32)
    (local.set $c (call $byte))
    (if (i32.eq (local.get $c) (i32.const 0x75)) (then (return (call $hex))))              ;; \uXXXX
    (if (i32.eq (local.get $c) (i32.const 0x6e)) (then (return (i32.const 0x0a))))         ;; \n
    (if (i32.eq (local.get $c) (i32.const 0x74)) (then (return (i32.const 0x09))))         ;; \t
    (if (i32.eq (local.get $c) (i32.const 0x72)) (then (return (i32.const 0x0d))))         ;; \r
    (if (i32.eq (local.get $c) (i32.const 0x66)) (then (return (i32.const 0x0c))))         ;; \f
    (if (i32.eq (local.get $c) (i32.const 0x62)) (then (return (i32.const 0x08))))         ;; \b
    (if (i32.or
          (i32.or (i32.eq (local.get $c) (i32.const 0x22)) (i32.eq (local.get $c) (i32.const 0x5c)))
          (i32.eq (local.get $c) (i32.const 0x2f)))
      (then (return (local.get $c))))                                                      ;; \" \\ \/
    unreachable)

  ;; How many bytes of UTF-8 an escaped character has. The two halves of a pair are counted together, at the first.
  (func $width (param $c i32) (result i32)
    (if (i32.lt_u (local.get $c) (i32.const 0x80)) (then (return (i32.const 1))))
    (if (i32.lt_u (local.get $c) (i32.const 0x800)) (then (return (i32.const 2))))
    (if (i32.eq (i32.and (local.get $c) (i32.const 0xfc00)) (i32.const 0xd800)) (then (return (i32.const 4))))
    (if (i32.eq (i32.and (local.get $c) (i32.const 0xfc00)) (i32.const 0xdc00)) (then (return (i32.const 0))))
    (i32.const 3))

  ;; Copies $length bytes from $from to $to; answers where the next go.
  (func $put (param $to i32) (param $from i32) (param $length i32) (result i32)
    (memory.copy (local.get $to) (local.get $from) (local.get $length))
    (i32.add (local.get $to) (local.get $length)))

  ;; Writes $value in decimal at $to; answers where the next goes.
  (func $decimal (param $to i32) (param $value i32) (result i32)
    (if (i32.ge_u (local.get $value) (i32.const 10))
      (then (local.set $to (call $decimal (local.get $to) (i32.div_u (local.get $value) (i32.const 10))))))
    (i32.store8 (local.get $to) (i32.add (i32.const 0x30) (i32.rem_u (local.get $value) (i32.const 10))))
    (i32.add (local.get $to) (i32.const 1)))

  (func (export "run") (param $arguments i32) (param $length i32) (result i64)
    (local $c i32) (local $width i32) (local $lines i32) (local $words i32) (local $bytes i32)
    (local $in_word i32) (local $open_line i32) (local $to i32)
    (global.set $at (local.get $arguments))
    (global.set $end (i32.add (local.get $arguments) (local.get $length)))
    (call $expect (i32.const 0x7b))                                              ;; {
    (call $expect (i32.const 0x22))                                              ;; "text"
    (local.set $to (i32.const 1))
    (loop $key
      (if (i32.ne (call $byte) (i32.load8_u (local.get $to))) (then unreachable))
      (local.set $to (i32.add (local.get $to) (i32.const 1)))
      (br_if $key (i32.lt_u (local.get $to) (i32.const 6))))
    (call $expect (i32.const 0x3a))                                              ;; :
    (call $expect (i32.const 0x22))                                              ;; "
    (block $done
      (loop $next
        (local.set $c (call $byte))
        (br_if $done (i32.eq (local.get $c) (i32.const 0x22)))
        (local.set $width (i32.const 1))
        (if (i32.eq (local.get $c) (i32.const 0x5c))
          (then
            (local.set $c (call $escape))
            (local.set $width (call $width (local.get $c)))))
        (local.set $bytes (i32.add (local.get $bytes) (local.get $width)))
        (local.set $open_line (i32.const 1))
        (if (i32.eq (local.get $c) (i32.const 0x0a))
          (then
            (local.set $lines (i32.add (local.get $lines) (i32.const 1)))
            (local.set $open_line (i32.const 0))))
        (if (i32.or (i32.eq (local.get $c) (i32.const 0x20))
                    (i32.le_u (i32.sub (local.get $c) (i32.const 9)) (i32.const 4)))  ;; space, \t \n \v \f \r
          (then (local.set $in_word (i32.const 0)))
          (else
            (if (i32.eqz (local.get $in_word))
              (then (local.set $words (i32.add (local.get $words) (i32.const 1)))))
            (local.set $in_word (i32.const 1))))
        (br $next)))
    (call $expect (i32.const 0x7d))                                              ;; }
    (local.set $lines (i32.add (local.get $lines) (local.get $open_line)))
    (local.set $to (call $put (i32.const 512) (i32.const 16) (i32.const 9)))
    (local.set $to (call $decimal (local.get $to) (local.get $lines)))
    (local.set $to (call $put (local.get $to) (i32.const 32) (i32.const 9)))
    (local.set $to (call $decimal (local.get $to) (local.get $words)))
    (local.set $to (call $put (local.get $to) (i32.const 48) (i32.const 9)))
    (local.set $to (call $decimal (local.get $to) (local.get $bytes)))
    (i32.store8 (local.get $to) (i32.const 0x7d))
    (i64.or
      (i64.const 0x20000000000)                                                  ;; 512 << 32
      (i64.extend_i32_u (i32.sub (local.get $to) (i32.const 511))))))
