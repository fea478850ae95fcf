;; Attack: a data segment beyond the memory: instantiation traps before any code runs.
;; Expected: refused, or `run` → `trap`.
(component
  (core module $m
    (memory 1)
    (data (i32.const 70000) "beyond")
    (func (export "run"))
  )
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run")))
)
