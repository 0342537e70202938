//! Formats alerts as Slack messages (Block Kit).

use serde_json::{Value, json};
use stockline_application::ports::alerts::{AlertFormat, AlertMessage};
use stockline_domain::alert::{AlertKind, Severity, StockAlert};

/// The most alerts that a digest lists, for readability. Slack accepts at most 50 blocks a message.
const MAX_LISTED: usize = 20;

/// Formats one alert as a card and several as a digest, each with a link to the dashboard.
pub struct SlackFormat {
    /// The URL of the dashboard.
    pub dashboard_url: String,
}

impl AlertFormat for SlackFormat {
    fn message(&self, alerts: &[&AlertMessage]) -> Value {
        let dashboard = link_target(&self.dashboard_url);
        let link = context(&format!("<{dashboard}|Open the dashboard>"));
        match alerts {
            [alert] => card(alert, &link),
            _ => digest(alerts, &link),
        }
    }
}

fn card(alert: &AlertMessage, link: &Value) -> Value {
    let data = &alert.data;
    let mark = emoji(data.severity);
    json!({
        "text": format!("{mark} {}", line(data)),
        "blocks": [
            header(&format!("{mark} {}", title(data.kind))),
            section(&format!("{}\n{}\n{}", sku_at_location(data), numbers(data), timestamp(alert))),
            link,
        ],
    })
}

fn digest(alerts: &[&AlertMessage], link: &Value) -> Value {
    let mut by_severity = alerts.to_vec();
    by_severity.sort_by_key(|alert| std::cmp::Reverse((alert.data.severity, alert.data.kind)));
    let worst = by_severity
        .first()
        .map_or(Severity::Info, |alert| alert.data.severity);
    let heading = format!("{} {} stock alerts", emoji(worst), alerts.len());
    let counts = counts(alerts);
    let mut blocks = vec![header(&heading), section(&counts)];
    blocks.extend(by_severity.iter().take(MAX_LISTED).map(|alert| {
        section(&format!(
            "{} {}",
            emoji(alert.data.severity),
            line(&alert.data)
        ))
    }));
    if alerts.len() > MAX_LISTED {
        blocks.push(context(&format!("and {} more", alerts.len() - MAX_LISTED)));
    }
    blocks.push(link.clone());
    json!({ "text": format!("{heading}: {counts}"), "blocks": blocks })
}

fn counts(alerts: &[&AlertMessage]) -> String {
    [
        (Severity::Critical, "critical"),
        (Severity::Warning, "low"),
        (Severity::Info, "recovered"),
    ]
    .into_iter()
    .filter_map(|(severity, name)| {
        let count = alerts
            .iter()
            .filter(|alert| alert.data.severity == severity)
            .count();
        (count > 0).then(|| format!("{} {count} {name}", emoji(severity)))
    })
    .collect::<Vec<_>>()
    .join("   ")
}

fn emoji(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "🔴",
        Severity::Warning => "🟠",
        Severity::Info => "🟢",
    }
}

fn title(kind: AlertKind) -> &'static str {
    match kind {
        AlertKind::Low => "Low stock",
        AlertKind::OutOfStock => "Out of stock",
        AlertKind::Recovered => "Back in stock",
        AlertKind::Short => "Short: less sellable stock than allocated",
    }
}

fn line(alert: &StockAlert) -> String {
    format!(
        "*{}* · {} · {}",
        title(alert.kind),
        sku_at_location(alert),
        numbers(alert)
    )
}

/// Ids are formatted as code, so that `_` and `*` in them are not parsed as markup.
fn sku_at_location(alert: &StockAlert) -> String {
    format!(
        "`{}` at `{}`",
        escape(alert.sku.as_str()),
        escape(alert.location_id.as_str())
    )
}

fn numbers(alert: &StockAlert) -> String {
    let available = format!("{} available", alert.available);
    match alert.reorder_point {
        Some(reorder_point) => format!("{available}, reorder point {reorder_point}"),
        None => available,
    }
}

/// The time of the alert as a Slack date token, which is shown in the reader's time zone; clients without support show UTC.
fn timestamp(alert: &AlertMessage) -> String {
    let at = alert.occurred_at;
    format!(
        "<!date^{}^{{date_short_pretty}} {{time}}|{}>",
        at.as_second(),
        at.strftime("%Y-%m-%d %H:%M UTC")
    )
}

/// Escapes the three control characters of mrkdwn.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Escapes a URL for use in `<url|text>`: `|`, `<` and `>` would end it.
fn link_target(url: &str) -> String {
    let url = url
        .replace('|', "%7C")
        .replace('<', "%3C")
        .replace('>', "%3E");
    escape(&url)
}

fn header(text: &str) -> Value {
    json!({"type": "header", "text": {"type": "plain_text", "text": text, "emoji": true}})
}

fn section(text: &str) -> Value {
    json!({"type": "section", "text": {"type": "mrkdwn", "text": text}})
}

fn context(text: &str) -> Value {
    json!({"type": "context", "elements": [{"type": "mrkdwn", "text": text}]})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_characters_are_escaped() {
        assert_eq!(escape("<!channel> & co"), "&lt;!channel&gt; &amp; co");
        assert_eq!(
            link_target("https://x.test/?a=1&b=|>"),
            "https://x.test/?a=1&amp;b=%7C%3E"
        );
    }
}
