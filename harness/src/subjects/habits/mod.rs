//! A program that leaks on purpose, for observations: `leakbench habits NAME`, which no help lists.
//!
//! A *habit* is how it uses one kind of object again and again. Most keep one more each time, and some
//! only resemble a leak. `leakbench selftest` observes one habit at a time and compares the verdict with
//! the truth; the tests of `exec` and `attach` observe several at a time.
//!
//! ```text
//! ticks of 10 ms ─► rhythm: even, or random by a seed ─► acts of each habit ─► objects that are kept
//! ```

mod bounded;
mod descriptors;
mod memory;
mod program;
mod rhythm;
mod system;

use std::any::Any;
use std::io;
use std::path::Path;

pub(crate) use self::program::run;

/// What a habit does at each of its moments. Dropping it removes what would outlive the process.
type Act = Box<dyn FnMut() -> io::Result<()>>;

/// A habit.
#[derive(Clone, Copy, Debug)]
struct Habit {
    name: &'static str,
    /// Ticks from one act to the next.
    every: u32,
    /// Prepares it. The folder is one in memory.
    start: fn(&Path) -> io::Result<Act>,
}

/// At the first tick only.
const ONCE: u32 = u32::MAX;

macro_rules! habits {
    ($($name:literal, $every:tt: $start:expr;)+) => {
        /// Every habit.
        const HABITS: &[Habit] = &[$(Habit { name: $name, every: $every, start: $start },)+];
    };
}

habits! {
    "idle", 1: |_| Ok(Box::new(|| Ok(())));
    // Leaks of descriptors.
    "files", 12: |_| keep(descriptors::file);
    "deleted-files", 12: |_| keep(tempfile::tempfile);
    "memfds", 12: |_| keep(|| memory::memfd(c"leaked", 1));
    "sockets", 12: |_| keep(descriptors::socket);
    "any-sockets", 12: |_| keep(descriptors::socket_at_any_address);
    "close-wait", 6: |_| descriptors::half_closed_connections();
    // The table of all sockets is expensive to read, so not each sample has ports.
    "ports", 36: |_| descriptors::half_closed_connections();
    "connections", 12: |_| descriptors::connections();
    "pipes", 12: |_| keep(io::pipe);
    "events", 12: |_| keep(descriptors::event);
    "timers", 12: |_| keep(descriptors::timer);
    "epolls", 12: |_| descriptors::epolls();
    "pidfds", 12: |_| keep(descriptors::pidfd);
    "inotifies", 12: |_| keep(descriptors::inotify);
    "signalfds", 12: |_| keep(leakbench_kernel::objects::signalfd);
    "ptys", 12: |_| keep(descriptors::pty);
    "posix-queues", 12: |_| keep(|| leakbench_kernel::objects::posix_queue(2, 700));
    "rings", 12: |_| keep(leakbench_kernel::objects::io_uring);
    "bpf-maps", 12: |_| keep(leakbench_kernel::objects::bpf_map);
    "perf-events", 12: |_| keep(leakbench_kernel::objects::perf_event);
    "namespaces", 12: |_| keep(descriptors::namespace);
    "watches", 6: |_| descriptors::watches();
    "in-flight", 12: |_| descriptors::in_flight();
    // Leaks of memory.
    "deleted-growth", 4: |_| Ok(memory::grow(tempfile::tempfile()?));
    "memfd-growth", 4: |_| memory::grow_mapped(c"buffer", 1);
    "tmpfs-growth", 4: memory::grow_in;
    "file-mappings", 12: |_| keep(memory::file_mapping);
    "mapped-memfds", 12: |_| keep(memory::memfd_mapping);
    "anonymous-mappings", 12: |_| keep(memory::anonymous_mappings);
    "executable-mappings", 12: |_| keep(memory::executable_mappings);
    "guard-mappings", 12: |_| keep(memory::guard_mapping);
    "heap", 4: |_| keep(|| Ok(memory::heap()));
    "shared-memory", 4: |_| memory::shared_memory();
    "locked-memory", 4: |_| memory::locked();
    "huge-pages", 20: |_| keep(memory::huge_page);
    // Leaks of tasks and of objects of the system.
    "threads", 12: |_| keep(system::thread);
    // Each sample reads all of them, which is expensive, so they grow for longer.
    "children", 36: |_| keep(system::child);
    "zombies", 12: |_| keep(system::zombie);
    "child-with-memfds", ONCE: |_| keep(system::child_with_memfds);
    "segments", 12: |_| keep(system::segment);
    "segments-of-children", 12: |_| keep(system::segment_of_child);
    "semaphores", 12: |_| keep(leakbench_kernel::objects::OwnSemaphoreSet::make);
    // Only in an IPC namespace of its own: elsewhere no process nearby could be clean.
    "unused-semaphores", 12: |_| keep(leakbench_kernel::objects::OwnSemaphoreSet::make_unused);
    "queues", 12: |_| keep(leakbench_kernel::objects::OwnMessageQueue::make);
    "keys", 12: |_| keep(leakbench_kernel::objects::add_key);
    // No leaks.
    "bounded-cache", 4: |_| Ok(bounded::cache());
    "warm-up", 4: |_| Ok(bounded::warm_up());
    "slow-settle", 4: |_| Ok(bounded::slow_settle());
    "sawtooth", 4: |_| Ok(bounded::sawtooth());
    "churn", 4: |_| Ok(bounded::churn());
    "traffic", 1: |_| Ok(bounded::traffic());
    "watch-churn", 4: |_| descriptors::watch_churn();
    "memfd-rewrite", 4: |_| memory::rewrite();
    // It grows within what is mapped: that is shared memory.
    "mapped-memfd-growth", 4: |_| memory::grow_mapped(c"mapped buffer", 1 << 16);
    "reservation", 4: |_| keep(memory::reservation);
    "filling", 4: |_| Ok(memory::filling());
    "page-tables", 12: |_| memory::page_tables();
    // A process that is started, and a main thread that ends before the others.
    "main-thread-first", ONCE: |_| keep(|| system::end_main_thread_before(300));
    "main-thread-long-before", ONCE: |_| keep(|| system::end_main_thread_before(3_000));
}

impl Habit {
    fn named(name: &str) -> Option<Habit> {
        HABITS.iter().copied().find(|habit| habit.name == name)
    }
}

/// True if there is a habit of this name.
#[cfg(test)]
pub(crate) fn is_habit(name: &str) -> bool {
    Habit::named(name).is_some()
}

/// Keeps one more object at each act, for ever.
///
/// # Errors
/// None: the type is that of other habits.
fn keep<T: Any>(make: impl Fn() -> io::Result<T> + 'static) -> io::Result<Act> {
    let mut kept = Vec::new();
    Ok(Box::new(move || {
        kept.push(make()?);
        Ok(())
    }))
}
