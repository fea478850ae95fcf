use proptest::prelude::*;
use skillhost_types::System;

use super::*;

fn message(payload: &str) -> Message {
    Message {
        id: "01K".into(),
        channel: Channel::new("c").unwrap(),
        payload: payload.into(),
        source: Some("triage".into()),
        hops: 3,
        published_at: Timestamp(1_768_473_000_250),
    }
}

fn opened(payload: &str) -> Message {
    open(Channel::new("c").unwrap(), payload, &System, || None).unwrap()
}

#[test]
fn an_object_gets_one_field_and_comes_back_byte_for_byte() {
    for payload in [
        "{}",
        " { } ",
        r#"{"a":12345678901234567890,"b":1.0e+2,"c":[{"_skillhost":1}]}"#,
        "{ \"a\" : \"}\\\",\" ,\n\"b\":{\"x\":[1,2]} }",
        r#"{"a":1,"a":2}"#,
    ] {
        let sealed = seal(&message(payload)).unwrap();
        assert!(
            sealed.contains(r#""_skillhost":{"id":"01K","source":"triage","hops":3,"at":"2026-01-15T10:30:00.250Z"}"#)
        );
        serde_json::from_str::<IgnoredAny>(&sealed).unwrap();
        assert_eq!(opened(&sealed), message(payload), "{payload}");
    }
}

#[test]
fn what_is_no_object_travels_bare_and_comes_from_outside() {
    for payload in ["1", "\"{\"", "[{\"_skillhost\":1}]", "null", " true"] {
        assert_eq!(seal(&message(payload)), None);
        let heard = opened(payload);
        assert_eq!((&*heard.payload, heard.source, heard.hops), (payload, None, 0));
        assert_eq!(bare(payload).unwrap(), None);
    }
}

#[test]
fn a_message_without_a_stamp_gets_the_one_that_is_known_of_it_and_no_other_does() {
    let open = |payload| open(Channel::new("c").unwrap(), payload, &System, || Some(Stamp::of(&message("1")))).unwrap();
    assert_eq!(open("[1]"), message("[1]"));
    assert_eq!(open(r#"{"_skillhost":{"id":7}}"#).hops, 0);
}

#[test]
fn hops_that_no_host_counted_stay_as_many_or_become_as_many_as_can_be() {
    for (said, hops) in
        [("16", 16), ("4294967295", u32::MAX), ("4294967296", u32::MAX), ("18446744073709551615", u32::MAX)]
    {
        let payload =
            format!(r#"{{"_skillhost":{{"id":"x","source":null,"hops":{said},"at":"2026-01-15T10:30:00Z"}}}}"#);
        assert_eq!(opened(&payload).hops, hops, "{said}");
    }
}

#[test]
fn a_field_that_a_publisher_made_up_is_taken_out_however_it_is_spelt() {
    for (payload, left) in [
        (r#"{"_skillhost":{"hops":0}}"#, "{}"),
        (r#"{"_skillhost":1,"a":2}"#, r#"{"a":2}"#),
        (r#"{"_skillhost":1, "_skillhost":2 , "a":2, "_skillhost":[3] }"#, r#"{"a":2 }"#),
        (r#"{"a":1, "\u005fskillhost":{"x":"\"}"}, "b":2}"#, r#"{"a":1, "b":2}"#),
    ] {
        assert_eq!(bare(payload).unwrap().as_deref(), Some(left), "{payload}");
    }
}

#[test]
fn a_field_that_says_nonsense_is_taken_out_and_not_believed() {
    let heard = opened(r#"{"a":1,"_skillhost":{"id":7}}"#);
    assert_eq!((&*heard.payload, heard.source, heard.hops, heard.id.len()), (r#"{"a":1}"#, None, 0, 26));
}

#[test]
fn what_is_no_json_is_an_error() {
    assert!(open(Channel::new("c").unwrap(), "plain", &System, || None).is_err());
    assert!(bare("{\"a\":}").is_err());
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(Into::into),
        any::<bool>().prop_map(Into::into),
        "[\"\\\\{}\\[\\],:a_ü ]{0,8}".prop_map(Into::into),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            proptest::collection::btree_map("[\"\\\\{},:a_]{0,4}|_skillhost", inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_comes_back_as_it_was(value in json(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        let own = bare(&text).unwrap().unwrap_or(text);
        let mut without = value;
        if let Some(object) = without.as_object_mut() {
            object.remove(FIELD);
        }
        prop_assert_eq!(&serde_json::from_str::<serde_json::Value>(&own).unwrap(), &without);
        let heard = opened(&seal(&message(&own)).unwrap_or_else(|| own.clone()));
        prop_assert_eq!(&*heard.payload, own.as_str());
        prop_assert_eq!(heard.hops, if without.is_object() { 3 } else { 0 });
    }
}
