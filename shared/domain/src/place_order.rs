//! What a caller sends to place an order, and the rules it must meet.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::business_date::business_date;
use crate::ids::{LocationId, OrderId, Sku};
use crate::invalid::{Checks, Invalid};
use crate::level::MAX_QUANTITY;
use crate::money::{Currency, MAX_AMOUNT, Money};
use crate::order::{Channel, Line, Order};

/// The most lines in one request.
pub const MAX_LINES: usize = 100;

/// The most distinct SKUs in one order: with the order itself they fill a transaction of 100 items.
pub const MAX_SKUS: usize = 99;

/// How far back an offline till may have sold what it now uploads.
pub const OLDEST_SALE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How far a till's clock may be ahead of ours.
pub const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// The body of `POST /v1/orders`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceOrder {
    /// The store that sells, or the warehouse that sends.
    pub location_id: LocationId,
    /// How it is sold.
    pub channel: Channel,
    /// The currency of every amount.
    pub currency: Currency,
    /// When it was sold; now, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sold_at: Option<Timestamp>,
    /// The caller's own number, at most 64 visible ASCII characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_reference: Option<String>,
    /// What is sold.
    pub lines: Vec<PlaceLine>,
    /// What the caller believes the lines sum up to.
    pub total: Money,
}

/// One line of [`PlaceOrder`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceLine {
    /// The stock keeping unit.
    pub sku: Sku,
    /// How much, 1 to 1,000,000 of the SKU's unit of measure.
    pub quantity: i64,
    /// Price of one, before discount.
    pub unit_price: Money,
    /// Taken off the line; nothing, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount: Option<Money>,
    /// Tax contained in the line's price; none, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<Money>,
}

impl PlaceOrder {
    /// The order this makes at `now` in a store of `time_zone` that closes its day at `close_out_hour`.
    ///
    /// # Errors
    /// Every field that breaks a rule, the difference named where the total is not the sum of the lines.
    pub fn order(
        self,
        order_id: OrderId,
        now: Timestamp,
        time_zone: &TimeZone,
        close_out_hour: i8,
    ) -> Result<Order, Invalid> {
        let mut checks = Checks::new();
        let sold_at = self.sold_at.unwrap_or(now);
        checks.require(
            sold_at <= now.saturating_add(CLOCK_TOLERANCE).unwrap_or(now),
            "/sold_at",
            "must not be more than 5 minutes ahead",
        );
        checks.require(
            sold_at >= now.saturating_sub(OLDEST_SALE).unwrap_or(now),
            "/sold_at",
            "must not be more than 7 days back",
        );
        if let Some(reference) = &self.external_reference {
            checks.require(
                (1..=64).contains(&reference.len())
                    && reference.bytes().all(|byte| byte.is_ascii_graphic()),
                "/external_reference",
                "must be 1 to 64 visible ASCII characters",
            );
        }
        checks.require(
            (1..=MAX_LINES).contains(&self.lines.len()),
            "/lines",
            format!("must hold 1 to {MAX_LINES} lines"),
        );
        let mut skus: Vec<&Sku> = self.lines.iter().map(|line| &line.sku).collect();
        skus.sort_unstable();
        skus.dedup();
        checks.require(
            skus.len() <= MAX_SKUS,
            "/lines",
            format!("must name at most {MAX_SKUS} different SKUs"),
        );
        let lines: Vec<Line> = (1_u16..)
            .zip(self.lines)
            .map(|(number, line)| line.check(number, self.currency, self.channel, &mut checks))
            .collect();
        let sum = lines
            .iter()
            .fold(0_i64, |sum, line| sum.saturating_add(line.net.amount));
        checks.require(
            self.total.currency == self.currency,
            "/total/currency",
            "must be the order's",
        );
        checks.require(
            self.total.amount == sum,
            "/total/amount",
            format!(
                "is {} but the lines sum to {sum}: a difference of {}",
                self.total.amount,
                self.total.amount.saturating_sub(sum)
            ),
        );
        let order = Order {
            order_id,
            business_date: business_date(sold_at, time_zone, close_out_hour),
            location_id: self.location_id,
            channel: self.channel,
            status: crate::order::OrderStatus::Allocated,
            placed_at: now,
            sold_at,
            currency: self.currency,
            lines,
            total: self.total,
            external_reference: self.external_reference,
            canceled_at: None,
        };
        checks.finish(order.as_placed())
    }
}

impl PlaceLine {
    fn check(self, number: u16, currency: Currency, channel: Channel, checks: &mut Checks) -> Line {
        let at = format!("/lines/{}", number - 1);
        checks.require(
            (1..=MAX_QUANTITY).contains(&self.quantity),
            format!("{at}/quantity"),
            format!("must be 1 to {MAX_QUANTITY}"),
        );
        let nothing = Money::new(0, currency);
        let discount = self.discount.unwrap_or(nothing);
        let tax = self.tax.unwrap_or(nothing);
        for (field, money) in [
            ("unit_price", self.unit_price),
            ("discount", discount),
            ("tax", tax),
        ] {
            checks.require(
                money.currency == currency,
                format!("{at}/{field}/currency"),
                "must be the order's",
            );
            checks.require(
                (0..=MAX_AMOUNT).contains(&money.amount),
                format!("{at}/{field}/amount"),
                format!("must be 0 to {MAX_AMOUNT}"),
            );
        }
        let gross = self.unit_price.amount.saturating_mul(self.quantity);
        checks.require(
            gross <= MAX_AMOUNT,
            format!("{at}/unit_price/amount"),
            format!("times the quantity must be at most {MAX_AMOUNT}"),
        );
        checks.require(
            discount.amount <= gross,
            format!("{at}/discount/amount"),
            "must not exceed the line",
        );
        let net = gross.saturating_sub(discount.amount);
        checks.require(
            tax.amount <= net,
            format!("{at}/tax/amount"),
            "must not exceed the line",
        );
        Line {
            line: number,
            sku: self.sku,
            quantity: self.quantity,
            unit_price: self.unit_price,
            discount,
            tax,
            net: Money::new(net, currency),
            fulfilled_quantity: if channel == Channel::Pos {
                self.quantity
            } else {
                0
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::{NotCancelable, NotFulfillable, OrderStatus};

    fn body(json: &str) -> PlaceOrder {
        serde_json::from_str(json).unwrap()
    }

    fn two_lines(channel: &str) -> PlaceOrder {
        body(&format!(
            r#"{{"location_id":"store-1","channel":"{channel}","currency":"EUR","lines":[
                {{"sku":"milk","quantity":2,"unit_price":{{"amount":119,"currency":"EUR"}}}},
                {{"sku":"bread","quantity":1,"unit_price":{{"amount":250,"currency":"EUR"}},
                  "discount":{{"amount":50,"currency":"EUR"}}}}],
               "total":{{"amount":438,"currency":"EUR"}}}}"#
        ))
    }

    fn placed(order: PlaceOrder) -> Result<Order, Invalid> {
        let now = "2026-03-01T12:00:00Z".parse().unwrap();
        order.order(OrderId::derive("till", "1"), now, &TimeZone::UTC, 0)
    }

    fn pointers(result: Result<Order, Invalid>) -> Vec<String> {
        result
            .unwrap_err()
            .errors
            .into_iter()
            .map(|error| error.pointer)
            .collect()
    }

    #[test]
    fn goods_sold_at_the_till_have_left_and_goods_sold_online_are_promised() {
        let till = placed(two_lines("pos")).unwrap();
        assert_eq!(till.status, OrderStatus::Fulfilled);
        assert_eq!(till.lines[0].fulfilled_quantity, 2);
        let online = placed(two_lines("online")).unwrap();
        assert_eq!(online.status, OrderStatus::Allocated);
        assert_eq!(online.lines[0].fulfilled_quantity, 0);
    }

    #[test]
    fn a_wrong_total_is_refused_with_the_difference() {
        let mut order = two_lines("pos");
        order.total.amount = 440;
        let refused = placed(order).unwrap_err();
        assert_eq!(refused.errors[0].pointer, "/total/amount");
        assert!(
            refused.errors[0].detail.ends_with("a difference of 2"),
            "{refused:?}"
        );
    }

    #[test]
    fn every_broken_field_is_named_at_once() {
        let mut order = two_lines("pos");
        order.lines[0].quantity = 0;
        order.lines[1].unit_price.currency = "USD".parse().unwrap();
        order.sold_at = Some("2026-02-01T00:00:00Z".parse().unwrap());
        assert_eq!(
            pointers(placed(order)),
            [
                "/sold_at",
                "/lines/0/quantity",
                "/lines/1/unit_price/currency",
                "/total/amount"
            ]
        );
    }

    #[test]
    fn an_overflowing_line_is_refused_and_does_not_wrap() {
        let mut order = two_lines("pos");
        order.lines[0].quantity = i64::MAX;
        order.lines[0].unit_price.amount = i64::MAX;
        assert!(pointers(placed(order)).contains(&"/lines/0/unit_price/amount".to_owned()));
    }

    #[test]
    fn lines_of_one_sku_are_merged_for_the_transaction() {
        let mut order = two_lines("pos");
        order.lines[1].sku = "milk".parse().unwrap();
        let quantities = placed(order).unwrap().quantities();
        assert_eq!(quantities.len(), 1);
        assert_eq!(quantities[0].quantity, 3);
    }

    #[test]
    fn an_order_is_canceled_until_goods_have_left_and_its_replay_still_reads_as_placed() {
        let order = placed(two_lines("online")).unwrap();
        let later = "2026-03-01T13:00:00Z".parse().unwrap();
        let canceled = order.cancel(later).unwrap();
        assert_eq!(canceled.status, OrderStatus::Canceled);
        assert_eq!(canceled.cancel(later), Ok(canceled.clone()));
        assert_eq!(canceled.as_placed(), order);
        assert_eq!(
            placed(two_lines("pos")).unwrap().cancel(later),
            Err(NotCancelable)
        );
    }

    #[test]
    fn a_line_is_fulfilled_in_parts_and_never_beyond_what_was_sold() {
        let order = placed(two_lines("online")).unwrap();
        let part = order.fulfil(1, 1).unwrap();
        assert_eq!(part.status, OrderStatus::PartiallyFulfilled);
        assert_eq!(part.fulfil(1, 2), Err(NotFulfillable::TooMuch { open: 1 }));
        let whole = part.fulfil(1, 1).unwrap().fulfil(2, 1).unwrap();
        assert_eq!(whole.status, OrderStatus::Fulfilled);
        let canceled = order.cancel(order.placed_at).unwrap();
        assert_eq!(canceled.fulfil(1, 1), Err(NotFulfillable::Canceled));
    }
}
