;; Attack: gives the host a resource whose destructor traps.
;; Expected: refused, or absorbed with `ping` as its only tool (JSON has no resources), or `make` → `trap`.
(component
  (core module $dtor-module (func (export "dtor") (param i32) unreachable))
  (core instance $dtor (instantiate $dtor-module))
  (type $thing' (resource (rep i32) (dtor (core func $dtor "dtor"))))
  (export $thing "thing" (type $thing'))
  (core func $new (canon resource.new $thing'))
  (core func $drop (canon resource.drop $thing'))
  (core module $m
    (import "host" "new" (func $new (param i32) (result i32)))
    (import "host" "drop" (func $drop (param i32)))
    (func (export "make") (result i32) (call $new (i32.const 1)))
    (func (export "ping"))
    (func (export "drop-own") (call $drop (call $new (i32.const 1)))))
  (core instance $i (instantiate $m (with "host" (instance (export "new" (func $new)) (export "drop" (func $drop))))))
  (func (export "make") (result (own $thing)) (canon lift (core func $i "make")))
  (func (export "ping") (canon lift (core func $i "ping")))
  (func (export "drop-own") (canon lift (core func $i "drop-own")))
)
