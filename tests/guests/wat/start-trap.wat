;; Attack: the start function traps: no instance ever comes up.
;; Expected: refused, or `run` → `trap`.
(component
  (core module $m
    (func $s unreachable)
    (start $s)
    (func (export "run"))
  )
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run")))
)
