//! The books of a level that goes on selling: what moved while they were read is accounted for, movement by movement.

use std::collections::{BTreeMap, BTreeSet};

use super::{Books, Ledger, StoredLevel};
use crate::ids::OrderId;
use crate::level::{Movement, MovementKind};

/// The levels of one SKU at two moments, and orders that were read one by one between them.
///
/// An order and the level it holds change in one transaction, so an order that nothing moved between the two moments held
/// at the first what it held when it was read; and what those held that were moved follows from their movements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The levels at the first moment.
    pub before: Vec<StoredLevel>,
    /// What each order that was read held of the SKU; nothing, where it was not open.
    pub held: BTreeMap<OrderId, i64>,
    /// The levels at the second moment.
    pub after: Vec<StoredLevel>,
}

/// The movements of one level, up to a version of it and since.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Followed {
    /// Those up to that version.
    pub ledger: Ledger,
    /// Those since, oldest first.
    pub since: Vec<Movement>,
}

impl Followed {
    /// Takes the next movement, of a level whose version is `version`.
    pub fn add(&mut self, movement: Movement, version: u64) {
        if movement.version <= version {
            self.ledger.add(&movement);
        } else {
            self.since.push(movement);
        }
    }

    /// The orders that the movements of a level's items, which are `all`, say hold it, or held it since those versions.
    pub fn orders(all: &[Self]) -> BTreeSet<OrderId> {
        let since = all.iter().flat_map(|one| &one.since);
        let mut orders: BTreeSet<OrderId> = since.filter_map(Movement::order).collect();
        orders.extend(promised(all).keys());
        orders
    }
}

/// What is promised to each order at those versions: what one item of a split level promised, another may have given back.
fn promised(all: &[Followed]) -> BTreeMap<OrderId, i64> {
    let mut sums = BTreeMap::<OrderId, i64>::new();
    for (order, quantity) in all.iter().flat_map(|one| one.ledger.promised()) {
        let sum = sums.entry(*order).or_default();
        *sum = sum.saturating_add(*quantity);
    }
    sums.retain(|_, sum| *sum != 0);
    sums
}

/// What moved an order between the two moments.
#[derive(Debug, Clone, Copy, Default)]
struct Moves {
    placed: bool,
    promised: i64,
}

impl Span {
    /// The books at the first moment, and whether the orders are known of it: else they are left out, as if they held what is
    /// allocated.
    ///
    /// `followed` are the movements of each level, up to its version at the first moment and since, read after the second.
    pub fn books(&self, followed: Vec<Followed>) -> (Books, bool) {
        let open = self.open(&followed);
        let mut books = Books::of(self.before.clone(), followed);
        if let Some(open) = open {
            books.open = open;
        }
        (books, open.is_some())
    }

    /// What the open orders held at the first moment; none where that is not known.
    fn open(&self, followed: &[Followed]) -> Option<i64> {
        let moves = self.moves(followed)?;
        let promised = promised(followed);
        let moved = moves.iter().filter(|(_, moves)| !moves.placed);
        let mut there = promised.keys().chain(moved.map(|(id, _)| id));
        if !there.all(|id| self.held.contains_key(id)) {
            return None;
        }
        let mut open: i64 = 0;
        for (id, held) in &self.held {
            open += match moves.get(id) {
                None => *held,
                Some(moves) if moves.placed => 0,
                // It was closed when it was read, and what closed it is known.
                Some(moves) if *held == 0 && moves.promised <= 0 => -moves.promised,
                Some(_) => return None,
            };
        }
        Some(open)
    }

    /// What moved each order between the two moments; none where that does not account for what became of the levels.
    fn moves(&self, followed: &[Followed]) -> Option<BTreeMap<OrderId, Moves>> {
        let buckets = |levels: &[StoredLevel]| -> Vec<u8> {
            levels.iter().map(|stored| stored.level.bucket).collect()
        };
        if buckets(&self.before) != buckets(&self.after) || followed.len() != self.before.len() {
            return None;
        }
        let mut moves = BTreeMap::<Option<OrderId>, Moves>::new();
        for ((before, after), followed) in self.before.iter().zip(&self.after).zip(followed) {
            let (before, after) = (&before.level, &after.level);
            let mut now = (before.on_hand, before.allocated);
            let mut last = before.last_change.as_ref().map(|change| change.movement_id);
            let since = followed.since.iter();
            for movement in since.filter(|movement| movement.version <= after.version) {
                let change = &movement.change;
                now.0 += change.on_hand_delta;
                now.1 += change.allocated_delta;
                let follows = now == (movement.on_hand, movement.allocated);
                if !follows || change.kind == MovementKind::Repair {
                    return None;
                }
                last = Some(change.movement_id);
                let of_order = moves.entry(movement.order()).or_default();
                of_order.placed |= change.kind == MovementKind::Allocation;
                of_order.promised += change.allocated_delta;
            }
            let is_last = last == after.last_change.as_ref().map(|change| change.movement_id);
            if !is_last || now != (after.on_hand, after.allocated) {
                return None;
            }
        }
        let of_none = moves.remove(&None).unwrap_or_default();
        let of_orders = moves
            .into_iter()
            .filter_map(|(order, moves)| Some((order?, moves)));
        (of_none.promised == 0).then(|| of_orders.collect())
    }
}

#[cfg(test)]
mod tests;
