//! The scan of real folders, and the skill as a host sees it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use serde_json::from_value;
use skillhost_sdk::mock;

use super::*;

fn write(root: &Path, name: &str, text: impl AsRef<[u8]>) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn look(root: &Path, input: serde_json::Value) -> Result<Report, Error> {
    crate::scan::scan(root, &from_value(input).unwrap(), || true)
}

#[test]
fn a_report_says_what_a_folder_is_made_of() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "src/lib.rs", "//! Doc\n\nfn a() {}\n// TODO: b\n");
    write(root.path(), "src/main.py", "# FIXME c\nprint()\nprint()\n");
    write(root.path(), "logo.png", b"\x89PNG\0\0");
    write(root.path(), "data.json", b"{\0}");
    let report = look(root.path(), json!({})).unwrap();

    assert_eq!(report.total, Sizes { files: 4, bytes: 65, code: 3, comments: 3, blank: 1 });
    assert_eq!(report.languages.iter().map(|it| it.language.as_str()).collect::<Vec<_>>(), ["Python", "Rust"]);
    assert_eq!(report.languages[1].sizes, Sizes { files: 1, bytes: 30, code: 1, comments: 2, blank: 1 });
    assert_eq!((report.other.files, report.other.bytes), (2, 9));
    let todos: Vec<_> = report.todos.iter().map(|it| (it.at.as_str(), it.marker.as_str(), it.text.as_str())).collect();
    assert_eq!(todos, [("src/lib.rs:4", "TODO", "b"), ("src/main.py:1", "FIXME", "c")]);
    assert!(report.skipped.is_empty());
    let text = text(&report);
    assert!(text.contains("- Rust: 1 files, 1 code, 2 comments, 1 blank") && text.contains("- src/lib.rs:4 TODO b"));
}

#[test]
fn biggest_and_oldest_files_come_first() {
    let root = tempfile::tempdir().unwrap();
    for (name, bytes, seconds) in [("a", 1, 3_000_000), ("b", 3, 1_000_000), ("c", 2, 2_000_000)] {
        write(root.path(), name, "x".repeat(bytes));
        let file = File::options().append(true).open(root.path().join(name)).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
    }
    let report = look(root.path(), json!({ "top": 2 })).unwrap();
    assert_eq!(report.biggest.iter().map(|it| (it.file.as_str(), it.bytes)).collect::<Vec<_>>(), [("b", 3), ("c", 2)]);
    let oldest: Vec<_> = report.oldest.iter().map(|it| (it.file.as_str(), it.modified.as_str())).collect();
    assert_eq!(oldest, [("b", "1970-01-12T13:46:40Z"), ("c", "1970-01-24T03:33:20Z")]);
}

#[test]
fn open_todos_over_the_number_asked_for_are_still_counted() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "a.rs", "// TODO\n".repeat(7));
    write(root.path(), "b.rs", "// TODO\n".repeat(7));
    let report = look(root.path(), json!({ "todos": 10 })).unwrap();
    assert_eq!((report.todos.len(), report.todos_found), (10, 14));
    assert!(look(root.path(), json!({ "todos": 0 })).unwrap().todos.is_empty());
}

#[test]
fn a_long_file_counts_by_its_size_alone_and_is_named() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "long.rs", "\n".repeat((1 << 19) + 1));
    let report = look(root.path(), json!({})).unwrap();
    assert_eq!(report.total, Sizes { files: 1, bytes: (1 << 19) + 1, ..Sizes::default() });
    assert_eq!((report.skipped[0].reason, &report.skipped[0].examples), (Reason::TooLong, &vec!["long.rs".to_owned()]));
}

#[test]
fn a_scan_ends_with_what_it_has_when_the_budget_nears_its_end() {
    let root = tempfile::tempdir().unwrap();
    (0..300).for_each(|number| write(root.path(), &format!("{number:03}.rs"), "a\n"));
    let input = from_value(json!({})).unwrap();
    let report = crate::scan::scan(root.path(), &input, || false).unwrap();
    assert_eq!((report.total.files, report.total.code), (128, 128));
    assert_eq!((report.skipped[0].reason, report.skipped[0].count), (Reason::BudgetSpent, 1));
    assert_eq!(report.biggest.len(), 10);
}

#[test]
fn the_budget_is_that_of_the_run() {
    assert!(may_go_on());
    mock::change_budget(|budget| budget.fuel = FUEL_KEPT);
    assert!(!may_go_on());
    mock::change_budget(|budget| (budget.fuel, budget.wall_ms) = (FUEL_KEPT * 2, MILLISECONDS_KEPT));
    assert!(!may_go_on());
}

#[test]
fn input_that_makes_no_sense_is_invalid() {
    for input in
        [json!({"dir": ".."}), json!({"dir": "/etc"}), json!({"top": 101}), json!({"todos": 1001}), json!({"x": 1})]
    {
        let refused = repo_scan::call("scan", &input.to_string());
        assert!(matches!(refused, Err(ToolError::InvalidInput(_))), "{input}: {refused:?}");
    }
}

#[test]
fn without_the_workspace_the_error_names_the_grant() {
    let root = tempfile::tempdir().unwrap();
    let error = look(&root.path().join("gone"), json!({})).unwrap_err();
    assert!(error.to_string().contains("`fs.read workspace`"), "{error}");
}

#[test]
fn the_manifest_asks_for_the_workspace_and_nothing_else() {
    let manifest = repo_scan::manifest();
    assert_eq!(manifest.name, "repo-scan");
    let wants: Vec<_> = manifest.wants.iter().map(|want| (want.capability.as_str(), want.scope.as_str())).collect();
    assert_eq!(wants, [("fs.read", "workspace")]);
    assert!(manifest.tools.iter().all(|tool| tool.output_schema.is_some()));
}
