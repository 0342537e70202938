//! Read and list: the operations that change no order.

use jiff::civil::Date;
use serde::Serialize;
use stockline_application::order_history::{self, RECENT};
use stockline_application::paging::Position;
use stockline_application::ports::catalog::CatalogStore;
use stockline_application::ports::clock::Clock;
use stockline_application::ports::order_search::OrderSearch;
use stockline_application::ports::orders::OrderStore;
use stockline_domain::caller::Action;
use stockline_domain::ids::LocationId;
use stockline_domain::invalid::Invalid;
use stockline_domain::order::{Fulfilment, Order, Refund};
use stockline_platform::edge::{Call, Reply, listing};
use stockline_platform::problem::Problem;

use super::OrderIntake;

/// The body of `GET /v1/orders/{order_id}`: the order, why it was canceled, and its newest fulfilments by people and refunds.
/// List entries have only the order.
#[derive(Serialize)]
struct OrderWithHistory<'a> {
    #[serde(flatten)]
    order: &'a Order,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancellation_reason: Option<&'a str>,
    fulfilments: Vec<&'a Fulfilment>,
    /// Where `GET .../fulfilments` continues; none if all are shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    fulfilments_next_cursor: Option<String>,
    refunds: Vec<&'a Refund>,
    /// Where `GET .../refunds` continues; none if all are shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    refunds_next_cursor: Option<String>,
}

impl<Orders, Catalog, Time> OrderIntake<Orders, Catalog, Time>
where
    Orders: OrderStore + OrderSearch,
    Catalog: CatalogStore,
    Time: Clock,
{
    pub(super) async fn read(&self, call: &Call) -> Result<Reply, Problem> {
        let stored = self.visible_order(call, Action::ReadOrders).await?;
        let order = &stored.order;
        let cancellation = stored.cancellation.as_ref();
        let fulfilments = order_history::fulfilments(&stored, &RECENT);
        let refunds = order_history::refunds(&stored, &RECENT);
        let cursor = |records: &str, position: &Position| {
            let list = format!("{records} {}", order.order_id);
            self.cursors.seal(&list, position)
        };
        Reply::ok(&OrderWithHistory {
            order,
            cancellation_reason: cancellation.and_then(|(made, _)| made.reason.as_deref()),
            fulfilments: fulfilments.items,
            fulfilments_next_cursor: fulfilments.next.map(|next| cursor("fulfilments", &next)),
            refunds: refunds.items,
            refunds_next_cursor: refunds.next.map(|next| cursor("refunds", &next)),
        })
    }

    pub(super) async fn refunds(&self, call: &Call) -> Result<Reply, Problem> {
        let stored = self.visible_order(call, Action::ReadOrders).await?;
        let list = format!("refunds {}", stored.order.order_id);
        let page = call.page(&self.cursors, &list)?;
        let found = order_history::refunds(&stored, &page);
        let next = found.next.as_ref();
        listing("refunds", &found.items, next, &self.cursors, &list)
    }

    pub(super) async fn fulfilments(&self, call: &Call) -> Result<Reply, Problem> {
        let stored = self.visible_order(call, Action::ReadOrders).await?;
        let list = format!("fulfilments {}", stored.order.order_id);
        let page = call.page(&self.cursors, &list)?;
        let found = order_history::fulfilments(&stored, &page);
        let next = found.next.as_ref();
        listing("fulfilments", &found.items, next, &self.cursors, &list)
    }

    pub(super) async fn list(&self, call: &Call) -> Result<Reply, Problem> {
        let location: LocationId = call.path("location_id")?;
        call.caller.may_at(Action::ReadOrders, &location)?;
        let expected = "a date, such as 2026-03-01";
        let date_text: String = call
            .query("business_date", expected)?
            .ok_or_else(|| Invalid::field("business_date", format!("is required: {expected}")))?;
        // Accept dates only: a timestamp would be converted to a date in another time zone.
        let business_date = date_text
            .parse()
            .ok()
            .filter(|date: &Date| date.to_string() == date_text)
            .ok_or_else(|| Invalid::field("business_date", format!("must be {expected}")))?;
        let list = format!("orders {location} {business_date}");
        let page = call.page(&self.cursors, &list)?;
        let orders = self.orders.list(&location, business_date, page).await?;
        // A caller with access to every location can name one that does not exist.
        if orders.items.is_empty() && self.locations.find(&location).await?.is_none() {
            return Err(Problem::not_found());
        }
        listing(
            "orders",
            &orders.items,
            orders.next.as_ref(),
            &self.cursors,
            &list,
        )
    }
}
