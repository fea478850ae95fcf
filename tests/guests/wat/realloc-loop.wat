;; Attack: never ends when the host asks for room for a parameter.
;; Expected: `run` with any text → `fuel` or `deadline`.
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "realloc") (param $old i32) (param $size i32) (param $align i32) (param $new i32) (result i32)
      (loop $l (br $l)) unreachable)
    (func (export "run") (param i32 i32) (result i32) (local.get 1))
  )
  (core instance $i (instantiate $m))
  (func (export "run") (param "text" string) (result u32)
    (canon lift (core func $i "run") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
)
