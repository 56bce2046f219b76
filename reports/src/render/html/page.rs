//! The page's markup, from top to bottom.

use maud::{DOCTYPE, Markup, PreEscaped, html as markup};

use super::text::{COMMAND_CHARS_MAX, LABEL_CHARS_MAX, SENTENCE_CHARS_MAX, shown};
use super::{SCRIPT, chart, data, digest, style, table};
use crate::headline::verdict_word;
use crate::report::{FactGroup, Figure, Report};
use leakbench_model::Verdict;
use leakbench_recording::judge::{Finding, Level};

/// The whole page of a report, for a file of its own.
pub fn html(report: &Report) -> String {
    let sheet = style::sheet(report);
    let policy = format!(
        "default-src 'none'; style-src {}; script-src {}; img-src data:; base-uri 'none'; \
         form-action 'none'",
        digest::source(&sheet),
        digest::source(SCRIPT),
    );
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
                    (figures(&report.figures))
                    (chart::charts(&report.charts))
                    @if let Some(lingering) = &report.lingering {
                        (table::lingering(lingering))
                    }
                    @for other in &report.tables {
                        (table::table(other))
                    }
                    (findings(&report.findings))
                    (facts(&report.facts))
                    (unmeasured(&report.unmeasured))
                }
                footer {
                    p {
                        "leakbench made this page from a recording. Every number can be traced: “line” is its "
                        "line in " code { "recording.jsonl" } "."
                    }
                }
                div #live .unseen aria-live="polite" {}
                script #data type="application/json" { (PreEscaped(data::data(report))) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
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

fn findings(findings: &[Finding]) -> Markup {
    markup! {
        section #findings {
            h2 { "Findings" }
            @if findings.is_empty() {
                p .none { "No findings." }
            } @else {
                ul .findings {
                    @for finding in findings {
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

fn level_tone(level: Level) -> &'static str {
    match level {
        Level::Error => "tone-bad",
        Level::Warn => "tone-warning",
        Level::Note => "tone-neutral",
    }
}

fn facts(groups: &[FactGroup]) -> Markup {
    markup! {
        @if !groups.is_empty() {
            div .facts {
                @for group in groups {
                    section {
                        h2 { (shown(&sentence_case(&group.name), LABEL_CHARS_MAX)) }
                        dl {
                            @for (name, value) in &group.facts {
                                @if name == "command" {
                                    (command(value))
                                } @else {
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

fn command(command: &str) -> Markup {
    markup! {
        div .command {
            dt { "command" }
            dd {
                pre { code { (shown(command, COMMAND_CHARS_MAX)) } }
                button .control .copy type="button" hidden { "Copy" }
            }
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
