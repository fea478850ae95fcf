;; Attack: a memory of 4 GiB from the start.
;; Expected: refused with the limit, or `run` → `memory`; no memory of the machine is touched.
(component
  (core module $m
    (memory 65536)
    (func (export "run"))
  )
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run")))
)
