//! The sequential specification of a level: what each request returns and which state it leaves.

/// A level as a client reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LevelSnapshot {
    /// Units physically present.
    pub on_hand: i64,
    /// Units promised to orders.
    pub allocated: i64,
    /// Number of writes so far.
    pub version: u64,
}

/// A request that a client sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// A strongly consistent read of the level.
    Read,
    /// An order. Its units are allocated, or leave at once if it is a point-of-sale order.
    Place {
        /// The client's number for the order.
        order: u32,
        /// Units ordered.
        quantity: i64,
        /// Whether the channel is `pos`.
        is_pos: bool,
    },
    /// A cancellation.
    Cancel {
        /// The number of the order.
        order: u32,
    },
    /// An adjustment.
    Adjust {
        /// Signed change of `on_hand`.
        delta: i64,
        /// The version the level must have, if any.
        expected: Option<u64>,
    },
    /// A count with an expected version.
    Count {
        /// Units counted.
        quantity: i64,
        /// The version the level must have.
        expected: u64,
    },
}

/// The outcome of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestOutcome {
    /// The level as read, or as the change left it.
    Level(LevelSnapshot),
    /// The order is placed.
    Placed,
    /// Insufficient stock. Holds the available quantity.
    Short(i64),
    /// The order is canceled, by this request or an earlier one.
    Canceled,
    /// Nothing changed: a rule forbids it, or the version differs.
    Refused,
    /// No response arrived. The request may or may not have taken effect.
    Unknown,
}

/// The state of a level.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LevelModel {
    snapshot: LevelSnapshot,
    /// Allocated orders by number with their quantities, sorted.
    open: Vec<(u32, i64)>,
}

impl LevelModel {
    /// A level without open orders.
    pub fn new(snapshot: LevelSnapshot) -> Self {
        Self {
            snapshot,
            open: Vec::new(),
        }
    }

    /// Applies `request`: returns its outcome and the next state.
    pub fn apply(&self, request: &Request) -> (RequestOutcome, Self) {
        match *request {
            Request::Read => (RequestOutcome::Level(self.snapshot), self.clone()),
            Request::Place {
                order,
                quantity,
                is_pos,
            } => self.place(order, quantity, is_pos),
            Request::Cancel { order } => (RequestOutcome::Canceled, self.cancel(order)),
            Request::Adjust { delta, expected } => {
                let is_allowed = delta >= 0 || self.available() + delta >= 0;
                self.change(self.snapshot.on_hand + delta, expected, is_allowed)
            }
            Request::Count { quantity, expected } => self.change(quantity, Some(expected), true),
        }
    }

    fn available(&self) -> i64 {
        self.snapshot.on_hand - self.snapshot.allocated
    }

    fn next_version(&self, on_hand: i64, allocated: i64) -> Self {
        Self {
            snapshot: LevelSnapshot {
                on_hand,
                allocated,
                version: self.snapshot.version + 1,
            },
            open: self.open.clone(),
        }
    }

    fn place(&self, order: u32, quantity: i64, is_pos: bool) -> (RequestOutcome, Self) {
        if self.available() < quantity {
            return (RequestOutcome::Short(self.available().max(0)), self.clone());
        }
        let LevelSnapshot {
            on_hand, allocated, ..
        } = self.snapshot;
        let next = if is_pos {
            self.next_version(on_hand - quantity, allocated)
        } else {
            let mut next = self.next_version(on_hand, allocated + quantity);
            let index = next.open.partition_point(|(other, _)| *other < order);
            next.open.insert(index, (order, quantity));
            next
        };
        (RequestOutcome::Placed, next)
    }

    fn cancel(&self, order: u32) -> Self {
        let Ok(index) = self.open.binary_search_by_key(&order, |(other, _)| *other) else {
            return self.clone();
        };
        let mut next = self.next_version(
            self.snapshot.on_hand,
            self.snapshot.allocated - self.open[index].1,
        );
        next.open.remove(index);
        next
    }

    fn change(
        &self,
        on_hand: i64,
        expected: Option<u64>,
        is_allowed: bool,
    ) -> (RequestOutcome, Self) {
        let is_expected_version = expected.is_none_or(|expected| expected == self.snapshot.version);
        if !is_expected_version || !is_allowed || on_hand < 0 {
            return (RequestOutcome::Refused, self.clone());
        }
        let next = self.next_version(on_hand, self.snapshot.allocated);
        (RequestOutcome::Level(next.snapshot), next)
    }
}
