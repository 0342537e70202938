//! A state machine of the protocol of orders, stock and tasks, for exhaustive exploration with a model checker.
//!
//! A few callers send one request each. A request is one or more invocations of a function (a request with an unknown
//! outcome is retried under its key). An invocation is the reads and the conditional transactions that `platform`
//! makes. Between any two of these steps the checker interleaves another invocation's step, a crash, a response lost
//! after the commit, a caller's timeout, or the delivery or redelivery of a stream record.
//!
//! The domain's own functions make the decisions. The conditions that DynamoDB evaluates are in [`tables`]; a test
//! compares them with the conditions that `platform` sends. The model leaves out the client request token (DynamoDB
//! forgets a token after ten minutes, so the protocol must be correct without it), transaction conflicts and
//! throttling (they write nothing and are retried), time, and counts and tasks on split levels.

pub mod faults;
pub mod invariants;
pub mod requests;
pub mod scenarios;
pub mod shared_value;
pub mod tables;

use stateright::{Model, Property};

use faults::Fault;
use requests::{NextStep, Progress, Request, Response};
use scenarios::{CallerTimeout, Scenario};
use tables::Tables;

/// The protocol running one scenario, with or without an injected fault.
#[derive(Clone)]
pub struct Protocol {
    /// The initial data and the requests.
    pub scenario: Scenario,
    /// The injected fault.
    pub fault: Option<Fault>,
}

/// One state of the model.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// The stored data.
    pub tables: Tables,
    /// The callers, in the order of the scenario's requests.
    pub callers: Vec<Caller>,
    /// Running invocations, sorted by caller and attempt.
    pub invocations: Vec<Invocation>,
    /// Whether any write on the path changed a level in a way the domain does not allow.
    pub is_rule_broken: bool,
}

/// A caller with one request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Caller {
    /// Number of attempts sent.
    pub attempts: u8,
    /// Whether the caller waits for the response to its last attempt.
    pub is_waiting: bool,
    /// The final response, once it is received.
    pub response: Option<Response>,
}

/// One run of a function.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Invocation {
    /// Index of the caller.
    pub caller: usize,
    /// The caller's attempt, from 1.
    pub attempt: u8,
    /// What the invocation has done so far.
    pub progress: Progress,
}

/// A transition of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A caller sends or retries its request.
    Send(usize),
    /// The invocation at this index makes its next step with this choice (see [`Request::choices`]). If the step ends
    /// the invocation, its caller receives the response unless it has timed out.
    Run(usize, u8),
    /// The invocation's step takes effect but its response is lost, so the SDK will send it again.
    RunResponseLost(usize, u8),
    /// An invocation crashes.
    Crash(usize),
    /// A caller times out. Its invocation continues.
    TimeOut(usize),
    /// The ledger processes the next stream record of a bucket.
    Deliver(usize),
    /// The ledger processes the record but crashes before it acknowledges it, so the record is delivered again.
    DeliverUnacknowledged(usize),
    /// The stream of a bucket is redelivered from its beginning.
    ReplayStream(usize),
}

impl Protocol {
    /// The protocol without faults.
    pub fn correct(scenario: Scenario) -> Self {
        Self {
            scenario,
            fault: None,
        }
    }

    /// The protocol with an injected fault.
    pub fn with_fault(fault: Fault, scenario: Scenario) -> Self {
        Self {
            scenario,
            fault: Some(fault),
        }
    }

    fn request(&self, invocation: &Invocation) -> &Request {
        &self.scenario.requests[invocation.caller]
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let caller = Caller {
            attempts: 0,
            is_waiting: false,
            response: None,
        };
        vec![State {
            tables: self.scenario.tables.clone(),
            callers: vec![caller; self.scenario.requests.len()],
            invocations: Vec::new(),
            is_rule_broken: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (number, caller) in state.callers.iter().enumerate() {
            if caller.response.is_none()
                && !caller.is_waiting
                && caller.attempts < self.scenario.attempts[number]
            {
                actions.push(Action::Send(number));
            }
            if caller.is_waiting
                && self.scenario.caller_timeout == CallerTimeout::ShorterThanInvocation
            {
                actions.push(Action::TimeOut(number));
            }
        }
        for (number, invocation) in state.invocations.iter().enumerate() {
            let request = self.request(invocation);
            for choice in 0..request.choices(&invocation.progress, &state.tables) {
                actions.extend([
                    Action::Run(number, choice),
                    Action::RunResponseLost(number, choice),
                ]);
            }
            actions.push(Action::Crash(number));
        }
        for (number, bucket_item) in state.tables.bucket_items().iter().enumerate() {
            if !bucket_item.is_drained() {
                actions.extend([
                    Action::Deliver(number),
                    Action::DeliverUnacknowledged(number),
                ]);
            }
            if bucket_item.can_replay() {
                actions.push(Action::ReplayStream(number));
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Send(number) => state.send(number),
            Action::TimeOut(number) => state.callers[number].is_waiting = false,
            Action::Run(number, choice) => {
                let invocation = state.invocations.remove(number);
                let request = self.request(&invocation);
                match request.run(&invocation.progress, choice, &mut state.tables, self.fault) {
                    NextStep::Continue(progress) => state.invocations.insert(
                        number,
                        Invocation {
                            progress,
                            ..invocation
                        },
                    ),
                    NextStep::Respond(response) => {
                        state.end_invocation(&invocation, Some(response), &self.scenario.attempts);
                    }
                }
            }
            Action::RunResponseLost(number, choice) => {
                let invocation = &last.invocations[number];
                let request = self.request(invocation);
                request.run(&invocation.progress, choice, &mut state.tables, self.fault);
            }
            Action::Crash(number) => {
                let invocation = state.invocations.remove(number);
                state.end_invocation(&invocation, None, &self.scenario.attempts);
            }
            Action::Deliver(number) => state.tables.deliver(number, self.fault, true),
            Action::DeliverUnacknowledged(number) => {
                state.tables.deliver(number, self.fault, false);
            }
            Action::ReplayStream(number) => state.tables.replay_stream(number),
        }
        state.is_rule_broken |= !invariants::is_allowed_transition(&last.tables, &state.tables);
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = invariants::all();
        properties.extend(self.scenario.expected_states.iter().cloned());
        properties
    }
}

impl State {
    fn send(&mut self, number: usize) {
        let caller = &mut self.callers[number];
        caller.attempts += 1;
        caller.is_waiting = true;
        let invocation = Invocation {
            caller: number,
            attempt: caller.attempts,
            progress: Progress::default(),
        };
        let index = self
            .invocations
            .partition_point(|other| (other.caller, other.attempt) < (number, caller.attempts));
        self.invocations.insert(index, invocation);
    }

    /// Ends an invocation. The caller receives the response if it still waits for this attempt.
    fn end_invocation(
        &mut self,
        invocation: &Invocation,
        response: Option<Response>,
        attempts: &[u8],
    ) {
        let caller = &mut self.callers[invocation.caller];
        if !caller.is_waiting || caller.attempts != invocation.attempt {
            return;
        }
        caller.is_waiting = false;
        if let Some(response) = response.filter(Response::is_final) {
            caller.response = Some(response);
            // The caller is done. Normalize the attempt count, so that states differing only in it are merged.
            caller.attempts = attempts[invocation.caller];
        }
    }
}
