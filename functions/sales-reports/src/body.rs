//! The JSON form of a report.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use serde_json::{Map, Value, json};
use stockline_application::sales_report::SalesReport;
use stockline_domain::ids::LocationId;
use stockline_domain::millis;
use stockline_domain::money::{Currency, Money};
use stockline_domain::tally::{Figures, Measure, ReportRow, RowKey};

/// A report. Amounts are in minor units with their currency.
#[derive(Debug, Serialize)]
pub struct ReportBody<'a> {
    location_id: &'a LocationId,
    from: Date,
    to: Date,
    by: &'static str,
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "millis::optional"
    )]
    as_of: Option<Timestamp>,
    totals: Vec<Map<String, Value>>,
    rows: Vec<Map<String, Value>>,
}

impl<'a> From<&'a SalesReport> for ReportBody<'a> {
    fn from(report: &'a SalesReport) -> Self {
        let has_counts = !report.by.is_by_line();
        let totals = report.totals.iter().map(|(currency, figures)| {
            let mut total = Map::new();
            add_figures(&mut total, *currency, figures, true);
            total
        });
        Self {
            location_id: &report.location_id,
            from: report.range.from,
            to: report.range.to,
            by: report.by.as_str(),
            as_of: report.as_of,
            totals: totals.collect(),
            rows: report
                .rows
                .iter()
                .map(|row| row_body(row, has_counts))
                .collect(),
        }
    }
}

fn row_body(row: &ReportRow, has_counts: bool) -> Map<String, Value> {
    let mut body = Map::new();
    match &row.key {
        RowKey::Hour(hour) => body.insert("hour".to_owned(), json!(hour)),
        RowKey::Day(date) => body.insert("business_date".to_owned(), json!(date)),
        RowKey::Category(category) => category
            .as_ref()
            .and_then(|category| body.insert("category".to_owned(), json!(category))),
        RowKey::Sku(sku) => body.insert("sku".to_owned(), json!(sku)),
    };
    if let Some(name) = &row.name {
        body.insert("name".to_owned(), json!(name));
    }
    add_figures(&mut body, row.currency, &row.figures, has_counts);
    body
}

fn add_figures(
    body: &mut Map<String, Value>,
    currency: Currency,
    figures: &Figures,
    has_counts: bool,
) {
    body.insert("currency".to_owned(), json!(currency));
    for ((name, measure), value) in Figures::COLUMNS.into_iter().zip(figures.values()) {
        let value = match measure {
            Measure::Count if !has_counts => continue,
            Measure::Count | Measure::Quantity => json!(value),
            Measure::Money => json!(Money::new(value, currency)),
        };
        body.insert(name.to_owned(), value);
    }
}
