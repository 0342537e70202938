//! Why a level has its quantities: the last count, what moved since, and who holds what.

use maud::{Markup, html};
use stockline_application::location_cache::KnownLocation;
use stockline_domain::explanation::Explanation;

use crate::handler::{Dashboard, Ports};
use crate::pages::labels;
use crate::routes::order_path;

/// The most orders that are listed. The page must stay small.
const MAX_ORDERS: usize = 10;

/// Renders an explanation.
pub fn render<P: Ports>(
    dashboard: &Dashboard<P>,
    place: &KnownLocation,
    explanation: &Explanation,
) -> Markup {
    let holders = &explanation.holders;
    let others = holders.orders.len().saturating_sub(MAX_ORDERS);
    html! {
        section.explanation aria-labelledby="explanation" {
            h2 #explanation { "Why these quantities" }
            ol.steps {
                li {
                    @match &explanation.last_count {
                        Some(count) => {
                            "Counted on " (labels::time(count.counted_at, &place.time_zone)) ": "
                            b { (labels::quantity(count.on_hand)) } " on hand"
                            @if count.on_hand_delta != 0 { " (" (labels::change(count.on_hand_delta)) " against the records)" }
                        }
                        None if explanation.reaches_back => { "Never counted: began with 0." }
                        None => {
                            "Before the movements that are known: "
                            b { (labels::quantity(explanation.before.on_hand)) } " on hand"
                        }
                    }
                }
                @for total in &explanation.movements {
                    li {
                        b { (labels::change(total.on_hand_delta)) } " on hand"
                        @if total.allocated_delta != 0 { ", " b { (labels::change(total.allocated_delta)) } " allocated" }
                        " by " (total.count) " × " (labels::words(&total.kind).to_lowercase())
                    }
                }
            }
            @if !holders.orders.is_empty() {
                p {
                    "Held by open orders: "
                    @for (index, order) in holders.orders.iter().take(MAX_ORDERS).enumerate() {
                        @if index > 0 { ", " }
                        @let id = order.order_id.to_string();
                        a href=(dashboard.site.path(&order_path(&id))) { (id[..8]) }
                        " (" (labels::quantity(order.lines.iter().map(|line| line.open_quantity).sum())) ")"
                    }
                    @if others > 0 { " and " (others) " more" } @else if holders.more { " and others" }
                    "."
                }
            }
            @if !explanation.differences.is_empty() {
                p.notice.warn {
                    "The records of this item do not add up. Count it; the nightly audit reports the difference to the operators."
                }
            }
        }
    }
}
