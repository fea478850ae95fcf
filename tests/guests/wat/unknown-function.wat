;; Attack: imports a known interface and from it a function that it never had.
;; Expected: refused; the reason names `skillhost:skill/run@0.1.0`.
(component
  (import "skillhost:skill/run@0.1.0" (instance $run (export "escape" (func (result u32)))))
  (core func $escape (canon lower (func $run "escape")))
  (core module $m
    (import "run" "escape" (func $escape (result i32)))
    (func (export "run") (result i32) (call $escape)))
  (core instance $i (instantiate $m (with "run" (instance (export "escape" (func $escape))))))
  (func (export "run") (result u32) (canon lift (core func $i "run")))
)
