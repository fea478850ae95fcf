;; Attack: a component that does nothing.
;; Expected: refused: neither tools nor subscriptions.
(component
)
