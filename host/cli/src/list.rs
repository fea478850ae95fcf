//! `list` and `inspect`.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use console::Color;
use serde_json::json;
use skillhost_lifecycle::{Entry, Generation};
use skillhost_types::{Grant, Want};

use crate::args::{Common, Inspect};
use crate::fail::Fail;
use crate::{parameters, print, run, session};

pub(crate) async fn list(common: &Common) -> Result<ExitCode, Fail> {
    let host = session::open_and_absorb(common, session::config(common)?).await?;
    let entries = host.entries();
    host.close().await;
    if common.json {
        print::json(&entries.iter().map(Entry::listed).collect::<Vec<_>>());
        return Ok(ExitCode::SUCCESS);
    }
    if entries.is_empty() {
        print::note("nothing is absorbed yet; `skillhost new hello && skillhost build hello` makes a first skill");
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<Vec<String>> = entries
        .iter()
        .map(|entry| {
            let tools = tools(entry.own());
            let version = entry.version.clone().unwrap_or_default();
            vec![entry.name.clone(), version, entry.state.as_str().into(), tools.join(" "), entry.file.clone()]
        })
        .collect();
    let colour = |column, text: &str| match (column, text) {
        (2, "active") => Some(Color::Green),
        (2, "pending") => Some(Color::Yellow),
        (2, _) => Some(Color::Red),
        _ => None,
    };
    print::table(&["NAME", "VERSION", "STATE", "TOOLS", "FILE"], &rows, colour);
    for entry in &entries {
        if let Some(reason) = &entry.reason {
            let goes_on = if entry.serving.is_some() { " (what served before goes on serving)" } else { "" };
            let (file, reason) = (print::on_a_line(&entry.file), print::on_a_line(reason));
            print::line(&format!("\n{file}: {reason}{goes_on}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn tools(generation: Option<&Arc<Generation>>) -> Vec<&str> {
    generation.into_iter().flat_map(|generation| generation.tools.iter()).map(|tool| tool.name.as_str()).collect()
}

pub(crate) async fn inspect(common: &Common, inspect: &Inspect) -> Result<ExitCode, Fail> {
    let host = session::open(common, session::config(common)?).await?;
    let path = Path::new(&inspect.skill);
    let entry = if run::is_path(&inspect.skill) || path.is_file() {
        if !path.exists() {
            return Err(Fail::not_found(format!("there is no file {}", path.display())));
        }
        Some(host.absorb_file(path).await)
    } else {
        host.absorb_folder().await?;
        // `textkit.keywords` means its skill.
        let skill = inspect.skill.split('.').next().unwrap_or_default();
        host.entries().into_iter().find(|entry| entry.name == skill)
    };
    host.close().await;
    let Some(entry) = entry else {
        return Err(Fail::not_found(format!(
            "there is no skill `{}`; `skillhost list` shows what there is",
            inspect.skill
        )));
    };
    if common.json {
        print::json(&entry.inspected());
    } else {
        describe(&entry);
    }
    Ok(ExitCode::SUCCESS)
}

fn grants(generation: &Generation) -> Vec<String> {
    generation.grants().iter().map(ToString::to_string).collect()
}

fn describe(entry: &Entry) {
    let field = |name: &str, value: &str| print::line(&format!("{name:<15} {value}"));
    field("name", &entry.name);
    field("state", entry.state.as_str());
    if let Some(reason) = &entry.reason {
        field("reason", reason);
    }
    field("file", &entry.file);
    if let Some(digest) = &entry.digest {
        field("digest", &digest.to_string());
    }
    if let Some(serving) = entry.serving.as_ref().filter(|serving| entry.digest != Some(serving.digest)) {
        field("serving", &serving.digest.to_string());
    }
    let Some(skill) = entry.own() else { return };
    field("version", &skill.version);
    field("kind", skill.kind.as_str());
    if !skill.description.is_empty() {
        field("description", &skill.description);
    }
    field("size", &format!("{} bytes", skill.size));
    list_of("subscriptions", skill.subscriptions.iter().cloned());
    list_of("wants", skill.wants.iter().map(|want| format!("{} {} - {}", want.capability, want.scope, want.reason)));
    list_of("holds", grants(skill).into_iter());
    list_of("does not hold", missing(skill));
    list_of("imports", skill.imports.iter().cloned());
    list_of("imports unasked", skill.imports_without_asking().into_iter());
    list_of("asks unused", skill.asks_without_importing().into_iter());
    for tool in skill.tools.iter() {
        print::line("");
        let hints: Vec<_> = tool.hints.iter().map(|hint| json!(hint).as_str().unwrap_or_default().to_owned()).collect();
        let hints = if hints.is_empty() { String::new() } else { format!("  ({})", hints.join(", ")) };
        print::line(&format!("{}.{}{hints}", skill.name, tool.name));
        print::line(&format!("  {}", tool.description.replace('\n', "\n  ")));
        for line in parameters::of(tool.input_schema()) {
            print::line(&format!("    {line}"));
        }
    }
    if let Some(instructions) = &skill.instructions {
        print::line("");
        print::line(instructions);
    }
}

/// What it asks for and no grant covers.
fn missing(generation: &Generation) -> impl Iterator<Item = String> {
    let covered = |want: &&Want| Grant::try_from(*want).is_ok_and(|want| generation.grants().covers(&want));
    let missing = generation.wants.iter().filter(move |want| !covered(want));
    missing.map(|want| format!("{} {}", want.capability, want.scope))
}

fn list_of(name: &str, items: impl Iterator<Item = String>) {
    for (index, item) in items.enumerate() {
        let name = if index == 0 { name } else { "" };
        print::line(&format!("{name:<15} {item}"));
    }
}
