//! Use that resembles a leak and is none.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;

use super::Act;
use super::descriptors::{event, file, socket};

/// Objects of a cache, of a warm-up and of a sawtooth at most.
const CACHE_OBJECTS: usize = 20;
const WARM_UP_OBJECTS: usize = 20;
const SAWTOOTH_OBJECTS: usize = 11;
/// Objects that are open at the same time.
const CHURN_OBJECTS: usize = 8;
const TRAFFIC_SOCKETS: usize = 40;
/// Objects of a process that settles slowly, and the acts after which it has two thirds of them.
const SETTLED_OBJECTS: f64 = 30.0;
const SETTLING_ACTS: f64 = 20.0;

/// The last files stay open.
pub(super) fn cache() -> Act {
    let mut cached = VecDeque::new();
    Box::new(move || {
        cached.push_back(file()?);
        if cached.len() > CACHE_OBJECTS {
            cached.pop_front();
        }
        Ok(())
    })
}

/// The first files stay open.
pub(super) fn warm_up() -> Act {
    let mut kept = Vec::with_capacity(WARM_UP_OBJECTS);
    Box::new(move || {
        let file = file()?;
        if kept.len() < WARM_UP_OBJECTS {
            kept.push(file);
        }
        Ok(())
    })
}

/// Each object that stays makes the next one rarer.
pub(super) fn slow_settle() -> Act {
    let mut kept = Vec::new();
    let mut acts = 0.0;
    Box::new(move || {
        acts += 1.0;
        let wanted = SETTLED_OBJECTS * (1.0 - f64::exp(-acts / SETTLING_ACTS));
        if (kept.len() as f64) < wanted.round() {
            kept.push(event()?);
        }
        Ok(())
    })
}

/// Objects stay until there are some, and are closed together.
pub(super) fn sawtooth() -> Act {
    let mut batch = Vec::new();
    Box::new(move || {
        batch.push(event()?);
        if batch.len() > SAWTOOTH_OBJECTS {
            batch.clear();
        }
        Ok(())
    })
}

/// Two kinds in turn, so that a number belongs to different objects over time.
pub(super) fn churn() -> Act {
    let mut open: VecDeque<OwnedFd> = VecDeque::new();
    let mut acts = 0u32;
    Box::new(move || {
        acts = acts.wrapping_add(1);
        open.push_back(if acts.is_multiple_of(3) { event()? } else { file()?.into() });
        if open.len() > CHURN_OBJECTS {
            open.pop_front();
        }
        Ok(())
    })
}

/// Many sockets, each of which is closed after a while.
pub(super) fn traffic() -> Act {
    let mut open = VecDeque::new();
    Box::new(move || {
        open.push_back(socket()?);
        if open.len() > TRAFFIC_SOCKETS {
            open.pop_front();
        }
        Ok(())
    })
}
