//! The page's markup, from top to bottom.

use std::ffi::OsStr;
use std::path::Path;

use leakbench_scenarios::shell;
use maud::{DOCTYPE, Markup, PreEscaped, html as markup};

use super::text::{COMMAND_CHARS_MAX, LABEL_CHARS_MAX, SENTENCE_CHARS_MAX, command_words, shown};
use super::{chart, data, digest, script, style, suspects, table};
use crate::headline::verdict_word;
use crate::report::{FactGroup, Figure, LingeringTable, Means, NextStep, Plot, Report};
use leakbench_model::Verdict;
use leakbench_recording::judge::{Finding, Level};
use leakbench_recording::observation::GROWTH;

/// The whole page of a report, for a file of its own.
pub fn html(report: &Report) -> String {
    let sheet = style::sheet(report);
    let script = script(report);
    let policy = format!(
        "default-src 'none'; style-src {}; script-src {}; img-src data:; base-uri 'none'; \
         form-action 'none'",
        digest::source(&sheet),
        digest::source(&script),
    );
    let charts = chart::shown_charts(report);
    let sentence = sentence(report);
    let word = verdict_word(report.verdict);
    let page = markup! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (word) " · " (shown(&report.title, LABEL_CHARS_MAX)) " · leakbench" }
                style { (PreEscaped(&sheet)) }
            }
            body {
                (top(report))
                main {
                    (banner(report.verdict, &sentence))
                    // The card of a suspect has its figures.
                    @if report.suspects.is_empty() {
                        (figures(&report.figures))
                    } @else {
                        (suspects::suspects(&report.suspects))
                    }
                    (chart::lead(&charts, &beside(report, &sentence)))
                    @if let Some(lingering) = &report.lingering { (table::holders(lingering)) }
                    (chart::others(&charts))
                    @if let Some(lingering) = &report.lingering && !is_said(report, lingering) {
                        (table::lingering(lingering))
                    }
                    @for other in &report.tables {
                        (table::table(other))
                    }
                    (unmeasured(&report.unmeasured))
                    (facts(&report.facts))
                }
                footer {
                    p {
                        "leakbench made this page from a recording. Every number can be traced: “line” is its "
                        "line in " code { "recording.jsonl" } "."
                    }
                }
                div #live .unseen aria-live="polite" {}
                script #data type="application/json" { (PreEscaped(data::data(report))) }
                script { (PreEscaped(&script)) }
            }
        }
    };
    page.into_string()
}

/// Returns whether a proof says already that no image lingers.
fn is_said(report: &Report, table: &LingeringTable) -> bool {
    let is_proved = report.charts.iter().any(|it| matches!(it.plot, Plot::Proof(_)));
    is_proved && table.total == 0 && table.caveat.is_none()
}

/// The headline without the verdict's word, which the banner has.
fn sentence(report: &Report) -> String {
    let word = verdict_word(report.verdict);
    let headline = report.headline.as_str();
    let rest = headline.strip_prefix(word).and_then(|rest| rest.strip_prefix(" — "));
    shown(rest.unwrap_or(headline), SENTENCE_CHARS_MAX)
}

fn top(report: &Report) -> Markup {
    markup! {
        header .top {
            p .mark { "leakbench" }
            p .title { (shown(&report.title, SENTENCE_CHARS_MAX)) }
            button #theme .control type="button" hidden { "Dark" }
        }
    }
}

fn banner(verdict: Verdict, sentence: &str) -> Markup {
    markup! {
        section class={ "banner " (style::verdict_class(verdict)) } aria-label="verdict" {
            (icon(verdict))
            h1 { span .word { (verdict_word(verdict)) } " " span .sentence { (sentence) } }
        }
    }
}

/// A verdict's sign, for readers who do not see the colour.
fn icon(verdict: Verdict) -> Markup {
    let path = match verdict {
        Verdict::Clean => "M7 13l3.5 3.5L17 9",
        Verdict::Leak => "M12 6.5v7M12 17v.5",
        Verdict::SubjectDied => "M8 8l8 8M16 8l-8 8",
        Verdict::Inconclusive => "M9 9.5a3 3 0 1 1 4.4 2.7c-1 .5-1.4 1-1.4 2M12 17v.5",
        Verdict::Interrupted => "M9.5 8v8M14.5 8v8",
    };
    markup! {
        svg .icon viewBox="0 0 24 24" aria-hidden="true" {
            circle cx="12" cy="12" r="11" {}
            path d=(path) {}
        }
    }
}

fn figures(figures: &[Figure]) -> Markup {
    markup! {
        @if !figures.is_empty() {
            dl .figures {
                @for figure in figures {
                    div class=(style::tone_class(figure.tone)) {
                        dt { (shown(&figure.label, LABEL_CHARS_MAX)) }
                        dd {
                            strong { (shown(&figure.value, LABEL_CHARS_MAX)) }
                            span { (shown(&figure.beside, LABEL_CHARS_MAX)) }
                        }
                    }
                }
            }
        }
    }
}

/// What stands beside the main chart: what to do next, and the findings that neither the banner nor a
/// suspect shows.
fn beside(report: &Report, sentence: &str) -> Markup {
    let is_said = |finding: &&Finding| {
        let is_suspect = !report.suspects.is_empty() && finding.rule == GROWTH;
        is_suspect || shown(&finding.message, SENTENCE_CHARS_MAX) == sentence
    };
    let others = report.findings.iter().filter(|finding| !is_said(finding));
    let others: Vec<&Finding> = others.collect();
    markup! {
        (next(report))
        section #findings {
            h2 { "Findings" }
            @if others.is_empty() {
                p .none {
                    @if report.findings.is_empty() { "No findings." } @else { "No other findings." }
                }
            } @else {
                ul .findings {
                    @for finding in others {
                        li class=(level_tone(finding.level)) {
                            span .level { (finding.level.as_str()) }
                            div {
                                p .said { (shown(&finding.message, SENTENCE_CHARS_MAX)) }
                                p .policy { (finding.rule) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What to do next, with commands to copy. The page is drawn already.
fn next(report: &Report) -> Markup {
    let steps = report.next.iter().filter(|step| step.means != Means::OnRecording("report"));
    let steps: Vec<&NextStep> = steps.collect();
    // Of several suspects, the cards fold the way to the code.
    let worst = report.suspects.first().filter(|_| report.suspects.len() > 1);
    let worst = worst.and_then(|suspect| Some((suspect, suspect.next.as_ref()?)));
    markup! {
        @if !steps.is_empty() || worst.is_some() {
            section #next {
                h2 { "Next" }
                ul .steps {
                    @if let Some((suspect, step)) = worst {
                        li {
                            p .muted { "For " (shown(&suspect.name, LABEL_CHARS_MAX)) ":" }
                            (next_step(step, None))
                        }
                    }
                    @for step in steps {
                        li { (next_step(step, report.recording.as_deref())) }
                    }
                }
            }
        }
    }
}

/// A step with its command, if it has one to copy. `recording` is the path of the recording, if it is known.
pub(super) fn next_step(step: &NextStep, recording: Option<&Path>) -> Markup {
    let effect = shown(&step.effect, SENTENCE_CHARS_MAX);
    markup! {
        @match &step.means {
            Means::Choice { words, command } => {
                p { code { (command_words(words, LABEL_CHARS_MAX)) } " " (effect) }
                @if let Some(command) = command { (copied(command)) }
            },
            Means::Command(name) => {
                p { code { "leakbench " (name) } " " (effect) }
            },
            Means::Whole(command) => {
                p { "This " (effect) ":" }
                (copied(command))
            },
            Means::Same(command) => {
                p { "The same command " (effect) ":" }
                (copied(command))
            },
            Means::Outside(words) => {
                p { (words) " " (effect) "." }
            },
            Means::OnRecording(name) => {
                p {
                    code { "leakbench " (name) } " "
                    @if recording.is_none() { "with the recording's folder " }
                    (effect)
                }
                @if let Some(path) = recording {
                    (copied(&shell::command([OsStr::new("leakbench"), OsStr::new(name), path.as_os_str()])))
                }
            },
        }
    }
}

fn level_tone(level: Level) -> &'static str {
    match level {
        Level::Error => "tone-bad",
        Level::Warn => "tone-warning",
        Level::Note => "tone-neutral",
    }
}

/// The commands, and all other facts in a box that is closed.
fn facts(groups: &[FactGroup]) -> Markup {
    let commands =
        groups.iter().flat_map(|group| &group.facts).filter(|(name, _)| is_command(name));
    let commands: Vec<&(String, String)> = commands.collect();
    markup! {
        @if !commands.is_empty() {
            section #reproduce {
                h2 { "Reproduce" }
                @for (_, command) in commands { (copied(command)) }
            }
        }
        @if !groups.is_empty() {
            details .facts {
                summary { "Run, machine and processes" }
                div {
                    @for group in groups {
                        // The command has a section of its own.
                        @let has_command = group.facts.iter().any(|(name, _)| is_command(name));
                        @let name = if has_command { "run" } else { group.name.as_str() };
                        section {
                            h2 { (shown(&sentence_case(name), LABEL_CHARS_MAX)) }
                            dl {
                                @for (name, value) in group.facts.iter().filter(|it| !is_command(&it.0)) {
                                    div {
                                        dt { (shown(name, LABEL_CHARS_MAX)) }
                                        dd { (shown(value, SENTENCE_CHARS_MAX)) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn is_command(fact: &str) -> bool {
    fact == "command"
}

/// A command with a button that copies it.
fn copied(command: &str) -> Markup {
    markup! {
        div .command {
            pre { code { (command_words(command, COMMAND_CHARS_MAX)) } }
            button .control .copy type="button" hidden { "Copy" }
        }
    }
}

fn unmeasured(sentences: &[String]) -> Markup {
    markup! {
        @if !sentences.is_empty() {
            section #unmeasured {
                h2 { "Not measured" }
                ul .plain {
                    @for sentence in sentences {
                        li { (shown(sentence, SENTENCE_CHARS_MAX)) }
                    }
                }
            }
        }
    }
}

fn sentence_case(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + chars.as_str()
}
