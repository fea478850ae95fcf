//! Skill folders as text: the Skills extension (SEP-2640), and their files as resources.
//!
//! Contract: of every skill that serves and came with a `SKILL.md`, all files but its component, with the digests of their
//! bytes; they are read from what the host keeps of the very generation that serves, which nobody writes to. Nothing else can be
//! named. Price: every file is hashed once per generation; a file that is asked for is read whole.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rmcp::ErrorData;
use rmcp::model::{
    GetSkillResult, ListResourcesResult, ListSkillsResult, ReadResourceResult, Resource, ResourceContents, Skill,
    SkillFrontmatter, SkillResource, SkillResources,
};
use serde_json::Value;
use skillhost_lifecycle::{Generation, Host};
use skillhost_types::Digest;
use url::Url;

use super::page;
use crate::problem;

/// Largest file that is sent, in bytes: what clients take in one message, as text of base64 a third larger.
const LARGEST: u64 = 4 << 20;

/// The file that makes a folder a skill.
const SKILL_MD: &str = "SKILL.md";

/// What is known of the folders of the generations that serve.
#[derive(Default)]
pub(super) struct Skills {
    folders: Mutex<HashMap<Digest, Arc<Folder>>>,
}

/// One skill's files.
struct Folder {
    skill: Skill,
    files: BTreeMap<String, File>,
}

struct File {
    /// The skill's name and the way from its folder.
    name: String,
    path: PathBuf,
    size: u64,
}

impl Skills {
    pub(super) async fn list(&self, host: &Host, cursor: Option<&str>) -> Result<ListSkillsResult, ErrorData> {
        let skills: Vec<Skill> = self.all(host).await?.iter().map(|folder| folder.skill.clone()).collect();
        let (skills, next_cursor) = page(skills, cursor, |skill| &skill.uri)?;
        Ok(ListSkillsResult { next_cursor, ..ListSkillsResult::with_all_items(skills) })
    }

    pub(super) async fn get(&self, host: &Host, uri: &str) -> Result<GetSkillResult, ErrorData> {
        let folder = self.find(host, uri).await?.filter(|folder| folder.skill.uri == uri);
        folder.map(|folder| GetSkillResult::new(folder.skill.clone())).ok_or_else(|| {
            ErrorData::invalid_params("there is no such skill; `skills/list` says which there are", None)
        })
    }

    pub(super) async fn resources(&self, host: &Host, cursor: Option<&str>) -> Result<ListResourcesResult, ErrorData> {
        let all = self.all(host).await?;
        let mut resources: Vec<Resource> = all.iter().flat_map(|folder| folder.resources()).collect();
        resources.sort_by(|one, other| one.uri.cmp(&other.uri));
        let (resources, next_cursor) = page(resources, cursor, |resource| &resource.uri)?;
        Ok(ListResourcesResult { next_cursor, ..ListResourcesResult::with_all_items(resources) })
    }

    pub(super) async fn read(&self, host: &Host, uri: &str) -> Result<ReadResourceResult, ErrorData> {
        let missing =
            || ErrorData::resource_not_found("there is no such file; `resources/list` says which there are", None);
        let folder = self.find(host, uri).await?.ok_or_else(missing)?;
        let file = folder.files.get(uri).ok_or_else(missing)?;
        if file.size > LARGEST {
            let message = format!("the file has {} bytes; at most {LARGEST} are sent", file.size);
            return Err(ErrorData::invalid_params(message, None));
        }
        let path = file.path.clone();
        let bytes = blocking(move || fs::read(path)).await?;
        let contents = match String::from_utf8(bytes) {
            Ok(text) => ResourceContents::text(text, uri).with_mime_type(media_type(uri, true)),
            Err(error) => {
                ResourceContents::blob(STANDARD.encode(error.as_bytes()), uri).with_mime_type(media_type(uri, false))
            }
        };
        Ok(ReadResourceResult::new(vec![contents]))
    }

    /// The folder that `uri` would lie in.
    async fn find(&self, host: &Host, uri: &str) -> Result<Option<Arc<Folder>>, ErrorData> {
        let name = uri.strip_prefix("skill://").and_then(|rest| rest.split('/').next()).unwrap_or_default();
        match host.skill(name).filter(|generation| generation.instructions.is_some()) {
            Some(generation) => self.folder(host, generation).await.map(Some),
            None => Ok(None),
        }
    }

    /// All folders, by name.
    async fn all(&self, host: &Host) -> Result<Vec<Arc<Folder>>, ErrorData> {
        let entries = host.entries();
        let mut serving: Vec<_> = entries.into_iter().filter_map(|entry| entry.serving).collect();
        serving.retain(|generation| generation.instructions.is_some());
        serving.sort_by(|one, other| one.name.cmp(&other.name));
        let mut all = Vec::with_capacity(serving.len());
        for generation in serving {
            all.push(self.folder(host, generation).await?);
        }
        Ok(all)
    }

    async fn folder(&self, host: &Host, generation: Arc<Generation>) -> Result<Arc<Folder>, ErrorData> {
        let digest = generation.digest;
        if let Some(folder) = self.folders().get(&digest) {
            return Ok(folder.clone());
        }
        let path = host.folder_of(&generation);
        let folder = Arc::new(blocking(move || Folder::read(&generation, &path)).await?);
        // Of what serves no more nothing is kept.
        let serving = host.entries().into_iter().filter_map(|entry| entry.serving);
        let digests: HashSet<Digest> = serving.map(|generation| generation.digest).collect();
        let mut folders = self.folders();
        folders.retain(|digest, _| digests.contains(digest));
        folders.insert(digest, folder.clone());
        Ok(folder)
    }

    fn folders(&self) -> MutexGuard<'_, HashMap<Digest, Arc<Folder>>> {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Folder {
    fn read(generation: &Generation, path: &Path) -> io::Result<Self> {
        let root = format!("skill://{}/", generation.name);
        let mut found = Vec::new();
        walk(path, &mut Vec::new(), &mut found)?;
        let (mut files, mut resources) = (BTreeMap::new(), Vec::new());
        for (parts, path) in found {
            // The component is what the tools are made of; a model cannot read it.
            let is_component = matches!(parts.as_slice(), [name] if name.to_ascii_lowercase().ends_with(".wasm"));
            if is_component {
                continue;
            }
            let uri = uri(&root, &parts)?;
            let bytes = fs::read(&path)?;
            resources.push(SkillResource::from_bytes(&uri, &bytes));
            let name = format!("{}/{}", generation.name, parts.join("/"));
            files.insert(uri, File { name, path, size: bytes.len() as u64 });
        }
        resources.sort_by(|one, other| one.uri.cmp(&other.uri));
        let front = front_matter(generation);
        Ok(Self { skill: Skill::new(format!("{root}{SKILL_MD}"), front, SkillResources::Files(resources)), files })
    }

    fn resources(&self) -> impl Iterator<Item = Resource> {
        self.files.iter().map(move |(uri, file)| {
            let resource = Resource::new(uri, &file.name).with_size(file.size).with_mime_type(media_type(uri, false));
            match *uri == self.skill.uri {
                true => resource.with_description(self.skill.frontmatter.description.clone()),
                false => resource,
            }
        })
    }
}

/// What the author wrote at the head of `SKILL.md`.
fn front_matter(generation: &Generation) -> SkillFrontmatter {
    let mut fields = generation.front_matter().unwrap_or_default();
    fields.remove("name");
    let description = match fields.remove("description") {
        Some(Value::String(text)) => text,
        _ => generation.description.clone(),
    };
    let front = SkillFrontmatter::new(generation.name.as_str(), description);
    fields.into_iter().fold(front, |front, (key, value)| front.with_field(key, value))
}

/// All files below `folder`, which holds nothing but files and folders, within the bounds of a package.
fn walk(folder: &Path, within: &mut Vec<String>, found: &mut Vec<(Vec<String>, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let kind = entry.file_type()?;
        within.push(name);
        if kind.is_dir() {
            walk(&entry.path(), within, found)?;
        } else if kind.is_file() {
            found.push((within.clone(), entry.path()));
        }
        within.pop();
    }
    Ok(())
}

fn uri(root: &str, parts: &[String]) -> io::Result<String> {
    let mut uri = Url::parse(root).map_err(io::Error::other)?;
    uri.path_segments_mut().map_err(|()| io::Error::other("no path"))?.pop_if_empty().extend(parts);
    Ok(uri.into())
}

/// What a file is, by its name.
fn media_type(uri: &str, is_text: bool) -> &'static str {
    match uri.rsplit_once('.').map(|(_, suffix)| suffix.to_ascii_lowercase()).as_deref() {
        Some("md") => "text/markdown",
        Some("txt") => "text/plain",
        Some("json") => "application/json",
        Some("yaml" | "yml") => "application/yaml",
        Some("html") => "text/html",
        Some("css") => "text/css",
        Some("csv") => "text/csv",
        Some("py") => "text/x-python",
        Some("js") => "text/javascript",
        Some("sh") => "application/x-sh",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("svg") => "image/svg+xml",
        Some("pdf") => "application/pdf",
        _ if is_text => "text/plain",
        _ => "application/octet-stream",
    }
}

async fn blocking<T: Send + 'static>(read: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, ErrorData> {
    let unread = |_| ErrorData::internal_error("the skill's folder cannot be read; the host's log says why", None);
    problem::blocking(read).await.map_err(unread)
}
