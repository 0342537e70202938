//! The CSV form of a report (RFC 4180).

use stockline_application::sales_report::SalesReport;
use stockline_domain::money::Money;
use stockline_domain::tally::{Figures, Grouping, Measure, ReportRow, RowKey};

/// Characters that make a spreadsheet take the cell that starts with them for a formula.
const FORMULA_STARTS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// Encodes the rows of `report` with a header line. Amounts are decimals of the major unit, with the digits of their currency.
pub fn encode(report: &SalesReport) -> String {
    let has_counts = !report.by.is_by_line();
    let columns = || {
        let columns = Figures::COLUMNS.into_iter();
        columns.filter(move |(_, measure)| has_counts || *measure != Measure::Count)
    };
    let mut header = vec!["location_id"];
    header.extend(key_columns(report.by));
    header.push("currency");
    header.extend(columns().map(|(name, _)| name));
    header.push("as_of");

    let as_of = report
        .as_of
        .map_or_else(String::new, |at| format!("{at:.3}"));
    let mut text = String::new();
    add_line(&mut text, header.into_iter().map(str::to_owned));
    for row in &report.rows {
        let mut cells = vec![report.location_id.to_string()];
        cells.extend(key_cells(row));
        cells.push(row.currency.to_string());
        for ((_, measure), value) in Figures::COLUMNS.into_iter().zip(row.figures.values()) {
            match measure {
                Measure::Count if !has_counts => {}
                Measure::Count | Measure::Quantity => cells.push(value.to_string()),
                Measure::Money => cells.push(Money::new(value, row.currency).decimal()),
            }
        }
        cells.push(as_of.clone());
        add_line(&mut text, cells.into_iter());
    }
    text
}

fn key_columns(by: Grouping) -> &'static [&'static str] {
    match by {
        Grouping::Hour => &["hour"],
        Grouping::Day => &["business_date"],
        Grouping::Category => &["category"],
        Grouping::Sku => &["sku", "name"],
    }
}

fn key_cells(row: &ReportRow) -> Vec<String> {
    match &row.key {
        RowKey::Hour(hour) => vec![hour.to_string()],
        RowKey::Day(date) => vec![date.to_string()],
        RowKey::Category(category) => vec![category.clone().unwrap_or_default()],
        RowKey::Sku(sku) => vec![sku.to_string(), row.name.clone().unwrap_or_default()],
    }
}

fn add_line(text: &mut String, cells: impl Iterator<Item = String>) {
    for (index, cell) in cells.enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(&escaped(cell));
    }
    text.push_str("\r\n");
}

/// Returns the cell in a form that every reader takes for the same text, and no spreadsheet for a formula: `'` before a start of
/// a formula (OWASP, "CSV Injection"), and quotes where RFC 4180 needs them.
fn escaped(cell: String) -> String {
    let cell = if cell.starts_with(FORMULA_STARTS) {
        format!("'{cell}")
    } else {
        cell
    };
    if cell.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_inert_and_separators_are_quoted() {
        for (cell, expected) in [
            ("Milk", "Milk"),
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "\"'\r=1\""),
            (
                "=HYPERLINK(\"x\",\"y\")",
                "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\"",
            ),
            ("Milk, 1 l", "\"Milk, 1 l\""),
            ("5\" plate", "\"5\"\" plate\""),
            ("two\nlines", "\"two\nlines\""),
            ("a=b", "a=b"),
            ("", ""),
        ] {
            assert_eq!(escaped(cell.to_owned()), expected);
        }
    }
}
