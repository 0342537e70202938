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
pub mod item;
pub mod requests;
pub mod stories;
pub mod tables;

use stateright::{Model, Property};

use faults::Fault;
use requests::{Answer, Next, Request, Step};
use stories::{Patience, Story};
use tables::Tables;

/// The protocol running one scenario, with or without an injected fault.
#[derive(Clone)]
pub struct Protocol {
    /// The initial data and the requests.
    pub story: Story,
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
    pub broke_the_rule: bool,
}

/// A caller with one request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Caller {
    /// Number of attempts sent.
    pub tries: u8,
    /// Whether the caller waits for the response to its last attempt.
    pub waits: bool,
    /// The final response, once it is received.
    pub told: Option<Answer>,
}

/// One run of a function.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Invocation {
    /// Index of the caller.
    pub caller: usize,
    /// The caller's attempt, from 1.
    pub number: u8,
    /// What the invocation has done so far.
    pub step: Step,
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
    Unheard(usize, u8),
    /// An invocation crashes.
    Crash(usize),
    /// A caller times out. Its invocation continues.
    GiveUp(usize),
    /// The ledger processes the next stream record of a bucket.
    Deliver(usize),
    /// The ledger processes the record but crashes before it acknowledges it, so the record is delivered again.
    DeliverUnconfirmed(usize),
    /// The stream of a bucket is redelivered from its beginning.
    Redeliver(usize),
}

impl Protocol {
    /// The protocol without faults.
    pub fn right(story: Story) -> Self {
        Self { story, fault: None }
    }

    /// The protocol with an injected fault.
    pub fn with(fault: Fault, story: Story) -> Self {
        Self {
            story,
            fault: Some(fault),
        }
    }

    fn request(&self, invocation: &Invocation) -> &Request {
        &self.story.requests[invocation.caller]
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let caller = Caller {
            tries: 0,
            waits: false,
            told: None,
        };
        vec![State {
            tables: self.story.tables.clone(),
            callers: vec![caller; self.story.requests.len()],
            invocations: Vec::new(),
            broke_the_rule: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (number, caller) in state.callers.iter().enumerate() {
            if caller.told.is_none() && !caller.waits && caller.tries < self.story.tries[number] {
                actions.push(Action::Send(number));
            }
            if caller.waits && self.story.patience == Patience::ShorterThanAnInvocation {
                actions.push(Action::GiveUp(number));
            }
        }
        for (number, invocation) in state.invocations.iter().enumerate() {
            let request = self.request(invocation);
            for way in 0..request.ways(&invocation.step, &state.tables) {
                actions.extend([Action::Run(number, way), Action::Unheard(number, way)]);
            }
            actions.push(Action::Crash(number));
        }
        for (number, shelf) in state.tables.shelves().iter().enumerate() {
            if !shelf.is_drained() {
                actions.extend([Action::Deliver(number), Action::DeliverUnconfirmed(number)]);
            }
            if shelf.can_be_read_again() {
                actions.push(Action::Redeliver(number));
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Send(number) => state.send(number),
            Action::GiveUp(number) => state.callers[number].waits = false,
            Action::Run(number, way) => {
                let invocation = state.invocations.remove(number);
                let request = self.request(&invocation);
                match request.run(&invocation.step, way, &mut state.tables, self.fault) {
                    Next::Step(step) => state
                        .invocations
                        .insert(number, Invocation { step, ..invocation }),
                    Next::Answer(answer) => {
                        state.hear(&invocation, Some(answer), &self.story.tries);
                    }
                }
            }
            Action::Unheard(number, way) => {
                let invocation = &last.invocations[number];
                let request = self.request(invocation);
                request.run(&invocation.step, way, &mut state.tables, self.fault);
            }
            Action::Crash(number) => {
                let invocation = state.invocations.remove(number);
                state.hear(&invocation, None, &self.story.tries);
            }
            Action::Deliver(number) => state.tables.deliver(number, self.fault, true),
            Action::DeliverUnconfirmed(number) => state.tables.deliver(number, self.fault, false),
            Action::Redeliver(number) => state.tables.read_again(number),
        }
        state.broke_the_rule |= !invariants::is_by_the_rule(&last.tables, &state.tables);
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = invariants::all();
        properties.extend(self.story.sights.iter().cloned());
        properties
    }
}

impl State {
    fn send(&mut self, number: usize) {
        let caller = &mut self.callers[number];
        caller.tries += 1;
        caller.waits = true;
        let invocation = Invocation {
            caller: number,
            number: caller.tries,
            step: Step::default(),
        };
        let place = self
            .invocations
            .partition_point(|other| (other.caller, other.number) < (number, caller.tries));
        self.invocations.insert(place, invocation);
    }

    /// Ends an invocation. The caller receives the response if it still waits for this attempt.
    fn hear(&mut self, invocation: &Invocation, answer: Option<Answer>, tries: &[u8]) {
        let caller = &mut self.callers[invocation.caller];
        if !caller.waits || caller.tries != invocation.number {
            return;
        }
        caller.waits = false;
        if let Some(answer) = answer.filter(Answer::is_final) {
            caller.told = Some(answer);
            // The caller is done. Normalize the attempt count, so that states differing only in it are merged.
            caller.tries = tries[invocation.caller];
        }
    }
}
