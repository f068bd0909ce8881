//! Open handles of the files that bodies are read from: a bounded number, the least recently used is closed first.

use std::{collections::HashMap, io, sync::Arc};

use parking_lot::Mutex;

use crate::{
    StoreError,
    disk::{Disk, DiskFile},
};

use super::{inner::io_error, record::FileId};

/// At most so many files are kept open for reading, whatever the readers hold besides.
const OPEN: usize = 64;

/// The handles.
#[derive(Default)]
pub(crate) struct OpenFiles {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    files: HashMap<FileId, (u64, Arc<dyn DiskFile>)>,
    clock: u64,
}

impl OpenFiles {
    pub(crate) fn open(
        &self,
        disk: &dyn Disk,
        id: FileId,
    ) -> Result<Arc<dyn DiskFile>, StoreError> {
        if let Some(file) = self.opened(id) {
            return Ok(file);
        }
        let path = id.path();
        let file = disk.open(&path).map_err(|error| {
            if error.kind() == io::ErrorKind::NotFound {
                StoreError::Damaged {
                    what: format!("{path} is gone"),
                }
            } else {
                io_error(format!("opening {path}"))(error)
            }
        })?;
        let mut state = self.state.lock();
        if state.files.len() >= OPEN
            && let Some(oldest) = state
                .files
                .iter()
                .min_by_key(|(_, (used, _))| *used)
                .map(|(id, _)| *id)
        {
            state.files.remove(&oldest);
        }
        let now = state.clock;
        state.files.insert(id, (now, Arc::clone(&file)));
        Ok(file)
    }

    /// The file, if it is open.
    pub(crate) fn opened(&self, id: FileId) -> Option<Arc<dyn DiskFile>> {
        let mut state = self.state.lock();
        state.clock += 1;
        let now = state.clock;
        let (used, file) = state.files.get_mut(&id)?;
        *used = now;
        Some(Arc::clone(file))
    }

    pub(crate) fn forget(&self, id: FileId) {
        self.state.lock().files.remove(&id);
    }
}
