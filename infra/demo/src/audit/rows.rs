//! Raw items as the few facts that the audit needs, read attribute by attribute.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::super::error::{DemoError, Result};

type Item = HashMap<String, AttributeValue>;

/// A level as it is stored.
#[derive(Debug, Clone, Default)]
pub struct LevelRow {
    /// Where.
    pub location_id: String,
    /// Of what.
    pub sku: String,
    /// Physically there.
    pub on_hand: i64,
    /// Promised.
    pub allocated: i64,
    /// What is stored as their difference.
    pub available: i64,
    /// Its version.
    pub version: i64,
    /// Its reorder point, where it has a policy.
    pub reorder_point: Option<i64>,
}

/// A movement as it is stored.
#[derive(Debug, Clone, Default)]
pub struct MovementRow {
    /// Its id.
    pub movement_id: String,
    /// Where.
    pub location_id: String,
    /// Of what.
    pub sku: String,
    /// The version that it made of its level.
    pub version: i64,
    /// Why.
    pub kind: String,
    /// By how much `on_hand` changed.
    pub on_hand_delta: i64,
    /// By how much `allocated` changed.
    pub allocated_delta: i64,
    /// `on_hand` afterwards, as it was recorded.
    pub on_hand: i64,
    /// `allocated` afterwards, as it was recorded.
    pub allocated: i64,
    /// What caused it.
    pub reference: String,
}

/// A line of an order as it is stored.
#[derive(Debug, Clone, Default)]
pub struct LineRow {
    /// What.
    pub sku: String,
    /// How much.
    pub quantity: i64,
    /// Price of one.
    pub unit_price: i64,
    /// Taken off.
    pub discount: i64,
    /// Tax, in the price or on top of it.
    pub tax: i64,
    /// How much has left.
    pub fulfilled: i64,
    /// How much was given up before it left.
    pub canceled: i64,
    /// How much of what has left was paid back.
    pub returned: i64,
}

/// An order as it is stored.
#[derive(Debug, Clone, Default)]
pub struct OrderRow {
    /// Its id.
    pub order_id: String,
    /// Where.
    pub location_id: String,
    /// How it was sold.
    pub channel: String,
    /// Where it is in its life.
    pub status: String,
    /// The trading day it is of.
    pub business_date: String,
    /// The caller's number.
    pub external_reference: String,
    /// Whether tax comes on top of its prices.
    pub tax_on_top: bool,
    /// What it comes to.
    pub total: i64,
    /// What was sold.
    pub lines: Vec<LineRow>,
}

/// A refund as it is stored.
#[derive(Debug, Clone, Default)]
pub struct RefundRow {
    /// The order.
    pub order_id: String,
    /// Where the goods came back.
    pub location_id: String,
    /// What it comes to.
    pub total: i64,
    /// What was paid back for.
    pub lines: Vec<MovedLine>,
}

/// A fulfilment by hand as it is stored.
#[derive(Debug, Clone, Default)]
pub struct FulfilmentRow {
    /// The order.
    pub order_id: String,
    /// What left.
    pub lines: Vec<MovedLine>,
}

/// A line of a refund or a fulfilment.
#[derive(Debug, Clone, Default)]
pub struct MovedLine {
    /// The line of the order, from 1.
    pub line: i64,
    /// What.
    pub sku: String,
    /// How much.
    pub quantity: i64,
    /// What was paid back for it.
    pub amount: i64,
    /// Whether it went back to stock.
    pub restock: bool,
}

/// A task as it is stored.
#[derive(Debug, Clone, Default)]
pub struct TaskRow {
    /// Its id.
    pub task_id: String,
    /// Where it is in its life.
    pub state: String,
    /// The order it serves.
    pub order_id: String,
    /// The line of it, from 1.
    pub line: i64,
    /// Where.
    pub location_id: String,
    /// Of what.
    pub sku: String,
    /// How much.
    pub quantity: i64,
}

/// What the tables hold.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// All levels.
    pub levels: Vec<LevelRow>,
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
    /// Takes an item of any table, by the kind that its key tells.
    pub fn take(&mut self, item: &Item) -> Result<()> {
        let (pk, sk) = (text(item, "pk")?, text(item, "sk")?);
        match (pk.split('#').next().unwrap_or_default(), sk.as_str()) {
            ("LEVEL", "LEVEL") => self.levels.push(level(item)?),
            ("MOVEMENTS", _) => self.movements.push(movement(item)?),
            ("ORDER", "ORDER") => self.orders.push(order(item)?),
            ("ORDER", sk) if sk.starts_with("REFUND#") => self.refunds.push(refund(item)?),
            ("ORDER", sk) if sk.starts_with("FULFILMENT#") => {
                self.fulfilments.push(fulfilment(item)?);
            }
            ("TASK", "TASK") => self.tasks.push(task(item)?),
            // Alert states, requests, controllers: no invariant is about them.
            _ => {}
        }
        Ok(())
    }
}

impl LineRow {
    /// What the line comes to before tax on top.
    pub fn net(&self) -> i64 {
        self.unit_price * self.quantity - self.discount
    }

    /// `amount` x `quantity` of the line, rounded down.
    pub fn share(&self, amount: i64, quantity: i64) -> i64 {
        let exact = i128::from(amount) * i128::from(quantity) / i128::from(self.quantity);
        i64::try_from(exact).unwrap_or(i64::MAX)
    }
}

impl OrderRow {
    /// What `line` of the order comes to.
    pub fn total_of(&self, line: &LineRow) -> i64 {
        line.net() + if self.tax_on_top { line.tax } else { 0 }
    }

    /// How much of `line` is exported: what was sold, or all of it where the order's status says that nothing was.
    pub fn exported(&self, line: &LineRow) -> i64 {
        if self.status == "canceled" {
            line.quantity
        } else {
            line.quantity - line.canceled
        }
    }

    /// What `quantity` of `line` comes to before tax on top.
    pub fn net_of(&self, line: &LineRow, quantity: i64) -> i64 {
        let tax_on_top = if self.tax_on_top {
            line.share(line.tax, quantity)
        } else {
            0
        };
        line.share(self.total_of(line), quantity) - tax_on_top
    }
}

fn level(item: &Item) -> Result<LevelRow> {
    let policy = item.get("policy").and_then(|value| value.as_m().ok());
    Ok(LevelRow {
        location_id: text(item, "location_id")?,
        sku: text(item, "sku")?,
        on_hand: number(item, "on_hand")?,
        allocated: number(item, "allocated")?,
        available: number(item, "available")?,
        version: number(item, "version")?,
        reorder_point: policy
            .map(|policy| number(policy, "reorder_point"))
            .transpose()?,
    })
}

fn movement(item: &Item) -> Result<MovementRow> {
    Ok(MovementRow {
        movement_id: text(item, "movement_id")?,
        location_id: text(item, "location_id")?,
        sku: text(item, "sku")?,
        version: number(item, "version")?,
        kind: text(item, "kind")?,
        on_hand_delta: number(item, "on_hand_delta")?,
        allocated_delta: number(item, "allocated_delta")?,
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
        tax_on_top: text(item, "tax_treatment").is_ok_and(|treatment| treatment == "added"),
        total: number(item, "total")?,
        lines: lines_in(item)?
            .iter()
            .map(|line| line_of(item, line))
            .collect::<Result<_>>()?,
    })
}

fn refund(item: &Item) -> Result<RefundRow> {
    Ok(RefundRow {
        order_id: text(item, "order_id")?,
        location_id: text(item, "location_id")?,
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
    lines_in(item)?
        .iter()
        .map(|line| {
            let line = line.as_m().map_err(|_| lacks(item, "lines"))?;
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

fn lines_in(item: &Item) -> Result<&Vec<AttributeValue>> {
    item.get("lines")
        .and_then(|value| value.as_l().ok())
        .ok_or_else(|| lacks(item, "lines"))
}

fn line_of(order: &Item, line: &AttributeValue) -> Result<LineRow> {
    let line = line.as_m().map_err(|_| lacks(order, "lines"))?;
    Ok(LineRow {
        sku: text(line, "s")?,
        quantity: number(line, "q")?,
        unit_price: number(line, "p")?,
        // What is zero is not stored.
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
        _ => Err(lacks(item, name)),
    }
}

fn number(item: &Item, name: &str) -> Result<i64> {
    match item.get(name) {
        Some(AttributeValue::N(text)) => text.parse().map_err(|_| lacks(item, name)),
        _ => Err(lacks(item, name)),
    }
}

fn number_or_zero(item: &Item, name: &str) -> Result<i64> {
    if item.contains_key(name) {
        number(item, name)
    } else {
        Ok(0)
    }
}

fn lacks(item: &Item, name: &str) -> DemoError {
    DemoError::Unexpected(format!(
        "the audit cannot read `{name}` of the item {:?}",
        item.get("pk")
    ))
}
