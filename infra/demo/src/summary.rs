//! What the day came to: for people on the terminal, for programs in `target/demo/summary.json`.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use super::audit::Finding;
use super::money::{grouped, written};

/// The day in figures.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// Orders that were placed.
    pub orders_placed: u64,
    /// Orders that were refused because something was short.
    pub orders_short: u64,
    /// Answers that were those of an earlier request.
    pub replays: u64,
    /// Lines of the placed orders.
    pub lines: u64,
    /// What the placed orders come to, in cents.
    pub net_minor: i64,
    /// Movements in the ledger.
    pub movements: u64,
    /// Alerts that were sent.
    pub alerts: u64,
    /// Messages that Slack would have shown.
    pub slack_messages: u64,
    /// Tasks that were planned.
    pub tasks_created: u64,
    /// Tasks that were completed.
    pub tasks_completed: u64,
    /// Exported lines.
    pub exported_lines: u64,
    /// What they come to, in cents.
    pub exported_net_minor: i64,
    /// How long the day took, from the first call to the audit.
    pub seconds: u64,
    /// Invariant -> whether it holds.
    pub invariants: BTreeMap<&'static str, bool>,
}

/// A length as the summary counts.
pub fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

impl Summary {
    /// The page that ends the demo; `day` says which day it was, `troubles` what else is not as it should be.
    pub fn page(&self, day: &str, findings: &[Finding], troubles: &[String]) -> String {
        let figure = |number: u64| grouped(i64::try_from(number).unwrap_or(i64::MAX));
        let mut page = String::new();
        let mut line = |name: &str, text: String| {
            let _ = writeln!(page, "  {name:<12}{text}");
        };
        line("Day", day.to_owned());
        line(
            "Orders",
            format!(
                "{} placed, {} short, {} replayed",
                figure(self.orders_placed),
                figure(self.orders_short),
                figure(self.replays)
            ),
        );
        line(
            "Sales",
            format!("{} lines, {}", figure(self.lines), written(self.net_minor)),
        );
        line(
            "Stock",
            format!(
                "{} movements; {} alerts in {} Slack messages",
                figure(self.movements),
                figure(self.alerts),
                figure(self.slack_messages)
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
                written(self.exported_net_minor)
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
                finding.says,
                figure(count(finding.cases))
            );
            if !finding.holds() {
                for case in finding.told() {
                    let _ = writeln!(page, "              {case}");
                }
            }
        }
        for trouble in troubles {
            let _ = writeln!(page, "    WRONG   {trouble}");
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_has_exactly_the_promised_fields() {
        let summary = Summary {
            orders_placed: 1,
            orders_short: 0,
            replays: 0,
            lines: 2,
            net_minor: 3,
            movements: 4,
            alerts: 5,
            slack_messages: 6,
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
        let mut promised = [
            "orders_placed",
            "orders_short",
            "replays",
            "lines",
            "net_minor",
            "movements",
            "alerts",
            "slack_messages",
            "tasks_created",
            "tasks_completed",
            "exported_lines",
            "exported_net_minor",
            "seconds",
            "invariants",
        ];
        promised.sort_unstable();
        let mut names = names;
        names.sort_unstable();
        assert_eq!(names, promised);
        assert_eq!(json["invariants"]["never_negative"], true);
    }
}
