;; Attack: a 64-bit memory of 1 TiB from the start.
;; Expected: refused: either 64-bit memories are not taken, or the limit is named; or `run` → `memory`.
(component
  (core module $m
    (memory i64 16777216)
    (func (export "run"))
  )
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run")))
)
