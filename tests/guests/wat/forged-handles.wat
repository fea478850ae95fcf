;; Attack: uses handles that it was never given.
;; Expected: `run` → `trap`.
(component
  (type $thing (resource (rep i32)))
  (core func $drop (canon resource.drop $thing))
  (core module $m
    (import "host" "drop" (func $drop (param i32)))
    (func (export "run") (call $drop (i32.const 4242))))
  (core instance $i (instantiate $m (with "host" (instance (export "drop" (func $drop))))))
  (func (export "run") (canon lift (core func $i "run")))
)
