//! Parts that several pages use: badges, bars, tables and pages of lists.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use stockline_domain::level::Level;

use crate::pages::labels;

/// The width of a bar, in its own units.
const BAR: i64 = 1000;

/// How wide a bar is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BarSize {
    /// In a cell of a table.
    Cell,
    /// As wide as the page.
    Page,
}

/// The badge of a level that needs attention.
pub fn condition_badge(level: &Level) -> Markup {
    html! {
        @match labels::condition(level) {
            Some((class, text)) => { span.badge.(class) { (text) } }
            None if level.policy.is_none() => { span.badge { "No policy" } }
            None => { span.badge.good { "OK" } }
        }
    }
}

/// A bar of the available quantity on the way to the target level, with a mark at the reorder point. The figures beside it say
/// the same in text.
pub fn level_bar(level: &Level, size: BarSize) -> Markup {
    let Some(policy) = &level.policy else {
        return Markup::default();
    };
    let full = policy.target_level.max(level.available()).max(1);
    let position = |quantity: i64| quantity.clamp(0, full) * BAR / full;
    let class = labels::condition(level).map_or("good", |(class, _)| class);
    let (available, mark) = (position(level.available()), position(policy.reorder_point));
    let mark_width = match size {
        BarSize::Cell => 12,
        BarSize::Page => 2,
    };
    html! {
        svg.bar-chart viewBox={"0 0 " (BAR) " 8"} preserveAspectRatio="none" aria-hidden="true" focusable="false" {
            rect.ground width=(BAR) height="8" rx="1" {}
            rect.(class) width=(available) height="8" rx="1" {}
            rect.mark x=(mark.min(BAR - mark_width)) width=(mark_width) height="8" {}
        }
    }
}

/// A time in the time zone of the store.
pub fn time(at: Timestamp, zone: &TimeZone) -> Markup {
    html! { time datetime=(at) { (labels::time(at, zone)) } }
}

/// A cell of a table. On a narrow screen the row is a card, and the cell shows `label` beside its content.
pub fn cell(label: &str, content: &Markup) -> Markup {
    html! { td role="cell" data-label=(label) { (content) } }
}

/// A cell with a number.
pub fn number(label: &str, text: &str) -> Markup {
    html! { td.number role="cell" data-label=(label) { (text) } }
}

/// The head of a table. A column whose name starts with `#` holds numbers.
pub fn head(columns: &[&str]) -> Markup {
    html! {
        thead role="rowgroup" {
            tr role="row" {
                @for column in columns {
                    @match column.strip_prefix('#') {
                        Some(name) => { th.number scope="col" role="columnheader" { (name) } }
                        None => { th scope="col" role="columnheader" { (column) } }
                    }
                }
            }
        }
    }
}

/// A list of links of which one is the present choice.
pub fn choices(label: &str, links: &[(String, &str, bool)]) -> Markup {
    html! {
        nav.choices aria-label=(label) {
            @for (target, name, is_current) in links {
                a href=(target) aria-current=[is_current.then_some("true")] { (name) }
            }
        }
    }
}

/// The link to the next page of a list.
pub fn next_page(target: Option<String>, label: &str) -> Markup {
    html! {
        @if let Some(target) = target {
            p.next { a.button href=(target) rel="next" { (label) } }
        }
    }
}
