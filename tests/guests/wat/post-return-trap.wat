;; Attack: answers well, then traps when asked to clean up.
;; Expected: `run` → `trap`, or the answer 7; the store is not used again.
(component
  (core module $m
    (func (export "run") (result i32) (i32.const 7))
    (func (export "after") (param i32) unreachable)
  )
  (core instance $i (instantiate $m))
  (func (export "run") (result u32)
    (canon lift (core func $i "run") (post-return (core func $i "after"))))
)
