//! One SKU at one location, one request after another: what each answers, and what it leaves.

/// What a client sees of a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Seen {
    /// What is there.
    pub on_hand: i64,
    /// What is promised.
    pub allocated: i64,
    /// How often it was written.
    pub version: u64,
}

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// A strong read of the level.
    Read,
    /// An order of this many, its goods promised, or gone at once.
    Place {
        /// The client's number for it.
        order: u32,
        /// How many.
        quantity: i64,
        /// Whether at the till.
        at_the_till: bool,
    },
    /// That an order is canceled.
    Cancel {
        /// The number it was placed under.
        order: u32,
    },
    /// A correction.
    Adjust {
        /// Up or down.
        delta: i64,
        /// Only if the level still has this version.
        expected: Option<u64>,
    },
    /// A count, if the level still has the version that was read before.
    Count {
        /// What was counted.
        quantity: i64,
        /// That version.
        expected: u64,
    },
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// This is the level: as read, or as the change left it.
    Level(Seen),
    /// The order is placed.
    Placed,
    /// Nothing was taken: only this much was available.
    Short(i64),
    /// The order is canceled, now or before.
    Canceled,
    /// Nothing was changed: a rule forbids it, or the version is another.
    Refused,
    /// Nobody ever learnt.
    Unknown,
}

/// A shelf.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Shelf {
    seen: Seen,
    /// Orders that hold goods: their numbers and how much, sorted.
    open: Vec<(u32, i64)>,
}

impl Shelf {
    /// A shelf that nobody has ordered from.
    pub fn first_seen(seen: Seen) -> Self {
        Self {
            seen,
            open: Vec::new(),
        }
    }

    /// What `request` answers, and the shelf it leaves.
    pub fn answer(&self, request: &Request) -> (Outcome, Self) {
        match *request {
            Request::Read => (Outcome::Level(self.seen), self.clone()),
            Request::Place {
                order,
                quantity,
                at_the_till,
            } => self.place(order, quantity, at_the_till),
            Request::Cancel { order } => (Outcome::Canceled, self.cancel(order)),
            Request::Adjust { delta, expected } => {
                let allowed = delta >= 0 || self.available() + delta >= 0;
                self.change(self.seen.on_hand + delta, expected, allowed)
            }
            Request::Count { quantity, expected } => self.change(quantity, Some(expected), true),
        }
    }

    fn available(&self) -> i64 {
        self.seen.on_hand - self.seen.allocated
    }

    fn written(&self, on_hand: i64, allocated: i64) -> Self {
        Self {
            seen: Seen {
                on_hand,
                allocated,
                version: self.seen.version + 1,
            },
            open: self.open.clone(),
        }
    }

    fn place(&self, order: u32, quantity: i64, at_the_till: bool) -> (Outcome, Self) {
        if self.available() < quantity {
            return (Outcome::Short(self.available().max(0)), self.clone());
        }
        let Seen {
            on_hand, allocated, ..
        } = self.seen;
        let next = if at_the_till {
            self.written(on_hand - quantity, allocated)
        } else {
            let mut next = self.written(on_hand, allocated + quantity);
            let place = next.open.partition_point(|(other, _)| *other < order);
            next.open.insert(place, (order, quantity));
            next
        };
        (Outcome::Placed, next)
    }

    fn cancel(&self, order: u32) -> Self {
        let Ok(place) = self.open.binary_search_by_key(&order, |(other, _)| *other) else {
            return self.clone();
        };
        let mut next = self.written(self.seen.on_hand, self.seen.allocated - self.open[place].1);
        next.open.remove(place);
        next
    }

    fn change(&self, on_hand: i64, expected: Option<u64>, allowed: bool) -> (Outcome, Self) {
        let as_expected = expected.is_none_or(|expected| expected == self.seen.version);
        if !as_expected || !allowed || on_hand < 0 {
            return (Outcome::Refused, self.clone());
        }
        let next = self.written(on_hand, self.seen.allocated);
        (Outcome::Level(next.seen), next)
    }
}
