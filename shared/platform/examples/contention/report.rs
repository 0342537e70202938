//! The results as a table in Markdown and as a plot in SVG.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use crate::experiment::{Load, Outcome};

/// What was measured so far.
pub struct Report {
    transaction_ms: u64,
    deadline_ms: u64,
    rows: Vec<Row>,
}

struct Row {
    load: Load,
    placed_a_second: f64,
    retried: f64,
    tries: f64,
    busy: f64,
    median: Option<Duration>,
    slowest_hundredth: Option<Duration>,
    throttled: u64,
}

impl Report {
    /// Of nothing yet, at this median of a transaction and this deadline.
    pub fn new(transaction_ms: u64, deadline_ms: u64) -> Self {
        Self {
            transaction_ms,
            deadline_ms,
            rows: Vec::new(),
        }
    }

    /// Adds one load's outcome; gives its line.
    pub fn add(&mut self, load: Load, outcome: &Outcome) -> String {
        let throttled = (
            "TransactWriteItems".to_owned(),
            "ThrottlingError".to_owned(),
        );
        let share = |count: u32| f64::from(count) / f64::from(load.orders);
        let quantile = |percent: usize| {
            let latencies = &outcome.latencies;
            let rank = (latencies.len() * percent).div_ceil(100).max(1);
            latencies.get(rank - 1).copied()
        };
        self.rows.push(Row {
            load,
            placed_a_second: f64::from(outcome.placed_in_window) / outcome.window.as_secs_f64(),
            retried: share(outcome.retried),
            tries: share(outcome.tries),
            busy: share(outcome.busy),
            median: quantile(50),
            slowest_hundredth: quantile(99),
            throttled: outcome.tally.get(&throttled).copied().unwrap_or_default(),
        });
        self.rows.last().map(Row::line).unwrap_or_default()
    }

    /// The table.
    pub fn table(&self) -> String {
        let mut table = format!(
            "Simulated: transactions of {} ms at the median, orders tried for {} ms.\n\n",
            self.transaction_ms, self.deadline_ms
        );
        table += "| items | orders/s | placed/s | retried | tries an order | 503 | p50 | p99 | throttled |\n";
        table += "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n";
        for row in &self.rows {
            table += &row.line();
            table.push('\n');
        }
        table
    }

    /// Writes both into `folder`.
    pub fn write(&self, folder: &Path) -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join("contention.md"), self.table())?;
        std::fs::write(folder.join("contention.svg"), self.plot())
    }

    /// Placed against arriving orders, both on logarithmic scales; a line for each number of items.
    fn plot(&self) -> String {
        let mut svg = String::from(FRAME);
        let decades = [10.0, 100.0, 1000.0, 10_000.0];
        for value in decades {
            let (x, y) = (across(value), up(value));
            let _ = write!(
                svg,
                r##"<path d="M{x:.0} {BOTTOM}V{TOP}M{LEFT} {y:.0}H{RIGHT}" stroke="#ddd"/><text x="{x:.0}" y="{:.0}" text-anchor="middle">{value}</text><text x="{:.0}" y="{:.0}" text-anchor="end">{value}</text>"##,
                BOTTOM + 18.0,
                LEFT - 6.0,
                y + 4.0,
            );
            svg.push('\n');
        }
        let _ = writeln!(
            svg,
            r##"<path d="M{:.0} {:.0}L{:.0} {:.0}" stroke="#999" stroke-dasharray="4 4"/>"##,
            across(10.0),
            up(10.0),
            across(10_000.0),
            up(10_000.0)
        );
        let mut buckets: Vec<u8> = self.rows.iter().map(|row| row.load.buckets).collect();
        buckets.dedup();
        for (buckets, color) in buckets.into_iter().zip(COLORS.iter().cycle()) {
            svg += &self.line_of(buckets, color);
        }
        svg + "</svg>\n"
    }

    fn line_of(&self, buckets: u8, color: &str) -> String {
        let mut points = Vec::new();
        for row in &self.rows {
            if row.load.buckets == buckets && row.placed_a_second > 0.0 {
                points.push((
                    across(f64::from(row.load.rate)),
                    up(row.placed_a_second),
                    row.busy,
                ));
            }
        }
        let path: Vec<String> = points
            .iter()
            .map(|(x, y, _)| format!("{x:.1},{y:.1}"))
            .collect();
        let mut svg = format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>\n",
            path.join(" ")
        );
        for (x, y, busy) in &points {
            // A hollow point: some were told to come again.
            let fill = if *busy > 0.0 { "white" } else { color };
            let _ = writeln!(
                svg,
                r#"<circle cx="{x:.1}" cy="{y:.1}" r="4" fill="{fill}" stroke="{color}" stroke-width="2"/>"#
            );
        }
        if let Some((x, y, _)) = points.last() {
            let items = if buckets == 1 { "item" } else { "items" };
            let _ = writeln!(
                svg,
                r#"<text x="{:.1}" y="{:.1}" fill="{color}">{buckets} {items}</text>"#,
                x + 8.0,
                y + 4.0
            );
        }
        svg
    }
}

const COLORS: [&str; 4] = ["#1f6feb", "#bf5600", "#1a7f37", "#8250df"];
const LEFT: f64 = 70.0;
const RIGHT: f64 = 560.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 380.0;
const FRAME: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 430" font-family="sans-serif" font-size="13">
<rect width="640" height="430" fill="white"/>
<text x="70" y="24">Placed each second (dashed: all that arrive; hollow: some told 503)</text>
<text x="315" y="422" text-anchor="middle">orders arriving each second</text>
"#;

/// Where `value` is, from 10 at the left to 10,000 at the right.
fn across(value: f64) -> f64 {
    LEFT + (RIGHT - LEFT) * (value.log10() - 1.0) / 3.0
}

/// Where `value` is, from 10 at the bottom to 10,000 at the top.
fn up(value: f64) -> f64 {
    BOTTOM - (BOTTOM - TOP) * (value.max(10.0).log10() - 1.0) / 3.0
}

impl Row {
    fn line(&self) -> String {
        let time = |time: Option<Duration>| {
            time.map_or_else(
                || "-".to_owned(),
                |time| format!("{} ms", grouped(time.as_millis())),
            )
        };
        format!(
            "| {} | {} | {} | {:.1} % | {:.1} | {:.1} % | {} | {} | {} |",
            self.load.buckets,
            grouped(self.load.rate),
            grouped(format_args!("{:.0}", self.placed_a_second)),
            self.retried * 100.0,
            self.tries,
            self.busy * 100.0,
            time(self.median),
            time(self.slowest_hundredth),
            grouped(self.throttled),
        )
    }
}

/// A number's digits, by threes.
fn grouped(number: impl std::fmt::Display) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
