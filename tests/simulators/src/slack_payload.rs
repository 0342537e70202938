//! Validates a webhook message against the rules of Slack's Block Kit that alerts depend on.

use serde_json::Value;

const MAX_BLOCKS: usize = 50;

/// Returns every rule that `payload` violates; empty if Slack would accept it.
pub fn block_kit_violations(payload: &Value) -> Vec<String> {
    let mut violations = Violations::default();
    if !payload.is_object() {
        return vec!["the payload is not an object".into()];
    }
    // Notifications and screen readers show the fallback text.
    match payload["text"].as_str() {
        Some(text) => violations.text("text", text, 40_000, true),
        None => violations.add("text", "is missing, and notifications show it"),
    }
    let Some(blocks) = payload["blocks"].as_array() else {
        violations.add("blocks", "is not an array");
        return violations.0;
    };
    violations.check(
        "blocks",
        (1..=MAX_BLOCKS).contains(&blocks.len()),
        "must have 1 to 50 blocks",
    );
    for (index, block) in blocks.iter().enumerate() {
        violations.block(&format!("blocks[{index}]"), block);
    }
    violations.0
}

#[derive(Default)]
struct Violations(Vec<String>);

impl Violations {
    fn add(&mut self, at: &str, what: &str) {
        self.0.push(format!("{at} {what}"));
    }

    fn check(&mut self, at: &str, is_satisfied: bool, what: &str) {
        if !is_satisfied {
            self.add(at, what);
        }
    }

    fn block(&mut self, at: &str, block: &Value) {
        match block["type"].as_str() {
            Some("header") => {
                let plain = block["text"]["type"] == "plain_text";
                self.check(at, plain, "must have a plain_text");
                self.object(&format!("{at}.text"), &block["text"], 150);
            }
            Some("section") => self.section(at, block),
            Some("context") => {
                let elements = array(block, "elements");
                self.check(
                    at,
                    (1..=10).contains(&elements.len()),
                    "must have 1 to 10 elements",
                );
                for (index, element) in elements.iter().enumerate() {
                    self.object(&format!("{at}.elements[{index}]"), element, 3000);
                }
            }
            Some("actions") => {
                let elements = array(block, "elements");
                self.check(
                    at,
                    (1..=25).contains(&elements.len()),
                    "must have 1 to 25 elements",
                );
                for (index, element) in elements.iter().enumerate() {
                    self.button(&format!("{at}.elements[{index}]"), element);
                }
            }
            Some("divider") => {}
            other => self.add(at, &format!("has a type that alerts do not use: {other:?}")),
        }
    }

    fn section(&mut self, at: &str, block: &Value) {
        let fields = array(block, "fields");
        self.check(
            at,
            block["text"].is_object() || !fields.is_empty(),
            "must have text or fields",
        );
        self.check(at, fields.len() <= 10, "must have at most 10 fields");
        if block["text"].is_object() {
            self.object(&format!("{at}.text"), &block["text"], 3000);
        }
        for (index, field) in fields.iter().enumerate() {
            self.object(&format!("{at}.fields[{index}]"), field, 2000);
        }
        if block["accessory"].is_object() {
            self.button(&format!("{at}.accessory"), &block["accessory"]);
        }
    }

    fn button(&mut self, at: &str, element: &Value) {
        self.check(at, element["type"] == "button", "must be a button");
        self.check(
            at,
            element["text"]["type"] == "plain_text",
            "must have a plain_text",
        );
        self.object(&format!("{at}.text"), &element["text"], 75);
        let url = element["url"].as_str().unwrap_or_default();
        let is_link = url.starts_with("http://") || url.starts_with("https://");
        self.check(
            at,
            is_link && url.len() <= 3000,
            "must have an http(s) URL of at most 3000 characters",
        );
    }

    fn object(&mut self, at: &str, object: &Value, max_chars: usize) {
        let is_mrkdwn = match object["type"].as_str() {
            Some("mrkdwn") => true,
            Some("plain_text") => false,
            _ => return self.add(at, "must be a mrkdwn or a plain_text"),
        };
        match object["text"].as_str() {
            Some(text) => self.text(at, text, max_chars, is_mrkdwn),
            None => self.add(at, "must have a text"),
        }
    }

    fn text(&mut self, at: &str, text: &str, max_chars: usize, is_mrkdwn: bool) {
        let length = text.chars().count();
        self.check(
            at,
            (1..=max_chars).contains(&length),
            &format!("must be 1 to {max_chars} characters, not {length}"),
        );
        if is_mrkdwn {
            self.check(at, is_escaped(text), "has an unescaped `&`, `<` or `>`");
        }
    }
}

fn array<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

/// Whether each `&` starts an entity and each `<...>` is a link or a mention.
fn is_escaped(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>']) {
        let (found, after) = rest.split_at(at).1.split_at(1);
        rest = match found {
            "&" => match ["amp;", "lt;", "gt;"]
                .iter()
                .find_map(|entity| after.strip_prefix(entity))
            {
                Some(after) => after,
                None => return false,
            },
            "<" => match after.split_once('>') {
                Some((link, after)) if is_link(link) => after,
                _ => return false,
            },
            // A `>` at the start of a line is a quote.
            _ if at == 0 || text[..text.len() - after.len() - 1].ends_with('\n') => after,
            _ => return false,
        };
    }
    true
}

fn is_link(inside: &str) -> bool {
    [
        "http://", "https://", "mailto:", "!date^", "!here", "!channel", "@", "#",
    ]
    .iter()
    .any(|start| inside.starts_with(start))
        && !inside.contains('<')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn alert() -> Value {
        json!({
            "text": "Low stock: milk at store-1",
            "blocks": [
                {"type": "header", "text": {"type": "plain_text", "text": "Low stock"}},
                {"type": "section", "text": {"type": "mrkdwn", "text": "*M&amp;M* at <https://stockline.dev/s|store-1>"}},
                {"type": "context", "elements": [{"type": "mrkdwn", "text": "3 left"}]},
            ],
        })
    }

    #[test]
    fn valid_alert_has_no_violations() {
        assert_eq!(block_kit_violations(&alert()), Vec::<String>::new());
    }

    #[test]
    fn unescaped_ampersand_or_bracket_is_a_violation() {
        for bare in ["M&M", "a < b", "a > b", "<script>"] {
            let mut payload = alert();
            payload["blocks"][1]["text"]["text"] = json!(bare);
            assert_eq!(block_kit_violations(&payload).len(), 1, "{bare}");
        }
    }

    #[test]
    fn violation_names_its_location() {
        let mut payload = alert();
        payload["blocks"][0]["text"]["text"] = json!("x".repeat(151));
        payload["text"] = Value::Null;
        let found = block_kit_violations(&payload);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[1].starts_with("blocks[0].text"), "{found:?}");
        assert_eq!(
            block_kit_violations(&json!({"text": "x", "blocks": []})).len(),
            1
        );
    }
}
