//! `/health` and `/ready`.

use skillhost_tests::{PATIENCE, World, eventually};

#[test]
fn a_host_that_has_absorbed_everything_is_healthy_and_ready_for_whoever_asks() {
    let world = World::with(&["healthy"]).allowing_all();
    let mut up = world.up();
    let http = up.http();
    eventually("ready", PATIENCE, || http.get("/ready").status == 200);
    for path in ["/health", "/ready"] {
        let reply = http.get(path);
        assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")), "{path}");
        let said = reply.json();
        assert_eq!(super::super::fields(&said).into_iter().collect::<Vec<_>>(), ["parts", "status"]);
        assert_eq!(said["status"], "ok", "{said}");
        assert_eq!(said["parts"]["blackboard"]["backend"], "embedded", "{said}");
        for (name, part) in said["parts"].as_object().unwrap() {
            assert_eq!(part["status"], "ok", "{name} in {said}");
        }
    }
    // The administrator's token is there from the first start on.
    assert_eq!(up.admin().get("/api/skills").json()[0]["name"], "healthy");
    up.http().get("/api/skills").problem(401);
}
