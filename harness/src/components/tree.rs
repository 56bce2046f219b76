//! The components and core modules of a file as a tree. Pure.

use leakbench_components::{CoreModule, Definition, MemoryDefinition, Plan, TableDefinition};
use leakbench_model::text::{bytes, counted, grouped, printable};

/// A line for each component and core module of the file, then one for the adapters.
pub(super) fn lines(plan: &Plan, file_name: &str) -> Vec<String> {
    let root = &plan.definition;
    let mut lines = vec![format!("component {}, {}", printable(file_name), bytes(root.len_bytes))];
    let adapters: Vec<usize> = plan.adapters().collect();
    add_contents(plan, root, "", !adapters.is_empty(), &mut lines);
    if let (Some(first), Some(last)) = (adapters.first(), adapters.last()) {
        let functions: usize = adapters.iter().map(|at| plan.modules[*at].functions).sum();
        lines.push(format!(
            "└─ adapters between them, in no file: {} with {}, {}",
            counted(adapters.len() as u64, "core module"),
            counted(functions as u64, "function"),
            if first == last { format!("{first}") } else { format!("{first} to {last}") }
        ));
    }
    lines
}

/// The contents of a component, each line after `indent`. `has_more`: others follow on its level.
fn add_contents(
    plan: &Plan,
    component: &Definition,
    indent: &str,
    has_more: bool,
    lines: &mut Vec<String>,
) {
    let mut left = component.modules.len() + component.components.len() + usize::from(has_more);
    let mut branch = || {
        left -= 1;
        if left == 0 { ("└─", "  ") } else { ("├─", "│ ") }
    };
    for &at in &component.modules {
        let (corner, _) = branch();
        if let Some(module) = plan.modules.get(at) {
            lines.push(format!("{indent}{corner} core module {at}{}", of_module(module)));
        }
    }
    for inner in &component.components {
        let (corner, below) = branch();
        let name = quoted(inner.name.as_deref());
        let place = format!("at {:#x}, {}", inner.offset, bytes(inner.len_bytes));
        lines.push(format!("{indent}{corner} component{name} {place}"));
        add_contents(plan, inner, &format!("{indent}{below} "), false, lines);
    }
}

fn of_module(module: &CoreModule) -> String {
    let place = match module.origin {
        leakbench_components::Origin::File(offset) => format!(" at {offset:#x}"),
        leakbench_components::Origin::Adapter => String::new(),
    };
    let name = quoted(module.name.as_deref());
    let size = bytes(module.len_bytes);
    let functions = counted(module.functions as u64, "function");
    let defined = defined(module);
    format!("{name}{place}, {size}, {functions}{defined}")
}

/// The memories and tables that a module defines: `, defines memory of 2 pages`; empty without any.
pub(super) fn defined(module: &CoreModule) -> String {
    let memories = module.memories.iter().map(|memory| format!("memory of {}", of_memory(memory)));
    let tables = module.tables.iter().map(|table| format!("table of {}", of_table(table)));
    let all: Vec<String> = memories.chain(tables).collect();
    if all.is_empty() { String::new() } else { format!(", defines {}", all.join(" and ")) }
}

/// A name of the file in quotation marks, after a space.
pub(super) fn quoted(name: Option<&str>) -> String {
    name.map_or(String::new(), |name| format!(" '{}'", printable(name)))
}

pub(super) fn of_memory(memory: &MemoryDefinition) -> String {
    let initial = memory.minimum_pages.saturating_mul(memory.page_bytes);
    let mut text = bytes(initial);
    match memory.maximum_pages {
        Some(maximum) if maximum == memory.minimum_pages => text += ", which does not grow",
        Some(maximum) => {
            text += &format!(" to {}", bytes(maximum.saturating_mul(memory.page_bytes)));
        }
        None => {}
    }
    for (is, word) in [(memory.is_64, "64-bit"), (memory.is_shared, "shared")] {
        if is {
            text += &format!(" ({word})");
        }
    }
    text
}

fn of_table(table: &TableDefinition) -> String {
    let minimum = counted(table.minimum, "element");
    match table.maximum {
        Some(maximum) if maximum != table.minimum => format!("{minimum} to {}", grouped(maximum)),
        _ => minimum,
    }
}
