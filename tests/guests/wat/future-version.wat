;; Attack: imports a version of the contract that does not exist yet.
;; Expected: refused; the reason names `skillhost:skill/run@0.9.0`.
(component
  (import "skillhost:skill/run@0.9.0" (instance $run (export "now" (func (result u64)))))
  (core func $now (canon lower (func $run "now")))
  (core module $m
    (import "run" "now" (func $now (result i64)))
    (func (export "run") (result i64) (call $now)))
  (core instance $i (instantiate $m (with "run" (instance (export "now" (func $now))))))
  (func (export "run") (result u64) (canon lift (core func $i "run")))
)
