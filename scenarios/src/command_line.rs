//! The reproduce command of a scenario.

use std::fmt::Write;
use std::num::NonZeroU32;

use crate::offer::Offer;
use crate::options::Options;
use crate::scenario::Scenario;
use crate::subject_name::SubjectName;

impl Scenario {
    /// The reproduce command, quoted for a shell: every flag whose value is not the default, and
    /// `--processes`, whose default depends on the machine.
    ///
    /// Paths stay as given, so the command belongs to the same folder. Bytes of a path that are
    /// not UTF-8 become replacement characters.
    pub fn command_line(&self) -> String {
        // Destructured so that a new choice cannot be forgotten here.
        let Scenario {
            subject,
            cycles,
            strategy,
            warm_slots,
            on_drop,
            decommit_batch,
            flush_on_drop,
            keep_resident,
            pagemap_scan,
            allocation,
            image,
            image_size,
            slots,
            processes,
            threads,
            cpus,
            instances,
            live_modules,
            long_lived,
            compile,
            wasm,
            invoke,
            seed,
            barriers,
            settle_ms,
            timeout_s,
        } = self;
        let default = Scenario::new(Options::default(), &Offer::builtin(), NonZeroU32::MIN)
            .unwrap_or_else(|error| unreachable!("the defaults go together: {error}"));
        // The defaults of other runtimes are unknown here.
        let known = *subject == SubjectName::Builtin;
        let mut command = Command("leakbench".to_owned());
        command.flag("subject", subject, &default.subject);
        command.flag("cycles", cycles, &default.cycles);
        command.choice("strategy", strategy, known.then_some(&default.strategy));
        command.choice("warm-slots", warm_slots, known.then_some(&default.warm_slots));
        command.choice("on-drop", on_drop, known.then_some(&default.on_drop));
        command.choice("decommit-batch", decommit_batch, known.then_some(&default.decommit_batch));
        command.switch("flush-on-drop", *flush_on_drop, known.then_some(default.flush_on_drop));
        command.choice("keep-resident", keep_resident, known.then_some(&default.keep_resident));
        command.switch("pagemap-scan", *pagemap_scan, known.then_some(default.pagemap_scan));
        command.choice("allocation", allocation, known.then_some(&default.allocation));
        command.choice("image", image, known.then_some(&default.image));
        command.flag("image-size", image_size, &default.image_size);
        command.choice("slots", slots, known.then_some(&default.slots));
        command.value("processes", &processes.to_string());
        command.flag("threads", threads, &default.threads);
        command.choice("cpus", cpus, None);
        command.flag("instances", instances, &default.instances);
        command.flag("live-modules", live_modules, &default.live_modules);
        command.flag("long-lived", long_lived, &default.long_lived);
        command.choice("compile", compile, known.then_some(&default.compile));
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

    /// A choice that the runtime may not have, with its default if that is known.
    fn choice<T: ToString + PartialEq>(
        &mut self,
        name: &str,
        value: &Option<T>,
        default: Option<&Option<T>>,
    ) {
        match value {
            Some(given) if default != Some(value) => self.value(name, &given.to_string()),
            _ => {}
        }
    }

    /// As [`Command::choice`]; such a flag takes its value after an equals sign only.
    fn switch(&mut self, name: &str, value: Option<bool>, default: Option<Option<bool>>) {
        match value {
            Some(on) if default != Some(value) => {
                self.equals(name, if on { "on" } else { "off" });
            }
            _ => {}
        }
    }

    fn value(&mut self, name: &str, value: &str) {
        if value.starts_with('-') {
            // Else it would be read as a flag.
            self.equals(name, value);
        } else {
            self.word(&format!("--{name}"));
            self.word(value);
        }
    }

    fn equals(&mut self, name: &str, value: &str) {
        // Writing to a string cannot fail.
        let _ = write!(self.0, " --{name}={}", quoted(value));
    }

    fn word(&mut self, word: &str) {
        // Writing to a string cannot fail.
        let _ = write!(self.0, " {}", quoted(word));
    }
}

/// `word` as a POSIX shell reads it back. A NUL, which no argument can contain, is left out.
pub fn quoted(word: &str) -> String {
    let word = word.replace('\0', "");
    shlex::try_quote(&word).unwrap_or_default().into_owned()
}
