//! Tests of recordings, ledgers and judgements, in one binary to build faster.

#[path = "../fixtures/mod.rs"]
mod fixtures;

mod bounds;
mod dice;
mod died_at;
mod growth;
mod judge;
mod ledger;
mod observation;
mod reader;
mod recorder;
mod trend;
