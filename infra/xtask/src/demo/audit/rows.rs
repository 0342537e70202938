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
    /// How much has left.
    pub fulfilled: i64,
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
    /// What it comes to.
    pub total: i64,
    /// What was sold.
    pub lines: Vec<LineRow>,
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
            ("TASK", "TASK") => self.tasks.push(task(item)?),
            // Alert states, requests, controllers: no invariant is about them.
            _ => {}
        }
        Ok(())
    }
}

impl LineRow {
    /// What the line comes to.
    pub fn net(&self) -> i64 {
        self.unit_price * self.quantity - self.discount
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
    let lines = item
        .get("lines")
        .and_then(|value| value.as_l().ok())
        .ok_or_else(|| lacks(item, "lines"))?;
    Ok(OrderRow {
        order_id: text(item, "order_id")?,
        location_id: text(item, "location_id")?,
        channel: text(item, "channel")?,
        status: text(item, "status")?,
        business_date: text(item, "business_date")?,
        external_reference: text(item, "external_reference").unwrap_or_default(),
        total: number(item, "total")?,
        lines: lines
            .iter()
            .map(|line| line_of(item, line))
            .collect::<Result<_>>()?,
    })
}

fn line_of(order: &Item, line: &AttributeValue) -> Result<LineRow> {
    let line = line.as_m().map_err(|_| lacks(order, "lines"))?;
    Ok(LineRow {
        sku: text(line, "s")?,
        quantity: number(line, "q")?,
        unit_price: number(line, "p")?,
        // What is zero is not stored.
        discount: number_or_zero(line, "d")?,
        fulfilled: number_or_zero(line, "f")?,
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
