//! The columns of each dataset. `infra/athena/datasets.json` describes them, and a test compares both.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, Schema, SchemaRef};
use jiff::Timestamp;
use jiff::civil::{self, date};
use stockline_domain::catalog::{Location, LocationKind, Product, UnitOfMeasure};
use stockline_domain::export::{
    RefundLine, SalesLine, TimeZoneGroup, TooLarge, channel_name, status_name, unscaled,
};
use stockline_domain::money::{Currency, Money};

use super::columns::{
    Amount, BigInt, Boolean, Column, Columns, Date, Instant, Int, LocalTime, OptionalAmount,
    OptionalText, Text, dataset,
};

dataset! {
    /// The columns of `sales_lines`.
    SalesLines of row: &SalesLine<'_> {
        location_id: Text = row.location_id.as_str(),
        order_id: Text = &row.order_id.to_string(),
        line_no: Int = i32::from(row.line_no),
        sku: Text = row.sku.as_str(),
        product_name: OptionalText = row.product.map(|product| product.name.as_str()),
        category: OptionalText = row.product.and_then(|product| product.category.as_deref()),
        channel: Text = channel_name(row.channel),
        status: Text = status_name(row.status),
        sold_at: Instant = instant(row.sold_at),
        sold_at_local: LocalTime = local_time(row.group, row.sold_at),
        time_zone: Text = &row.group.name,
        quantity: BigInt = row.quantity,
        currency: Text = row.currency.as_str(),
        unit_price: Amount = amount(row.unit_price, row.currency)?,
        unit_cost: OptionalAmount = row.unit_cost.map(|cost| amount(cost, row.currency)).transpose()?,
        gross: Amount = amount(row.amounts.gross, row.currency)?,
        discount: Amount = amount(row.amounts.discount, row.currency)?,
        net: Amount = amount(row.amounts.net, row.currency)?,
        tax: Amount = amount(row.amounts.tax, row.currency)?,
        total: Amount = amount(row.amounts.total, row.currency)?,
        tax_inclusive: Boolean = row.is_tax_inclusive,
        revision: BigInt = row.revision.cast_signed(),
    }
}

dataset! {
    /// The columns of `refund_lines`.
    RefundLines of row: &RefundLine<'_> {
        location_id: Text = row.refund.location_id.as_str(),
        refund_id: Text = &row.refund.refund_id.to_string(),
        refund_line_no: Int = i32::from(row.refund_line_no),
        order_id: Text = &row.refund.order_id.to_string(),
        line_no: Int = i32::from(row.line.line),
        order_location_id: Text = row.order.location_id.as_str(),
        order_business_date: Date = days(row.order.business_date),
        channel: Text = channel_name(row.order.channel),
        sku: Text = row.line.sku.as_str(),
        product_name: OptionalText = row.product.map(|product| product.name.as_str()),
        category: OptionalText = row.product.and_then(|product| product.category.as_deref()),
        restocked: Boolean = row.line.restock,
        refunded_at: Instant = instant(row.refund.refunded_at),
        refunded_at_local: LocalTime = local_time(row.group, row.refund.refunded_at),
        time_zone: Text = &row.group.name,
        quantity: BigInt = row.line.quantity,
        currency: Text = row.line.amount.currency.as_str(),
        net: Amount = amount(row.net, row.line.amount.currency)?,
        tax: Amount = unscaled(row.line.tax)?,
        total: Amount = unscaled(row.line.amount)?,
        tax_inclusive: Boolean = row.order.tax_treatment.is_inclusive(),
        revision: BigInt = row.revision.cast_signed(),
    }
}

dataset! {
    /// The columns of `dim_products`.
    DimProducts of row: &Product {
        sku: Text = row.sku.as_str(),
        name: Text = &row.name,
        category: OptionalText = row.category.as_deref(),
        department: OptionalText = row.department.as_deref(),
        brand: OptionalText = row.brand.as_deref(),
        unit_of_measure: Text = unit_name(row.unit_of_measure),
        list_price: OptionalAmount = row.list_price.map(unscaled).transpose()?,
        list_price_currency: OptionalText = row.list_price.as_ref().map(|price| price.currency.as_str()),
    }
}

dataset! {
    /// The columns of `dim_locations`.
    DimLocations of row: &Location {
        location_id: Text = row.location_id.as_str(),
        name: Text = &row.name,
        kind: Text = kind_name(row.kind),
        time_zone: Text = &row.time_zone,
        close_out_hour: Int = i32::from(row.close_out_hour),
    }
}

fn amount(minor_units: i64, currency: Currency) -> Result<i64, TooLarge> {
    unscaled(Money::new(minor_units, currency))
}

/// Microseconds, cut to whole milliseconds: some engines read no more.
fn instant(at: Timestamp) -> i64 {
    at.as_millisecond() * 1000
}

fn local_time(group: &TimeZoneGroup, at: Timestamp) -> i64 {
    group.local_milliseconds(at) * 1000
}

/// Days since 1970-01-01.
fn days(on: civil::Date) -> i32 {
    // The largest unit of a span between dates is the day, and every date of jiff is in range.
    date(1970, 1, 1).until(on).map_or(0, |span| span.get_days())
}

fn unit_name(unit: UnitOfMeasure) -> &'static str {
    match unit {
        UnitOfMeasure::Each => "each",
        UnitOfMeasure::Gram => "gram",
        UnitOfMeasure::Millilitre => "millilitre",
    }
}

fn kind_name(kind: LocationKind) -> &'static str {
    match kind {
        LocationKind::Store => "store",
        LocationKind::Warehouse => "warehouse",
    }
}
