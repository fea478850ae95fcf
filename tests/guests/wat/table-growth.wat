;; Attack: grows a table by 100,000 entries at a time until the host says no, then traps.
;; Expected: `run` → `memory`. `politely` answers with the entries that it got, and the run goes on.
(component
  (core module $m
    (table $t 1 funcref)
    (func $grow
      (loop $more
        (br_if $more (i32.ne (table.grow $t (ref.null func) (i32.const 100000)) (i32.const -1)))))
    (func (export "run") (call $grow) unreachable)
    (func (export "politely") (result i32) (call $grow) (table.size $t))
  )
  (core instance $i (instantiate $m))
  (func (export "run") (canon lift (core func $i "run")))
  (func (export "politely") (result u32) (canon lift (core func $i "politely")))
)
