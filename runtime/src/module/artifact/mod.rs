//! Artifacts: compiled modules as bytes, to be loaded without compiling.
//!
//! ```text
//! header        magic, format, checksum, length of each part
//! settings      what the engine must have, as lines of text
//! declarations  imports, exports, types, segments …; entry trampolines
//! tables        functions, traps, sources, call sites, handlers: records as they are in memory
//! data          the bytes of data segments that instances need beside the image
//! image         the pages of the image
//! text          the machine code, from the start of a page on
//! ```
//!
//! The code has no address and no number of an engine in it. So code and image are mapped as they are
//! in a file, and processes share its pages.
//!
//! The checksum detects damage. It does not detect intent: who writes an artifact decides what the
//! process does.

mod codec;
mod declarations;
mod settings;

use std::io;
use std::ops::Range;
use std::sync::Arc;

use leakbench_allocator::InitialMemory;
use tracing::debug_span;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use self::codec::{Item, Reader, Writer};
pub(crate) use self::settings::describe;
use super::Module;
use super::compiled::CompiledModule;
use super::image::ImagePlan;
use super::info::ModuleInfo;
use crate::engine::Engine;
use crate::error::Error;
use crate::sys::artifact::{Trusted, TrustedFile};
use crate::sys::code_memory::CodeMemory;
use crate::vm::code::{CodeTables, LoadedCode, Table};
use crate::vm::layout::VmLayout;

/// Bytes are not an artifact that an engine can run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArtifactError {
    /// The bytes are something else.
    #[error("not a compiled module: {found}")]
    NotAnArtifact {
        /// A description of the bytes.
        found: &'static str,
    },
    /// Another version of the runtime wrote it.
    #[error(
        "the compiled module has format {found}, and this runtime has format {expected}: compile it again"
    )]
    Format {
        /// The artifact's format.
        found: u32,
        /// The runtime's format.
        expected: u32,
    },
    /// It was cut off, or something was appended.
    #[error(
        "the compiled module has {found} bytes instead of {expected}: copy or compile it again"
    )]
    Length {
        /// The number of bytes.
        found: u64,
        /// The number of bytes according to its header.
        expected: u64,
    },
    /// Its bytes changed.
    #[error(
        "the compiled module is damaged (its checksum is {found:08x} instead of {expected:08x}): \
         copy or compile it again"
    )]
    Checksum {
        /// The checksum of its bytes.
        found: u32,
        /// The checksum in its header.
        expected: u32,
    },
    /// It was compiled by another compiler, or for another engine.
    #[error(
        "the compiled module has {setting} '{found}', and the engine has '{expected}': compile it \
         again for this engine"
    )]
    Differs {
        /// The name of the setting, of the compiler or of a property of the machine.
        setting: String,
        /// The artifact's value.
        found: String,
        /// The engine's value.
        expected: String,
    },
    /// Its parts contradict each other, although its checksum is right.
    #[error("the {part} of the compiled module contradict the rest: compile it again")]
    Malformed {
        /// The part.
        part: &'static str,
    },
}

/// The first bytes of an artifact.
pub(super) const MAGIC: [u8; 8] = *b"leakmod\n";

/// The format. To be raised with each change of the encoding or of the records. Of the structures that
/// compiled code reads, the settings have the offsets.
const FORMAT: u32 = 1;

/// Image and text begin at multiples of it: the size of a page.
const PAGE_BYTES: usize = 4096;

/// Alignment of the other parts.
const PART_ALIGN: usize = 8;

#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Header {
    magic: [u8; 8],
    format: u32,
    /// CRC-32 of all bytes but these four.
    checksum: u32,
    /// The length of each part in bytes.
    lens: [u64; PARTS],
}

/// The parts after the header, in order.
#[derive(Clone, Copy)]
enum Part {
    Settings,
    Declarations,
    Funcs,
    Traps,
    Sources,
    CallSites,
    Handlers,
    Data,
    Image,
    Text,
}

const PARTS: usize = Part::Text as usize + 1;

/// The places of the parts.
struct Places([Range<usize>; PARTS]);

impl Places {
    /// `None` if there are no such places in memory.
    fn new(lens: [u64; PARTS]) -> Option<Self> {
        let mut places = [const { 0..0 }; PARTS];
        let mut end = size_of::<Header>();
        for (part, (place, len)) in places.iter_mut().zip(lens).enumerate() {
            let align = if part >= Part::Image as usize { PAGE_BYTES } else { PART_ALIGN };
            let start = end.checked_next_multiple_of(align)?;
            end = start.checked_add(usize::try_from(len).ok()?)?;
            *place = start..end;
        }
        Some(Places(places))
    }

    fn of(&self, part: Part) -> Range<usize> {
        self.0[part as usize].clone()
    }

    fn len_bytes(&self) -> usize {
        self.0[PARTS - 1].end
    }
}

/// True if the bytes begin as an artifact does.
pub(crate) fn is_artifact(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

fn checksum(bytes: &[u8]) -> u32 {
    const FIELD: usize = std::mem::offset_of!(Header, checksum);
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&bytes[..FIELD]);
    hasher.update(&bytes[FIELD + size_of::<u32>()..]);
    hasher.finalize()
}

/// Checks that `engine` can run the artifact, and that its bytes are those that were written.
fn check(engine: &Engine, bytes: &[u8]) -> Result<Places, ArtifactError> {
    let not = |found| Err(ArtifactError::NotAnArtifact { found });
    if !is_artifact(bytes) {
        return not(match bytes {
            [] => "no bytes at all",
            [0, b'a', b's', b'm', ..] => "WebAssembly, which Module::new compiles",
            _ => "the bytes begin otherwise",
        });
    }
    let Ok((header, _)) = Header::read_from_prefix(bytes) else {
        return not("its header is cut off");
    };
    if header.format != FORMAT {
        return Err(ArtifactError::Format { found: header.format, expected: FORMAT });
    }
    let places = Places::new(header.lens).filter(|places| places.len_bytes() == bytes.len());
    let Some(places) = places else {
        let expected = Places::new(header.lens).map_or(u64::MAX, |p| p.len_bytes() as u64);
        return Err(ArtifactError::Length { found: bytes.len() as u64, expected });
    };
    let found = checksum(bytes);
    if found != header.checksum {
        return Err(ArtifactError::Checksum { found, expected: header.checksum });
    }
    settings::compare(&bytes[places.of(Part::Settings)], engine.artifact_settings())?;
    Ok(places)
}

/// Loads a copy of an artifact's code.
///
/// # Errors
/// If the engine cannot run it, or the kernel refuses code memory or the image.
pub(crate) fn load(engine: &Engine, artifact: Trusted<'_>) -> Result<Module, Error> {
    let bytes = artifact.bytes();
    let _span = debug_span!("deserialize", bytes = bytes.len()).entered();
    let places = check(engine, bytes)?;
    let memory = CodeMemory::new(&bytes[places.of(Part::Text)], engine.code_spares())?;
    let code = LoadedCode::in_memory(memory, copied_tables(bytes, &places));
    let compiled = compiled(engine, bytes, &places, code)?;
    let span = compiled.image.span();
    let image = bytes[places.of(Part::Image)].get(span.start % PAGE_BYTES..);
    let image = image.and_then(|image| image.get(..span.len())).unwrap_or_default();
    let initial = InitialMemory { offset_bytes: span.start, bytes: image };
    let pool = engine.pool().add_module((!image.is_empty()).then_some(initial))?;
    Ok(Module::assembled(engine, compiled, pool, bytes[places.of(Part::Data)].into()))
}

/// Loads an artifact from its file, whose code stays mapped as long as the module or an instance.
/// Instances map its image.
///
/// # Errors
/// As [`load`]. `failed` makes the error if the file cannot be read.
pub(crate) fn load_file(
    engine: &Engine,
    file: TrustedFile,
    failed: impl Fn(io::Error) -> Error,
) -> Result<Module, Error> {
    let _span = debug_span!("deserialize", bytes = file.len_bytes()).entered();
    let mapped;
    let read;
    let (places, bytes, code) = if file.len_bytes() <= READ_MAX_BYTES {
        read = file.read().map_err(failed)?;
        let places = check(engine, &read)?;
        let memory = file.map_code(places.of(Part::Text))?;
        let tables = copied_tables(&read, &places);
        (places, &read[..], LoadedCode::in_memory(memory, tables))
    } else {
        let file = file.map()?;
        let places = check(engine, file.bytes())?;
        let tables = CodeTables {
            funcs: Table::Mapped(places.of(Part::Funcs)),
            traps: Table::Mapped(places.of(Part::Traps)),
            sources: Table::Mapped(places.of(Part::Sources)),
            call_sites: Table::Mapped(places.of(Part::CallSites)),
            handlers: Table::Mapped(places.of(Part::Handlers)),
        };
        let memory = file.into_code(places.of(Part::Text).start)?;
        mapped = LoadedCode::in_memory(memory, tables);
        (places, mapped.lead(), Arc::clone(&mapped))
    };
    let compiled = compiled(engine, bytes, &places, code)?;
    let span = compiled.image.span();
    let pool = match span.is_empty() {
        true => engine.pool().add_module(None)?,
        false => engine.pool().add_module_of_file(file.into_image(places.of(Part::Image), span))?,
    };
    Ok(Module::assembled(engine, compiled, pool, bytes[places.of(Part::Data)].into()))
}

/// Maximum size of a file that is read, in bytes; of a larger one all is mapped. Up to this size
/// reading costs less than a second mapping and its page faults.
const READ_MAX_BYTES: usize = 16 << 10;

fn copied_tables(bytes: &[u8], places: &Places) -> CodeTables {
    fn copied<T: FromBytes>(bytes: &[u8]) -> Table<T> {
        let records = bytes.chunks_exact(size_of::<T>());
        Table::Owned(records.filter_map(|record| T::read_from_bytes(record).ok()).collect())
    }
    let part = |part| &bytes[places.of(part)];
    CodeTables {
        funcs: copied(part(Part::Funcs)),
        traps: copied(part(Part::Traps)),
        sources: copied(part(Part::Sources)),
        call_sites: copied(part(Part::CallSites)),
        handlers: copied(part(Part::Handlers)),
    }
}

/// The declarations with this code. `bytes` has all parts that are neither image nor code.
fn compiled(
    engine: &Engine,
    bytes: &[u8],
    places: &Places,
    code: Arc<LoadedCode>,
) -> Result<Arc<CompiledModule>, Error> {
    let mut reader = Reader(&bytes[places.of(Part::Declarations)]);
    let Some(Declarations { info, image, entries }) = Declarations::read(&mut reader) else {
        return Err(ArtifactError::Malformed { part: "declarations" }.into());
    };
    let pages = image.span().start / PAGE_BYTES * PAGE_BYTES..image.span().end;
    if pages.len().next_multiple_of(PAGE_BYTES) != places.of(Part::Image).len()
        && !image.span().is_empty()
    {
        return Err(ArtifactError::Malformed { part: "image" }.into());
    }
    let text_bytes = code.text().len() as u64;
    let is_within = |start: u32, len: u32| u64::from(start) + u64::from(len) <= text_bytes;
    if info.num_imported_funcs + code.funcs().len() != info.funcs.len()
        || !code.funcs().iter().all(|func| func.len > 0 && is_within(func.start, func.len))
    {
        return Err(ArtifactError::Malformed { part: "functions" }.into());
    }
    let layout = VmLayout::new(&info);
    let compiled = CompiledModule::with_code(engine, info, layout, code, image);
    for (ty, text) in entries {
        if let Some(signature) = compiled.signatures.get(ty as usize) {
            signature.offer_entry(text);
        }
    }
    Ok(compiled)
}

/// The part of the declarations.
struct Declarations {
    info: ModuleInfo,
    image: ImagePlan,
    /// The code of the trampolines by which the host calls functions of the types with these
    /// indices.
    entries: Vec<(u32, Vec<u8>)>,
}

impl Declarations {
    fn read(from: &mut Reader<'_>) -> Option<Self> {
        let info = declarations::read(from)?;
        let (covered_segments, span) = (Item::read(from)?, Item::read(from)?);
        let mut entries = Vec::new();
        for _ in 0..usize::read(from)? {
            entries.push((u32::read(from)?, Vec::read(from)?));
        }
        let image = ImagePlan::assembled(covered_segments, span);
        from.0.is_empty().then_some(Declarations { info, image, entries })
    }
}

/// The artifact of a module. `image` has the bytes of its image, and `kept` those of other segments.
///
/// # Errors
/// If a trampoline cannot be compiled or mapped.
pub(super) fn write(
    engine: &Engine,
    compiled: &CompiledModule,
    image: &[u8],
    kept: &[u8],
) -> Result<Vec<u8>, Error> {
    let mut declared = Writer::default();
    let type_ids: Vec<u32> = compiled.signatures.iter().map(|signature| signature.id()).collect();
    let data = compiled.kept_places();
    declarations::write(&compiled.info, &type_ids, &data, &mut declared);
    compiled.image.covered_segments().write(&mut declared);
    compiled.image.span().write(&mut declared);
    let types = compiled.types_of_escaping_funcs();
    types.len().write(&mut declared);
    for ty in types {
        ty.write(&mut declared);
        declared.list(compiled.signatures[ty as usize].entry(engine)?.text());
    }

    let code = &compiled.code;
    let span = compiled.image.span();
    let mut pages = vec![0; span.start % PAGE_BYTES];
    pages.extend_from_slice(image);
    pages.resize(pages.len().next_multiple_of(PAGE_BYTES), 0);
    let pages = if span.is_empty() { &[] } else { &pages[..] };
    // In the order of `Part`.
    let parts: [&[u8]; PARTS] = [
        engine.artifact_settings().as_bytes(),
        &declared.bytes,
        code.funcs().as_bytes(),
        code.traps().as_bytes(),
        code.sources().as_bytes(),
        code.call_sites().as_bytes(),
        code.handlers().as_bytes(),
        kept,
        pages,
        code.text(),
    ];
    let lens = parts.map(|part| part.len() as u64);
    let Some(places) = Places::new(lens) else { unreachable!("the parts are in memory") };
    let mut bytes = vec![0; places.len_bytes()];
    for (place, part) in places.0.iter().zip(parts) {
        bytes[place.clone()].copy_from_slice(part);
    }
    let mut header = Header { magic: MAGIC, format: FORMAT, checksum: 0, lens };
    bytes[..size_of::<Header>()].copy_from_slice(header.as_bytes());
    header.checksum = checksum(&bytes);
    bytes[..size_of::<Header>()].copy_from_slice(header.as_bytes());
    Ok(bytes)
}

#[cfg(test)]
mod tests;
