use super::*;

#[test]
fn a_link_is_the_hash_of_the_link_before_and_of_the_cells_as_documented() {
    let cells = [
        ValueRef::Integer(1),
        ValueRef::Integer(2),
        ValueRef::Null,
        ValueRef::Blob(&[7; 16]),
        ValueRef::Blob(b"R{}\n"),
    ];
    let first = Hash::default().link(&cells);
    // Computed from the documentation with another implementation.
    assert_eq!(first.to_string(), "4fd34fd755a375be3f1c1530d7f9363e109ffabf47cba3ee942603f968ffedb6");
    assert_eq!(first.link(&cells).to_string(), "27895bdd9dc6450738f98c91cc44ead0593c7fef8bd971202d82580044192e92");
}

#[test]
fn cells_of_another_type_or_with_other_borders_give_another_hash() {
    let link = |first, second| {
        Hash::default().link(&[first, second, ValueRef::Null, ValueRef::Null, ValueRef::Null]).to_string()
    };
    let all = [
        link(ValueRef::Blob(b"ab"), ValueRef::Blob(b"c")),
        link(ValueRef::Blob(b"a"), ValueRef::Blob(b"bc")),
        link(ValueRef::Text(b"ab"), ValueRef::Blob(b"c")),
        link(ValueRef::Blob(b"abc"), ValueRef::Blob(b"")),
        link(ValueRef::Blob(b"abc"), ValueRef::Null),
        link(ValueRef::Integer(0), ValueRef::Null),
        link(ValueRef::Real(0.0), ValueRef::Null),
        link(ValueRef::Blob(&[0; 8]), ValueRef::Null),
    ];
    let distinct: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!(distinct.len(), all.len());
}

#[test]
fn a_hash_reads_back_what_it_prints_and_nothing_else() {
    let hash = Hash::default().link(&[ValueRef::Null; 5]);
    assert_eq!(hash.to_string().parse(), Ok(hash));
    assert_eq!(hash.to_string().to_uppercase().parse(), Ok(hash));
    for wrong in ["", "ab12", &"+1".repeat(32), &"é".repeat(32), &format!("{hash} ")] {
        assert!(wrong.parse::<Hash>().is_err(), "{wrong}");
    }
}

#[test]
fn a_kept_head_is_one_line_that_replaces_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("head");
    let head = Head { seq: 5678, hash: Hash::default().link(&[ValueRef::Null; 5]) };
    write_head(&path, &Head::default()).unwrap();
    write_head(&path, &head).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("5678 {}\n", head.hash));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
    assert_eq!(serde_json::to_value(head).unwrap(), serde_json::json!({"seq": 5678, "hash": head.hash.to_string()}));
}

#[test]
fn a_head_that_cannot_be_kept_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("not there").join("head");
    let error = write_head(&path, &Head::default()).unwrap_err();
    assert!(error.to_string().contains(&path.display().to_string()), "{error}");
}
