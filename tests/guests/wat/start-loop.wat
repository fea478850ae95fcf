;; Attack: the start function never ends.
;; Expected: refused within the limits of describing, or `run` → `fuel` or `deadline`.
(component
  (core module $m
    (func $s (loop $l (br $l)))
    (start $s)
    (func (export "run"))
  )
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run")))
)
