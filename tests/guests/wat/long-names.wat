;; Attack: a function of the longest name that the format takes, and one with capitals in it.
;; Expected: refused with the name, or absorbed with names that a tool may have.
(component
  (core module $m
    (func (export "run"))
  )
  (core instance $i (instantiate $m))
  (func (export "abcdefghi-abcdefghi-abcdefghi-abcdefghi-abcdefghi-abcdefghi-abcdefghi-abcdefghi-abcdefghi-abcdefghi-abcdefghi-abcdefghi-abcdefghi-abcdefghi-abcdefghi-abcdefghi-abcdefghi-abcdefghi-abcdefghi-abcdefghi") (canon lift (core func $i "run")))
  (func (export "READ-file") (canon lift (core func $i "run")))
)
