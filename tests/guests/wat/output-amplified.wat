;; Attack: answers with a gigabyte out of one megabyte: a thousand texts that are all the same place in memory.
;; Expected: `run` → `output` or `trap`; the host does not grow by a gigabyte.
(component
  (core module $m
    (memory (export "memory") 32)
    (func (export "run") (result i32) (local $n i32)
      (memory.fill (i32.const 0x10000) (i32.const 97) (i32.const 0x100000))
      (loop $more
        (i32.store (i32.add (i32.const 1024) (i32.mul (local.get $n) (i32.const 8))) (i32.const 0x10000))
        (i32.store (i32.add (i32.const 1028) (i32.mul (local.get $n) (i32.const 8))) (i32.const 0x100000))
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if $more (i32.lt_u (local.get $n) (i32.const 1000))))
      (i32.store (i32.const 8) (i32.const 1024))
      (i32.store (i32.const 12) (i32.const 1000))
      (i32.const 8))
  )
  (core instance $i (instantiate $m))
  (func (export "run") (result (list string))
    (canon lift (core func $i "run") (memory (core memory $i "memory"))))
)
