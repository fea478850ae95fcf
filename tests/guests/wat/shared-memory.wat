;; Attack: a memory shared among threads, which a limiter cannot see grow.
;; Expected: refused.
(component
  (core module $m
    (memory 1 2 shared)
    (func (export "run"))
  )
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run")))
)
