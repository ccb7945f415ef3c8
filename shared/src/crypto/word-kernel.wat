;; Adds or subtracts vectors of 32-bit words modulo 2^32, 64 bytes at a time. The memory holds two halves of 128 KiB:
;; the target at 0, the other operand at 131072. `bytes` is a multiple of 64; the caller pads.
(module
  (memory (export "memory") 4)
  (func (export "add") (param $bytes i32)
    (local $at i32)
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $bytes)))
        (v128.store (local.get $at)
          (i32x4.add (v128.load (local.get $at)) (v128.load offset=131072 (local.get $at))))
        (v128.store offset=16 (local.get $at)
          (i32x4.add (v128.load offset=16 (local.get $at)) (v128.load offset=131088 (local.get $at))))
        (v128.store offset=32 (local.get $at)
          (i32x4.add (v128.load offset=32 (local.get $at)) (v128.load offset=131104 (local.get $at))))
        (v128.store offset=48 (local.get $at)
          (i32x4.add (v128.load offset=48 (local.get $at)) (v128.load offset=131120 (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.const 64)))
        (br $next))))
  (func (export "subtract") (param $bytes i32)
    (local $at i32)
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $bytes)))
        (v128.store (local.get $at)
          (i32x4.sub (v128.load (local.get $at)) (v128.load offset=131072 (local.get $at))))
        (v128.store offset=16 (local.get $at)
          (i32x4.sub (v128.load offset=16 (local.get $at)) (v128.load offset=131088 (local.get $at))))
        (v128.store offset=32 (local.get $at)
          (i32x4.sub (v128.load offset=32 (local.get $at)) (v128.load offset=131104 (local.get $at))))
        (v128.store offset=48 (local.get $at)
          (i32x4.sub (v128.load offset=48 (local.get $at)) (v128.load offset=131120 (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.const 64)))
        (br $next)))))
