//! The two help screens, `-h` and `--help`, and clap's errors as one line.

use std::ffi::OsString;

use clap::builder::{Resettable, StyledStr};
use clap::{Arg, Command};

/// Headings of flags that are not in the table of options.
pub(super) const RUNTIME: &str = "Choose what runs";
pub(super) const RESULT: &str = "Print and keep the result";

/// Commands as the help groups them: by what one wants to do.
pub(super) const GROUPS: [(&str, &str, &[&str]); 5] = [
    (
        "measure",
        "Measure (without a command: run)",
        &["run", "compare", "sweep", "exec", "attach", "faults", "soak"],
    ),
    ("read", "Read recordings", &["report", "gate"]),
    ("repeat", "Repeat recorded runs", &["replay", "shrink"]),
    ("guests", "Run and examine WebAssembly programs", &["wasm", "components", "fuse"]),
    ("set up", "Set up", &["scenarios", "doctor", "selftest", "completions", "man"]),
];

/// The flags of a run that `-h` shows. The others are for `--help`.
pub(super) const FIRST_FLAGS: [&str; 11] = [
    "scenario",
    "subject",
    "cycles",
    "strategy",
    "on_drop",
    "decommit_batch",
    "slots",
    "wasm",
    "words",
    "out",
    "json",
];

/// A help screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Screen {
    /// `-h`: one screen of a terminal.
    Short,
    /// `--help`: everything.
    Long,
}

impl Screen {
    /// The screen that a command line asks for, if it asks for help.
    pub(super) fn of(args: &[OsString]) -> Screen {
        let mut flags = args.iter().take_while(|word| *word != "--");
        if flags.any(|word| word == "-h") { Screen::Short } else { Screen::Long }
    }

    /// Lays out the help of a command and of its subcommands. `path` names the command.
    pub(super) fn lay_out(self, command: Command, path: &str) -> Command {
        let is_root = command.get_name() == path;
        let is_run = is_root || ["leakbench run", "leakbench sweep"].contains(&path);
        let mut command = command.mut_args(|arg| self.argument(arg, is_run));
        let names: Vec<String> =
            command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
        for name in names {
            let path = format!("{path} {name}");
            command = command.mut_subcommand(&name, |command| self.lay_out(command, &path));
        }
        command = self.ends(command, path);
        if is_root { self.groups(command) } else { command }
    }

    fn argument(self, arg: Arg, is_run: bool) -> Arg {
        let short = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let long = arg.get_long_help().map_or(short.clone(), ToString::to_string);
        // With any long help, clap puts each flag and its help on lines of their own.
        let arg = arg.long_help(Resettable::Reset);
        match self {
            Screen::Long => arg.help(long.replace("\n\n", ". ")),
            Screen::Short => {
                let default = long.rfind(" [default: ").filter(|_| long.ends_with(']'));
                let default = default.filter(|_| !short.ends_with(']'));
                let hidden = is_run && !FIRST_FLAGS.contains(&arg.get_id().as_str());
                let arg = if is_run { arg.help_heading(Resettable::Reset) } else { arg };
                let takes_values = arg.get_action().takes_values();
                arg.help(short + default.map_or("", |at| &long[at..]))
                    .hide_possible_values(takes_values)
                    .hide_short_help(hidden)
            }
        }
    }

    /// Description and examples are for `--help`.
    fn ends(self, command: Command, path: &str) -> Command {
        let about = command.get_long_about().or(command.get_about()).cloned();
        let after = command.get_after_long_help().or(command.get_after_help()).cloned();
        let command = command.long_about(Resettable::Reset).after_long_help(Resettable::Reset);
        match self {
            Screen::Long => {
                command.about(Resettable::from(about)).after_help(Resettable::from(after))
            }
            Screen::Short => command.after_help(format!("More: {path} --help")),
        }
    }

    /// Lists the commands by [`GROUPS`]. clap groups flags, but not commands: so the text before
    /// the flags has the list, and clap's own list hides them.
    fn groups(self, mut command: Command) -> Command {
        let heading = *command.get_styles().get_header();
        let literal = *command.get_styles().get_literal();
        let mut list = String::new();
        if self == Screen::Short {
            list += &format!("{heading}Commands:{heading:#}\n");
        }
        for (word, group, names) in GROUPS {
            if self == Screen::Short {
                let names = names.iter().map(|name| format!("{literal}{name}{literal:#}"));
                let names = names.collect::<Vec<String>>().join(", ");
                list += &format!("  {word:7}  {names}\n");
                continue;
            }
            list += &format!("{heading}{group}:{heading:#}\n");
            for subcommand in names.iter().filter_map(|name| command.find_subcommand(name)) {
                let about = subcommand.get_about().map_or(String::new(), ToString::to_string);
                let name = subcommand.get_name();
                list += &format!("  {literal}{name:11}{literal:#}  {about}\n");
            }
            list.push('\n');
        }
        for name in GROUPS.iter().flat_map(|(_, _, names)| *names) {
            command = command.mut_subcommand(name, |subcommand| subcommand.hide(true));
        }
        let template =
            "{about-with-newline}\n{usage-heading} {usage}\n\n{before-help}{all-args}{after-help}";
        command.before_help(StyledStr::from(list.trim_end().to_owned())).help_template(template)
    }
}

/// clap's message in one line, so that the first line of a CI log names the mistake.
pub(super) fn one_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let parts: Vec<&str> = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:"))
        .filter(|line| !line.is_empty() && !line.starts_with("For more information"))
        .map(|line| line.trim_start_matches("error: ").trim_start_matches("tip: "))
        .collect();
    // The arguments that a message lists follow its colon.
    format!("{} (see --help)", parts.join("; ").replace(":; ", ": "))
}
