//! `wasi:filesystem`, with what the host keeps to itself taken out and writing metered.
//!
//! Contract: a guest sees the directories that its environment names, read-only or writable, and nothing outside of them. What is
//! hidden is not there, and what is frozen cannot be changed, by whatever name or link it is reached; the bytes that a run may
//! write are limited. Price: in a directory that holds nothing hidden or frozen, a counter; in one that does, the system is
//! asked where each opened file lies.

mod calls;
mod meter;

use std::collections::HashMap;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

use wasmtime::component::{HasData, Linker, Resource};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemCtxView};
use wasmtime_wasi::p2::FsResult;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    self, DescriptorFlags, ErrorCode, HostDescriptor as _, OpenFlags, PathFlags,
};

pub(crate) use self::meter::Meter;
use crate::http::Reach;
use crate::state::RunState;

/// A directory that a generation's runs see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// Its name to the guest: it lies at `/NAME`.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
    /// May it be changed?
    pub writable: bool,
}

/// What no skill reaches, wherever a directory that it was granted lies. Canonical paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Protected {
    /// What is not there.
    pub hidden: Vec<PathBuf>,
    /// What cannot be changed.
    pub frozen: Vec<PathBuf>,
    /// What can be changed and not read.
    pub unread: Vec<PathBuf>,
    /// What lies in something hidden and is there all the same: the skill's own folder.
    pub own: Option<PathBuf>,
}

/// Where `path` is or will be: canonical as far as it exists.
pub fn place_of(path: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    path.ancestors().find_map(|there| {
        let rest = path.strip_prefix(there).ok()?;
        Some(std::fs::canonicalize(there).ok()?.join(rest))
    })
}

impl Protected {
    /// Is there nothing that directories could lead to?
    pub fn is_empty(&self) -> bool {
        self.hidden.is_empty() && self.frozen.is_empty() && self.unread.is_empty()
    }

    /// What of it lies in one of `directories`, or holds one.
    pub fn within(&self, directories: &[Directory]) -> Self {
        let real: Vec<_> = directories.iter().map(|own| std::fs::canonicalize(&own.path)).collect();
        // A directory that cannot be told from a protected one may be one.
        let near = |own: &&PathBuf| {
            real.iter().any(|path| path.as_ref().map_or(true, |path| own.starts_with(path) || path.starts_with(own)))
        };
        let those = |all: &[PathBuf]| all.iter().filter(near).cloned().collect();
        Self {
            hidden: those(&self.hidden),
            frozen: those(&self.frozen),
            unread: those(&self.unread),
            own: self.own.clone(),
        }
    }
}

/// What a run's files are seen through.
pub(crate) struct Guarded<'a> {
    view: WasiFilesystemCtxView<'a>,
    meter: &'a Meter,
    listings: &'a mut Listings,
    /// Files and directories that the guest holds open.
    open: &'a mut u32,
    /// None where nothing of it could be reached.
    protected: Option<&'a Protected>,
}

/// Which names an open listing leaves out.
pub(crate) type Listings = HashMap<u32, Vec<String>>;

struct Through<H>(std::marker::PhantomData<H>);

impl<H: Reach> HasData for Through<H> {
    type Data<'a> = Guarded<'a>;
}

/// Links the guarded types in the place of WASI's own.
pub(crate) fn link<H: Reach>(linker: &mut Linker<RunState<H>>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    types::add_to_linker::<RunState<H>, Through<H>>(linker, RunState::guarded)?;
    linker.allow_shadowing(false);
    Ok(())
}

type Fd = Resource<Descriptor>;

/// Files and directories that one run may hold open: a tool that walks a tree needs some tens, and every one is an open file of the
/// host, of which all runs together have some thousands.
const OPEN: u32 = 64;

/// Links that are followed one after the other, as many as systems follow.
const LINKS: usize = 40;

/// A directory and a name in it, whose place was looked at.
struct Step {
    dir: Fd,
    name: String,
    /// Where that is; none where nothing protected is near. Then the directory is the caller's own.
    place: Option<PathBuf>,
    /// How the name is to be taken: no link, once links were followed.
    flags: PathFlags,
}

impl<'a> Guarded<'a> {
    pub(crate) fn new(
        view: WasiFilesystemCtxView<'a>,
        meter: &'a Meter,
        listings: &'a mut Listings,
        open: &'a mut u32,
        protected: Option<&'a Protected>,
    ) -> Self {
        Self { view, meter, listings, open, protected }
    }

    fn is_hidden(&self, path: &Path) -> bool {
        self.protected.is_some_and(|protected| {
            let own = protected.own.as_ref().is_some_and(|own| path.starts_with(own));
            !own && protected.hidden.iter().any(|hidden| path.starts_with(hidden))
        })
    }

    /// The names in an opened directory that are not shown.
    fn hidden_in(&self, fd: &Fd) -> FsResult<Vec<String>> {
        let Some(protected) = self.protected.filter(|protected| !protected.hidden.is_empty()) else {
            return Ok(Vec::new());
        };
        let place = self.where_is(fd)?;
        self.check(&place, false)?;
        let here = protected.hidden.iter().filter(|hidden| hidden.parent() == Some(&place));
        Ok(here.filter_map(|hidden| hidden.file_name()?.to_str()).map(str::to_owned).collect())
    }

    /// Fails if what was opened may not be read.
    fn check_read(&self, fd: &Fd) -> FsResult<()> {
        let Some(protected) = self.protected.filter(|protected| !protected.unread.is_empty()) else { return Ok(()) };
        let place = self.where_is(fd)?;
        if protected.unread.iter().any(|unread| place.starts_with(unread)) {
            return Err(ErrorCode::NotPermitted.into());
        }
        Ok(())
    }

    /// Would changing what lies at `path` change something protected?
    fn is_frozen(&self, path: &Path) -> bool {
        self.protected.is_some_and(|protected| {
            let touched = |own: &PathBuf| path.starts_with(own) || own.starts_with(path);
            protected.hidden.iter().chain(&protected.frozen).any(touched)
        })
    }

    /// Fails if what `path` names is hidden, or frozen and to be changed. Gives the opened directory that holds it and its name
    /// there, links followed as `flags` say: what was looked at is what is used then, whoever moves things meanwhile.
    async fn step(&mut self, fd: Fd, mut path: String, flags: PathFlags, change: bool) -> FsResult<Step> {
        if self.protected.is_none() {
            return Ok(Step { dir: fd, name: path, place: None, flags });
        }
        for _ in 0..LINKS {
            let (parent, name) = match path.rsplit_once('/') {
                Some(("", _)) => return Err(ErrorCode::NotPermitted.into()),
                Some((parent, name)) => (parent, name),
                None => (".", path.as_str()),
            };
            // A path that ends with a directory's own name for itself or for what is above it.
            let (parent, name) = if matches!(name, "" | "." | "..") { (path.as_str(), ".") } else { (parent, name) };
            let (parent, name) = (parent.to_owned(), name.to_owned());
            let (follow, directory, read) = (PathFlags::SYMLINK_FOLLOW, OpenFlags::DIRECTORY, DescriptorFlags::READ);
            let dir = self.view.open_at(Self::again(&fd), follow, parent.clone(), directory, read).await?;
            if flags.contains(PathFlags::SYMLINK_FOLLOW)
                && let Ok(target) = self.view.readlink_at(Self::again(&dir), name.clone()).await
            {
                self.view.table.delete(dir)?;
                if target.starts_with('/') {
                    return Err(ErrorCode::NotPermitted.into());
                }
                path = format!("{parent}/{target}");
                continue;
            }
            let place = self.where_is(&dir).map(|place| if name == "." { place } else { place.join(&name) });
            let checked = place.and_then(|place| self.check(&place, change).map(|()| place));
            return match checked {
                Ok(place) => Ok(Step { dir, name, place: Some(place), flags: PathFlags::empty() }),
                Err(error) => {
                    self.view.table.delete(dir)?;
                    Err(error)
                }
            };
        }
        Err(ErrorCode::Loop.into())
    }

    /// Fails if what may not be read would come to where it may be.
    fn check_move(&self, from: &Step, to: &Step) -> FsResult<()> {
        let (Some(protected), Some(from), Some(to)) = (self.protected, &from.place, &to.place) else { return Ok(()) };
        let unread = |place: &Path| protected.unread.iter().any(|unread| place.starts_with(unread));
        if unread(from) && !unread(to) { Err(ErrorCode::NotPermitted.into()) } else { Ok(()) }
    }

    fn check(&self, place: &Path, change: bool) -> FsResult<()> {
        if self.is_hidden(place) {
            Err(ErrorCode::NoEntry.into())
        } else if change && self.is_frozen(place) {
            Err(ErrorCode::NotPermitted.into())
        } else {
            Ok(())
        }
    }

    /// Closes what was opened for a step.
    fn leave(&mut self, step: Step) -> FsResult<()> {
        if step.place.is_some() {
            self.view.table.delete(step.dir)?;
        }
        Ok(())
    }

    /// Where what was opened lies now, as the system says.
    fn where_is(&self, fd: &Fd) -> FsResult<PathBuf> {
        let file = match self.view.table.get(fd)? {
            Descriptor::File(file) => &file.file,
            Descriptor::Dir(dir) => &dir.dir,
        };
        let link = format!("/proc/self/fd/{}", file.as_raw_fd());
        std::fs::read_link(link).map_err(|error| ErrorCode::from(&error).into())
    }

    /// Two steps, of which none stays open if one fails.
    async fn steps(&mut self, from: (Fd, String, PathFlags), to: (Fd, String)) -> FsResult<(Step, Step)> {
        let from = self.step(from.0, from.1, from.2, true).await?;
        match self.step(to.0, to.1, PathFlags::empty(), true).await {
            Ok(to) => Ok((from, to)),
            Err(error) => {
                self.leave(from)?;
                Err(error)
            }
        }
    }

    fn again(fd: &Fd) -> Fd {
        Resource::new_borrow(fd.rep())
    }
}
