//! What alerts look like in Slack (Block Kit).

use serde_json::{Value, json};
use stockline_application::ports::alerts::AlertMessage;
use stockline_domain::alert::{AlertKind, Severity, StockAlert};

/// How many alerts a digest names: a reader takes in no more, and Slack takes at most 50 blocks.
const NAMED: usize = 20;

/// One alert as a card, several as a digest, none as nothing.
pub fn message(alerts: &[&AlertMessage], dashboard_url: &str) -> Option<Value> {
    let link = context(&format!(
        "<{}|Open the dashboard>",
        link_target(dashboard_url)
    ));
    match alerts {
        [] => None,
        [alert] => Some(card(alert, &link)),
        _ => Some(digest(alerts, &link)),
    }
}

fn card(alert: &AlertMessage, link: &Value) -> Value {
    let data = &alert.data;
    let mark = emoji(data.severity);
    json!({
        "text": format!("{mark} {}", line(data)),
        "blocks": [
            header(&format!("{mark} {}", title(data.kind))),
            section(&format!("{}\n{}\n{}", place(data), numbers(data), moment(alert))),
            link,
        ],
    })
}

fn digest(alerts: &[&AlertMessage], link: &Value) -> Value {
    let mut by_gravity = alerts.to_vec();
    by_gravity.sort_by_key(|alert| std::cmp::Reverse((alert.data.severity, alert.data.kind)));
    let worst = by_gravity
        .first()
        .map_or(Severity::Info, |alert| alert.data.severity);
    let heading = format!("{} {} stock alerts", emoji(worst), alerts.len());
    let counts = counts(alerts);
    let mut blocks = vec![header(&heading), section(&counts)];
    blocks.extend(by_gravity.iter().take(NAMED).map(|alert| {
        section(&format!(
            "{} {}",
            emoji(alert.data.severity),
            line(&alert.data)
        ))
    }));
    if alerts.len() > NAMED {
        blocks.push(context(&format!("and {} more", alerts.len() - NAMED)));
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
        AlertKind::Short => "Short: less is there than is promised",
    }
}

fn line(alert: &StockAlert) -> String {
    format!(
        "*{}* · {} · {}",
        title(alert.kind),
        place(alert),
        numbers(alert)
    )
}

/// Names are set as code: whatever `_` and `*` they hold is then no markup.
fn place(alert: &StockAlert) -> String {
    format!(
        "`{}` at `{}`",
        escape(alert.sku.as_str()),
        escape(alert.location_id.as_str())
    )
}

fn numbers(alert: &StockAlert) -> String {
    let available = format!("{} available", alert.available);
    match alert.reorder_point {
        Some(line) => format!("{available}, reorder point {line}"),
        None => available,
    }
}

/// The moment in the reader's own time zone, which Slack knows; UTC where it does not.
fn moment(alert: &AlertMessage) -> String {
    let at = alert.occurred_at;
    format!(
        "<!date^{}^{{date_short_pretty}} {{time}}|{}>",
        at.as_second(),
        at.strftime("%Y-%m-%d %H:%M UTC")
    )
}

/// What stands for itself in mrkdwn.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// An address within `<...|...>`, whose own marks would end it early.
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
    fn what_would_be_markup_stands_for_itself() {
        assert_eq!(escape("<!channel> & co"), "&lt;!channel&gt; &amp; co");
        assert_eq!(
            link_target("https://x.test/?a=1&b=|>"),
            "https://x.test/?a=1&amp;b=%7C%3E"
        );
    }
}
