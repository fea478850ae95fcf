//! A socket in the file system.
//!
//! Contract: only its owner may open it, from the first moment on. What a host left behind is replaced; a socket that somebody
//! listens on, and any other kind of file, is not. Price: a folder beside it, for an instant.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

/// A socket's name, removed when dropped if it is still this socket's.
#[derive(Debug)]
pub(crate) struct Socket {
    path: PathBuf,
    /// Device and number of the file.
    file: (u64, u64),
}

impl Drop for Socket {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|file| file == self.file) {
            // Gone already is as good.
            drop(std::fs::remove_file(&self.path));
        }
    }
}

pub(crate) fn listen(path: &Path) -> io::Result<(UnixListener, Socket)> {
    refuse_what_is_not_ours(path)?;
    let beside = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // A socket is open to others for an instant before its mode can be set; in here nobody else sees it. Its name is nobody's
    // to guess, nor that of one that a killed host left behind.
    let closed = tempfile::Builder::new().prefix(".").permissions(Permissions::from_mode(0o700)).tempdir_in(beside)?;
    make(&closed.path().join("s"), path)
}

fn make(aside: &Path, path: &Path) -> io::Result<(UnixListener, Socket)> {
    let listener = UnixListener::bind(aside)?;
    let made = std::fs::set_permissions(aside, Permissions::from_mode(0o600))
        .and_then(|()| identity(aside))
        .and_then(|file| std::fs::rename(aside, path).map(|()| file));
    if made.is_err() {
        drop(std::fs::remove_file(aside));
    }
    Ok((listener, Socket { path: path.to_owned(), file: made? }))
}

fn refuse_what_is_not_ours(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Ok(there) if there.file_type().is_socket() => {}
        Ok(_) => return Err(io::Error::other("there is a file of another kind")),
        Err(error) => return Err(error),
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        Ok(_) => Err(io::Error::new(io::ErrorKind::AddrInUse, "somebody listens there already")),
        Err(error) => Err(error),
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let file = std::fs::symlink_metadata(path)?;
    Ok((file.dev(), file.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_is_its_owners_and_goes_with_who_made_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("http.sock");
        let (listener, socket) = listen(&path).unwrap();
        assert_eq!(std::fs::symlink_metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left there");
        let (_, there) = (UnixStream::connect(&path).unwrap(), listener.accept().await.unwrap());
        drop(there);
        drop((listener, socket));
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_socket_that_was_left_behind_is_replaced_and_a_live_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("http.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let (_listener, socket) = listen(&path).unwrap();
        assert_eq!(listen(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        UnixStream::connect(&path).unwrap();
        // Another's socket of this name stays.
        std::fs::remove_file(&path).unwrap();
        let _other = std::os::unix::net::UnixListener::bind(&path).unwrap();
        drop(socket);
        assert!(path.exists());
    }

    #[tokio::test]
    async fn a_file_of_another_kind_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes.txt");
        std::fs::write(&path, "mine").unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path().join("nowhere"), &link).unwrap();
        assert!(listen(&path).is_err() && listen(&link).is_err() && listen(folder.path()).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    }
}
