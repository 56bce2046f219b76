//! The three figures of a run.

use super::lingering::{at_barrier, worst};
use super::{Figure, Tone};
use leakbench_model::Resource;
use leakbench_model::text::{
    bytes, counted, duration_ms, duration_ns, duration_us, grouped, signal_name,
};
use leakbench_recording::judge::{Growth, growth};
use leakbench_recording::ledger::{Ledger, SubjectLedger};
use leakbench_recording::recording::{Exit, ExitKind};

/// The figures, chosen by kind and outcome of the run.
pub(super) fn of_run(ledger: &Ledger) -> Vec<Figure> {
    let mut figures: Vec<Figure> = death(ledger).into_iter().collect();
    if ledger.images.made > 0 {
        figures.extend(growth::leading(ledger).as_ref().map(grown));
        figures.extend([lingering(ledger), released(ledger)]);
        figures.extend(release_time(ledger));
    } else {
        figures.extend(Growth::fastest(ledger).iter().map(grown));
    }
    // For runs without images or without times.
    figures.extend([cycles(ledger), rate(ledger), resident(ledger)]);
    figures.truncate(3);
    figures
}

/// A number that is neither good nor bad.
pub(super) fn figure(label: &str, value: String, beside: String) -> Figure {
    Figure { label: label.to_owned(), value, beside, tone: Tone::Neutral }
}

/// The first death of a subject: the cycle and the cause.
fn death(ledger: &Ledger) -> Option<Figure> {
    let &(subject, exit) = ledger.deaths().first()?;
    let label = match ledger.subjects.len() {
        0 | 1 => "the subject died after".to_owned(),
        _ => format!("subject {} died after", subject.number),
    };
    Some(Figure {
        label,
        value: counted(subject.counts.cycles, "cycle"),
        beside: cause(subject, exit),
        tone: Tone::Bad,
    })
}

fn cause(subject: &SubjectLedger, exit: &Exit) -> String {
    let how = match &exit.how {
        ExitKind::Failed { .. } => "a step failed".to_owned(),
        ExitKind::Exited { code } => format!("it exited with code {code}"),
        ExitKind::Signaled { signal } => match signal_name(*signal) {
            Some(name) => format!("killed by {name}"),
            None => format!("killed by signal {signal}"),
        },
        ExitKind::Hung { silent_ms } => format!("no progress for {}", duration_ms(*silent_ms)),
        ExitKind::ProtocolViolation { .. } => "it violated the protocol".to_owned(),
        ExitKind::Done | ExitKind::Stopped => "leakbench ended it".to_owned(),
    };
    let of = subject.cycles_asked.map_or(String::new(), |asked| format!("of {}; ", grouped(asked)));
    match exit.last_steps.as_slice() {
        [last] => format!("{of}{how}: {}", last.step),
        _ => of + &how,
    }
}

fn lingering(ledger: &Ledger) -> Figure {
    let images = &ledger.images;
    let ended = ledger.subjects.iter().all(SubjectLedger::reached_last_barrier);
    let worst = worst(ledger);
    let unknown = match images.unknown {
        0 => String::new(),
        unknown => format!(", {} unknown", grouped(unknown)),
    };
    let of = format!("of {}{unknown}", counted(images.made, "image"));
    let label = if ended { "lingering at the end" } else { "lingering when last seen" };
    let (label, value, beside) = match (images.lingering, worst, images.unknown) {
        (0, None, 1..) => (label, self::unknown(), of),
        // Unknown at the end, though an earlier barrier proved a leak.
        (0, Some((subject, worst)), 1..) => {
            let at = at_barrier(ledger, subject, worst.after_cycle);
            ("lingering, proved earlier", grouped(worst.lingering), format!("{at}; {of}"))
        }
        (0, Some((_, worst)), 0) => {
            (label, grouped(0), format!("{of}, {} before", grouped(worst.lingering)))
        }
        (lingering, ..) => (label, grouped(lingering), of),
    };
    Figure {
        label: label.to_owned(),
        value,
        beside,
        tone: match (images.lingering, worst, images.unknown) {
            (0, None, 0) => Tone::Good,
            (0, None, _) => Tone::Warning,
            _ => Tone::Bad,
        },
    }
}

fn released(ledger: &Ledger) -> Figure {
    let images = &ledger.images;
    let late = match images.late {
        0 if images.released() > 0 => ", none late".to_owned(),
        0 => String::new(),
        late => format!(", {} late", grouped(late)),
    };
    Figure {
        label: "released".to_owned(),
        value: grouped(images.released()),
        beside: format!("of {}{late}", counted(images.made, "image")),
        tone: match images.late {
            0 if images.released() == images.made => Tone::Good,
            0 => Tone::Neutral,
            _ => Tone::Warning,
        },
    }
}

fn release_time(ledger: &Ledger) -> Option<Figure> {
    let times = &ledger.release;
    let beside =
        format!("median {}, max {}", duration_ns(times.p50_ns?), duration_ns(times.max_ns?));
    Some(figure("from drop to release, p99", duration_ns(times.p99_ns?), beside))
}

fn grown(growth: &Growth) -> Figure {
    Figure {
        label: format!("{} per 1,000 cycles", growth.resource.noun()),
        value: match growth.is_leak() {
            true => format!("+{}", growth.per_thousand_cycles()),
            false => "no growth".to_owned(),
        },
        beside: growth.span(),
        tone: if growth.is_leak() { Tone::Bad } else { Tone::Good },
    }
}

fn cycles(ledger: &Ledger) -> Figure {
    let asked = ledger.start.scenario.cycles.get();
    let tone = if ledger.cycles < asked { Tone::Warning } else { Tone::Neutral };
    let beside = format!("of {}", grouped(asked));
    Figure { tone, ..figure("cycles", grouped(ledger.cycles), beside) }
}

fn rate(ledger: &Ledger) -> Figure {
    let rate = ledger.rate_per_s().map(|rate| grouped(rate.round() as u64));
    let beside = format!("in {}", duration_us(ledger.running_us()));
    figure("cycles a second", rate.unwrap_or_else(unknown), beside)
}

fn resident(ledger: &Ledger) -> Figure {
    let at_end = ledger.at_end.of(Resource::RssBytes).map_or_else(unknown, bytes);
    let peak = ledger.peak.of(Resource::RssBytes).map_or_else(unknown, bytes);
    figure("resident at the end", at_end, format!("peak {peak}"))
}

fn unknown() -> String {
    "unknown".to_owned()
}
