;; Attack: imports a known function with other types than it has.
;; Expected: refused; the reason names `blackboard`.
(component
  (import "skillhost:skill/blackboard@0.1.0" (instance $board (export "add" (func (param "key" u32) (result u32)))))
  (core func $add (canon lower (func $board "add")))
  (core module $m
    (import "board" "add" (func $add (param i32) (result i32)))
    (func (export "run") (result i32) (call $add (i32.const 1))))
  (core instance $i (instantiate $m (with "board" (instance (export "add" (func $add))))))
  (func (export "run") (result u32) (canon lift (core func $i "run")))
)
