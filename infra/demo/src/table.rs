//! Rows of text as a table for the terminal.

const WIDEST: usize = 40;

/// The table, numbers to the right; rows beyond `most` are counted.
pub fn table(columns: &[String], rows: &[Vec<String>], most: usize) -> String {
    let shown = &rows[..rows.len().min(most)];
    let cut = |text: &str| -> String {
        if text.chars().count() <= WIDEST {
            return text.to_owned();
        }
        text.chars().take(WIDEST - 3).collect::<String>() + "..."
    };
    let shown: Vec<Vec<String>> = shown
        .iter()
        .map(|row| row.iter().map(|cell| cut(cell)).collect())
        .collect();
    let mut lines = vec![String::new(); shown.len() + 2];
    for (place, column) in columns.iter().enumerate() {
        let cells: Vec<&str> = shown
            .iter()
            .map(|row| row.get(place).map_or("", String::as_str))
            .collect();
        let width = cells
            .iter()
            .chain([&column.as_str()])
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0);
        let right = !cells.is_empty() && cells.iter().all(|cell| is_number(cell));
        let dashes = "-".repeat(width);
        let all = [column.as_str(), &dashes].into_iter().chain(cells);
        for (line, cell) in lines.iter_mut().zip(all) {
            let padded = if right {
                format!("  {cell:>width$}")
            } else {
                format!("  {cell:<width$}")
            };
            line.push_str(&padded);
        }
    }
    if rows.len() > shown.len() {
        lines.push(format!("  ... and {} more", rows.len() - shown.len()));
    }
    lines
        .iter()
        .map(|line| line.trim_end())
        .collect::<Vec<_>>()
        .join("\n")
}

fn is_number(cell: &str) -> bool {
    cell.is_empty()
        || cell
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b','))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_to_the_right_and_the_rest_is_counted() {
        let row = |name: &str, units: &str| vec![name.to_owned(), units.to_owned()];
        let rows = [row("milk", "7"), row("bread", "1200"), row("tea", "1")];
        let text = table(&row("sku", "units"), &rows, 2);
        assert_eq!(
            text,
            "  sku    units\n  -----  -----\n  milk       7\n  bread   1200\n  ... and 1 more"
        );
    }
}
