;; Attack: no component at all but a core module.
;; Expected: refused; the reason says that it is a core module.
(module
  (func (export "run"))
)
