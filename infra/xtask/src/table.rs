//! Query results as a table for the terminal.

use comfy_table::{
    CellAlignment, ColumnConstraint, ContentLineStyle, LineStyle, Row, Table, TableStyle, Width,
};

const MAX_COLUMN_WIDTH: u16 = 40;

/// A line between columns and below the header, and none between rows.
const STYLE: TableStyle = TableStyle::new()
    .header_lines(ContentLineStyle::none().junction('|'))
    .header_separator(LineStyle::none().fill('=').junction('+'))
    .content_lines(ContentLineStyle::none().junction('|'));

/// The first `limit` rows as a table. Columns of numbers are aligned to the right; longer text is cut.
pub fn table(columns: &[String], rows: &[Vec<String>], limit: usize) -> String {
    let shown = &rows[..rows.len().min(limit)];
    let mut table = Table::new();
    table.load_style(STYLE);
    table.set_header(columns);
    for row in shown {
        let mut row = Row::from(row);
        row.max_height(1);
        table.add_row(row);
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_constraint(ColumnConstraint::UpperBoundary(Width::Fixed(
            MAX_COLUMN_WIDTH,
        )));
        let mut cells = shown.iter().filter_map(|row| row.get(index));
        if !shown.is_empty() && cells.all(|cell| is_number(cell)) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut lines: Vec<String> = table
        .lines()
        .map(|line| format!(" {line}").trim_end().to_owned())
        .collect();
    if rows.len() > shown.len() {
        lines.push(format!("  ... and {} more", rows.len() - shown.len()));
    }
    lines.join("\n")
}

fn is_number(cell: &str) -> bool {
    cell.bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b','))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_right_aligned_and_hidden_rows_are_counted() {
        let row = |name: &str, units: &str| vec![name.to_owned(), units.to_owned()];
        let rows = [row("milk", "7"), row("bread", "1200"), row("tea", "1")];
        let text = table(&row("sku", "units"), &rows, 2);
        assert_eq!(
            text,
            "  sku   | units\n =======+=======\n  milk  |     7\n  bread |  1200\n  ... and 1 more"
        );
    }
}
