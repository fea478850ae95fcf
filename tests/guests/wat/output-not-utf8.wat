;; Attack: answers with a text that is no UTF-8, and with a character that there is not.
;; Expected: `text` and `letter` → `trap`.
(component
  (core module $m
    (memory (export "memory") 1)
    (data (i32.const 8) "\10\00\00\00\04\00\00\00\ff\fe\c3\28")
    (func (export "text") (result i32) (i32.const 8))
    (func (export "letter") (result i32) (i32.const 0xd800))
  )
  (core instance $i (instantiate $m))
  (func (export "text") (result string)
    (canon lift (core func $i "text") (memory (core memory $i "memory"))))
  (func (export "letter") (result char) (canon lift (core func $i "letter")))
)
