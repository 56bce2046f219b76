//! File-backed areas by `PROCMAP_QUERY`.

use rustix::io::Errno;

use crate::areas::FileArea;
use crate::error::ReadError;
use crate::object::ObjectId;
use crate::process::Process;
use crate::sys::procmap_query::{AreaQueries, QueriedArea};

/// What an error calls the request.
const NAME: &str = "PROCMAP_QUERY";

/// Appends every file-backed area to `areas`.
pub(super) fn file_areas(
    process: &mut Process,
    areas: &mut Vec<FileArea>,
) -> Result<(), ReadError> {
    let maps = process.open_file(c"maps", "maps")?;
    let devices = process.memfd_devices();
    let mut queries = AreaQueries::new(&maps);
    let mut address = 0;
    loop {
        let area = match queries.at_or_after(address) {
            Ok(Some(area)) => area,
            Ok(None) => return Ok(()),
            Err(error) => return Err(refused(process, error)),
        };
        address = area.end;
        let object = ObjectId::from_halves(area.dev_major, area.dev_minor, area.ino);
        let memfd = if !devices.contains(object.dev) {
            false
        } else if !area.shared() && devices.private_is_memfd(object.dev) {
            true
        } else {
            match queries.name_of(&area) {
                Ok(name) => name.is_some_and(|name| devices.is_memfd(object.dev, name)),
                Err(error) => return Err(refused(process, error)),
            }
        };
        areas.push(file_area(&area, object, memfd));
    }
}

fn file_area(area: &QueriedArea, object: ObjectId, memfd: bool) -> FileArea {
    FileArea {
        start: area.start as usize,
        end: area.end as usize,
        offset: area.offset,
        object,
        memfd,
        shared: area.shared(),
        readable: area.readable(),
        writable: area.writable(),
        executable: area.executable(),
    }
}

fn refused(process: &Process, error: Errno) -> ReadError {
    match error {
        // Linux before 6.11, and kernels that only look like Linux. A kernel that has the request
        // answers EINVAL to none of the flags used here.
        Errno::NOTTY | Errno::INVAL | Errno::NOSYS => {
            ReadError::Absent { pid: process.pid(), file: NAME }
        }
        error => process.failed(NAME, error),
    }
}
