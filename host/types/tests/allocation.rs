//! What is checked on the way of every host call.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use skillhost_types::{Capability, Grant, Grants, HttpTarget, Scheme};

#[test]
fn a_check_that_allows_and_one_that_does_not_allocate_nothing() {
    let texts = (0..20).map(|number| format!("blackboard.write agent{number}:*:thoughts:[a-c]*"));
    let grants: Grants = texts
        .chain(["http.request GET https://*.example.com/v1/*".to_owned()])
        .map(|text| text.parse::<Grant>().unwrap())
        .collect();
    let host = url::Host::Domain("api.example.com");
    let target = HttpTarget { method: "GET", scheme: Scheme::Https, host, port: 443, path: "/v1/things" };
    let counted = allocation_counter::measure(|| {
        assert!(grants.allows(Capability::BlackboardWrite, "agent19:x:thoughts:b"));
        assert!(!grants.allows(Capability::BlackboardWrite, "agent19:x:thoughts:z"));
        assert!(grants.allows_http(&target).is_some());
    });
    assert_eq!(counted.count_total, 0);
}
