;; Attack: answers with a text that lies beyond its memory.
;; Expected: `run` → `trap`.
(component
  (core module $m
    (memory (export "memory") 1)
    (data (i32.const 8) "\fa\ff\00\00\64\00\00\00")
    (func (export "run") (result i32) (i32.const 8))
  )
  (core instance $i (instantiate $m))
  (func (export "run") (result string)
    (canon lift (core func $i "run") (memory (core memory $i "memory"))))
)
