//! `new`: a skill to begin with.

use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use include_dir::{Dir, include_dir};
use skillhost_types::SkillName;

use crate::args::{Common, New};
use crate::fail::Fail;
use crate::print;

static TOOL: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates/tool");
static AGENT: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates/agent");
/// The SDK travels with the program, so that a new skill builds wherever the program runs.
static SDK: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../sdk");
static WIT: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../wit");

/// Where a skill keeps its copy of the SDK.
const VENDORED: &str = ".skillhost";

/// Names that no crate or module can have, and those of the SDK's own crates.
const TAKEN: [&str; 54] = [
    "abstract",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
    "skillhost-sdk",
    "skillhost-sdk-macros",
];

pub(crate) fn new(common: &Common, new: &New) -> Result<ExitCode, Fail> {
    let folder = &new.name;
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = SkillName::new(&name).map_err(Fail::usage)?;
    if TAKEN.contains(&name.as_str()) {
        return Err(Fail::usage(format!(
            "`{name}` is a word of Rust or of the SDK; choose another name, such as `{name}-skill`"
        )));
    }
    if folder.exists() {
        return Err(Fail::usage(format!("{} is there already; choose another name", folder.display())));
    }
    let template = if new.agent { &AGENT } else { &TOOL };
    let write = || -> io::Result<()> {
        fill(template, folder, &name)?;
        copy(&SDK, &folder.join(VENDORED).join("sdk"))?;
        copy(&WIT, &folder.join(VENDORED).join("wit"))
    };
    write().map_err(|error| Fail::failed(format!("{} cannot be written: {error}", folder.display())))?;
    let shown = folder.display();
    if common.json {
        print::json(&serde_json::json!({"name": name, "path": folder}));
    } else if !common.quiet {
        let next = match new.agent {
            true => format!("skillhost up                    absorbs it; messages on `{name}:notes` wake it"),
            false => format!("skillhost run {name}.greet name=Ada"),
        };
        print::note(&format!(
            "made {shown}\n\n  skillhost build {shown}\n  {next}\n\nIts tools are in {shown}/src/lib.rs; `cargo test` in {shown} runs its tests."
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes a template's files with the name put in.
fn fill(template: &Dir<'_>, folder: &Path, name: &SkillName) -> io::Result<()> {
    for file in files(template) {
        let Some(text) = file.contents_utf8() else { continue };
        let text = text.replace("{{name}}", name.as_str()).replace("{{module}}", &name.as_str().replace('-', "_"));
        let path = file.path().to_string_lossy().replace(".tmpl", "");
        // A real one would keep the template's own files out of this program's repository.
        let path = folder.join(path.replace("gitignore", ".gitignore"));
        write(&path, text.as_bytes())?;
    }
    Ok(())
}

fn copy(from: &Dir<'_>, to: &Path) -> io::Result<()> {
    files(from)
        .into_iter()
        .filter(|file| !file.path().starts_with("tests"))
        .try_for_each(|file| write(&to.join(file.path()), file.contents()))
}

fn files<'a>(dir: &'a Dir<'a>) -> Vec<&'a include_dir::File<'a>> {
    let mut found: Vec<_> = dir.files().collect();
    for inner in dir.dirs() {
        found.extend(files(inner));
    }
    found
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, bytes)
}
