//! Why something in the drop folder is not read.

use std::io;

use super::limits;
use super::shown::Shown;
use crate::front_matter::FrontMatterError;

/// Why an entry of the drop folder is no package; names are shown escaped and cut.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PackageError {
    #[error("`{0}` is no skill: it must be a `*.wasm` component, a `*.skill` archive or a folder with a `SKILL.md`")]
    Foreign(Shown),
    #[error("`{0}` is a symbolic link; put the file itself in its place")]
    Symlink(Shown),
    #[error("`{path}` is a {what}; only regular files and folders are read, remove it")]
    Special { path: Shown, what: &'static str },
    #[error("`{path}` cannot be read: {source}; make it readable, or copy or pack it again")]
    Read { path: Shown, source: io::Error },
    #[error("`{0}` changed while it was read; write to another name and rename when it is whole")]
    Changing(Shown),
    #[error("`{path}` is larger than {max} KiB, the most that {what} may be; make it smaller", max = limit / 1024)]
    TooLarge { path: Shown, what: &'static str, limit: u64 },
    #[error("the files up to `{0}` are larger than {max} MiB together; take out what the skill does not need", max = limits::PACKAGE >> 20)]
    PackageTooLarge(Shown),
    #[error(
        "the archive unpacks to more than {max} times its size, at `{0}`; pack it with less compression if that is meant",
        max = limits::RATIO
    )]
    Ratio(Shown),
    #[error("there are more than {} files and folders; pack those that belong together into one", limits::FILES)]
    TooManyFiles,
    #[error("there are more than {} entries, clutter included; remove what is not part of the skill", limits::ENTRIES)]
    TooManyEntries,
    #[error("the path `{path}` {why}; rename it")]
    Path { path: Shown, why: &'static str },
    #[error("the path `{0}` has more than {max} parts; put the file higher up", max = limits::DEPTH)]
    TooDeep(Shown),
    #[error("the path `{0}` is longer than {max} bytes; shorten it", max = limits::PATH)]
    TooLong(Shown),
    #[error("`{0}` and `{1}` are one file where case does not count; rename or remove one")]
    Duplicate(Shown, Shown),
    #[error("both `{0}` and `{1}` are components; keep one at the top of the folder and move the other below")]
    TwoComponents(Shown, Shown),
    #[error("there is no `SKILL.md` at the top; write one that begins with `---`, `name: …`, `description: …`, `---`")]
    NoInstructions,
    #[error("`{0}` must be named `SKILL.md`, in this case; rename it")]
    InstructionsMisnamed(Shown),
    #[error("`SKILL.md` is not UTF-8 text; save it as UTF-8")]
    InstructionsNotText,
    #[error(transparent)]
    FrontMatter(#[from] FrontMatterError),
    #[error("this is no whole zip archive: {0}; pack it again")]
    Archive(Shown),
    #[error("`{0}` is encrypted; pack it without a password")]
    Encrypted(Shown),
    #[error("`{0}` is compressed with a method other than deflate; pack it again with deflate, or stored")]
    Compression(Shown),
    #[error("the archive holds two entries of one name; pack it again with one")]
    DuplicateEntry,
    #[error("`{path}` cannot be written: {source}; see to space and rights in the data directory")]
    Write { path: Shown, source: io::Error },
}
