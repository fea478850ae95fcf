;; Attack: a plain component whose functions come to one tool name by two ways: two interfaces of one name in two
;; packages, each with a function `same`, and a function of the world with the name that stands for them.
;; Expected: refused with the name, or every tool has a name of its own; never does one hide another.
(component
  (core module $m
    (func (export "one") (result i32) (i32.const 1))
    (func (export "two") (result i32) (i32.const 2))
    (func (export "three") (result i32) (i32.const 3)))
  (core instance $i (instantiate $m))
  (func $one (result u32) (canon lift (core func $i "one")))
  (func $two (result u32) (canon lift (core func $i "two")))
  (func $three (result u32) (canon lift (core func $i "three")))
  (instance (export "a:x/first") (export "same" (func $one)))
  (instance (export "b:x/first") (export "same" (func $two)))
  (export "first-same" (func $three))
)
