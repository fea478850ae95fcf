use super::*;

const OBJECT: &str = r#"{"type":"object"}"#;

fn tool(name: &str) -> ManifestTool {
    ManifestTool {
        name: name.into(),
        description: "Does it.".into(),
        input_schema: OBJECT.into(),
        output_schema: None,
        hints: vec![Hint::ReadOnly],
    }
}

fn want(capability: &str, scope: &str) -> Want {
    Want { capability: capability.into(), scope: scope.into(), reason: "To do it.".into() }
}

fn honest() -> Manifest {
    Manifest {
        name: "honest".into(),
        version: "1.2.3-rc.1+abc".into(),
        description: "First line.\n\tSecond line: Grüße, 日本語.".into(),
        tools: vec![tool("one"), tool("two")],
        subscriptions: vec!["jobs:*".into()],
        wants: vec![want("blackboard.read", "jobs:*"), want("http.request", "GET https://example.org/*")],
    }
}

fn refusal(change: impl FnOnce(&mut Manifest)) -> String {
    let mut manifest = honest();
    change(&mut manifest);
    match check(manifest, true) {
        Ok(_) => panic!("it was taken"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn an_honest_manifest_is_taken_as_it_is() {
    let described = check(honest(), true).unwrap();
    assert_eq!((described.name.as_str(), described.tools.len(), described.wants.len()), ("honest", 2, 2));
    assert_eq!(described.version.to_string(), "1.2.3-rc.1+abc");
}

#[test]
fn every_lie_is_refused_with_what_to_change() {
    type Change = fn(&mut Manifest);
    let cases: [(Change, &str); 22] = [
        (|m| m.name = "../Liar".into(), "its name"),
        (|m| m.name = "a".repeat(49), "its name"),
        (|m| m.version = "one.two".into(), "`one.two` is no semantic version"),
        (|m| m.version = format!("1.0.0-{}", "a".repeat(100)), "no semantic version"),
        (|m| m.description = "x".repeat(5_000), "its description has 5000 characters; the limit is 4096"),
        (
            |m| m.description = "a\u{1b}[2J".into(),
            r"its description holds a character that hides or turns text: `\u{1b}`",
        ),
        (|m| m.description = "a\u{202e}b".into(), "hides or turns text"),
        (|m| (m.tools, m.subscriptions) = (vec![], vec![]), "neither tools nor subscriptions"),
        (|m| m.tools = (0..129).map(|n| tool(&format!("t{n}"))).collect(), "it has 129 tools; the limit is 128"),
        (|m| m.tools.push(tool("one")), "two tools `one`"),
        (|m| m.tools.push(tool("Echo All!")), "the name of a tool"),
        (|m| m.tools[0].description = "\u{2066}".into(), "the description of its tool `one`"),
        (|m| m.tools[0].hints = vec![Hint::Idempotent; 9], "9 hints on one tool"),
        (|m| m.tools[0].input_schema = "{".into(), "the input schema of its tool `one`: the schema is no JSON"),
        (|m| m.tools[0].input_schema = r#"{"type":"string"}"#.into(), "put what the tool takes into a property"),
        (|m| m.tools[1].output_schema = Some(r#"{"type":7}"#.into()), "the output schema of its tool `two`"),
        (|m| m.subscriptions = vec!["a".into(); 65], "65 subscriptions"),
        (|m| m.subscriptions = vec!["a b".into()], "its subscription `a b` is empty or holds a space"),
        (|m| m.wants = vec![want("fs.read", "x"); 65], "it has 65 wants"),
        (|m| m.wants = vec![want("root.everything", "*")], "there is no capability `root.everything`; there are"),
        (|m| m.wants = vec![want("blackboard.read", "")], "`` is no scope of `blackboard.read`: it has 0 bytes"),
        (|m| m.wants[0].reason = "\u{7f}".into(), "the reason of its want `blackboard.read`"),
    ];
    for (change, told) in cases {
        let error = refusal(change);
        assert!(error.contains(told), "{error} does not tell {told}");
        assert!(error.chars().count() < 500, "{error}");
    }
}

#[test]
fn who_subscribes_exports_a_handler() {
    let error = check(honest(), false).err().unwrap().to_string();
    assert!(error.contains("exports no handler"), "{error}");
}

#[test]
fn a_plain_components_metadata_is_a_remark() {
    let name = SkillName::new("plain").unwrap();
    let plain = Described::plain(name.clone(), Some("2.0.1"), Some("Counts."));
    assert_eq!((plain.version.to_string().as_str(), plain.description.as_str()), ("2.0.1", "Counts."));
    let plain = Described::plain(name, Some("newest"), Some("\u{1b}[31m"));
    assert_eq!((plain.version.to_string().as_str(), plain.description.as_str()), ("0.0.0", ""));
}
