//! A fusion in words.

use std::path::Path;

use leakbench_fuse::Isolation;
use leakbench_model::text::{bytes, counted, grouped, printable};

use super::verify::{Comparison, Difference};
use super::{Compared, Fusion};

/// Calls before one that differs which are shown.
const CALLS_SHOWN: usize = 10;

fn of_memories(number: u64) -> String {
    match number {
        1 => "1 memory".to_owned(),
        _ => format!("{} memories", grouped(number)),
    }
}

pub(super) fn lines(fusion: &Fusion, out: &Path) -> String {
    let Fusion { order, core_modules, functions, left_out, component_bytes, fused, .. } = fusion;
    let memories = fused.regions.len() as u64;
    let mut text = String::new();
    let mut line = |name: &str, value: String| text += &format!("{name:<10} {value}\n");
    let isolation = match order.isolation {
        Isolation::Checked => "checked: no module reaches the memory of another",
        Isolation::Trusted => "trusted: an access beyond a memory may reach another one",
    };
    line("isolation", isolation.to_owned());
    let initial: u64 = fused.regions.iter().map(|region| u64::from(region.initial_pages)).sum();
    let max: u64 = fused.regions.iter().map(|region| u64::from(region.max_pages)).sum();
    let [initial, max] = [initial, max].map(|pages| bytes(pages << 16));
    line(
        "memory",
        format!("{} in one, of {initial} at first and {max} at most", of_memories(memories)),
    );
    let sizes = [*component_bytes, fused.wasm.len()].map(|len| bytes(len as u64));
    line("size", format!("{} of {} for the component", sizes[1], sizes[0]));
    line("exports", printable(&functions.join(", ")).into_owned());
    for left_out in left_out {
        line("left out", printable(&format!("{} {}", left_out.name, left_out.reason)).into_owned());
    }
    let file = printable(&out.display().to_string()).into_owned();
    let instances = counted(*core_modules as u64, "core instance");
    let of = format!("{instances} with {}", of_memories(memories));
    let conclusion = match &fusion.compared {
        None => format!("{of} are one module in {file}; --verify N compares N calls"),
        Some(Compared::Same(Comparison { calls, traps, memory_bytes })) => {
            let of_memories = match memory_bytes {
                0 => "no instance exports its memory, so none was compared".to_owned(),
                _ => format!("{} of memories are the same", bytes(*memory_bytes)),
            };
            format!(
                "{of} are one module in {file}: {} had the same results, {} of them traps, and {of_memories}",
                counted(*calls, "call"),
                grouped(*traps),
            )
        }
        Some(Compared::Interrupted) => "interrupted, and no file is written".to_owned(),
        Some(Compared::Differs(difference)) => {
            let Difference { calls, component, fused } = &**difference;
            let shown = calls.len().saturating_sub(CALLS_SHOWN);
            for call in &calls[shown..] {
                line("call", printable(call).into_owned());
            }
            line("component", printable(component).into_owned());
            line("fused", printable(fused).into_owned());
            format!(
                "the fused module differs after {}, and no file is written",
                counted(calls.len() as u64, "call")
            )
        }
    };
    let verdict = if fusion.module().is_some() { "fused" } else { "NOT fused" };
    text + &format!("{verdict}: {conclusion}\n")
}
