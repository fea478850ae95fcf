//! Every call of `wasi:filesystem/types`: looked at, metered, handed on.

use wasmtime::component::Resource;
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    self, DescriptorFlags, ErrorCode, Host, HostDescriptor, HostDirectoryEntryStream, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult};

use super::meter::{ENTRY, Metered};
use super::{Fd, Guarded, OPEN};

impl Host for Guarded<'_> {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<ErrorCode> {
        self.view.convert_error_code(error)
    }

    fn filesystem_error_code(&mut self, error: Resource<wasmtime::Error>) -> wasmtime::Result<Option<ErrorCode>> {
        self.view.filesystem_error_code(error)
    }
}

impl Guarded<'_> {
    fn meter(&self, bytes: u64) -> FsResult<()> {
        if self.meter.take(bytes) { Ok(()) } else { Err(ErrorCode::Quota.into()) }
    }

    fn metered(&mut self, stream: Resource<DynOutputStream>) -> FsResult<Resource<DynOutputStream>> {
        let stream = self.view.table.delete(stream)?;
        let metered: DynOutputStream = Box::new(Metered { stream, meter: self.meter.clone() });
        Ok(self.view.table.push(metered)?)
    }
}

impl HostDescriptor for Guarded<'_> {
    async fn advise(
        &mut self,
        fd: Fd,
        offset: types::Filesize,
        len: types::Filesize,
        advice: types::Advice,
    ) -> FsResult<()> {
        self.view.advise(fd, offset, len, advice).await
    }

    async fn sync_data(&mut self, fd: Fd) -> FsResult<()> {
        self.view.sync_data(fd).await
    }

    async fn get_flags(&mut self, fd: Fd) -> FsResult<types::DescriptorFlags> {
        self.view.get_flags(fd).await
    }

    async fn get_type(&mut self, fd: Fd) -> FsResult<types::DescriptorType> {
        self.view.get_type(fd).await
    }

    async fn set_times(&mut self, fd: Fd, atim: types::NewTimestamp, mtim: types::NewTimestamp) -> FsResult<()> {
        // Of what was opened for reading too.
        if self.protected.is_some() {
            self.check(&self.where_is(&fd)?, true)?;
        }
        self.view.set_times(fd, atim, mtim).await
    }

    async fn read(&mut self, fd: Fd, len: types::Filesize, offset: types::Filesize) -> FsResult<(Vec<u8>, bool)> {
        self.view.read(fd, len, offset).await
    }

    async fn sync(&mut self, fd: Fd) -> FsResult<()> {
        self.view.sync(fd).await
    }

    async fn stat(&mut self, fd: Fd) -> FsResult<types::DescriptorStat> {
        self.view.stat(fd).await
    }

    async fn metadata_hash(&mut self, fd: Fd) -> FsResult<types::MetadataHashValue> {
        self.view.metadata_hash(fd).await
    }

    async fn set_size(&mut self, fd: Fd, size: types::Filesize) -> FsResult<()> {
        let now = self.view.stat(Self::again(&fd)).await?.size;
        self.meter(size.saturating_sub(now))?;
        self.view.set_size(fd, size).await
    }

    async fn write(&mut self, fd: Fd, bytes: Vec<u8>, offset: types::Filesize) -> FsResult<types::Filesize> {
        // Also what a gap before the bytes takes, should the disk not keep it as one.
        let end = offset.saturating_add(bytes.len() as u64);
        let now = self.view.stat(Self::again(&fd)).await?.size;
        self.meter(end.saturating_sub(now).max(bytes.len() as u64))?;
        self.view.write(fd, bytes, offset).await
    }

    async fn read_directory(&mut self, fd: Fd) -> FsResult<Resource<types::DirectoryEntryStream>> {
        self.check_read(&fd)?;
        let hidden = self.hidden_in(&fd)?;
        let entries = self.view.read_directory(fd).await?;
        if !hidden.is_empty() {
            self.listings.insert(entries.rep(), hidden);
        }
        Ok(entries)
    }

    async fn create_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let step = self.step(fd, path, PathFlags::empty(), true).await?;
        self.meter(ENTRY)?;
        let result = self.view.create_directory_at(Self::again(&step.dir), step.name.clone()).await;
        self.leave(step)?;
        result
    }

    async fn stat_at(&mut self, fd: Fd, flags: PathFlags, path: String) -> FsResult<types::DescriptorStat> {
        let step = self.step(fd, path, flags, false).await?;
        let result = self.view.stat_at(Self::again(&step.dir), step.flags, step.name.clone()).await;
        self.leave(step)?;
        result
    }

    async fn set_times_at(
        &mut self,
        fd: Fd,
        flags: PathFlags,
        path: String,
        atim: types::NewTimestamp,
        mtim: types::NewTimestamp,
    ) -> FsResult<()> {
        let step = self.step(fd, path, flags, true).await?;
        let result = self.view.set_times_at(Self::again(&step.dir), step.flags, step.name.clone(), atim, mtim).await;
        self.leave(step)?;
        result
    }

    async fn link_at(&mut self, fd: Fd, flags: PathFlags, path: String, new_fd: Fd, new_path: String) -> FsResult<()> {
        self.meter(ENTRY)?;
        let (from, to) = self.steps((fd, path, flags), (new_fd, new_path)).await?;
        let (old, new) = (Self::again(&from.dir), Self::again(&to.dir));
        let result = match self.check_move(&from, &to) {
            Ok(()) => self.view.link_at(old, from.flags, from.name.clone(), new, to.name.clone()).await,
            Err(error) => Err(error),
        };
        self.leave(from)?;
        self.leave(to)?;
        result
    }

    async fn open_at(
        &mut self,
        fd: Fd,
        path_flags: PathFlags,
        path: String,
        mut open_flags: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Fd> {
        let change = flags.contains(DescriptorFlags::WRITE)
            || open_flags.intersects(OpenFlags::CREATE | OpenFlags::TRUNCATE | OpenFlags::EXCLUSIVE);
        if open_flags.contains(OpenFlags::CREATE) {
            self.meter(ENTRY)?;
        }
        if *self.open >= OPEN {
            return Err(ErrorCode::Quota.into());
        }
        let step = self.step(fd, path, path_flags, change).await?;
        if step.place.is_none() {
            let opened = self.view.open_at(step.dir, step.flags, step.name, open_flags, flags).await?;
            *self.open += 1;
            return Ok(opened);
        }
        // Emptied only once it is known what it is.
        let truncate = open_flags.contains(OpenFlags::TRUNCATE);
        open_flags &= !OpenFlags::TRUNCATE;
        let opened = self.view.open_at(Self::again(&step.dir), step.flags, step.name.clone(), open_flags, flags).await;
        self.leave(step)?;
        let opened = opened?;
        let is_dir = matches!(self.view.table.get(&opened)?, Descriptor::Dir(_));
        // What is changed in a directory is looked at when it is.
        let checked = self.where_is(&opened).and_then(|place| self.check(&place, change && !is_dir));
        // What is not opened for writing is opened for reading, whatever was asked for.
        let reads = !is_dir && (flags.contains(DescriptorFlags::READ) || !flags.contains(DescriptorFlags::WRITE));
        let checked = checked.and_then(|()| if reads { self.check_read(&opened) } else { Ok(()) });
        let checked = match checked {
            Ok(()) if truncate => self.view.set_size(Self::again(&opened), 0).await,
            other => other,
        };
        match checked {
            Ok(()) => {
                *self.open += 1;
                Ok(opened)
            }
            Err(error) => {
                self.view.table.delete(opened)?;
                Err(error)
            }
        }
    }

    fn drop(&mut self, fd: Fd) -> wasmtime::Result<()> {
        // The directories that a run begins with were not opened by it, and are not missed here either.
        *self.open = self.open.saturating_sub(1);
        HostDescriptor::drop(&mut self.view, fd)
    }

    async fn readlink_at(&mut self, fd: Fd, path: String) -> FsResult<String> {
        let step = self.step(fd, path, PathFlags::empty(), false).await?;
        let result = self.view.readlink_at(Self::again(&step.dir), step.name.clone()).await;
        self.leave(step)?;
        result
    }

    async fn remove_directory_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let step = self.step(fd, path, PathFlags::empty(), true).await?;
        let result = self.view.remove_directory_at(Self::again(&step.dir), step.name.clone()).await;
        self.leave(step)?;
        result
    }

    async fn rename_at(&mut self, fd: Fd, path: String, new_fd: Fd, new_path: String) -> FsResult<()> {
        let (from, to) = self.steps((fd, path, PathFlags::empty()), (new_fd, new_path)).await?;
        let (old, new) = (Self::again(&from.dir), Self::again(&to.dir));
        let result = match self.check_move(&from, &to) {
            Ok(()) => self.view.rename_at(old, from.name.clone(), new, to.name.clone()).await,
            Err(error) => Err(error),
        };
        self.leave(from)?;
        self.leave(to)?;
        result
    }

    async fn symlink_at(&mut self, fd: Fd, target: String, path: String) -> FsResult<()> {
        self.meter(ENTRY)?;
        let step = self.step(fd, path, PathFlags::empty(), true).await?;
        let result = self.view.symlink_at(Self::again(&step.dir), target, step.name.clone()).await;
        self.leave(step)?;
        result
    }

    async fn unlink_file_at(&mut self, fd: Fd, path: String) -> FsResult<()> {
        let step = self.step(fd, path, PathFlags::empty(), true).await?;
        let result = self.view.unlink_file_at(Self::again(&step.dir), step.name.clone()).await;
        self.leave(step)?;
        result
    }

    fn read_via_stream(&mut self, fd: Fd, offset: types::Filesize) -> FsResult<Resource<DynInputStream>> {
        self.view.read_via_stream(fd, offset)
    }

    fn write_via_stream(&mut self, fd: Fd, offset: types::Filesize) -> FsResult<Resource<DynOutputStream>> {
        let stream = self.view.write_via_stream(fd, offset)?;
        self.metered(stream)
    }

    fn append_via_stream(&mut self, fd: Fd) -> FsResult<Resource<DynOutputStream>> {
        let stream = self.view.append_via_stream(fd)?;
        self.metered(stream)
    }

    async fn is_same_object(&mut self, one: Fd, other: Fd) -> wasmtime::Result<bool> {
        self.view.is_same_object(one, other).await
    }

    async fn metadata_hash_at(&mut self, fd: Fd, flags: PathFlags, path: String) -> FsResult<types::MetadataHashValue> {
        let step = self.step(fd, path, flags, false).await?;
        let result = self.view.metadata_hash_at(Self::again(&step.dir), step.flags, step.name.clone()).await;
        self.leave(step)?;
        result
    }
}

impl HostDirectoryEntryStream for Guarded<'_> {
    async fn read_directory_entry(
        &mut self,
        stream: Resource<types::DirectoryEntryStream>,
    ) -> FsResult<Option<types::DirectoryEntry>> {
        let hidden = self.listings.get(&stream.rep());
        // Whoever reads a directory looks at what it lists, and takes one that is not there for the end.
        loop {
            match self.view.read_directory_entry(Resource::new_borrow(stream.rep())).await? {
                Some(entry) if hidden.is_some_and(|hidden| hidden.contains(&entry.name)) => {}
                other => return Ok(other),
            }
        }
    }

    fn drop(&mut self, stream: Resource<types::DirectoryEntryStream>) -> wasmtime::Result<()> {
        self.listings.remove(&stream.rep());
        HostDirectoryEntryStream::drop(&mut self.view, stream)
    }
}
