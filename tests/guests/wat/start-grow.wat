;; Attack: the start function grows memory until refused, then traps.
;; Expected: refused, or `run` → `memory`.
(component
  (core module $m
    (memory 1)
    (func $s (loop $l (br_if $l (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable)
    (start $s)
    (func (export "run"))
  )
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run")))
)
