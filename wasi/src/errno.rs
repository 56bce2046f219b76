//! Error numbers, and the two ways in which a call fails.

use std::io;

use leakbench_runtime::Error;
use rustix::io::Errno as Kernel;

/// An error number of preview 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Errno(pub(crate) u16);

impl Errno {
    pub(crate) const BADF: Errno = Errno(8);
    pub(crate) const DQUOT: Errno = Errno(19);
    pub(crate) const INVAL: Errno = Errno(28);
    pub(crate) const IO: Errno = Errno(29);
    pub(crate) const ISDIR: Errno = Errno(31);
    pub(crate) const MFILE: Errno = Errno(33);
    pub(crate) const NAMETOOLONG: Errno = Errno(37);
    pub(crate) const NOTDIR: Errno = Errno(54);
    pub(crate) const NOTSOCK: Errno = Errno(57);
    pub(crate) const NOTSUP: Errno = Errno(58);
    pub(crate) const PERM: Errno = Errno(63);
    pub(crate) const SPIPE: Errno = Errno(70);
    pub(crate) const NOTCAPABLE: Errno = Errno(76);
}

/// The error numbers of the kernel that preview 1 has too, in the order of preview 1, which begins
/// with 1.
const KERNEL: [Kernel; 75] = [
    Kernel::TOOBIG,
    Kernel::ACCESS,
    Kernel::ADDRINUSE,
    Kernel::ADDRNOTAVAIL,
    Kernel::AFNOSUPPORT,
    Kernel::AGAIN,
    Kernel::ALREADY,
    Kernel::BADF,
    Kernel::BADMSG,
    Kernel::BUSY,
    Kernel::CANCELED,
    Kernel::CHILD,
    Kernel::CONNABORTED,
    Kernel::CONNREFUSED,
    Kernel::CONNRESET,
    Kernel::DEADLK,
    Kernel::DESTADDRREQ,
    Kernel::DOM,
    Kernel::DQUOT,
    Kernel::EXIST,
    Kernel::FAULT,
    Kernel::FBIG,
    Kernel::HOSTUNREACH,
    Kernel::IDRM,
    Kernel::ILSEQ,
    Kernel::INPROGRESS,
    Kernel::INTR,
    Kernel::INVAL,
    Kernel::IO,
    Kernel::ISCONN,
    Kernel::ISDIR,
    Kernel::LOOP,
    Kernel::MFILE,
    Kernel::MLINK,
    Kernel::MSGSIZE,
    Kernel::MULTIHOP,
    Kernel::NAMETOOLONG,
    Kernel::NETDOWN,
    Kernel::NETRESET,
    Kernel::NETUNREACH,
    Kernel::NFILE,
    Kernel::NOBUFS,
    Kernel::NODEV,
    Kernel::NOENT,
    Kernel::NOEXEC,
    Kernel::NOLCK,
    Kernel::NOLINK,
    Kernel::NOMEM,
    Kernel::NOMSG,
    Kernel::NOPROTOOPT,
    Kernel::NOSPC,
    Kernel::NOSYS,
    Kernel::NOTCONN,
    Kernel::NOTDIR,
    Kernel::NOTEMPTY,
    Kernel::NOTRECOVERABLE,
    Kernel::NOTSOCK,
    Kernel::NOTSUP,
    Kernel::NOTTY,
    Kernel::NXIO,
    Kernel::OVERFLOW,
    Kernel::OWNERDEAD,
    Kernel::PERM,
    Kernel::PIPE,
    Kernel::PROTO,
    Kernel::PROTONOSUPPORT,
    Kernel::PROTOTYPE,
    Kernel::RANGE,
    Kernel::ROFS,
    Kernel::SPIPE,
    Kernel::SRCH,
    Kernel::STALE,
    Kernel::TIMEDOUT,
    Kernel::TXTBSY,
    Kernel::XDEV,
];

impl From<Kernel> for Errno {
    fn from(error: Kernel) -> Errno {
        let numbers = (1..).zip(KERNEL);
        let same = |(number, kernel): (u16, Kernel)| (kernel == error).then_some(Errno(number));
        numbers.into_iter().find_map(same).unwrap_or(Errno::IO)
    }
}

impl From<&io::Error> for Errno {
    /// An error without a number is cap-std's: the path leaves its directory, or contains a zero byte.
    fn from(error: &io::Error) -> Errno {
        match (Kernel::from_io_error(error), error.kind()) {
            (Some(kernel), _) => kernel.into(),
            (None, io::ErrorKind::PermissionDenied) => Errno::PERM,
            (None, io::ErrorKind::InvalidInput) => Errno::INVAL,
            (None, _) => Errno::IO,
        }
    }
}

/// The failure of a call.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The guest receives the number.
    Errno(Errno),
    /// The guest stops, as after a trap.
    Stop(Error),
}

/// The result of a call.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Failure {
        Failure::Errno(errno)
    }
}

impl From<Kernel> for Failure {
    fn from(error: Kernel) -> Failure {
        Failure::Errno(error.into())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Errno((&error).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_errors_have_the_numbers_of_preview_1() {
        for (kernel, number) in [
            (Kernel::TOOBIG, 1),
            (Kernel::BADF, 8),
            (Kernel::EXIST, 20),
            (Kernel::INVAL, 28),
            (Kernel::IO, 29),
            (Kernel::MFILE, 33),
            (Kernel::NOENT, 44),
            (Kernel::NOTDIR, 54),
            (Kernel::PERM, 63),
            (Kernel::SPIPE, 70),
            (Kernel::XDEV, 75),
        ] {
            assert_eq!(Errno::from(kernel), Errno(number), "{kernel}");
        }
        assert_eq!(Errno::from(Kernel::XFULL), Errno::IO, "an error that preview 1 lacks");
    }
}
