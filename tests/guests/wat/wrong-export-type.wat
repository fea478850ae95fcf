;; Attack: exports the interface of skills with other types than it has.
;; Expected: refused; the reason names `skillhost:skill/skill`.
(component
  (core module $m
    (func (export "describe") (result i32) (i32.const 7))
    (func (export "call") (param i32) (result i32) (local.get 0)))
  (core instance $i (instantiate $m))
  (func $describe (result u32) (canon lift (core func $i "describe")))
  (func $call (param "tool" u32) (result u32) (canon lift (core func $i "call")))
  (instance (export "skillhost:skill/skill@0.1.0")
    (export "describe" (func $describe))
    (export "call" (func $call)))
)
