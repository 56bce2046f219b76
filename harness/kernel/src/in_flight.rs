//! Descriptors that no table shows: sent over a unix socket and not received yet.

use std::ffi::CString;

use super::error::ReadError;
use super::fields;
use super::process::Process;

impl Process {
    /// How many descriptors wait in this socket to be received; `None` if it is no unix socket,
    /// or this kernel does not tell (before Linux 5.5).
    ///
    /// # Errors
    /// See [`ReadError`]; [`ReadError::Absent`] for a descriptor that was closed.
    pub fn fds_in_flight(&mut self, fd: i32) -> Result<Option<u64>, ReadError> {
        const FILE: &str = "fdinfo";
        let name = CString::new(format!("fdinfo/{fd}")).unwrap_or_default();
        // "scm_fds: 2"
        self.read_whole(&name, FILE, |pid, text| match fields::value(text, "scm_fds") {
            None => Ok(None),
            Some((line, value)) => fields::number(value)
                .map(Some)
                .ok_or_else(|| ReadError::malformed(pid, FILE, line, value)),
        })
    }
}
