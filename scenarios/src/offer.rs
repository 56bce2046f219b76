//! The choices of a runtime.

use std::fmt;
use std::num::NonZeroU32;

use leakbench_model::{Allocation, Compile, ImageKind, OnDrop, Strategy};
use serde::{Deserialize, Serialize};

use crate::byte_size::ByteSize;
use crate::options::{Options, default};
use crate::scenario::{Scenario, ScenarioError};

/// The name of a runtime and its choices. A list has the values that it takes, the default first; a
/// number is the default. A choice that the runtime does not have is empty or `None`; a run with such
/// an option is refused.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Offer {
    /// Name and version, e.g. `wasmtime 48.0.8`.
    pub runtime: String,
    /// Choice of the free slot for an instance.
    pub strategy: Vec<Strategy>,
    /// Effect of a module's drop on free slots.
    pub on_drop: Vec<OnDrop>,
    /// Storage of initial memories.
    pub image: Vec<ImageKind>,
    /// Treatment of known code.
    pub compile: Vec<Compile>,
    /// Source of instances' memory.
    pub allocation: Vec<Allocation>,
    /// Emptying the decommit queue before a drop.
    pub flush_on_drop: Vec<bool>,
    /// Asking the kernel before a reset which pages were written.
    pub pagemap_scan: Vec<bool>,
    /// Slots in a process's pool.
    pub slots: Option<NonZeroU32>,
    /// Unused slots that may stay warm.
    pub warm_slots: Option<u32>,
    /// Slots reset together.
    pub decommit_batch: Option<NonZeroU32>,
    /// Bytes of a slot that are zeroed instead of given back.
    pub keep_resident: Option<ByteSize>,
    /// Maximum of threads that drive it at once; `None` without such a maximum.
    pub threads_max: Option<NonZeroU32>,
}

impl Offer {
    /// A runtime without choices.
    pub fn none(runtime: impl Into<String>) -> Offer {
        Offer { runtime: runtime.into(), ..Offer::default() }
    }

    /// The runtime that leakbench carries.
    pub fn builtin() -> Offer {
        Offer {
            runtime: format!("leakbench-runtime {}", env!("CARGO_PKG_VERSION")),
            strategy: default_first(&Strategy::ALL, default::strategy()),
            on_drop: default_first(&OnDrop::ALL, default::on_drop()),
            image: default_first(&ImageKind::ALL, default::image()),
            compile: default_first(&Compile::ALL, default::compile()),
            allocation: Vec::new(),
            flush_on_drop: vec![false, true],
            pagemap_scan: Vec::new(),
            slots: Some(default::slots()),
            warm_slots: Some(default::warm_slots()),
            decommit_batch: Some(default::decommit_batch()),
            keep_resident: None,
            threads_max: None,
        }
    }

    /// Completes these choices by their defaults, and refuses those that are not offered.
    pub(crate) fn settle(&self, options: &Options) -> Result<Settled, ScenarioError> {
        let asked = Asked { options };
        Ok(Settled {
            strategy: asked.word("strategy", options.strategy, &self.strategy)?,
            on_drop: asked.word("on-drop", options.on_drop, &self.on_drop)?,
            image: asked.word("image", options.image, &self.image)?,
            compile: asked.word("compile", options.compile, &self.compile)?,
            allocation: asked.word("allocation", options.allocation, &self.allocation)?,
            flush_on_drop: asked.switch(
                "flush-on-drop",
                options.flush_on_drop,
                &self.flush_on_drop,
            )?,
            pagemap_scan: asked.switch("pagemap-scan", options.pagemap_scan, &self.pagemap_scan)?,
            slots: asked.number("slots", options.slots, self.slots)?,
            warm_slots: asked.number("warm-slots", options.warm_slots, self.warm_slots)?,
            decommit_batch: asked.number(
                "decommit-batch",
                options.decommit_batch,
                self.decommit_batch,
            )?,
            keep_resident: asked.number(
                "keep-resident",
                options.keep_resident,
                self.keep_resident,
            )?,
        })
    }

    /// Maximum of threads that drive the runtime.
    pub(crate) fn threads_max(&self) -> u32 {
        self.threads_max.map_or(Scenario::THREADS_MAX, |most| most.get().min(Scenario::THREADS_MAX))
    }
}

/// The decided choices; `None` if the runtime does not have the choice.
pub(crate) struct Settled {
    pub(crate) strategy: Option<Strategy>,
    pub(crate) on_drop: Option<OnDrop>,
    pub(crate) image: Option<ImageKind>,
    pub(crate) compile: Option<Compile>,
    pub(crate) allocation: Option<Allocation>,
    pub(crate) flush_on_drop: Option<bool>,
    pub(crate) pagemap_scan: Option<bool>,
    pub(crate) slots: Option<NonZeroU32>,
    pub(crate) warm_slots: Option<u32>,
    pub(crate) decommit_batch: Option<NonZeroU32>,
    pub(crate) keep_resident: Option<ByteSize>,
}

struct Asked<'a> {
    options: &'a Options,
}

impl Asked<'_> {
    fn word<T: Copy + PartialEq + fmt::Display>(
        &self,
        flag: &'static str,
        asked: Option<T>,
        offered: &[T],
    ) -> Result<Option<T>, ScenarioError> {
        match asked {
            Some(word) if !offered.contains(&word) => {
                let offered = offered.iter().map(T::to_string).collect();
                Err(self.refused(flag, word.to_string(), offered))
            }
            Some(word) => Ok(Some(word)),
            None => Ok(offered.first().copied()),
        }
    }

    fn switch(
        &self,
        flag: &'static str,
        asked: Option<bool>,
        offered: &[bool],
    ) -> Result<Option<bool>, ScenarioError> {
        let word = |on: bool| if on { "on" } else { "off" };
        let words: Vec<&str> = offered.iter().map(|on| word(*on)).collect();
        Ok(self.word(flag, asked.map(word), &words)?.map(|word| word == "on"))
    }

    fn number<T: fmt::Display>(
        &self,
        flag: &'static str,
        asked: Option<T>,
        offered: Option<T>,
    ) -> Result<Option<T>, ScenarioError> {
        match (asked, offered) {
            (Some(number), None) => Err(self.refused(flag, number.to_string(), Vec::new())),
            (asked, offered) => Ok(asked.or(offered)),
        }
    }

    fn refused(&self, flag: &'static str, given: String, offered: Vec<String>) -> ScenarioError {
        let subject = self.options.subject.clone().unwrap_or_default();
        ScenarioError::NotOffered { subject, flag, given, offered }
    }
}

fn default_first<T: Copy + PartialEq>(all: &[T], default: T) -> Vec<T> {
    let others = all.iter().copied().filter(|word| *word != default);
    std::iter::once(default).chain(others).collect()
}
