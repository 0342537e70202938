//! The protocol of orders and stock as a state machine that a model checker walks through, every order of steps.
//!
//! A few callers send a few requests. Each request is one or more invocations of a function (an unknown outcome is
//! sent again under its key), each invocation is the reads and the one conditional transaction that `platform` makes,
//! and between any two of these steps anything may happen: another invocation's step, a crash, a response lost after
//! the commit, a caller who gives up, a stream record delivered, or delivered twice.
//!
//! What a request decides is decided by the domain's own functions; what DynamoDB compares is in [`tables`], and a test
//! holds it against the conditions that `platform` sends. What the model leaves out: the client request token (the
//! protocol has to hold without it, because DynamoDB forgets one after ten minutes), conflicts and throttling (they
//! write nothing and are asked again), time, and of levels that are split their counts and tasks.

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

/// A story, told by the protocol or by one with a planted fault.
#[derive(Clone)]
pub struct Protocol {
    /// Who wants what of which stock.
    pub story: Story,
    /// What is wrong with the protocol, if anything is.
    pub fault: Option<Fault>,
}

/// All there is at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// What is stored.
    pub tables: Tables,
    /// The callers, in the story's order.
    pub callers: Vec<Caller>,
    /// The invocations that have begun and not ended, by caller and then by try.
    pub invocations: Vec<Invocation>,
    /// Whether some write took from a level what it had not, or made of it what no change makes.
    pub broke_the_rule: bool,
}

/// Someone who wants one request done.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Caller {
    /// How often it was sent.
    pub tries: u8,
    /// Whether an answer to the last try is awaited.
    pub waits: bool,
    /// What the caller was told in the end.
    pub told: Option<Answer>,
}

/// One run of a function.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Invocation {
    /// Whose request it serves.
    pub caller: usize,
    /// Which of the caller's tries it is, from 1.
    pub number: u8,
    /// How far it has come.
    pub step: Step,
}

/// What may happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A caller sends its request, for the first time or again.
    Send(usize),
    /// An invocation makes its next step, of a split level in this bucket if it is its first try; if that ends it, its
    /// caller hears the answer, unless it has given up.
    Run(usize, u8),
    /// An invocation's write is done, in such a bucket, and nobody hears of it: the SDK will send it again.
    Unheard(usize, u8),
    /// An invocation ends where it stands.
    Crash(usize),
    /// A caller stops waiting; its invocation goes on.
    GiveUp(usize),
    /// The next record of a shelf's stream reaches the ledger.
    Deliver(usize),
    /// The same, but the ledger dies before it says so: the record will come again.
    DeliverUnconfirmed(usize),
    /// A shelf's stream is read again from its beginning.
    Redeliver(usize),
}

impl Protocol {
    /// `story` as it should go.
    pub fn right(story: Story) -> Self {
        Self { story, fault: None }
    }

    /// `story` told by a protocol with `fault`.
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

    /// The end of an invocation, as its caller meets it.
    fn hear(&mut self, invocation: &Invocation, answer: Option<Answer>, tries: &[u8]) {
        let caller = &mut self.callers[invocation.caller];
        if !caller.waits || caller.tries != invocation.number {
            return;
        }
        caller.waits = false;
        if let Some(answer) = answer.filter(Answer::is_final) {
            caller.told = Some(answer);
            // It will not send again; how often it did says nothing any more.
            caller.tries = tries[invocation.caller];
        }
    }
}
