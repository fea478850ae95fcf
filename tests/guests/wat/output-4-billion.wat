;; Attack: answers with a list of a billion numbers, by its length alone.
;; Expected: `run` → `trap` or `output`; no memory of the machine is touched.
(component
  (core module $m
    (memory (export "memory") 1)
    (data (i32.const 8) "\10\00\00\00\00\ca\9a\3b")
    (func (export "run") (result i32) (i32.const 8))
  )
  (core instance $i (instantiate $m))
  (func (export "run") (result (list u64))
    (canon lift (core func $i "run") (memory (core memory $i "memory"))))
)
