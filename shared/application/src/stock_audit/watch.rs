//! One SKU whose books do not add up at first sight, look by look.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stockline_domain::audit::{
    AuditResult, AuditWindow, SkuAuditData, StoredLevel, WindowMovements,
};
use stockline_domain::ids::{OrderId, Sku};
use stockline_domain::open_order::OpenOrder;

/// All items of a level as they were read.
#[derive(Debug, Clone)]
pub(super) struct Moment {
    pub levels: Vec<StoredLevel>,
    /// Whether they were all so at one time.
    pub in_one_moment: bool,
}

impl Moment {
    pub fn versions(levels: &[StoredLevel]) -> Vec<u64> {
        levels.iter().map(|stored| stored.level.version).collect()
    }
}

/// What the books say.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub books: SkuAuditData,
    pub verdict: AuditResult,
}

/// Orders that were read one by one: those asked for, and those of them that are open.
#[derive(Debug, Clone)]
pub(super) struct OrdersRead(Arc<(BTreeSet<OrderId>, Vec<OpenOrder>)>);

impl OrdersRead {
    pub fn new(asked: Vec<OrderId>, open: Vec<OpenOrder>) -> Self {
        Self(Arc::new((asked.into_iter().collect(), open)))
    }

    fn of(&self, sku: &Sku) -> BTreeMap<OrderId, i64> {
        let (asked, open) = &*self.0;
        let mut held: BTreeMap<OrderId, i64> = asked.iter().map(|id| (*id, 0)).collect();
        held.extend(
            open.iter()
                .map(|order| (order.order_id, order.quantity_of(sku))),
        );
        held
    }
}

/// A SKU that is looked at again and again: orders are read between two looks, and at the one after them the ledger has had
/// time to tell what moved meanwhile.
pub(super) struct Watch {
    /// What was seen last.
    pub seen: Seen,
    /// The look before the last, and the orders that were read after it and before the last.
    earlier: Option<(Moment, OrdersRead)>,
    last: Moment,
}

impl Watch {
    pub fn new(seen: Seen, moment: Moment) -> Self {
        Self {
            seen,
            earlier: None,
            last: moment,
        }
    }

    /// The look that is judged next.
    pub fn since(&self) -> &Moment {
        self.earlier
            .as_ref()
            .map_or(&self.last, |(moment, _)| moment)
    }

    /// Takes the next look: the movements up to [`Watch::since`] and after it, then the orders, then the level. Answers what
    /// is certain by now, if anything is.
    pub fn look(
        &mut self,
        sku: &Sku,
        followed: Vec<WindowMovements>,
        orders: &OrdersRead,
        now: Moment,
        judge: impl Fn(&SkuAuditData) -> AuditResult,
    ) -> Option<Seen> {
        let last = std::mem::replace(&mut self.last, now);
        let next = (last, orders.clone());
        let (before, read) = self.earlier.replace(next)?;
        let (after, _) = self.earlier.as_ref()?;
        let in_one_moment = before.in_one_moment && after.in_one_moment;
        let rests = Moment::versions(&before.levels) == Moment::versions(&self.last.levels);
        let span = AuditWindow {
            held: read.of(sku),
            before: before.levels,
            after: after.levels.clone(),
        };
        let followed = if rests {
            followed.into_iter().map(whole).collect()
        } else {
            followed
        };
        let (books, orders_are_known) = span.audit_data(followed);
        let verdict = judge(&books);
        let is_certain = in_one_moment && orders_are_known && !verdict.ledger_is_behind;
        self.seen = Seen { books, verdict };
        is_certain.then(|| self.seen.clone())
    }
}

/// All movements of a level that rested while they were read: one of a later version contradicts it.
fn whole(mut followed: WindowMovements) -> WindowMovements {
    for movement in std::mem::take(&mut followed.since) {
        followed.replay.add(&movement);
    }
    followed
}

#[cfg(test)]
mod tests {
    use stockline_domain::level::{Level, LevelKey};

    use super::*;

    fn milk() -> LevelKey {
        LevelKey {
            location_id: "store-1".parse().unwrap(),
            sku: "milk".parse().unwrap(),
        }
    }

    fn moment(in_one_moment: bool) -> Moment {
        let level = Level::empty(&milk());
        let available = Some(0);
        Moment {
            levels: vec![StoredLevel { level, available }],
            in_one_moment,
        }
    }

    /// Whether anything is certain after three looks at a level that rests.
    fn is_certain(
        in_one_moment: [bool; 3],
        ledger_is_behind: bool,
        followed: &[WindowMovements],
    ) -> bool {
        let judge = |_: &SkuAuditData| AuditResult {
            differences: Vec::new(),
            ledger_is_behind,
        };
        let [first, second, third] = in_one_moment.map(moment);
        let books = SkuAuditData::of(first.levels.clone(), vec![WindowMovements::default()]);
        let verdict = judge(&books);
        let mut watch = Watch::new(Seen { books, verdict }, first);
        let orders = OrdersRead::new(Vec::new(), Vec::new());
        let sku = milk().sku;
        let early = watch.look(&sku, followed.to_vec(), &orders, second, judge);
        assert!(early.is_none(), "a look is judged two looks later");
        watch
            .look(&sku, followed.to_vec(), &orders, third, judge)
            .is_some()
    }

    #[test]
    fn a_look_is_certain_if_all_is_known_of_it() {
        let followed = [WindowMovements::default()];
        assert!(is_certain([true, true, true], false, &followed));
        assert!(
            is_certain([true, true, false], false, &followed),
            "the next is"
        );
        for torn in [[false, true, true], [true, false, true]] {
            assert!(!is_certain(torn, false, &followed), "{torn:?}");
        }
        assert!(
            !is_certain([true; 3], true, &followed),
            "the ledger is behind"
        );
        assert!(
            !is_certain([true; 3], false, &[]),
            "the orders are not known"
        );
    }
}
