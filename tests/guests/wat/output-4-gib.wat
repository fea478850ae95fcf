;; Attack: answers with a text of 4 GiB, by its length alone.
;; Expected: `run` → `trap` or `output`; no memory of the machine is touched.
(component
  (core module $m
    (memory (export "memory") 1)
    (data (i32.const 8) "\00\00\00\00\ff\ff\ff\ff")
    (func (export "run") (result i32) (i32.const 8))
  )
  (core instance $i (instantiate $m))
  (func (export "run") (result string)
    (canon lift (core func $i "run") (memory (core memory $i "memory"))))
)
