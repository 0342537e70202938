//! Fault injection.

use std::collections::VecDeque;
use std::time::Duration;

use fastrand::Rng;

/// A fault injected into one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The request is lost before it reaches the service.
    RequestLost,
    /// The request is executed and its response is lost.
    ResponseLost,
    /// The service returns `InternalServerError` without executing the request.
    ErrorBefore,
    /// The service returns `InternalServerError` although it executed the request, as DynamoDB may do for a write.
    ErrorAfter,
    /// The request is executed and its response is delayed by this long.
    Delay(Duration),
}

/// How many of 1,000 requests get each fault, at random from the service's seed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FaultRates {
    /// Rate of [`Fault::RequestLost`].
    pub requests_lost: u16,
    /// Rate of [`Fault::ResponseLost`].
    pub responses_lost: u16,
    /// Rate of [`Fault::ErrorBefore`].
    pub errors_before: u16,
    /// Rate of [`Fault::ErrorAfter`].
    pub errors_after: u16,
}

/// The faults to inject: queued faults first, then random ones.
#[derive(Debug, Default)]
pub struct Faults {
    queued: VecDeque<(String, Fault)>,
    /// The rates of random faults.
    pub rates: FaultRates,
}

impl Faults {
    /// Queues `fault` for the next request of `operation`.
    pub fn enqueue(&mut self, operation: &str, fault: Fault) {
        self.queued.push_back((operation.to_owned(), fault));
    }

    /// Selects the fault of a request of `operation`, if any.
    pub fn take_fault(&mut self, operation: &str, random: &mut Rng) -> Option<Fault> {
        if let Some(index) = self.queued.iter().position(|(name, _)| name == operation) {
            return self.queued.remove(index).map(|(_, fault)| fault);
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
