//! File-backed mappings by `PROCMAP_QUERY`.

use leakbench_model::ObjectId;
use rustix::io::Errno;

use crate::error::ReadError;
use crate::mappings::FileMapping;
use crate::object;
use crate::process::Process;
use crate::sys::procmap_query::{MappingQueries, QueriedMapping};

/// The request's name in errors.
const NAME: &str = "PROCMAP_QUERY";

/// Appends every file-backed mapping to `mappings`.
pub(super) fn file_mappings(
    process: &mut Process,
    mappings: &mut Vec<FileMapping>,
) -> Result<(), ReadError> {
    let maps = process.open_file(c"maps", "maps")?;
    let devices = process.memfd_devices();
    let mut queries = MappingQueries::new(&maps);
    let mut address = 0;
    loop {
        let mapping = match queries.at_or_after(address) {
            Ok(Some(mapping)) => mapping,
            Ok(None) => return Ok(()),
            Err(error) => return Err(refused(process, error)),
        };
        address = mapping.end;
        let object = object::from_halves(mapping.dev_major, mapping.dev_minor, mapping.ino);
        let memfd = if !devices.contains(object.dev) {
            false
        } else if !mapping.shared() && devices.private_is_memfd(object.dev) {
            true
        } else {
            match queries.name_of(&mapping) {
                Ok(name) => name.is_some_and(|name| devices.is_memfd(object.dev, name)),
                Err(error) => return Err(refused(process, error)),
            }
        };
        mappings.push(file_mapping(&mapping, object, memfd));
    }
}

fn file_mapping(mapping: &QueriedMapping, object: ObjectId, memfd: bool) -> FileMapping {
    FileMapping {
        start: mapping.start as usize,
        end: mapping.end as usize,
        offset: mapping.offset,
        object,
        memfd,
        shared: mapping.shared(),
        readable: mapping.readable(),
        writable: mapping.writable(),
        executable: mapping.executable(),
    }
}

fn refused(process: &Process, error: Errno) -> ReadError {
    match error {
        // Linux before 6.11, and kernels that only resemble Linux. A kernel that has the request
        // accepts all flags that are used here.
        Errno::NOTTY | Errno::INVAL | Errno::NOSYS => {
            ReadError::Absent { pid: process.pid(), file: NAME }
        }
        error => process.failed(NAME, error),
    }
}
