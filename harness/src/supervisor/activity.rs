//! The progress of a subject: how long it has been silent.

use std::time::{Duration, Instant};

use leakbench_subject::wire::StatusPage;

/// The last signs of life of a subject.
#[derive(Debug)]
pub(super) struct Activity {
    /// One for each thread.
    threads: Vec<ThreadActivity>,
    /// Time of its last event or request.
    last_message_at: Instant,
}

/// The last change of a thread's number of steps.
#[derive(Clone, Copy, Debug)]
struct ThreadActivity {
    /// `None` while the thread waits for the others.
    steps: Option<u64>,
    changed_at: Instant,
}

impl Activity {
    pub(super) fn new(threads: u32) -> Activity {
        let now = Instant::now();
        let thread = ThreadActivity { steps: None, changed_at: now };
        Activity { threads: vec![thread; threads as usize], last_message_at: now }
    }

    /// It sent an event or was sent a request.
    pub(super) fn message(&mut self) {
        self.last_message_at = Instant::now();
    }

    /// The time since the last message.
    pub(super) fn since_message(&self) -> Duration {
        self.last_message_at.elapsed()
    }

    /// The time without progress: of the busy thread that is silent for longest. If every thread
    /// waits and the subject's main thread owes an event, the time since the last sign of life.
    pub(super) fn silent(&mut self, page: &StatusPage, owes_event: bool) -> Duration {
        let now = Instant::now();
        let mut last_activity = self.last_message_at;
        let mut silent = Duration::ZERO;
        for (thread, activity) in (0..).zip(&mut self.threads) {
            let steps = page.steps_of_busy(thread);
            if steps != activity.steps {
                *activity = ThreadActivity { steps, changed_at: now };
            }
            last_activity = last_activity.max(activity.changed_at);
            if steps.is_some() {
                silent = silent.max(now - activity.changed_at);
            }
        }
        let all_wait = self.threads.iter().all(|activity| activity.steps.is_none());
        if owes_event && all_wait { now - last_activity } else { silent }
    }
}
