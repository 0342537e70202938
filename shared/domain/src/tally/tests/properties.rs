//! Any order of delivery, with duplicates and replays, gives the totals of the export.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::export::DayTotals;

/// A stream record.
#[derive(Debug, Clone)]
enum Record {
    Order(Option<Box<OrderVersion>>, Box<OrderVersion>),
    Refund(Refund, TaxTreatment),
}

/// What happens to an order after it is placed.
#[derive(Debug, Clone, Copy)]
struct Life {
    quantities: [i64; 3],
    added_tax: bool,
    /// The quantity of line 1 that leaves.
    fulfilled: i64,
    is_canceled: bool,
    refunds: usize,
}

fn any_life() -> impl Strategy<Value = Life> {
    let quantities = prop::array::uniform3(1_i64..8);
    (
        quantities,
        any::<bool>(),
        0_i64..8,
        any::<bool>(),
        0_usize..3,
    )
        .prop_map(
            |(quantities, added_tax, fulfilled, is_canceled, refunds)| Life {
                quantities,
                added_tax,
                fulfilled: fulfilled.min(quantities[0]),
                is_canceled,
                refunds,
            },
        )
}

impl Life {
    /// The records of the order with `key`, and its last state.
    fn records(self, key: &str) -> (Vec<Record>, Order, Vec<Refund>) {
        let treatment = if self.added_tax { "added" } else { "inclusive" };
        let mut states = vec![order(key, treatment, self.quantities)];
        let mut refunds = Vec::new();
        if self.fulfilled > 0 {
            states.push(states[0].fulfil(1, self.fulfilled).unwrap());
        }
        for number in 0..self.refunds.min(usize::try_from(self.fulfilled).unwrap()) {
            let (refund, after) = refund_one(states.last().unwrap(), &number.to_string());
            refunds.push(refund);
            states.push(after);
        }
        if self.is_canceled {
            let last = states.last().unwrap();
            states.extend(last.cancel(last.placed_at));
        }
        let last = states.last().unwrap().clone();
        let versions: Vec<OrderVersion> = (1..)
            .zip(states)
            .map(|(revision, order)| OrderVersion { order, revision })
            .collect();
        let mut records = vec![Record::Order(None, Box::new(versions[0].clone()))];
        for pair in versions.windows(2) {
            let [before, after] = [0, 1].map(|index| Box::new(pair[index].clone()));
            records.push(Record::Order(Some(before), after));
        }
        for refund in &refunds {
            records.push(Record::Refund(refund.clone(), last.tax_treatment));
        }
        (records, last, refunds)
    }
}

/// A tally as a store keeps it.
#[derive(Default)]
struct Tally {
    contributions: BTreeMap<ContributionId, Contribution>,
    cells: BTreeMap<TallyCell, Figures>,
}

impl Tally {
    fn follow(&mut self, record: &Record) {
        let observed = match record {
            Record::Order(Some(before), after)
                if !changes_sales(&before.order, &after.order).unwrap() =>
            {
                return;
            }
            Record::Order(_, after) => Contribution::of_order(after, 12).unwrap(),
            Record::Refund(refund, treatment) => {
                Contribution::of_refund(refund, *treatment, 12).unwrap()
            }
        };
        let stored = self.contributions.get(&observed.id);
        if let Some(write) = TallyWrite::next(stored, None, observed).unwrap() {
            let cell = self
                .cells
                .entry(write.contribution.cell.clone())
                .or_default();
            *cell = cell.plus(&write.difference).unwrap();
            let id = write.contribution.id;
            self.contributions.insert(id, write.contribution);
        }
    }
}

proptest! {
    #[test]
    fn any_delivery_gives_the_totals_of_the_export(
        lives in prop::collection::vec(any_life(), 1..6),
        deliveries in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
        seed in any::<u64>(),
    ) {
        let (mut records, mut export) = (Vec::new(), DayTotals::default());
        let mut units = 0;
        for (number, life) in lives.into_iter().enumerate() {
            let (of_order, last, refunds) = life.records(&number.to_string());
            records.extend(of_order);
            export.add_order(&last).unwrap();
            units += sold_amounts(&last).unwrap().iter().map(|line| line.quantity).sum::<i64>();
            for refund in refunds {
                export.add_refund(&refund, last.tax_treatment).unwrap();
            }
        }
        // Every record is delivered once, in any order, and some are delivered again before, between and after.
        let mut delivered: Vec<&Record> = records.iter().collect();
        delivered.extend(deliveries.iter().map(|index| index.get(&records)));
        let mut state = seed;
        delivered.sort_by_cached_key(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state >> 33
        });
        let mut tally = Tally::default();
        for record in delivered {
            tally.follow(record);
        }

        let (sales, returns) = export.finish();
        let sum = |location: &str| {
            let cells = tally.cells.iter().filter(|(cell, _)| cell.location_id.as_str() == location);
            cells.fold(Figures::default(), |sum, (_, figures)| sum.plus(figures).unwrap())
        };
        let (sold, refunded) = (sum("store-1"), sum("store-2"));
        let sales = &sales[0];
        prop_assert_eq!(
            [sold.orders, sold.canceled_orders],
            [sales.orders, sales.canceled_orders].map(|count| i64::try_from(count).unwrap())
        );
        prop_assert_eq!(
            [sold.gross, sold.discount, sold.tax, sold.net, sold.total],
            [sales.gross, sales.discount, sales.tax, sales.net, sales.total]
        );
        prop_assert_eq!(sold.units, units);
        let expected = returns.first().map_or([0; 4], |refunds| {
            [i64::try_from(refunds.refunds).unwrap(), refunds.tax, refunds.net, refunds.total]
        });
        prop_assert_eq!(
            [refunded.refunds, refunded.refunded_tax, refunded.refunded_net, refunded.refunded_total],
            expected
        );
        // The lines of all contributions sum to the cells.
        let mut by_sku = ReportSums::default();
        let at = "2026-03-01T12:00:00Z".parse().unwrap();
        for contribution in tally.contributions.values() {
            by_sku.add_contribution(contribution, at).unwrap();
        }
        let total = by_sku.totals.values().next().copied().unwrap_or_default();
        prop_assert_eq!(total, sold.plus(&refunded).unwrap());
    }
}
