;; Attack: endless work in forms that Rust would not give: an empty loop, an endless bulk copy of a table, mutual
;; recursion by tail calls.
;; Expected: each → `fuel` or `deadline`. `tail-calls` may be refused instead, with the whole file, where tail
;; calls are not taken.
(component
  (core module $m
    (table $t 30000 30000 funcref)
    (func (export "empty") (loop $l (br $l)))
    (func (export "table-copy")
      (loop $l (table.copy $t $t (i32.const 0) (i32.const 1) (i32.const 29999)) (br $l)))
    (func (export "table-fill")
      (loop $l (table.fill $t (i32.const 0) (ref.null func) (i32.const 30000)) (br $l)))
    (func $tail-a (export "tail-calls") (return_call $tail-b))
    (func $tail-b (return_call $tail-a))
  )
  (core instance $i (instantiate $m))
  (func (export "empty") (canon lift (core func $i "empty")))
  (func (export "table-copy") (canon lift (core func $i "table-copy")))
  (func (export "table-fill") (canon lift (core func $i "table-fill")))
  (func (export "tail-calls") (canon lift (core func $i "tail-calls")))
)
