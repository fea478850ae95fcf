;; Attack: imports a core module, which only a linker of files could give.
;; Expected: refused.
(component
  (import "evil:code/module" (core module $given (export "run" (func))))
  (core instance $i (instantiate $given))
  (func (export "run") (canon lift (core func $i "run")))
)
