//! The dashboard in a real browser: what a person sees, clicks and types.

mod accessible;
mod walking;

use std::path::PathBuf;

use serde_json::json;
use skillhost_tests::{Browser, PATIENCE, Up, eventually, generation, guest};

/// What `healthy` asks for by default, which everybody gets.
const OWN: &str = "blackboard.read healthy:*;blackboard.write healthy:*";

/// Widths of a desk and of a phone, in CSS pixels, with their heights.
const SCREENS: [(u32, u32); 2] = [(1280, 800), (390, 844)];

/// `healthy` that says it is generation `number` and asks for `wants`, parted by `;`.
fn healthy(number: u32, wants: &str) -> Vec<u8> {
    let bytes = std::fs::read(guest("healthy")).unwrap();
    generation(generation(bytes, "GENERATION", &number.to_string()), "WANTS", wants)
}

/// The link to the dashboard that the first start prints, with the administrator's token in its fragment.
#[track_caller]
fn link(up: &mut Up) -> String {
    let mut link = None;
    eventually("the dashboard's address", PATIENCE, || {
        let said = up.stderr();
        let line = said.lines().find_map(|line| line.split_once("dashboard: ").map(|(_, rest)| rest.to_owned()));
        link = line.and_then(|line| line.split(' ').next().map(str::to_owned));
        link.is_some()
    });
    link.unwrap()
}

/// A browser of this size, logged in by the link.
#[track_caller]
fn logged_in(up: &mut Up, (width, height): (u32, u32)) -> Browser {
    let browser = Browser::start();
    browser.resize(width, height);
    browser.go(&link(up));
    browser.find("nav.sections");
    assert!(!browser.address().contains("token"), "the token stays in the address: {}", browser.address());
    browser
}

/// Where pictures are kept for people to look at.
fn picture(name: &str) -> PathBuf {
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    target.parent().unwrap().join("screenshots").join(format!("{name}.png"))
}

/// Fails if the page, folded or unfolded, is wider than the screen, or its scripts or its content policy met an error.
#[track_caller]
fn is_well(browser: &Browser, what: &str) {
    let wide = browser.run(
        "const root = document.documentElement;
         const wide = () => root.scrollWidth <= root.clientWidth ? [] :
             [`${root.scrollWidth} of ${root.clientWidth} px`, ...[...document.body.querySelectorAll('*')]
                 .filter((one) => one.getBoundingClientRect().right > root.clientWidth + 1)
                 .slice(0, 3).map((one) => one.outerHTML.slice(0, 120))];
         const folded = wide();
         const folds = [...document.querySelectorAll('details:not([open])')];
         for (const fold of folds) fold.open = true;
         const unfolded = wide();
         for (const fold of folds) fold.open = false;
         return [...folded, ...unfolded]",
        &[],
    );
    assert_eq!(wide, json!([]), "{what} is wider than the screen");
    let complaints = browser.complaints();
    let serious: Vec<_> = complaints
        .iter()
        .filter(|line| line.contains("Content Security Policy") || line.contains("Uncaught"))
        .collect();
    assert!(serious.is_empty(), "{what}: {serious:#?}");
}
