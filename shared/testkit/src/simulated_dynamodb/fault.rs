//! What goes wrong on demand.

use std::collections::VecDeque;
use std::time::Duration;

use fastrand::Rng;

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It never arrives.
    RequestLost,
    /// It is done, and its answer is lost.
    ResponseLost,
    /// `InternalServerError`, and nothing is done.
    ErrorBefore,
    /// `InternalServerError`, and it is done all the same, as a write may be.
    ErrorAfter,
    /// It is done, and its answer comes this much later.
    Delay(Duration),
}

/// How many of 1,000 requests meet each fault; drawn from the service's seed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FaultRates {
    /// Of [`Fault::RequestLost`].
    pub requests_lost: u16,
    /// Of [`Fault::ResponseLost`].
    pub responses_lost: u16,
    /// Of [`Fault::ErrorBefore`].
    pub errors_before: u16,
    /// Of [`Fault::ErrorAfter`].
    pub errors_after: u16,
}

/// The faults to come: those asked for first, else drawn.
#[derive(Debug, Default)]
pub struct Faults {
    next: VecDeque<(String, Fault)>,
    /// How many are drawn.
    pub rates: FaultRates,
}

impl Faults {
    /// The next request of `operation` meets `fault`.
    pub fn ask(&mut self, operation: &str, fault: Fault) {
        self.next.push_back((operation.to_owned(), fault));
    }

    /// What this request of `operation` meets.
    pub fn draw(&mut self, operation: &str, random: &mut Rng) -> Option<Fault> {
        if let Some(at) = self.next.iter().position(|(name, _)| name == operation) {
            return self.next.remove(at).map(|(_, fault)| fault);
        }
        let mut draw = random.u16(0..1000);
        for (rate, fault) in [
            (self.rates.requests_lost, Fault::RequestLost),
            (self.rates.responses_lost, Fault::ResponseLost),
            (self.rates.errors_before, Fault::ErrorBefore),
            (self.rates.errors_after, Fault::ErrorAfter),
        ] {
            if draw < rate {
                return Some(fault);
            }
            draw -= rate;
        }
        None
    }
}
