//! What no skill reaches through a directory that it was granted.
//!
//! Contract: what the host keeps and its secrets are hidden, what says what skills may do is frozen; each by where it lies or will lie,
//! and by every link that is followed on the way there. Price: a look at each part of a dozen paths, when a host opens.

use std::path::{Path, PathBuf};

use skillhost_engine::{Protected, place_of};

use crate::config::{Config, DEFAULT_FILE};
use crate::secrets::{self, SecretSource};

/// As many links as the system follows.
const MOST_LINKS: usize = 40;

/// What is protected of a host with this configuration.
pub(crate) fn of(config: &Config) -> Protected {
    // Where it is or will be; and where its name is, which may be a link that another could take the place of.
    let both = |path: &Path| place_of(path).into_iter().chain(links_on_the_way(path));
    let sources = secrets::sources(config);
    let files = sources.iter().filter_map(|(_, source)| match source {
        SecretSource::File(path) => Some(path.as_path()),
        SecretSource::Environment(_) => None,
    });
    let tls = config.http.tls.as_ref();
    let own = [Some(config.data_dir.as_path()), tls.map(|tls| tls.key.as_path())].into_iter().flatten();
    let hidden = files.chain(own).flat_map(both).collect();
    let file = config.file.as_deref().unwrap_or(Path::new(DEFAULT_FILE));
    let more = [&config.network.ca_file, &config.events.head_file].into_iter().flatten().map(PathBuf::as_path);
    let more = more.chain(tls.map(|tls| tls.cert.as_path()));
    let frozen = [file, config.skills_dir.as_path()].into_iter().chain(more).flat_map(both).collect();
    Protected { hidden, frozen, ..Protected::default() }
}

/// The links that are followed from `path` to what it stands for: whoever replaces one decides what it stands for.
fn links_on_the_way(path: &Path) -> Vec<PathBuf> {
    let mut links = Vec::new();
    let mut open: Vec<PathBuf> = std::path::absolute(path).into_iter().collect();
    while let Some(path) = open.pop() {
        let mut place = PathBuf::new();
        let mut parts = path.components();
        while let Some(part) = parts.next() {
            place.push(part);
            let Ok(target) = std::fs::read_link(&place) else { continue };
            let named =
                place.parent().and_then(place_of).zip(place.file_name()).map(|(folder, name)| folder.join(name));
            if let Some(named) = named
                && links.len() < MOST_LINKS
                && !links.contains(&named)
            {
                links.push(named);
                open.push(place.parent().unwrap_or(Path::new("/")).join(target).join(parts.as_path()));
            }
            break;
        }
    }
    links
}
