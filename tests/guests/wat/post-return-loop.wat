;; Attack: answers well, then never ends cleaning up.
;; Expected: `run` → `fuel` or `deadline`, or the answer 7; within the time limit in any case.
(component
  (core module $m
    (func (export "run") (result i32) (i32.const 7))
    (func (export "after") (param i32) (loop $l (br $l)))
  )
  (core instance $i (instantiate $m))
  (func (export "run") (result u32)
    (canon lift (core func $i "run") (post-return (core func $i "after"))))
)
