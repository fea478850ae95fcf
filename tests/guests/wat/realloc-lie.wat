;; Attack: says that the room for a parameter lies beyond its memory.
;; Expected: `run` with any text → `trap`; nothing is written.
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "realloc") (param $old i32) (param $size i32) (param $align i32) (param $new i32) (result i32)
      (i32.const 0xfffffff0))
    (func (export "run") (param i32 i32) (result i32) (local.get 1))
  )
  (core instance $i (instantiate $m))
  (func (export "run") (param "text" string) (result u32)
    (canon lift (core func $i "run") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
)
