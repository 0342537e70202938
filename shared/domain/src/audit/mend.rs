//! What puts books right that contradict themselves, and which side is taken for right.

use jiff::Timestamp;

use super::{Account, Books, Ledger, Quantities};
use crate::ids::MovementId;
use crate::level::{LastChange, Level, Movement, MovementKind, StateDeltas};
use crate::split_level::SplitLevel;

/// One write that puts a part of the books right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mend {
    /// Records a movement that is missing and certain.
    Record(Box<Movement>),
    /// Replaces these levels, all of them or none: none where another write came between.
    Replace(Vec<Replacement>),
}

/// A level that is put right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    /// The level as it was seen.
    pub before: Level,
    /// What it becomes: a version later.
    pub after: Level,
    /// The movement to record with it; none where only what is stored as available was wrong.
    pub repair: Option<Movement>,
}

/// What puts `books` right at `now`; nothing, where they are.
///
/// The orders are right about what is allocated: they are what was promised. The level is right about the rest, which was
/// written with its cause in one transaction while the ledger only followed; save where it is below zero, which cannot be:
/// then the ledger is right, or nothing is there. What is stored as available is computed again, and so is whether a split
/// level is short; and it is shared out evenly over its items where one of them would be short beside another that is not.
/// A movement that is missing is recorded as it was where the level still carries it and it is the only one; else one of kind
/// `repair` makes up for all that is missing, altered, or changed behind the ledger's back.
pub fn mend(books: &Books, now: Timestamp) -> Vec<Mend> {
    let rights: Vec<Quantities> = books
        .accounts
        .iter()
        .zip(allocated(books))
        .map(|(account, allocated)| account.right(allocated))
        .collect();
    let available: i64 = rights.iter().map(Quantities::available).sum();
    let whole_short = books.accounts.len() > 1 && available < 0;
    let owes = |right: &Quantities| right.available() < 0;
    let sells = |right: &Quantities| right.available() > 0;
    let rights = if rights.iter().any(owes) && rights.iter().any(sells) {
        shared_out(books, &rights, now)
    } else {
        rights
    };
    let (mut writes, mut replaced) = (Vec::new(), Vec::new());
    for (account, right) in books.accounts.iter().zip(rights) {
        let missing = account.certainly_missing().map(Box::new);
        writes.extend(missing.map(Mend::Record));
        replaced.extend(account.mend(right, whole_short, now));
    }
    if !replaced.is_empty() {
        writes.push(Mend::Replace(replaced));
    }
    writes
}

/// `rights`, which is what each item of a split level is to hold, shared out evenly over the items in use.
fn shared_out(books: &Books, rights: &[Quantities], now: Timestamp) -> Vec<Quantities> {
    let items = books.accounts.iter().zip(rights).zip(0_u8..);
    let mut items = items.map(|((account, right), place)| Level {
        on_hand: right.on_hand,
        allocated: right.allocated,
        damaged: right.damaged,
        on_hold: right.on_hold,
        in_transit: right.in_transit,
        // One that is missing gets no share.
        bucket: place,
        split_over: u8::try_from(books.accounts.len()).unwrap_or(u8::MAX),
        ..account.stored.level.clone()
    });
    let Some(first) = items.next() else {
        return Vec::new();
    };
    let others: Vec<Level> = items.collect();
    let change = repair(
        &first,
        first.version,
        Quantities::default(),
        Quantities::default(),
        now,
    );
    let split = SplitLevel::new(first, &others);
    let shares = split.anew(&split.total(), &change);
    shares
        .iter()
        .map(|(_, after)| Quantities::of(after))
        .collect()
}

/// What is to be allocated of each level, so that together it is what the open orders hold.
///
/// Each keeps what it has; what there is more goes where it is available first, so that no level is short beside one that
/// is not.
fn allocated(books: &Books) -> Vec<i64> {
    let mut open = books.open;
    let mut shares = Vec::with_capacity(books.accounts.len());
    for account in &books.accounts {
        let kept = account.stored.level.allocated.clamp(0, open.max(0));
        open -= kept;
        shares.push(kept);
    }
    for (account, share) in books.accounts.iter().zip(&mut shares) {
        let level = Level {
            allocated: *share,
            ..account.stored.level.clone()
        };
        let more = level.available().clamp(0, open.max(0));
        open -= more;
        *share += more;
    }
    if let Some(first) = shares.first_mut() {
        *first += open;
    }
    shares
}

impl Account {
    /// What the level is to hold, of which `allocated` is allocated.
    fn right(&self, allocated: i64) -> Quantities {
        let mut ledger = self.ledger.clone();
        if let Some(movement) = self.certainly_missing() {
            ledger.add(&movement);
        }
        right(&self.stored.level, &ledger, allocated)
    }

    /// What replaces the level, which is to hold `right`; nothing, where that and what is recorded are right.
    fn mend(&self, right: Quantities, whole_short: bool, now: Timestamp) -> Option<Replacement> {
        let level = &self.stored.level;
        let mut ledger = self.ledger.clone();
        if let Some(movement) = self.certainly_missing() {
            ledger.add(&movement);
        }
        let recorded = ledger.last_movement() == level.last_change.as_ref().map(|c| c.movement_id);
        let books_agree = ledger.sum() == right && ledger.gap().is_none() && recorded;
        let level_is_right = Quantities::of(level) == right;
        // One that says so in vain is told by the next change, or when the level is evened out.
        let says_that_it_is_short = level.whole_short || !whole_short;
        let the_rest_follows =
            self.stored.available == Some(level.available()) && says_that_it_is_short;
        if books_agree && level_is_right && the_rest_follows {
            return None;
        }
        let version = level.version.max(ledger.last_version()) + 1;
        let mut after = Level {
            on_hand: right.on_hand,
            allocated: right.allocated,
            damaged: right.damaged,
            on_hold: right.on_hold,
            in_transit: right.in_transit,
            whole_short,
            version,
            ..level.clone()
        };
        let repair = if books_agree && level_is_right {
            None
        } else {
            after.last_change = Some(repair(level, version, ledger.sum(), right, now));
            after.movement_since(Some(level))
        };
        Some(Replacement {
            before: level.clone(),
            after,
            repair,
        })
    }

    /// The level's last movement, where it alone is missing and nothing contradicts it.
    fn certainly_missing(&self) -> Option<Movement> {
        let level = &self.stored.level;
        let movement = level.movement_since(None)?;
        let mut ledger = self.ledger.clone();
        // A version that was skipped may have been a policy's, or its own.
        if ledger.last_version() + 1 != level.version {
            return None;
        }
        ledger.add(&movement);
        let fits = ledger.sum() == Quantities::of(level) && ledger.gap().is_none();
        fits.then_some(movement)
    }
}

fn right(level: &Level, ledger: &Ledger, allocated: i64) -> Quantities {
    let sum = ledger.sum();
    let possible = |level: i64, ledger: i64| if level < 0 { ledger.max(0) } else { level };
    Quantities {
        on_hand: possible(level.on_hand, sum.on_hand),
        allocated,
        damaged: possible(level.damaged, sum.damaged),
        on_hold: possible(level.on_hold, sum.on_hold),
        in_transit: possible(level.in_transit, sum.in_transit),
    }
}

/// The change that brings a ledger of `sum` to `right`.
fn repair(
    level: &Level,
    version: u64,
    sum: Quantities,
    right: Quantities,
    now: Timestamp,
) -> LastChange {
    let kind = MovementKind::Repair;
    LastChange {
        movement_id: MovementId::derive(
            &format!("{}#{version}", kind.as_str()),
            kind.as_str(),
            &level.location_id,
            &level.sku,
        )
        .in_bucket(level.bucket),
        kind,
        on_hand_delta: right.on_hand - sum.on_hand,
        allocated_delta: right.allocated - sum.allocated,
        states: StateDeltas {
            damaged_delta: right.damaged - sum.damaged,
            on_hold_delta: right.on_hold - sum.on_hold,
            in_transit_delta: right.in_transit - sum.in_transit,
            counted_delta: 0,
        },
        reason: None,
        reference: None,
        occurred_at: now,
        recorded_at: now,
    }
}
