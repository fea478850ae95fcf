//! A secret in a file of its own.
//!
//! Contract: the file is readable to its owner alone from its first moment on, and whole: whoever reads meanwhile sees what
//! was there before or the new text. What was there before is replaced, never written to, so a link that somebody put in its
//! place leads nowhere. On disk when the call comes back. Price: two syncs.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

/// Writes `secret` and a line's end to the file `name` in `folder`.
pub(crate) fn write(folder: &Path, name: &str, secret: &str) -> io::Result<()> {
    // The draft is made with mode 0600, and only if nothing of its random name is there.
    let mut draft = tempfile::Builder::new().prefix(".token-").tempfile_in(folder)?;
    writeln!(draft, "{secret}")?;
    draft.as_file().sync_all()?;
    draft.persist(folder.join(name)).map_err(|error| error.error)?;
    // The name as well, not only the bytes.
    File::open(folder)?.sync_all()
}
