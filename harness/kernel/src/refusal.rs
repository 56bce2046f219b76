//! Refusals of the kernel that come of the machine's limits and not of the request.

use std::error::Error;
use std::io;

use rustix::io::Errno;

/// Returns true if the kernel refused memory, a descriptor or a process, as one of the causes of
/// `error`.
pub fn is_for_lack_of_resources(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let errno = error.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error);
        let errno = errno.map(Errno::from_raw_os_error);
        let errno = errno.or_else(|| error.downcast_ref::<Errno>().copied());
        if let Some(Errno::NOMEM | Errno::MFILE | Errno::NFILE | Errno::AGAIN) = errno {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer<E: Error + 'static>(#[source] E);

    #[test]
    fn the_errno_may_be_of_any_cause() {
        for (errno, expected) in [
            (Errno::NOMEM, true),
            (Errno::MFILE, true),
            (Errno::NFILE, true),
            (Errno::AGAIN, true),
            (Errno::ACCESS, false),
        ] {
            let error = io::Error::from(errno);
            assert_eq!(is_for_lack_of_resources(&error), expected, "{errno}");
            assert_eq!(is_for_lack_of_resources(&Outer(error)), expected, "{errno}");
            assert_eq!(is_for_lack_of_resources(&Outer(errno)), expected, "{errno}");
        }
        assert!(!is_for_lack_of_resources(&Outer(io::Error::other("text"))));
    }
}
