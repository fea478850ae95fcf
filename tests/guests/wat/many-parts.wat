;; Attack: four instances with a memory each, all within every limit: an honest component as a linker of several
;; makes them.
;; Expected: absorbed; `run` answers 10.
(component
  (core module $m
    (memory 1 2)
    (func (export "set") (param i32) (i32.store (i32.const 0) (local.get 0)))
    (func (export "get") (result i32) (i32.load (i32.const 0))))
  (core instance $m0 (instantiate $m))
  (core instance $m1 (instantiate $m))
  (core instance $m2 (instantiate $m))
  (core instance $m3 (instantiate $m))
  (core module $all
    (import "m0" "set" (func $set0 (param i32)))
    (import "m0" "get" (func $get0 (result i32)))
    (import "m1" "set" (func $set1 (param i32)))
    (import "m1" "get" (func $get1 (result i32)))
    (import "m2" "set" (func $set2 (param i32)))
    (import "m2" "get" (func $get2 (result i32)))
    (import "m3" "set" (func $set3 (param i32)))
    (import "m3" "get" (func $get3 (result i32)))
    (func (export "run") (result i32)
      (call $set0 (i32.const 1))
      (call $set1 (i32.const 2))
      (call $set2 (i32.const 3))
      (call $set3 (i32.const 4))
      (i32.add
        (i32.add (call $get0) (call $get1))
        (i32.add (call $get2) (call $get3)))))
  (core instance $i (instantiate $all
    (with "m0" (instance $m0))
    (with "m1" (instance $m1))
    (with "m2" (instance $m2))
    (with "m3" (instance $m3))
  ))
  (func (export "run") (result u32) (canon lift (core func $i "run")))
)
