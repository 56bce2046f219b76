//! Descriptors in flight: sent over a unix socket and not received yet.

use std::ffi::CString;

use super::error::ReadError;
use super::fields;
use super::process::Process;

impl Process {
    /// The number of descriptors that wait in this socket to be received; `None` if it is not a unix
    /// socket, or if the kernel does not print the number (before Linux 5.5).
    ///
    /// # Errors
    /// See [`ReadError`]; [`ReadError::Absent`] for a closed descriptor.
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
