//! What callers at one shelf saw, and whether one after another could have seen it.
//!
//! A [`Shop`] is whatever answers requests about one SKU at one location: the deployed API, or a store in this process.
//! [`record`] lets a few clients loose on it and writes down when each request was made, when its outcome was known, and
//! what it was. An outcome that got lost stays open until the same request, under the same key, is answered.
//! [`is_linearizable`] asks whether each request can have happened at one moment between its call and its
//! answer, such that every answer is the one that [`Shelf::answer`] gives at that moment.

mod clients;
mod shelf;

use todc_utils::{Action, History as Actions, Specification, WGLChecker};

pub use clients::{Mix, Plan, Shop, record};
pub use shelf::{Outcome, Request, Seen, Shelf};

/// A request, what became of it, and between which moments that must have happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Nanoseconds from the recording's start to its first sending.
    pub called: u64,
    /// To the answer that settled it; the end of time if none did.
    pub answered: u64,
    /// What was asked for.
    pub request: Request,
    /// What was answered.
    pub outcome: Outcome,
}

/// All requests of one recording, the reading that everything else comes after among them.
pub type History = Vec<Entry>;

/// One shelf, as the checker takes it: nothing is known of it before its first reading.
struct OneShelf;

impl Specification for OneShelf {
    type State = Option<Shelf>;
    type Operation = (Request, Outcome);

    fn init() -> Option<Shelf> {
        None
    }

    fn apply((request, outcome): &Self::Operation, state: &Option<Shelf>) -> (bool, Option<Shelf>) {
        let Some(shelf) = state else {
            return match outcome {
                Outcome::Level(seen) => (true, Some(Shelf::first_seen(*seen))),
                _ => (false, None),
            };
        };
        let (answer, next) = shelf.answer(request);
        if *outcome == Outcome::Unknown || *outcome == answer {
            (true, Some(next))
        } else {
            (false, state.clone())
        }
    }
}

/// Whether some order of the requests of `history`, each between its call and its answer, explains every answer.
pub fn is_linearizable(history: &[Entry]) -> bool {
    let mut moments: Vec<(u64, bool, usize)> = history
        .iter()
        .enumerate()
        .flat_map(|(number, entry)| {
            [
                (entry.called, false, number),
                (entry.answered, true, number),
            ]
        })
        .collect();
    // Of two things at one moment the call comes first: that leaves more orders open, and so blames nobody wrongly.
    moments.sort_unstable();
    let actions = moments
        .into_iter()
        .map(|(_, answered, number)| {
            let operation = (
                history[number].request.clone(),
                history[number].outcome.clone(),
            );
            let action = if answered {
                Action::Response(operation)
            } else {
                Action::Call(operation)
            };
            // Each request is a process of its own: one that was never answered does not hold up its client's next.
            (number, action)
        })
        .collect();
    WGLChecker::<OneShelf>::is_linearizable(Actions::from_actions(actions))
}
