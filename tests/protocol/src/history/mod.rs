//! Records what concurrent clients of one level observe, and checks that the observations are linearizable.
//!
//! A [`StockService`] executes requests for one SKU at one location: the deployed API, or a store in this process.
//! [`record_history`] runs several clients against it and records each request, its outcome, and when it was sent and
//! settled. A request whose response is lost stays open until a retry under the same key is answered.
//! [`is_linearizable`] checks that each request can have taken effect at one instant between call and response, such
//! that every outcome is the one that [`LevelModel::apply`] returns at that instant.

mod clients;
mod level_model;

use todc_utils::{Action, History as Actions, Specification, WGLChecker};

pub use clients::{RecordingConfig, RequestMix, StockService, record_history};
pub use level_model::{LevelModel, LevelSnapshot, Request, RequestOutcome};

/// One request with its outcome and the interval in which it took effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Nanoseconds from the start of the recording to the first attempt.
    pub called_ns: u64,
    /// Nanoseconds from the start of the recording to the response that settled the request; `u64::MAX` if none did.
    pub settled_ns: u64,
    /// The request.
    pub request: Request,
    /// Its outcome.
    pub outcome: RequestOutcome,
}

/// All requests of one recording. The first entry is the initial read.
pub type History = Vec<Entry>;

/// The sequential specification for the checker. The state is unknown until the initial read.
struct LevelSpecification;

impl Specification for LevelSpecification {
    type State = Option<LevelModel>;
    type Operation = (Request, RequestOutcome);

    fn init() -> Option<LevelModel> {
        None
    }

    fn apply(
        (request, outcome): &Self::Operation,
        state: &Option<LevelModel>,
    ) -> (bool, Option<LevelModel>) {
        let Some(level) = state else {
            return match outcome {
                RequestOutcome::Level(snapshot) => (true, Some(LevelModel::new(*snapshot))),
                _ => (false, None),
            };
        };
        let (expected, next) = level.apply(request);
        if *outcome == RequestOutcome::Unknown || *outcome == expected {
            (true, Some(next))
        } else {
            (false, state.clone())
        }
    }
}

/// Returns whether some order of the requests in `history`, each between its call and its response, explains every
/// outcome.
pub fn is_linearizable(history: &[Entry]) -> bool {
    let mut events: Vec<(u64, bool, usize)> = history
        .iter()
        .enumerate()
        .flat_map(|(number, entry)| {
            [
                (entry.called_ns, false, number),
                (entry.settled_ns, true, number),
            ]
        })
        .collect();
    // At equal times, calls sort before responses. This leaves more orders possible, so it never rejects a valid
    // history.
    events.sort_unstable();
    let actions = events
        .into_iter()
        .map(|(_, is_response, number)| {
            let operation = (
                history[number].request.clone(),
                history[number].outcome.clone(),
            );
            let action = if is_response {
                Action::Response(operation)
            } else {
                Action::Call(operation)
            };
            // Each request is its own process, so that a request without a response does not block its client's next
            // one.
            (number, action)
        })
        .collect();
    WGLChecker::<LevelSpecification>::is_linearizable(Actions::from_actions(actions))
}
