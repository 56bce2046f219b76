//! The end of a main thread before its process.

/// Ends the main thread of this process, and no other one. Called by another one.
pub(in crate::subjects) fn end_main_thread() {
    extern "C" fn end_thread(_signal: libc::c_int) {
        // SAFETY: the call ends this thread only and does not return. Its stack stays mapped, so what
        // others borrow from it stays valid.
        unsafe { libc::syscall(libc::SYS_exit, 0) };
    }
    let handler: extern "C" fn(libc::c_int) = end_thread;
    // A process id is positive and fits.
    let pid = std::process::id().cast_signed();
    // SAFETY: the handler has the signature that the kernel calls and makes one system call. No other
    // code of this process handles the signal.
    unsafe {
        libc::signal(libc::SIGUSR1, handler as libc::sighandler_t);
        // The main thread has the number of its process.
        libc::syscall(libc::SYS_tgkill, pid, pid, libc::SIGUSR1);
    }
}
