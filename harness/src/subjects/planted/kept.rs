//! The objects that a subject keeps on purpose.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use leakbench_scenarios::Plant;
use rustix::mm::MprotectFlags;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use crate::subjects::sys::Mapping;

/// Objects of a cache, of a warm-up and of a sawtooth at most.
const CACHE_OBJECTS: usize = 32;
const WARM_UP_OBJECTS: usize = 32;
const SAWTOOTH_OBJECTS: usize = 40;
/// Images of a queue at most.
const IMAGE_QUEUE: usize = 400;
/// Pages of a second pool: one for each of its slots.
const SECOND_POOL_SLOTS: usize = 64;
/// Duration for which another thread keeps an object: a small part of a trial of 3,000 cycles.
const LATE: Duration = Duration::from_millis(5);
const VERY_LATE: Duration = Duration::from_millis(500);
/// Bytes of a part of the heap: too few for malloc to map them separately.
const HEAP_PART_BYTES: usize = 64 << 10;
const HEAP_PARTS: usize = 16;
/// Pages that one page table covers.
const PAGES_OF_A_TABLE: usize = 512;
/// Pages of a reserved mapping of which one becomes resident: those of a part of a page map (oven-sh/bun#41512).
const PAGES_OF_A_PART: usize = 16;
/// Address space of a reservation, and of the mapping whose page tables or splits grow.
const RESERVED_BYTES: usize = 1 << 40;
const LARGE_BYTES: usize = 256 << 30;

/// What one plant of a subject keeps.
#[derive(Debug)]
pub(super) struct Kept {
    plant: Plant,
    objects: VecDeque<Object>,
    /// Objects that it kept in total.
    pub(super) count: u64,
    large: Option<Mapping>,
    late: Option<LateThread>,
}

/// A kept object. Dropping it releases it.
#[derive(Debug)]
enum Object {
    #[expect(dead_code, reason = "it is only kept")]
    Descriptor(OwnedFd),
    #[expect(dead_code, reason = "it is only kept")]
    Mapping(Mapping),
    #[expect(dead_code, reason = "it is only kept")]
    Heap(Vec<Vec<u8>>),
    /// A descriptor of the first socket is in flight to the second.
    #[expect(dead_code, reason = "it is only kept")]
    InFlight(UnixStream, UnixStream),
    Child(Child),
}

impl Drop for Object {
    fn drop(&mut self) {
        if let Object::Child(child) = self {
            // A child that has ended already is no error.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Kept {
    pub(super) fn new(plant: Plant) -> Kept {
        Kept { plant, objects: VecDeque::new(), count: 0, large: None, late: None }
    }

    /// Keeps a reference to an image.
    ///
    /// # Errors
    /// The kernel refuses the object.
    pub(super) fn keep_image(&mut self, image: BorrowedFd<'_>) -> io::Result<()> {
        self.count += 1;
        let object = match self.plant {
            Plant::ImageMapping => Object::Mapping(Mapping::of_file(image)?),
            Plant::ImageInFlight => in_flight(image)?,
            Plant::ImageInChild => in_child(image)?,
            Plant::ImageLate => return self.release_after(LATE, image.try_clone_to_owned()?),
            Plant::ImageVeryLate => {
                return self.release_after(VERY_LATE, image.try_clone_to_owned()?);
            }
            _ => Object::Descriptor(image.try_clone_to_owned()?),
        };
        self.objects.push_back(object);
        if self.plant == Plant::ImageQueue && self.objects.len() >= IMAGE_QUEUE {
            self.objects.clear();
        }
        Ok(())
    }

    /// The number of images that it keeps, if it keeps images.
    pub(super) fn images(&self) -> u64 {
        match self.plant {
            Plant::ImageQueue => self.objects.len() as u64,
            _ => self.count,
        }
    }

    /// Keeps an object that has nothing to do with images.
    ///
    /// # Errors
    /// The kernel refuses the object.
    pub(super) fn keep_other(&mut self) -> io::Result<()> {
        self.count += 1;
        let nth = self.count as usize;
        match self.plant {
            Plant::CodeMapping => {
                self.keep_page(MprotectFlags::READ.union(MprotectFlags::EXEC))?;
            }
            Plant::GuardMapping => self.keep_page(MprotectFlags::empty())?,
            Plant::InstanceMemory => {
                // The kernel merges no two of them, whatever lies beside.
                let mut memory = Mapping::of_zeroes(3 * rustix::param::page_size())?;
                memory.protect_page(0, MprotectFlags::READ)?;
                memory.protect_page(2, MprotectFlags::empty())?;
                self.objects.push_back(Object::Mapping(memory));
            }
            Plant::ResidentPage => {
                let large = self.large(|| Mapping::of_zeroes(LARGE_BYTES))?;
                large.populate_page(PAGES_OF_A_PART * nth % large.pages())?;
            }
            Plant::SplitMapping => {
                let large = self.large(|| Mapping::of_zeroes(LARGE_BYTES))?;
                // Every second page, so that no two of them merge.
                large.protect_page(2 * nth % large.pages(), MprotectFlags::READ)?;
            }
            Plant::PageTable => {
                let large = self.large(|| Mapping::of_zeroes(LARGE_BYTES))?;
                large.populate_page(PAGES_OF_A_TABLE * nth % large.pages())?;
            }
            Plant::Thread => start_sleeping_thread()?,
            Plant::Heap => self.objects.push_back(heap(HEAP_PARTS)),
            Plant::Cache => {
                self.objects.push_back(any_object(nth)?);
                if self.objects.len() > CACHE_OBJECTS {
                    self.objects.pop_front();
                }
            }
            Plant::WarmUp if self.objects.len() < WARM_UP_OBJECTS => {
                self.objects.push_back(any_object(nth)?);
            }
            Plant::WarmUp => drop(any_object(nth)?),
            Plant::Sawtooth => {
                self.objects.push_back(any_object(nth)?);
                if self.objects.len() >= SAWTOOTH_OBJECTS {
                    self.objects.clear();
                }
            }
            Plant::SlowRelease => return self.release_after(LATE, descriptor()?),
            Plant::Reservation => {
                self.large(|| Mapping::reserved(RESERVED_BYTES))?;
            }
            Plant::SecondPool => {
                let bytes = 2 * SECOND_POOL_SLOTS * rustix::param::page_size();
                let pool = self.large(|| Mapping::reserved(bytes))?;
                pool.replace_page(2 * (nth % SECOND_POOL_SLOTS))?;
            }
            _ => self.objects.push_back(Object::Descriptor(descriptor()?)),
        }
        Ok(())
    }

    /// A page of this protection. A writable one beside it prevents that the kernel merges two of them.
    fn keep_page(&mut self, protection: MprotectFlags) -> io::Result<()> {
        let mut pages = Mapping::of_zeroes(2 * rustix::param::page_size())?;
        pages.protect_page(0, protection)?;
        self.objects.push_back(Object::Mapping(pages));
        Ok(())
    }

    /// The only mapping, which the first call makes.
    fn large(&mut self, make: impl FnOnce() -> io::Result<Mapping>) -> io::Result<&mut Mapping> {
        Ok(match &mut self.large {
            Some(large) => large,
            large => large.insert(make()?),
        })
    }

    fn release_after(&mut self, duration: Duration, object: OwnedFd) -> io::Result<()> {
        let late = match &self.late {
            Some(late) => late,
            None => self.late.insert(LateThread::start()?),
        };
        // A thread that has ended has dropped its end.
        late.objects.send((Instant::now() + duration, object)).map_err(io::Error::other)
    }
}

/// A thread that releases objects later, in the order in which they come.
#[derive(Debug)]
struct LateThread {
    objects: mpsc::Sender<(Instant, OwnedFd)>,
}

impl LateThread {
    fn start() -> io::Result<LateThread> {
        let (objects, kept) = mpsc::channel::<(Instant, OwnedFd)>();
        thread::Builder::new().name("late".to_owned()).spawn(move || {
            for (until, object) in kept {
                thread::sleep(until.saturating_duration_since(Instant::now()));
                drop(object);
            }
        })?;
        Ok(LateThread { objects })
    }
}

fn descriptor() -> io::Result<OwnedFd> {
    Ok(File::open("/dev/null")?.into())
}

fn heap(parts: usize) -> Object {
    Object::Heap((0..parts).map(|_| vec![1; HEAP_PART_BYTES]).collect())
}

/// An object whose kind depends on the number.
fn any_object(nth: usize) -> io::Result<Object> {
    Ok(match nth % 3 {
        0 => Object::Descriptor(descriptor()?),
        1 => Object::Mapping(Mapping::of_zeroes(rustix::param::page_size())?),
        _ => heap(1),
    })
}

fn start_sleeping_thread() -> io::Result<()> {
    let sleep = || {
        loop {
            thread::park();
        }
    };
    thread::Builder::new().name("planted".to_owned()).spawn(sleep).map(drop)
}

fn in_flight(image: BorrowedFd<'_>) -> io::Result<Object> {
    let (sender, receiver) = UnixStream::pair()?;
    let fds = [image];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    ancillary.push(SendAncillaryMessage::ScmRights(&fds));
    sendmsg(sender.as_fd(), &[IoSlice::new(b"x")], &mut ancillary, SendFlags::NOSIGNAL)?;
    Ok(Object::InFlight(sender, receiver))
}

/// A child whose standard input is the image.
fn in_child(image: BorrowedFd<'_>) -> io::Result<Object> {
    let mut command = Command::new("sleep");
    command.arg("3600").stdin(Stdio::from(image.try_clone_to_owned()?));
    command.stdout(Stdio::null()).stderr(Stdio::null());
    Ok(Object::Child(command.spawn()?))
}
