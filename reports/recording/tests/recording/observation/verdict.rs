//! The verdict of an observation and its findings.

use leakbench_model::{Footprint, Resource, Verdict};
use leakbench_recording::judge::Judgement;
use leakbench_recording::observation::*;

use super::{class, diagnosed};
use crate::fixtures::observation::*;

/// The last sample may be of a process that has closed its descriptors.
#[test]
fn samples_of_an_exiting_process_are_not_judged() {
    let mut recording = gone(socket_leak(), ProcessExitKind::Exited { code: 0 }, true);
    let last = recording.records.iter_mut().rev().find_map(|record| match record {
        ObservationRecord::Sample(sample) => Some(sample),
        _ => None,
    });
    let last = last.expect("there are samples");
    last.amounts = last.amounts.iter().map(|(resource, _)| (resource, 0)).collect();
    assert_eq!(diagnosed(&recording).judgement.verdict, Verdict::Leak);
}

/// A process that leaks gives everything back before it exits.
#[test]
fn a_leak_that_is_freed_only_at_the_exit_is_a_leak() {
    let sockets = |at_s: u64, what: &[&str]| {
        let record = examples(Resource::SocketFds, what);
        let ObservationRecord::Examples(examples) = record else { panic!("{record:?}") };
        ObservationRecord::Examples(Examples { at_ms: at_s * 1_000, ..examples })
    };
    let freed_from = |from: u64, records: &[ObservationRecord]| {
        let leaked = move |second: u64| {
            3 * if second < from { second } else { from.saturating_sub(4 * (second - from)) }
        };
        let recording = attached(move |second| {
            vec![(Resource::Fds, leaked(second)), (Resource::SocketFds, leaked(second))]
        });
        let recording = records.iter().cloned().fold(recording, with);
        diagnosed(&gone(recording, ProcessExitKind::Exited { code: 0 }, true))
    };
    let leak = freed_from(48, &[]);
    assert_eq!(leak.judgement.verdict, Verdict::Leak, "{:?}", leak.judgement.findings);
    assert!(leak.judgement.findings[0].message.contains("freed only at the exit"));
    // The control: a program that gives back for a third of its time works through what it has.
    assert_eq!(freed_from(35, &[]).judgement.verdict, Verdict::Clean);
    // Examples of its last moments are not those of its growth.
    for last in [&["a few"][..], &[]] {
        let leak = freed_from(48, &[sockets(40, &["many"]), sockets(55, last)]);
        let account = leak.account(Resource::SocketFds).expect("an account");
        assert_eq!(account.examples[0].what, "many", "{last:?}");
    }
    let leak = freed_from(48, &[sockets(40, &["some"]), sockets(45, &["many"])]);
    assert_eq!(leak.account(Resource::SocketFds).expect("an account").examples[0].what, "many");
}

/// The same of the last sample, which is not judged, and of limits that were read then.
#[test]
fn what_is_recorded_at_the_exit_is_no_evidence() {
    let end = |how: Option<ProcessExitKind>| {
        let files = |s: u64| if s < 59 { 30 + 3 * s } else { 2 };
        let mut recording =
            attached(move |s| vec![(Resource::Fds, files(s)), (Resource::FileFds, files(s))]);
        let limit = |at_ms, max| {
            let name = "size of /tmp".to_owned();
            let limit = Limit { resource: Resource::FileFds, max, name, others: 0 };
            ObservationRecord::Limits(Limits { at_ms, limits: vec![limit] })
        };
        let examples = |at_ms, what: &str| match examples(Resource::FileFds, &[what]) {
            ObservationRecord::Examples(examples) => {
                ObservationRecord::Examples(Examples { at_ms, ..examples })
            }
            other => panic!("{other:?}"),
        };
        for record in [
            limit(50_000, 500),
            examples(50_010, "many"),
            limit(59_000, 90_000),
            examples(59_010, "few"),
        ] {
            recording = with(recording, record);
        }
        let recording = match how {
            Some(how) => gone(recording, how, true),
            None => recording,
        };
        let diagnosis = diagnosed(&recording);
        let account = diagnosis.account(Resource::FileFds).expect("an account").clone();
        (account.limit.expect("a limit").max, account.examples[0].what.clone())
    };
    let exited = end(Some(ProcessExitKind::Exited { code: 0 }));
    assert_eq!(exited, (500, "many".to_owned()));
    // The control: it still runs.
    assert_eq!(end(None), (90_000, "few".to_owned()));
}

/// Growth for most of the time that was not given back is never clean: the process may be idle.
#[test]
fn a_leak_that_pauses_is_inconclusive_and_names_the_time_that_decides() {
    let until = |end: u64| {
        diagnosed(&attached(move |second| {
            let opened = 5 * second.min(end);
            vec![(Resource::Fds, opened), (Resource::FileFds, opened)]
        }))
    };
    let paused = until(40);
    assert_eq!(paused.judgement.verdict, Verdict::Inconclusive);
    let messages: Vec<&str> =
        paused.judgement.findings.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "descriptors rose from 12 to 212 in 59 s, which proves neither a leak nor a bound: observe \
          for 90 s (--duration 90s)"
        ],
        "of a total and its kind, one finding"
    );
    // A command that ended by itself cannot be observed for longer.
    let recording = attached(|second| vec![(Resource::Fds, 5 * second.min(40))]);
    let ended = diagnosed(&gone(recording, ProcessExitKind::Exited { code: 0 }, true));
    assert_eq!(ended.judgement.verdict, Verdict::Inconclusive);
    let findings = &ended.judgement.findings;
    assert!(findings.iter().any(|finding| finding.message.ends_with("it must run for 90 s")));
    // The control: a warm-up of a third of the time.
    assert_eq!(until(20).judgement.verdict, Verdict::Clean);
}

/// Undecided growth of swapped memory stays undecided. That of address space alone is no growth that
/// is proved, so it has no forecast.
#[test]
fn undecided_memory_is_not_clean_and_undecided_address_space_has_no_forecast() {
    let paused =
        |resource| diagnosed(&attached(move |second| vec![(resource, 8 * MIB * second.min(40))]));
    assert_eq!(paused(Resource::SwapBytes).judgement.verdict, Verdict::Inconclusive);
    let space = paused(Resource::AddressSpaceBytes);
    assert_eq!(space.judgement.verdict, Verdict::Clean);
    assert_eq!(class(&space, Resource::AddressSpaceBytes), Some(ResourceClass::Bounded));
}

#[test]
fn without_amounts_or_an_end_no_verdict_is_clean() {
    let mut blind = attached(|_| Vec::new());
    for record in &mut blind.records {
        if let ObservationRecord::Sample(sample) = record {
            sample.amounts = Footprint::default();
        }
    }
    assert_eq!(diagnosed(&blind).judgement.verdict, Verdict::Inconclusive);

    let mut cut = attached(|_| Vec::new());
    cut.records.pop();
    assert_eq!(diagnosed(&cut).judgement.verdict, Verdict::Inconclusive);
    assert!(Diagnosis::of(&ObservationRecording::default()).is_err());

    // A resource in one sample only is reported, and the others are judged.
    let mut once = attached(|_| Vec::new());
    if let Some(ObservationRecord::Sample(sample)) = once.records.get_mut(5) {
        sample.amounts.set(Resource::Zombies, 0);
    }
    let diagnosis = diagnosed(&once);
    assert_eq!(diagnosis.judgement.verdict, Verdict::Clean);
    let message = &diagnosis.judgement.findings[0].message;
    assert_eq!(message, "zombies could be read in only 1 of 60 samples");
}

/// Ending `attach` is a normal end, but an interrupted command did not complete. A leak is proved
/// in both cases.
#[test]
fn an_interruption_ends_attach_but_not_a_command() {
    let quiet = |samples| sampled(samples, |_| Vec::new());
    for (recording, here, verdict) in [
        (quiet(60), false, Verdict::Clean),
        (quiet(7), false, Verdict::Interrupted),
        (socket_leak(), false, Verdict::Leak),
        (quiet(60), true, Verdict::Interrupted),
        (socket_leak(), true, Verdict::Leak),
    ] {
        let diagnosis = diagnosed(&gone(interrupted(recording), ProcessExitKind::Stopped, here));
        assert_eq!(diagnosis.judgement.verdict, verdict, "started here: {here}");
        let mut findings = diagnosis.judgement.findings.iter();
        assert!(findings.any(|finding| finding.rule == "interruption"), "it is listed");
    }
}

/// A leak that a limit stops is flat.
#[test]
fn a_resource_that_stays_at_its_limit_is_a_leak() {
    let filled = |to: u64| attached(move |s| vec![(Resource::Fds, (100 * s).min(to - 12))]);
    let full = diagnosed(&filled(1_024));
    assert_eq!(full.judgement.verdict, Verdict::Leak);
    assert_eq!(
        full.judgement.findings[0].message,
        "descriptors reached 1,024 of 1,024 (RLIMIT_NOFILE) and stay there"
    );
    assert_eq!(diagnosed(&filled(900)).judgement.verdict, Verdict::Clean);
    // All address space may be reserved by design.
    let space = diagnosed(&attached(|_| vec![(Resource::AddressSpaceBytes, 1 << 47)]));
    assert_eq!(space.judgement.verdict, Verdict::Clean);
}

#[test]
fn samples_that_are_bunched_in_time_are_reported_as_such() {
    let mut recording = attached(|_| Vec::new());
    for record in &mut recording.records {
        if let ObservationRecord::Sample(sample) = record {
            sample.at_ms /= 30_000;
        }
    }
    let message = &diagnosed(&recording).judgement.findings[0].message;
    assert!(message.contains("60 samples are bunched in time, so there is no trend"), "{message}");
}

#[test]
fn unobserved_children_prevent_a_clean_verdict() {
    let children = |most, scope| {
        let mut recording =
            attached(move |s| vec![(Resource::Children, u64::from(s == 30) * most)]);
        if let Some(ObservationRecord::Start(observe)) = recording.records.first_mut() {
            observe.scope = scope;
        }
        let Judgement { verdict, findings } = diagnosed(&recording).judgement;
        (verdict, findings.into_iter().map(|finding| finding.message).collect::<Vec<String>>())
    };
    let unobserved = "up to 3 child processes were not observed";
    let advised =
        format!("{unobserved}: --tree observes them too, --no-tree judges the process alone");
    assert_eq!(children(3, Scope::Process), (Verdict::Inconclusive, vec![advised]));
    assert_eq!(children(3, Scope::Alone), (Verdict::Clean, vec![unobserved.to_owned()]));
    for (count, scope) in [(3, Scope::Family), (0, Scope::Process), (0, Scope::Alone)] {
        assert_eq!(children(count, scope), (Verdict::Clean, Vec::new()), "{count} {scope}");
    }
}

/// A process with five children of `amount` descriptors each, of which one is nearest to its limit.
fn family(amount: impl Fn(u64) -> u64) -> ObservationRecording {
    let amount_of = &amount;
    let mut recording = attached(move |s| {
        let fds = 5 * amount_of(s);
        vec![(Resource::Fds, fds), (Resource::FileFds, fds)]
    });
    for record in &mut recording.records {
        match record {
            ObservationRecord::Start(observe) => observe.scope = Scope::Family,
            ObservationRecord::Sample(sample) => {
                let nearest = Nearest { pid: 7, amount: amount(sample.at_ms / 1_000), max: 1_000 };
                sample.processes = 6;
                sample.nearest = [(Resource::Fds, nearest)].into();
            }
            _ => {}
        }
    }
    recording
}

#[test]
fn the_limit_of_one_process_is_forecast_by_the_process_that_is_nearest() {
    // Each child gains two a second: the nearest one reaches 1,000 after (1,000 - 218) / 2 s.
    let diagnosis = diagnosed(&family(|s| 100 + 2 * s));
    assert_eq!(diagnosis.judgement.verdict, Verdict::Leak);
    let forecast = diagnosis.suspects[0].forecast.as_ref().expect("a limit");
    assert_eq!((forecast.limit.max, forecast.limit.name.as_str()), (1_000, "RLIMIT_NOFILE"));
    assert!((forecast.seconds - 391.0).abs() < 2.0, "{}", forecast.seconds);

    // The sum grows by new processes, and the nearest one does not: no limit is near.
    let mut recording = family(|_| 900);
    for record in &mut recording.records {
        if let ObservationRecord::Sample(sample) = record {
            sample.amounts.add(Resource::Fds, sample.at_ms / 1_000);
            sample.amounts.add(Resource::FileFds, sample.at_ms / 1_000);
        }
    }
    let diagnosis = diagnosed(&recording);
    assert_eq!(diagnosis.judgement.verdict, Verdict::Leak);
    assert_eq!(diagnosis.suspects[0].forecast, None);

    // All of them together may have more than one process may.
    assert_eq!(diagnosed(&family(|_| 900)).judgement.verdict, Verdict::Clean);
    let full = diagnosed(&family(|_| 1_000)).judgement;
    assert_eq!(full.verdict, Verdict::Leak, "{:?}", full.findings);
}

/// Descriptors with numbers beyond the limit were inherited, or are older than the limit.
#[test]
fn descriptors_beyond_their_limit_leave_its_room() {
    let forecast = |beyond| {
        let mut recording = attached(|s| vec![(Resource::Fds, 600 + s), (Resource::FileFds, s)]);
        for record in &mut recording.records {
            if let ObservationRecord::Sample(sample) = record
                && let Some(nearest) = sample.nearest.get_mut(&Resource::Fds)
            {
                nearest.amount -= beyond;
            }
        }
        let diagnosis = diagnosed(&recording);
        diagnosis.suspects[0].forecast.as_ref().expect("a limit").seconds
    };
    // One a second.
    assert!((forecast(600) - forecast(0) - 600.0).abs() < 2.0, "{}", forecast(600));
}

#[test]
fn the_latest_limit_counts() {
    let mut recording = attached(|s| vec![(Resource::Fds, 10 * s), (Resource::FileFds, 10 * s)]);
    for record in &mut recording.records {
        if let ObservationRecord::Sample(sample) = record
            && sample.at_ms > 1_000
            && let Some(nearest) = sample.nearest.get_mut(&Resource::Fds)
        {
            nearest.max = 524_288;
        }
    }
    let diagnosis = diagnosed(&recording);
    let forecast = diagnosis.suspects[0].forecast.as_ref().expect("a limit");
    assert_eq!(forecast.limit.max, 524_288);
}

#[test]
fn processes_that_ended_at_a_limit_are_a_leak() {
    let reached = |pid, at_ms| {
        ObservationRecord::LimitReached(LimitReached {
            at_ms,
            pid,
            name: "worker".to_owned(),
            resource: Resource::Fds,
            amount: 60,
            max: 64,
            rate_per_s: 6.5,
        })
    };
    let one = with(attached(|_| Vec::new()), reached(7, 9_000));
    let judgement = diagnosed(&one).judgement;
    assert_eq!(judgement.verdict, Verdict::Leak);
    assert_eq!(
        judgement.findings[0].message,
        "process 7 (worker) ended with 60 of 64 descriptors (RLIMIT_NOFILE), after growth of 6.5 a \
         second"
    );
    let again = with(one, reached(8, 19_000));
    let judgement = diagnosed(&again).judgement;
    assert_eq!(judgement.findings.len(), 1);
    let message = &judgement.findings[0].message;
    assert!(message.ends_with("6.5 a second; 1 more of this name ended so too"), "{message}");
}

#[test]
fn every_fixture_has_its_verdict() {
    for (name, recording, verdict) in cases() {
        assert_eq!(diagnosed(&recording).judgement.verdict, verdict, "{name}");
    }
}
