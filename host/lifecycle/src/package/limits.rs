//! How large what lies in the drop folder may be. All sizes are in bytes.

/// A component. Python's bring an interpreter and are 18 MB; wasmtime needs a multiple of this to compile it.
pub(crate) const COMPONENT: u64 = 64 << 20;

/// All files of a package together, unpacked: one component and as much again for what belongs to it. They are
/// all in memory while the package is absorbed.
pub(crate) const PACKAGE: u64 = 128 << 20;

/// An archive as it lies on disk: not more than what may come out of it.
pub(crate) const ARCHIVE: u64 = PACKAGE;

/// How many times its own size an archive may unpack to. Text and components reach 3 to 20; deflate cannot go
/// beyond 1,032, which only a bomb comes near to.
pub(crate) const RATIO: u64 = 200;

/// Files and folders in a package. Published skills have fewer than 100.
pub(crate) const FILES: usize = 1_000;

/// Entries that are looked at to find them. Clutter is not counted as files, and macOS packs one of its own
/// beside every file and folder.
pub(crate) const ENTRIES: usize = 4 * FILES;

/// Parts of a path within a package, the file's name included.
pub(crate) const DEPTH: usize = 8;

/// A path within a package: as much as most file systems take for one name.
pub(crate) const PATH: usize = 255;

/// `SKILL.md`. It is sent whole to a model, and the specification asks for less than 5,000 tokens (20 KB).
pub(crate) const INSTRUCTIONS: u64 = 256 << 10;

/// The front matter of `SKILL.md`: a description at its longest is 4 KB, the rest are labels.
pub(crate) const FRONT_MATTER: usize = 16 << 10;

/// A description, in characters: the Agent Skills specification's own limit.
pub(crate) const DESCRIPTION: usize = 1_024;

/// A foreign name or text in a message, in characters: enough to find it by.
pub(crate) const SHOWN: usize = 120;
