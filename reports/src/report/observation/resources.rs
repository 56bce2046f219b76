//! The tables of an observation's resources.

use super::example_words;
use crate::report::{Column, Table, Tone};
use leakbench_model::text::{coarse_s, counted};
use leakbench_recording::observation::{Account, Diagnosis, ResourceClass};

/// The resources that move, those that leak first, and the flat ones.
pub(super) fn tables(diagnosis: &Diagnosis) -> Vec<Table> {
    let is_flat = |account: &&Account| account.class == Some(ResourceClass::Flat);
    let (flat, mut moving): (Vec<&Account>, Vec<&Account>) =
        diagnosis.accounts.iter().partition(is_flat);
    // Resources without a class are last.
    moving.sort_by_key(|account| (account.class.is_none(), account.class));
    let mut tables = Vec::new();
    if !moving.is_empty() {
        tables.push(Table {
            id: "resources".to_owned(),
            title: "Resources".to_owned(),
            columns: vec![
                Column::words("resource"),
                Column::words("class").coloured(),
                Column::numbers("first"),
                Column::numbers("last"),
                Column::numbers("peak"),
                Column::words("rate, 95 %"),
                Column::words("limit"),
                Column::words("time to limit"),
                Column::words("example").paths(),
            ],
            tones: moving.iter().map(|account| tone_of_class(account.class)).collect(),
            rows: moving.into_iter().map(|account| row(diagnosis, account)).collect(),
            ..Table::default()
        });
    }
    if !flat.is_empty() {
        let title = format!("{}, which do not grow", counted(flat.len() as u64, "flat resource"));
        tables.push(Table {
            id: "flat".to_owned(),
            title,
            columns: vec![
                Column::words("resource"),
                Column::numbers("first"),
                Column::numbers("last"),
                Column::numbers("peak"),
                Column::words("limit"),
            ],
            rows: flat.into_iter().map(flat_row).collect(),
            is_folded: true,
            ..Table::default()
        });
    }
    tables
}

/// The colour of a class, or of none. The palette's test tells them apart.
pub(crate) fn tone_of_class(class: Option<ResourceClass>) -> Tone {
    match class {
        Some(ResourceClass::Leak) => Tone::Bad,
        Some(ResourceClass::Inconclusive) => Tone::Series(3),
        Some(ResourceClass::Reservation) => Tone::Series(2),
        Some(ResourceClass::Filling) => Tone::Series(5),
        Some(ResourceClass::Sawtooth) => Tone::Series(0),
        Some(ResourceClass::Bounded) => Tone::Series(1),
        Some(ResourceClass::Flat) => Tone::Series(4),
        None => Tone::Neutral,
    }
}

fn row(diagnosis: &Diagnosis, account: &Account) -> Vec<String> {
    let amount = |number| account.resource.amount(number);
    let in_s = account.seconds_to_limit.map(|seconds| coarse_s(seconds as u64));
    let example = account.examples.first();
    let example = example.map(|example| example_words(&diagnosis.ledger, example));
    vec![
        account.resource.noun().to_owned(),
        account.class.map_or("unknown", ResourceClass::as_str).to_owned(),
        amount(account.first),
        amount(account.last),
        amount(account.peak),
        account.growth_in_short().unwrap_or_default(),
        limit(account),
        in_s.unwrap_or_default(),
        example.unwrap_or_default(),
    ]
}

fn flat_row(account: &Account) -> Vec<String> {
    let amount = |number| account.resource.amount(number);
    vec![
        account.resource.noun().to_owned(),
        amount(account.first),
        amount(account.last),
        amount(account.peak),
        limit(account),
    ]
}

fn limit(account: &Account) -> String {
    let limit = account.limit.as_ref();
    let limit =
        limit.map(|limit| format!("{} ({})", account.resource.amount(limit.max), limit.set_by()));
    limit.unwrap_or_default()
}
