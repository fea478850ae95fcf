;; Attack: answers with the case of an enum that it does not have, and with a boolean of 2.
;; Expected: `kind` → `trap`; `yes` → `true` (the format takes any number but 0).
(component
  (core module $m
    (func (export "kind") (result i32) (i32.const 9))
    (func (export "yes") (result i32) (i32.const 2))
  )
  (core instance $i (instantiate $m))
  (type $kind' (enum "one" "two"))
  (export $kind "kind-of" (type $kind'))
  (func (export "kind") (result $kind) (canon lift (core func $i "kind")))
  (func (export "yes") (result bool) (canon lift (core func $i "yes")))
)
