//! The summary of the day, for the terminal and for `target/demo/summary.json`.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use super::audit::Finding;
use super::money::{dollars, grouped};

/// The figures of the day. Its field names are those of `summary.json`.
#[derive(Debug, Serialize)]
pub struct Summary {
    pub orders_placed: u64,
    /// Orders that were rejected for short stock.
    pub orders_short: u64,
    pub replays: u64,
    /// Lines of the placed orders.
    pub lines: u64,
    /// Total of the placed orders, in cents.
    pub net_minor: i64,
    /// Movements in the ledger.
    pub movements: u64,
    pub alerts: u64,
    /// Messages in the Slack simulator.
    pub slack_messages: u64,
    /// Replenishment orders that the alerts placed.
    pub replenishment_orders: u64,
    /// Shipments of the stores' online orders.
    pub shipments: u64,
    /// Their weight.
    pub shipped_grams: i64,
    pub tasks_created: u64,
    pub tasks_completed: u64,
    /// Exported lines.
    pub exported_lines: u64,
    /// Total of the exported lines, in cents.
    pub exported_net_minor: i64,
    /// Duration from the first call to the audit.
    pub seconds: u64,
    /// Invariant -> whether it holds.
    pub invariants: BTreeMap<&'static str, bool>,
}

/// Converts a length to the type of the summary.
pub fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

impl Summary {
    /// The text at the end of the demo. `day` describes the day; `problems` are those beside broken invariants.
    pub fn page(&self, day: &str, findings: &[Finding], problems: &[String]) -> String {
        let figure = |number: u64| grouped(i64::try_from(number).unwrap_or(i64::MAX));
        let mut page = String::new();
        let mut line = |name: &str, text: String| {
            let _ = writeln!(page, "  {name:<12}{text}");
        };
        line("Day", day.to_owned());
        line(
            "Orders",
            format!(
                "{} placed, {} rejected for short stock, {} replayed",
                figure(self.orders_placed),
                figure(self.orders_short),
                figure(self.replays)
            ),
        );
        line(
            "Sales",
            format!("{} lines, {}", figure(self.lines), dollars(self.net_minor)),
        );
        line(
            "Stock",
            format!(
                "{} movements; {} alerts in {} Slack messages; {} replenishment orders",
                figure(self.movements),
                figure(self.alerts),
                figure(self.slack_messages),
                figure(self.replenishment_orders)
            ),
        );
        line(
            "Shipments",
            format!(
                "{}, {} kg",
                figure(self.shipments),
                grouped(self.shipped_grams / 1000)
            ),
        );
        line(
            "Warehouse",
            format!(
                "{} tasks, {} completed",
                figure(self.tasks_created),
                figure(self.tasks_completed)
            ),
        );
        line(
            "Export",
            format!(
                "{} lines, {}",
                figure(self.exported_lines),
                dollars(self.exported_net_minor)
            ),
        );
        line("Time", format!("{} s", self.seconds));
        let _ = writeln!(
            page,
            "\n  Invariants, recomputed from the raw tables and the Parquet files"
        );
        for finding in findings {
            let mark = if finding.holds() { "ok    " } else { "BROKEN" };
            let _ = writeln!(
                page,
                "    {mark}  {:<26}{} ({} checks)",
                finding.name,
                finding.description,
                figure(count(finding.cases))
            );
            if !finding.holds() {
                for case in finding.shown_cases() {
                    let _ = writeln!(page, "              {case}");
                }
            }
        }
        for problem in problems {
            let _ = writeln!(page, "    WRONG   {problem}");
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_the_documented_fields() {
        let summary = Summary {
            orders_placed: 1,
            orders_short: 0,
            replays: 0,
            lines: 2,
            net_minor: 3,
            movements: 4,
            alerts: 5,
            slack_messages: 6,
            replenishment_orders: 5,
            shipments: 2,
            shipped_grams: 1500,
            tasks_created: 7,
            tasks_completed: 7,
            exported_lines: 2,
            exported_net_minor: 3,
            seconds: 8,
            invariants: BTreeMap::from([("never_negative", true)]),
        };
        let json = serde_json::to_value(&summary).unwrap();
        let names: Vec<&str> = json
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let mut documented = [
            "orders_placed",
            "orders_short",
            "replays",
            "lines",
            "net_minor",
            "movements",
            "alerts",
            "slack_messages",
            "replenishment_orders",
            "shipments",
            "shipped_grams",
            "tasks_created",
            "tasks_completed",
            "exported_lines",
            "exported_net_minor",
            "seconds",
            "invariants",
        ];
        documented.sort_unstable();
        let mut names = names;
        names.sort_unstable();
        assert_eq!(names, documented);
        assert_eq!(json["invariants"]["never_negative"], true);
    }
}
