//! The dataset `sales_lines`: one row per order line.

use std::sync::Arc;

use arrow_array::builder::{
    ArrayBuilder, Decimal64Builder, Int32Builder, Int64Builder, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use stockline_domain::export::{TimeZoneGroup, TooLarge, unscaled};
use stockline_domain::ids::LocationId;
use stockline_domain::money::Money;
use stockline_domain::order::{Channel, OrderStatus};

use crate::error::ExportError;
use crate::location_day::{LocationDay, SaleLine};
use crate::parquet_file::{EncodedFile, ParquetFile, amount, decimal, text, time};

/// Rows per Arrow record batch.
const BATCH_ROWS: usize = 8192;

/// The columns in file order. The business date is the partition key, not a column.
pub fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        text("order_id", false),
        Field::new("line", DataType::Int32, false),
        text("location_id", false),
        text("channel", false),
        text("status", false),
        text("sku", false),
        Field::new("quantity", DataType::Int64, false),
        text("currency", false),
        amount("unit_price", false),
        amount("gross", false),
        amount("discount", false),
        amount("tax", false),
        amount("net", false),
        time("sold_at", Some("UTC")),
        time("sold_at_local", None),
        text("time_zone", false),
    ]))
}

/// Builds the file of one time-zone group and day. Locations must be added in the order of their ids.
pub struct SalesLines {
    file: ParquetFile,
    rows: Columns,
}

impl SalesLines {
    /// Starts an empty file.
    pub fn new() -> Result<Self, ExportError> {
        Ok(Self {
            file: ParquetFile::new(schema())?,
            rows: Columns::new(),
        })
    }

    /// Appends the rows of one location's day.
    pub fn add(
        &mut self,
        group: &TimeZoneGroup,
        location: &LocationId,
        day: &LocationDay,
    ) -> Result<(), ExportError> {
        for line in day.lines() {
            self.rows.push(group, location, &line)?;
            if self.rows.len() == BATCH_ROWS {
                self.file.write(&self.rows.take()?)?;
            }
        }
        Ok(())
    }

    /// Encodes the remaining rows and returns the file.
    pub fn finish(mut self) -> Result<EncodedFile, ExportError> {
        self.file.write(&self.rows.take()?)?;
        self.file.finish()
    }
}

struct Columns {
    order_id: StringBuilder,
    line: Int32Builder,
    location_id: StringBuilder,
    channel: StringBuilder,
    status: StringBuilder,
    sku: StringBuilder,
    quantity: Int64Builder,
    currency: StringBuilder,
    unit_price: Decimal64Builder,
    gross: Decimal64Builder,
    discount: Decimal64Builder,
    tax: Decimal64Builder,
    net: Decimal64Builder,
    sold_at: TimestampMicrosecondBuilder,
    sold_at_local: TimestampMicrosecondBuilder,
    time_zone: StringBuilder,
}

impl Columns {
    fn new() -> Self {
        let text = StringBuilder::new;
        let amount = || Decimal64Builder::new().with_data_type(decimal());
        Self {
            order_id: text(),
            line: Int32Builder::new(),
            location_id: text(),
            channel: text(),
            status: text(),
            sku: text(),
            quantity: Int64Builder::new(),
            currency: text(),
            unit_price: amount(),
            gross: amount(),
            discount: amount(),
            tax: amount(),
            net: amount(),
            sold_at: TimestampMicrosecondBuilder::new().with_timezone("UTC"),
            sold_at_local: TimestampMicrosecondBuilder::new(),
            time_zone: text(),
        }
    }

    fn len(&self) -> usize {
        self.line.len()
    }

    fn push(
        &mut self,
        group: &TimeZoneGroup,
        location: &LocationId,
        line: &SaleLine<'_>,
    ) -> Result<(), TooLarge> {
        let decimal = |amount| unscaled(Money::new(amount, line.currency));
        let gross = line.net.checked_add(line.discount).ok_or(TooLarge)?;
        self.order_id.append_value(line.order_id.to_string());
        self.line.append_value(i32::from(line.line));
        self.location_id.append_value(location.as_str());
        self.channel.append_value(channel(line.channel));
        self.status.append_value(status(line.status));
        self.sku.append_value(line.sku.as_str());
        self.quantity.append_value(line.quantity);
        self.currency.append_value(line.currency.as_str());
        self.unit_price.append_value(decimal(line.unit_price)?);
        self.gross.append_value(decimal(gross)?);
        self.discount.append_value(decimal(line.discount)?);
        self.tax.append_value(decimal(line.tax)?);
        self.net.append_value(decimal(line.net)?);
        self.sold_at
            .append_value(line.sold_at.as_millisecond() * 1000);
        self.sold_at_local
            .append_value(group.local_milliseconds(line.sold_at) * 1000);
        self.time_zone.append_value(&group.name);
        Ok(())
    }

    fn take(&mut self) -> Result<RecordBatch, ExportError> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.order_id.finish()),
            Arc::new(self.line.finish()),
            Arc::new(self.location_id.finish()),
            Arc::new(self.channel.finish()),
            Arc::new(self.status.finish()),
            Arc::new(self.sku.finish()),
            Arc::new(self.quantity.finish()),
            Arc::new(self.currency.finish()),
            Arc::new(self.unit_price.finish()),
            Arc::new(self.gross.finish()),
            Arc::new(self.discount.finish()),
            Arc::new(self.tax.finish()),
            Arc::new(self.net.finish()),
            Arc::new(self.sold_at.finish()),
            Arc::new(self.sold_at_local.finish()),
            Arc::new(self.time_zone.finish()),
        ];
        Ok(RecordBatch::try_new(schema(), columns)?)
    }
}

fn channel(channel: Channel) -> &'static str {
    match channel {
        Channel::Pos => "pos",
        Channel::Online => "online",
        Channel::ClickAndCollect => "click_and_collect",
    }
}

fn status(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Allocated => "allocated",
        OrderStatus::PartiallyFulfilled => "partially_fulfilled",
        OrderStatus::Fulfilled => "fulfilled",
        OrderStatus::Canceled => "canceled",
    }
}
