//! The summary of an observation.

use leakbench_model::text::{coarse_s, counted};
use leakbench_recording::observation::{Account, Diagnosis, GROWTH, Limit, ResourceClass, Suspect};

use super::{Block, Entry, List, Summary};
use crate::headline;
use crate::render::RESULT_FILE;
use crate::report::{
    Column, Table, example_words, examples, reproduce_command, title_of_observation,
};

/// Lines of the table, without its head.
const ROWS_MAX: usize = 9;
const FINDING_LINES: usize = 3;
const EXAMPLES_SHOWN: usize = 2;

impl Summary {
    /// The summary of an observation, of at most [`Summary::LINES_MAX`] lines.
    pub fn of_observation(diagnosis: &Diagnosis) -> Summary {
        Summary {
            title: Some(title_of_observation(diagnosis)),
            tables: table(diagnosis).into_iter().collect(),
            entries: flat(diagnosis).map(|flat| Entry::new("flat", flat, 1)).into_iter().collect(),
            lists: vec![suspects(diagnosis)],
            // The suspects show what grows.
            findings: List::of_findings(&diagnosis.judgement, FINDING_LINES, |finding| {
                finding.rule != GROWTH
            }),
            command: Some(reproduce_command(&diagnosis.ledger.start.command).to_owned()),
            file: RESULT_FILE,
            lines_max: Some(Summary::LINES_MAX),
            verdict: diagnosis.judgement.verdict,
            headline: headline::of_observation(diagnosis),
        }
    }
}

fn flat(diagnosis: &Diagnosis) -> Option<String> {
    let classified = diagnosis.accounts.iter().filter(|account| account.class.is_some()).count();
    let flat = diagnosis.count(ResourceClass::Flat);
    (classified > 0).then(|| format!("{flat} of {}", counted(classified as u64, "resource")))
}

/// A row for each resource that is not flat, those that leak first.
fn table(diagnosis: &Diagnosis) -> Option<Block> {
    let moves = |account: &&Account| !matches!(account.class, None | Some(ResourceClass::Flat));
    let mut moving: Vec<&Account> = diagnosis.accounts.iter().filter(moves).collect();
    // Within a class in the order of suspects, then in the order of resources.
    let rank = |account: &Account| {
        let shows = |suspect: &Suspect| {
            suspect.resource == account.resource || suspect.evidence.contains(&account.resource)
        };
        let of = diagnosis.suspects.iter().position(shows).unwrap_or(usize::MAX);
        let first = diagnosis.suspects.get(of).map(|suspect| suspect.resource);
        (account.class, of, first != Some(account.resource))
    };
    moving.sort_by_key(|account| rank(account));
    if moving.is_empty() {
        return None;
    }
    let columns = vec![
        Column::words("resource"),
        Column::words("first → last"),
        Column::words("peak").spare(2),
        Column::words("rate, 95 %").spare(1),
        Column::words("class"),
        Column::words("limit").spare(3),
        Column::words("set by").spare(4).shrinks(),
    ];
    let rows = moving.iter().map(|account| row(account)).collect();
    let table = Table { columns, rows, ..Table::default() };
    Some(Block { caption: None, table, noun: "resource", rows_max: ROWS_MAX, is_narrow: true })
}

fn row(account: &Account) -> Vec<String> {
    let resource = account.resource;
    let amount = |n| resource.amount(n);
    let amounts = format!("{} → {}", amount(account.first), amount(account.last));
    let is_higher = account.peak > account.last && account.peak > account.first;
    let peak = is_higher.then(|| amount(account.peak));
    let limit = account.limit.as_ref().map(|limit| {
        let met = account.seconds_to_limit;
        let met = met.map_or(String::new(), |in_s| format!(" in {}", coarse_s(in_s as u64)));
        format!("{}{met}", amount(limit.max))
    });
    let set_by = account.limit.as_ref().map(Limit::set_by);
    vec![
        resource.noun().to_owned(),
        amounts,
        peak.unwrap_or_default(),
        account.growth_in_short().unwrap_or_default(),
        account.class.map_or("", ResourceClass::as_str).to_owned(),
        limit.unwrap_or_default(),
        set_by.unwrap_or_default(),
    ]
}

/// Each leak with its evidence and some of its objects.
fn suspects(diagnosis: &Diagnosis) -> List {
    let items = diagnosis.suspects.iter().enumerate().map(|(index, suspect)| {
        let mut text = suspect.resource.noun().to_owned();
        if !suspect.evidence.is_empty() {
            let shown: Vec<&str> = suspect.evidence.iter().map(|other| other.noun()).collect();
            text += &format!(" (and {})", shown.join(", "));
        }
        if let Some(meeting) = &suspect.forecast {
            let max = meeting.limit.resource.amount(meeting.limit.max);
            let in_s = coarse_s(meeting.seconds as u64);
            text += &format!(": {} of {max} in {in_s}", meeting.limit.name);
        }
        let label = if index == 0 { "suspects" } else { "" };
        let shown = if index == 0 { EXAMPLES_SHOWN } else { 1 };
        let examples = examples(diagnosis, suspect).enumerate().map(|(number, example)| {
            let words = format!("- {}", example_words(&diagnosis.ledger, example));
            Entry::new("", words, 1).detail(number >= shown)
        });
        std::iter::once(Entry::new(label, text, 2)).chain(examples).collect()
    });
    let items: Vec<Vec<Entry>> = items.collect();
    let total = items.len() as u64;
    // One suspect with its examples, and the line that counts the others.
    List { label: "suspects", noun: "suspect", items, shown_max: usize::MAX, total, reserve: 5 }
}
