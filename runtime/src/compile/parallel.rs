//! Compiles the functions of a large module on several threads.
//!
//! Each thread takes the next function. The linker appends the results in the order of the module, so
//! the code is the same as that of one thread.

use std::num::NonZeroUsize;
use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use wasmparser::FunctionBody;

use super::link::Linker;
use super::translate::ModuleEnv;
use super::{CompileError, CompiledFunc, Compiler};

/// Size of the bodies for which one more thread is started, in bytes. They take some milliseconds to
/// compile, many times what a thread takes to start.
const BYTES_PER_THREAD: usize = 8 << 10;

/// The number of threads for these bodies.
pub(super) fn threads_for(bodies: &[FunctionBody<'_>]) -> usize {
    let bytes: usize = bodies.iter().map(|body| body.as_bytes().len()).sum();
    let useful = (bytes / BYTES_PER_THREAD).min(bodies.len());
    if useful < 2 {
        return 1;
    }
    thread::available_parallelism().map_or(1, NonZeroUsize::get).min(useful)
}

/// The results of one thread: functions with their index, and the error that ended it.
type Share = (Vec<(usize, CompiledFunc)>, Option<(usize, CompileError)>);

/// Compiles all bodies into `linker`.
///
/// # Errors
/// That of the first function that cannot be compiled.
pub(super) fn compile(
    compiler: &Compiler,
    env: &ModuleEnv<'_>,
    bodies: &[FunctionBody<'_>],
    linker: &mut Linker,
    threads: usize,
) -> Result<(), CompileError> {
    let next = AtomicUsize::new(0);
    let work = || share(compiler, env, bodies, &next);
    let shares: Vec<Share> = thread::scope(|scope| {
        // Without memory for a thread, the others do its work.
        let others: Vec<_> = (1..threads)
            .map_while(|_| thread::Builder::new().spawn_scoped(scope, work).ok())
            .collect();
        let mut shares = vec![work()];
        for other in others {
            shares.push(other.join().unwrap_or_else(|payload| panic::resume_unwind(payload)));
        }
        shares
    });
    let mut funcs: Vec<Option<CompiledFunc>> = Vec::new();
    funcs.resize_with(bodies.len(), || None);
    let mut first_error: Option<(usize, CompileError)> = None;
    for (done, error) in shares {
        for (defined, func) in done {
            funcs[defined] = Some(func);
        }
        if let Some((at, error)) = error
            && first_error.as_ref().is_none_or(|&(first, _)| at < first)
        {
            first_error = Some((at, error));
        }
    }
    if let Some((_, error)) = first_error {
        return Err(error);
    }
    for func in funcs {
        let func = func.unwrap_or_else(|| unreachable!("a thread took each function"));
        linker.append(&func)?;
    }
    Ok(())
}

/// Compiles functions until none is left, or one cannot be compiled. Functions before that one are with
/// other threads, which finish them.
fn share(
    compiler: &Compiler,
    env: &ModuleEnv<'_>,
    bodies: &[FunctionBody<'_>],
    next: &AtomicUsize,
) -> Share {
    let mut done = Vec::new();
    let mut at = 0;
    let result = compiler.with_workspace(|workspace| {
        loop {
            at = next.fetch_add(1, Ordering::Relaxed);
            let Some(body) = bodies.get(at) else { return Ok(()) };
            done.push((at, compiler.compile_func(env, workspace, at as u32, body)?));
        }
    });
    let error = result.err().map(|error| {
        next.store(bodies.len(), Ordering::Relaxed);
        (at, error)
    });
    (done, error)
}
