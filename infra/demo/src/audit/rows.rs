//! The attributes of the stored items that the audit needs.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::super::error::{DemoError, Result};
use super::quantities::Quantities;

type Item = HashMap<String, AttributeValue>;

/// A stored level.
#[derive(Debug, Clone, Default)]
pub struct LevelRow {
    pub location_id: String,
    pub sku: String,
    pub quantities: Quantities,
    /// The stored `available`, which the conditions of orders use.
    pub available: i64,
    pub version: i64,
    /// What its replenishment order expects.
    pub incoming: i64,
    /// The reorder point, if the level has a policy.
    pub reorder_point: Option<i64>,
    /// The target level, if the level has a policy.
    pub target_level: Option<i64>,
}

/// A stored replenishment order.
#[derive(Debug, Clone, Default)]
pub struct ReplenishmentRow {
    pub location_id: String,
    pub sku: String,
    pub state: String,
    pub quantity: i64,
    pub received_quantity: i64,
}

/// A stored movement.
#[derive(Debug, Clone, Default)]
pub struct MovementRow {
    pub movement_id: String,
    pub location_id: String,
    pub sku: String,
    /// The version of the level after this movement.
    pub version: i64,
    pub kind: String,
    /// The changes of the quantities.
    pub deltas: Quantities,
    /// The recorded `on_hand` after this movement.
    pub on_hand: i64,
    /// The recorded `allocated` after this movement.
    pub allocated: i64,
    /// The cause, for example an order id.
    pub reference: String,
}

/// A line of a stored order.
#[derive(Debug, Clone, Default)]
pub struct LineRow {
    pub sku: String,
    pub quantity: i64,
    /// Price of one unit.
    pub unit_price: i64,
    /// Discount of the line.
    pub discount: i64,
    /// Tax, included in the price or added to it.
    pub tax: i64,
    pub fulfilled: i64,
    pub canceled: i64,
    /// Refunded quantity.
    pub returned: i64,
}

/// A stored order.
#[derive(Debug, Clone, Default)]
pub struct OrderRow {
    pub order_id: String,
    pub location_id: String,
    pub channel: String,
    pub status: String,
    pub business_date: String,
    /// The reference of the caller.
    pub external_reference: String,
    /// Whether tax is added to the prices.
    pub is_tax_added: bool,
    pub total: i64,
    pub lines: Vec<LineRow>,
}

/// A stored refund.
#[derive(Debug, Clone, Default)]
pub struct RefundRow {
    pub refund_id: String,
    pub order_id: String,
    pub location_id: String,
    pub business_date: String,
    pub total: i64,
    /// The refunded lines.
    pub lines: Vec<MovedLine>,
}

/// A stored fulfilment by hand, without a task.
#[derive(Debug, Clone, Default)]
pub struct FulfilmentRow {
    pub order_id: String,
    /// The fulfilled lines.
    pub lines: Vec<MovedLine>,
}

/// A line of a refund or a fulfilment.
#[derive(Debug, Clone, Default)]
pub struct MovedLine {
    /// Number of the order line, from 1.
    pub line: i64,
    pub sku: String,
    pub quantity: i64,
    /// The refunded amount.
    pub amount: i64,
    /// Whether it was returned to stock.
    pub restock: bool,
}

/// A stored task.
#[derive(Debug, Clone, Default)]
pub struct TaskRow {
    pub task_id: String,
    pub state: String,
    pub order_id: String,
    /// Number of the order line, from 1.
    pub line: i64,
    pub location_id: String,
    pub sku: String,
    pub quantity: i64,
}

/// The content of the tables.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// All levels.
    pub levels: Vec<LevelRow>,
    /// All replenishment orders.
    pub replenishment: Vec<ReplenishmentRow>,
    /// All movements.
    pub movements: Vec<MovementRow>,
    /// All orders.
    pub orders: Vec<OrderRow>,
    /// All refunds.
    pub refunds: Vec<RefundRow>,
    /// All fulfilments by hand.
    pub fulfilments: Vec<FulfilmentRow>,
    /// All tasks.
    pub tasks: Vec<TaskRow>,
}

impl Snapshot {
    /// Adds an item of any table. Its key gives its kind.
    pub fn add(&mut self, item: &Item) -> Result<()> {
        let (pk, sk) = (text(item, "pk")?, text(item, "sk")?);
        match (pk.split('#').next().unwrap_or_default(), sk.as_str()) {
            ("LEVEL", "LEVEL") => self.levels.push(level(item)?),
            ("REPLENISHMENT", _) => self.replenishment.push(replenishment(item)?),
            ("MOVEMENTS", _) => self.movements.push(movement(item)?),
            ("ORDER", "ORDER") => self.orders.push(order(item)?),
            ("ORDER", sk) if sk.starts_with("REFUND#") => self.refunds.push(refund(item)?),
            ("ORDER", sk) if sk.starts_with("FULFILMENT#") => {
                self.fulfilments.push(fulfilment(item)?);
            }
            ("TASK", "TASK") => self.tasks.push(task(item)?),
            // Alert states, requests and controllers are part of no invariant.
            _ => {}
        }
        Ok(())
    }
}

impl LineRow {
    /// The amount of the line, without added tax.
    pub fn net(&self) -> i64 {
        self.unit_price * self.quantity - self.discount
    }

    /// The share of `quantity` units in an amount of the line, rounded down.
    pub fn share(&self, amount: i64, quantity: i64) -> i64 {
        let exact = i128::from(amount) * i128::from(quantity) / i128::from(self.quantity);
        i64::try_from(exact).unwrap_or(i64::MAX)
    }
}

impl OrderRow {
    /// The amount of `line`, with added tax.
    pub fn total_of(&self, line: &LineRow) -> i64 {
        line.net() + if self.is_tax_added { line.tax } else { 0 }
    }

    /// The quantity of `line` in the export: without canceled units, or the whole line if the order is canceled.
    pub fn exported_quantity(&self, line: &LineRow) -> i64 {
        if self.status == "canceled" {
            line.quantity
        } else {
            line.quantity - line.canceled
        }
    }

    /// The amount to pay for `quantity` units of `line`.
    pub fn paid_for(&self, line: &LineRow, quantity: i64) -> i64 {
        line.share(self.total_of(line), quantity)
    }

    /// The amount of `quantity` units of `line`, without added tax.
    pub fn net_of(&self, line: &LineRow, quantity: i64) -> i64 {
        let added_tax = if self.is_tax_added {
            line.share(line.tax, quantity)
        } else {
            0
        };
        self.paid_for(line, quantity) - added_tax
    }
}

fn level(item: &Item) -> Result<LevelRow> {
    let policy = item.get("policy").and_then(|value| value.as_m().ok());
    Ok(LevelRow {
        location_id: text(item, "location_id")?,
        sku: text(item, "sku")?,
        quantities: Quantities {
            on_hand: number(item, "on_hand")?,
            allocated: number(item, "allocated")?,
            // Zero values are not stored.
            damaged: number_or_zero(item, "damaged")?,
            on_hold: number_or_zero(item, "on_hold")?,
            in_transit: number_or_zero(item, "in_transit")?,
        },
        available: number(item, "available")?,
        version: number(item, "version")?,
        incoming: number(item, "incoming")?,
        reorder_point: policy
            .map(|policy| number(policy, "reorder_point"))
            .transpose()?,
        target_level: policy
            .map(|policy| number(policy, "target_level"))
            .transpose()?,
    })
}

fn replenishment(item: &Item) -> Result<ReplenishmentRow> {
    Ok(ReplenishmentRow {
        location_id: text(item, "location_id")?,
        sku: text(item, "sku")?,
        state: text(item, "state")?,
        quantity: number(item, "quantity")?,
        received_quantity: number(item, "received_quantity")?,
    })
}

fn movement(item: &Item) -> Result<MovementRow> {
    Ok(MovementRow {
        movement_id: text(item, "movement_id")?,
        location_id: text(item, "location_id")?,
        sku: text(item, "sku")?,
        version: number(item, "version")?,
        kind: text(item, "kind")?,
        deltas: Quantities {
            on_hand: number(item, "on_hand_delta")?,
            allocated: number(item, "allocated_delta")?,
            // Zero values are not stored.
            damaged: number_or_zero(item, "damaged_delta")?,
            on_hold: number_or_zero(item, "on_hold_delta")?,
            in_transit: number_or_zero(item, "in_transit_delta")?,
        },
        on_hand: number(item, "on_hand")?,
        allocated: number(item, "allocated")?,
        reference: text(item, "reference").unwrap_or_default(),
    })
}

fn order(item: &Item) -> Result<OrderRow> {
    Ok(OrderRow {
        order_id: text(item, "order_id")?,
        location_id: text(item, "location_id")?,
        channel: text(item, "channel")?,
        status: text(item, "status")?,
        business_date: text(item, "business_date")?,
        external_reference: text(item, "external_reference").unwrap_or_default(),
        is_tax_added: text(item, "tax_treatment").is_ok_and(|treatment| treatment == "added"),
        total: number(item, "total")?,
        lines: lines_of(item)?
            .iter()
            .map(|line| order_line(item, line))
            .collect::<Result<_>>()?,
    })
}

fn refund(item: &Item) -> Result<RefundRow> {
    Ok(RefundRow {
        refund_id: text(item, "refund_id")?,
        order_id: text(item, "order_id")?,
        location_id: text(item, "location_id")?,
        business_date: text(item, "business_date")?,
        total: number(item, "total")?,
        lines: moved_lines(item)?,
    })
}

fn fulfilment(item: &Item) -> Result<FulfilmentRow> {
    Ok(FulfilmentRow {
        order_id: text(item, "order_id")?,
        lines: moved_lines(item)?,
    })
}

fn moved_lines(item: &Item) -> Result<Vec<MovedLine>> {
    lines_of(item)?
        .iter()
        .map(|line| {
            let line = line.as_m().map_err(|_| unreadable(item, "lines"))?;
            Ok(MovedLine {
                line: number(line, "l")?,
                sku: text(line, "s")?,
                quantity: number(line, "q")?,
                amount: number_or_zero(line, "a")?,
                restock: matches!(line.get("b"), Some(AttributeValue::Bool(true))),
            })
        })
        .collect()
}

fn lines_of(item: &Item) -> Result<&Vec<AttributeValue>> {
    item.get("lines")
        .and_then(|value| value.as_l().ok())
        .ok_or_else(|| unreadable(item, "lines"))
}

fn order_line(order: &Item, line: &AttributeValue) -> Result<LineRow> {
    let line = line.as_m().map_err(|_| unreadable(order, "lines"))?;
    Ok(LineRow {
        sku: text(line, "s")?,
        quantity: number(line, "q")?,
        unit_price: number(line, "p")?,
        // Zero values are not stored.
        discount: number_or_zero(line, "d")?,
        tax: number_or_zero(line, "t")?,
        fulfilled: number_or_zero(line, "f")?,
        canceled: number_or_zero(line, "c")?,
        returned: number_or_zero(line, "r")?,
    })
}

fn task(item: &Item) -> Result<TaskRow> {
    Ok(TaskRow {
        task_id: text(item, "task_id")?,
        state: text(item, "state")?,
        order_id: text(item, "order_id")?,
        line: number(item, "line")?,
        location_id: text(item, "location_id")?,
        sku: text(item, "sku")?,
        quantity: number(item, "quantity")?,
    })
}

fn text(item: &Item, name: &str) -> Result<String> {
    match item.get(name) {
        Some(AttributeValue::S(text)) => Ok(text.clone()),
        _ => Err(unreadable(item, name)),
    }
}

fn number(item: &Item, name: &str) -> Result<i64> {
    match item.get(name) {
        Some(AttributeValue::N(text)) => text.parse().map_err(|_| unreadable(item, name)),
        _ => Err(unreadable(item, name)),
    }
}

fn number_or_zero(item: &Item, name: &str) -> Result<i64> {
    if item.contains_key(name) {
        number(item, name)
    } else {
        Ok(0)
    }
}

fn unreadable(item: &Item, name: &str) -> DemoError {
    DemoError::Unexpected(format!(
        "the audit cannot read the attribute `{name}` of the item {:?}",
        item.get("pk")
    ))
}
