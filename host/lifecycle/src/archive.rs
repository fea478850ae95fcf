//! `*.skill` files: zip archives of a skill's folder or of its contents.
//!
//! Contract: every name is judged before a byte is unpacked, and what an entry says of its own size is not
//! believed but counted. An archive that tells two stories (headers that contradict each other, overlapping
//! entries) is refused. Archives within are data. Price: bounded by the archive's size on the way in and by
//! the package's limits on the way out.

use std::io::Cursor;

use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use crate::package::{ENTRIES, Files, PackageError, PackagePath, Shown};

/// The bits of a Unix mode that say what a file is.
const KIND: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;
const SYMLINK: u32 = 0o120_000;

/// What every header in the list of entries begins with.
const HEADER: &[u8] = b"PK\x01\x02";

/// Headers that may be in the archive's bytes, those of archives within included. The list is read into memory
/// before its length can be asked for, and takes a few hundred bytes an entry: 20 MB here, but a gigabyte where
/// a full-size archive is nothing but headers. As many as a zip without the 64-bit extension may have.
const HEADERS: usize = 65_535;

/// Unpacks an archive into memory.
pub(crate) fn unpack(bytes: &[u8]) -> Result<Files, PackageError> {
    if bytes.windows(HEADER.len()).filter(|window| *window == HEADER).take(HEADERS + 1).count() > HEADERS {
        return Err(PackageError::TooManyEntries);
    }
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(broken)?;
    if archive.len() > ENTRIES {
        return Err(PackageError::TooManyEntries);
    }
    if archive.has_duplicate_names() {
        return Err(PackageError::DuplicateEntry);
    }
    let entries = judged(&archive)?;
    archive.validate_header_consistency().map_err(broken)?;

    let is_wrapped = is_wrapped(&entries);
    let mut files = Files::unpacked_from(bytes.len() as u64);
    for Entry { index, path, is_folder } in entries {
        let path = if is_wrapped { path.below_top() } else { path };
        if is_folder {
            files.add_folder(&path)?;
        } else {
            files.add(&path, archive.by_index(index).map_err(broken)?)?;
        }
    }
    Ok(files)
}

/// A regular file or folder with an honest path.
struct Entry {
    index: usize,
    path: PackagePath,
    is_folder: bool,
}

/// All entries but clutter.
fn judged(archive: &ZipArchive<Cursor<&[u8]>>) -> Result<Vec<Entry>, PackageError> {
    let mut judged = Vec::with_capacity(archive.len());
    for index in 0..archive.len() {
        let entry = archive.by_index_data(index).map_err(broken)?;
        let name = entry.name().map_err(broken)?;
        let is_folder = match entry.unix_mode().unwrap_or_default() & KIND {
            // Packed where there are no modes; then the name says what it is.
            0 | REGULAR => entry.is_dir(),
            FOLDER => true,
            SYMLINK => return Err(PackageError::Symlink(Shown::new(&name))),
            _ => return Err(PackageError::Special { path: Shown::new(&name), what: "device, pipe or socket" }),
        };
        if entry.encrypted() {
            return Err(PackageError::Encrypted(Shown::new(&name)));
        }
        if !matches!(entry.compression(), CompressionMethod::Stored | CompressionMethod::Deflated) {
            return Err(PackageError::Compression(Shown::new(&name)));
        }
        let path = PackagePath::parse(&name)?;
        if !path.is_clutter() {
            judged.push(Entry { index, path, is_folder });
        }
    }
    Ok(judged)
}

/// Does the archive hold the folder itself, rather than its contents?
fn is_wrapped(entries: &[Entry]) -> bool {
    let Some(top) = entries.iter().find_map(|entry| entry.path.parts().first()) else { return false };
    entries.iter().all(|entry| match entry.path.parts() {
        [] => true,
        [only] => entry.is_folder && only == top,
        [first, ..] => first == top,
    })
}

fn broken(error: ZipError) -> PackageError {
    PackageError::Archive(Shown::new(&error.to_string()))
}

#[cfg(test)]
mod tests;
