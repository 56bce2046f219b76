//! The table of an observation's resources.

use super::example_words;
use crate::report::{Column, Table};
use leakbench_model::text::coarse_s;
use leakbench_recording::observation::{Account, Diagnosis, ResourceClass};

/// A row for each resource, those that leak first.
pub(super) fn table(diagnosis: &Diagnosis) -> Table {
    let mut accounts: Vec<&Account> = diagnosis.accounts.iter().collect();
    // Resources without a class are last.
    accounts.sort_by_key(|account| (account.class.is_none(), account.class));
    Table {
        id: "resources".to_owned(),
        title: "Resources".to_owned(),
        note: String::new(),
        columns: vec![
            Column::words("resource"),
            Column::words("class"),
            Column::numbers("first"),
            Column::numbers("last"),
            Column::numbers("peak"),
            Column::words("rate, 95 %"),
            Column::words("limit"),
            Column::words("time to limit"),
            Column::words("example"),
        ],
        rows: accounts.into_iter().map(|account| row(diagnosis, account)).collect(),
    }
}

fn row(diagnosis: &Diagnosis, account: &Account) -> Vec<String> {
    let resource = account.resource;
    let amount = |number| resource.amount(number);
    let limit = account.limit.as_ref();
    let limit = limit.map(|limit| format!("{} ({})", amount(limit.max), limit.name));
    let in_s = account.seconds_to_limit.map(|seconds| coarse_s(seconds as u64));
    let example = account.examples.first();
    let example = example.map(|example| example_words(&diagnosis.ledger, example));
    vec![
        resource.noun().to_owned(),
        account.class.map_or("unknown", ResourceClass::as_str).to_owned(),
        amount(account.first),
        amount(account.last),
        amount(account.peak),
        account.growth().map(|rate| rate.in_short()).unwrap_or_default(),
        limit.unwrap_or_default(),
        in_s.unwrap_or_default(),
        example.unwrap_or_default(),
    ]
}
