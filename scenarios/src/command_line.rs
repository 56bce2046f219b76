//! A scenario as the command that runs it again.

use std::fmt::Write;
use std::num::NonZeroU32;

use crate::options::Options;
use crate::scenario::Scenario;

impl Scenario {
    /// The command that runs exactly this scenario: every flag whose value is not the default,
    /// quoted for a shell, and `--processes`, whose default depends on the machine.
    ///
    /// Paths are as they were given, so it is to be run in the same folder. A path that is not
    /// UTF-8 has replacement characters where it is not.
    pub fn command_line(&self) -> String {
        let default = Scenario::new(Options::default(), NonZeroU32::MIN)
            .unwrap_or_else(|error| unreachable!("the defaults go together: {error}"));
        // Destructured so that a new choice cannot be forgotten here.
        let Scenario {
            cycles,
            strategy,
            warm_slots,
            on_drop,
            decommit_batch,
            flush_on_drop,
            image,
            image_size,
            slots,
            processes,
            threads,
            instances,
            live_modules,
            compile,
            wasm,
            invoke,
            seed,
            barriers,
            settle_ms,
            timeout_s,
        } = self;
        let mut command = Command("leakbench".to_owned());
        command.flag("cycles", cycles, &default.cycles);
        command.flag("strategy", strategy, &default.strategy);
        command.flag("warm-slots", warm_slots, &default.warm_slots);
        command.flag("on-drop", on_drop, &default.on_drop);
        command.flag("decommit-batch", decommit_batch, &default.decommit_batch);
        if *flush_on_drop != default.flush_on_drop {
            // The one flag that takes its value after an equals sign only.
            let word = if *flush_on_drop { "on" } else { "off" };
            command.word(&format!("--flush-on-drop={word}"));
        }
        command.flag("image", image, &default.image);
        command.flag("image-size", image_size, &default.image_size);
        command.flag("slots", slots, &default.slots);
        command.value("processes", &processes.to_string());
        command.flag("threads", threads, &default.threads);
        command.flag("instances", instances, &default.instances);
        command.flag("live-modules", live_modules, &default.live_modules);
        command.flag("compile", &compile.as_str(), &default.compile.as_str());
        for path in wasm {
            command.value("wasm", &path.to_string_lossy());
        }
        if let Some(name) = invoke {
            command.value("invoke", name);
        }
        command.flag("seed", seed, &default.seed);
        command.flag("barriers", barriers, &default.barriers);
        command.flag("settle-ms", settle_ms, &default.settle_ms);
        command.flag("timeout", timeout_s, &default.timeout_s);
        command.0
    }
}

struct Command(String);

impl Command {
    fn flag<T: ToString + PartialEq>(&mut self, name: &str, value: &T, default: &T) {
        if value != default {
            self.value(name, &value.to_string());
        }
    }

    fn value(&mut self, name: &str, value: &str) {
        if value.starts_with('-') {
            // Else it would be read as a flag.
            self.word(&format!("--{name}={value}"));
        } else {
            self.word(&format!("--{name}"));
            self.word(value);
        }
    }

    fn word(&mut self, word: &str) {
        // Writing to a string cannot fail.
        let _ = write!(self.0, " {}", quoted(word));
    }
}

/// `word` as a POSIX shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=+./:,@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
