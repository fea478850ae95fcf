//! x
#[test]
fn a_world_comes_up() {
    let world = skillhost_tests::World::with(&["healthy"]);
    let mut up = world.up();
    up.wait_for("absorbed", "healthy.wasm");
    assert_eq!(up.stop().code, Some(0));
    assert_eq!(world.call("healthy.echo", &["a=1"]).kind(), "");
}
