//! The layout of `leakbench --help`, and clap's errors as one line.

use clap::Command;

/// Commands as `--help` groups them.
pub(super) const GROUPS: [(&str, &[&str]); 3] = [
    ("Measure (without a command: one run)", &["compare", "sweep", "exec", "attach"]),
    ("Read recordings", &["report", "gate"]),
    ("Set up", &["doctor", "completions", "man"]),
];

/// Lists the commands by [`GROUPS`]. clap groups flags, but not commands: so the template has the
/// list, and clap's own list hides them.
pub(super) fn grouped(mut command: Command) -> Command {
    let heading = *command.get_styles().get_header();
    let literal = *command.get_styles().get_literal();
    let mut commands = String::new();
    for (group, names) in GROUPS {
        commands += &format!("{heading}{group}:{heading:#}\n");
        for subcommand in names.iter().filter_map(|name| command.find_subcommand(name)) {
            let about = subcommand.get_about().map_or(String::new(), ToString::to_string);
            commands += &format!("  {literal}{:11}{literal:#}  {about}\n", subcommand.get_name());
        }
        commands.push('\n');
    }
    for name in GROUPS.iter().flat_map(|(_, names)| *names) {
        command = command.mut_subcommand(name, |subcommand| subcommand.hide(true));
    }
    let template = format!(
        "{{before-help}}{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{commands}\
         {{all-args}}{{after-help}}"
    );
    command
        .override_usage("leakbench [OPTIONS]\n       leakbench <COMMAND>")
        .help_template(template)
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
    format!("{} (see --help)", parts.join("; "))
}
