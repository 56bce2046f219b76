//! A survey as text, the conclusion last. Pure.

use leakbench_components::{CoreInstance, ModuleSource, Plan};
use leakbench_kernel::Bound;
use leakbench_model::text::{bytes, counted, grouped, printable};

use super::Survey;
use super::cost::Cost;
use super::fit::{Fit, Limit};
use super::tree;
use crate::output::labelled;

pub(super) fn lines(survey: &Survey, colour: bool) -> String {
    let Survey { path, plan, .. } = survey;
    let file_name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let mut text = tree::lines(plan, &file_name).join("\n") + "\n";
    text += &labelled("instances", instances(plan));
    text += &labelled("trampoline", [trampolines(plan)]);
    let imports = plan.imports.iter().map(|import| match import.items.as_slice() {
        [] => format!("{} ({})", import.name, import.kind),
        items => format!("{} ({}): {}", import.name, import.kind, items.join(", ")),
    });
    text += &labelled("imports", or_none(imports.collect()));
    let exports = plan.exports.iter().map(|export| format!("{} ({})", export.name, export.kind));
    text += &labelled("exports", or_none(exports.collect()));
    text += &labelled("memories", or_none(memories(survey)));
    text += &labelled("cost", costs(survey));
    text += &labelled("limits", limits(survey));
    let conclusion = format!("conclusion: {}", conclusion(survey));
    let conclusion = printable(&conclusion);
    match colour {
        true => text + &format!("\x1b[1m{conclusion}\x1b[0m\n"),
        false => text + &format!("{conclusion}\n"),
    }
}

fn or_none(lines: Vec<String>) -> Vec<String> {
    if lines.is_empty() { vec!["none".to_owned()] } else { lines }
}

/// A line for each core instance, in the order in which they are made.
fn instances(plan: &Plan) -> Vec<String> {
    let made = plan.instances.iter().enumerate().map(|(at, instance)| {
        let CoreInstance { module, component_instance } = instance;
        let of = match component_instance {
            Some(number) => format!("component instance {number}"),
            None => "calls between component instances".to_owned(),
        };
        let module = match module {
            ModuleSource::Import(import) => {
                let name = plan.imports.get(*import).map_or("", |import| &import.name);
                format!("imported core module '{name}'")
            }
            ModuleSource::Module(index) => {
                let module = plan.modules.get(*index);
                let name = module.and_then(|module| module.name.as_deref());
                let defined = module.map_or(String::new(), tree::defined);
                format!("core module {index}{}{defined}", tree::quoted(name))
            }
        };
        format!("{at:3}  of {of}: {module}")
    });
    or_none(made.collect())
}

fn trampolines(plan: &Plan) -> String {
    let kinds =
        plan.trampolines.iter().map(|(kind, count)| format!("{} {kind}", grouped(*count as u64)));
    let kinds: Vec<String> = kinds.collect();
    match plan.trampolines.values().sum::<usize>() {
        0 => "none".to_owned(),
        all => format!("{}: {}", grouped(all as u64), kinds.join(", ")),
    }
}

/// A line for each memory of an instance. Equal neighbours are one line.
fn memories(survey: &Survey) -> Vec<String> {
    let mut lines: Vec<(String, Vec<String>)> = Vec::new();
    for memory in &survey.costs.memories {
        let pooled = memory
            .pooled
            .map_or("no slot holds it".to_owned(), |cost| format!("in a slot {}", of_cost(cost)));
        let descriptors = counted(memory.descriptors, "descriptor");
        let on_demand = of_cost(memory.on_demand);
        let size = tree::of_memory(&memory.definition);
        let line = format!("{size}: {pooled}; on demand {on_demand}; {descriptors} a copy");
        let instance = memory.instance.to_string();
        match lines.last_mut() {
            Some((last, instances)) if *last == line => instances.push(instance),
            _ => lines.push((line, vec![instance])),
        }
    }
    let lines = lines.into_iter().map(|(line, instances)| {
        let word = if instances.len() == 1 { "instance" } else { "instances" };
        format!("of {word} {}: {line}", instances.join(", "))
    });
    lines.collect()
}

fn of_cost(cost: Cost) -> String {
    format!("{} and {}", bytes(cost.address_bytes), counted(cost.mappings, "mapping"))
}

fn costs(survey: &Survey) -> Vec<String> {
    let costs = &survey.costs;
    let pooled = costs.pooled.map_or("a memory is longer than a slot".to_owned(), of_cost);
    vec![
        format!("an instance from the pool: {pooled}"),
        format!("an instance on demand: {}", of_cost(costs.on_demand)),
        format!("a loaded copy: {}", counted(costs.descriptors, "descriptor")),
    ]
}

fn limits(survey: &Survey) -> Vec<String> {
    let Survey { limits, fits, .. } = survey;
    let fit = |of: fn(Fit) -> Option<u64>| {
        let pooled = match fits.pooled.map(of) {
            None => "none".to_owned(),
            Some(fit) => number(fit),
        };
        format!("{pooled} from the pool, {} on demand", number(of(fits.on_demand)))
    };
    let max = limits.max_map_count.map_or("unknown".to_owned(), grouped);
    let open_files = match limits.open_files {
        Bound::Unlimited => "unlimited".to_owned(),
        Bound::At(max) => grouped(max),
    };
    vec![
        format!(
            "vm.max_map_count {max}, {} in use: instances {}",
            grouped(limits.present_mappings),
            fit(|fit| fit.by_mappings)
        ),
        format!(
            "address space {} free: instances {}",
            bytes(limits.free_bytes()),
            fit(|fit| fit.by_address_space)
        ),
        format!(
            "RLIMIT_NOFILE {open_files}, {} in use: loaded copies {}",
            grouped(limits.present_descriptors),
            number(fits.copies)
        ),
    ]
}

/// A number with the noun of one or of several.
fn either(number: u64, one: &str, several: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { several })
}

fn number(fit: Option<u64>) -> String {
    fit.map_or("not limited".to_owned(), grouped)
}

/// How many instances fit, and the limit that ends it.
pub(super) fn conclusion(survey: &Survey) -> String {
    let Survey { plan, costs, limits, fits, .. } = survey;
    let modules = counted(plan.modules.len() as u64, "core module");
    let memories = either(costs.memories.len() as u64, "memory", "memories");
    let what = format!("{modules}, {memories}");
    let (place, end) = match fits.pooled {
        Some(fit) => ("from the pool", fit.end()),
        None => ("on demand", fits.on_demand.end()),
    };
    let Some((limit, instances)) = end else {
        return format!("{what}: no limit of memories ends its instances");
    };
    let limit = match limit {
        Limit::Mappings => {
            let max =
                limits.max_map_count.map_or(String::new(), |max| format!(" ({})", grouped(max)));
            format!("vm.max_map_count{max}")
        }
        Limit::AddressSpace => format!("the address space ({} free)", bytes(limits.free_bytes())),
    };
    let fit = counted(instances, "instance");
    let verb = if instances == 1 { "fits" } else { "fit" };
    let mut text = format!("{what}: {fit} {verb} into a process {place}, and {limit} ends it");
    if let (Some(copies), Bound::At(max)) = (fits.copies, limits.open_files) {
        let copies = either(copies, "loaded copy", "loaded copies");
        text += &format!("; RLIMIT_NOFILE ({}) allows {copies}", grouped(max));
    }
    text
}
