;; Attack: imports an interface of a world that no host knows.
;; Expected: refused; the reason names `evil:world/thing`.
(component
  (import "evil:world/thing" (instance $evil (export "take-over" (func (param "what" u32)))))
  (core func $take (canon lower (func $evil "take-over")))
  (core module $m
    (import "evil" "take-over" (func $take (param i32)))
    (func (export "run") (call $take (i32.const 1))))
  (core instance $i (instantiate $m (with "evil" (instance (export "take-over" (func $take))))))
  (func (export "run") (canon lift (core func $i "run")))
)
