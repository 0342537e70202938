//! Find: the operations that look orders up by their ids, their reference or the time they were placed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;
use stockline_application::order_search::{OrderQuery, search_orders};
use stockline_application::ports::catalog::CatalogStore;
use stockline_application::ports::clock::Clock;
use stockline_application::ports::order_search::{OrderSearch, PlacedRange};
use stockline_application::ports::orders::OrderStore;
use stockline_domain::caller::Action;
use stockline_domain::ids::{LocationId, OrderId};
use stockline_domain::invalid::{Checks, Invalid};
use stockline_domain::order::Order;
use stockline_domain::reported_time::{self, CLOCK_TOLERANCE};
use stockline_platform::edge::{Call, Reply, listing};
use stockline_platform::problem::Problem;

use super::OrderIntake;

const ORDER_ID: &str = "order_id";
/// What narrows a search. A cursor is bound to their values.
const FILTERS: [&str; 5] = [
    "external_reference",
    "status",
    "channel",
    "placed_from",
    "placed_to",
];
const STATUSES: &str = "one of allocated, partially_fulfilled, fulfilled, canceled";
const CHANNELS: &str = "one of pos, online, click_and_collect";

impl<Orders, Catalog, Time> OrderIntake<Orders, Catalog, Time>
where
    Orders: OrderStore + OrderSearch,
    Catalog: CatalogStore,
    Time: Clock,
{
    pub(super) async fn find(&self, call: &Call) -> Result<Reply, Problem> {
        call.caller.may_somewhere(Action::ReadOrders)?;
        let ids: Vec<OrderId> = call.query_list(ORDER_ID, "the id of an order")?;
        if ids.is_empty() {
            self.search(call).await
        } else {
            self.find_by_ids(call, &ids).await
        }
    }

    /// Finds orders by id, in the order of `ids`. One that does not exist or that the caller cannot access is left out.
    async fn find_by_ids(&self, call: &Call, ids: &[OrderId]) -> Result<Reply, Problem> {
        let mut checks = Checks::new();
        for name in ["location_id", "cursor", "limit"]
            .into_iter()
            .chain(FILTERS)
        {
            let is_absent = call.query::<String>(name, "absent")?.is_none();
            checks.require(is_absent, name, "must not be given together with order_id");
        }
        checks.finish(())?;
        let found = self.orders.find_all(ids, call.deadline).await?;
        let mut found: BTreeMap<OrderId, Order> = found
            .into_iter()
            .filter(|order| {
                let allowed = call.caller.may_at(Action::ReadOrders, &order.location_id);
                allowed.is_ok()
            })
            .map(|order| (order.order_id, order))
            .collect();
        let orders: Vec<Order> = ids.iter().filter_map(|id| found.remove(id)).collect();
        listing("orders", &orders, None, &self.cursors, ORDER_ID)
    }

    async fn search(&self, call: &Call) -> Result<Reply, Problem> {
        let query = self.order_query(call)?;
        call.caller.may_at(Action::ReadOrders, &query.location)?;
        let mut list = format!("orders {}", query.location);
        for name in FILTERS {
            let value: Option<String> = call.query(name, "a filter")?;
            let _ = write!(list, " {value:?}");
        }
        let page = call.page(&self.cursors, &list)?;
        let is_first = page.after.is_none();
        let found = search_orders(&self.orders, &query, page, call.deadline).await?;
        // A caller with access to every location can name one that does not exist.
        let is_empty = is_first && found.items.is_empty() && found.next.is_none();
        if is_empty && self.locations.find(&query.location).await?.is_none() {
            return Err(Problem::not_found());
        }
        let next = found.next.as_ref();
        listing("orders", &found.items, next, &self.cursors, &list)
    }

    fn order_query(&self, call: &Call) -> Result<OrderQuery, Problem> {
        let location: Option<LocationId> = call.query("location_id", "the id of a location")?;
        let location = location.ok_or_else(|| {
            Invalid::field("location_id", "is required, unless order_id is given")
        })?;
        let external_reference: Option<String> = call.query("external_reference", "a reference")?;
        let (from, to) = (time(call, "placed_from")?, time(call, "placed_to")?);
        if from.is_none() && external_reference.is_none() {
            let detail = "is required, unless external_reference or order_id is given";
            return Err(Invalid::field("placed_from", detail).into());
        }
        let query = OrderQuery {
            location,
            external_reference,
            status: named(call, "status", STATUSES)?,
            channel: named(call, "channel", CHANNELS)?,
            placed: PlacedRange {
                from: from.unwrap_or(Timestamp::UNIX_EPOCH),
                to: to.unwrap_or_else(|| self.end_of_now()),
            },
        };
        query.check()?;
        Ok(query)
    }

    /// A time after every order that is placed by now, whichever instance of the function placed it.
    fn end_of_now(&self) -> Timestamp {
        let now = self.clock.now();
        now.saturating_add(CLOCK_TOLERANCE).unwrap_or(now)
    }
}

/// The time in query parameter `name`.
fn time(call: &Call, name: &str) -> Result<Option<Timestamp>, Problem> {
    let text: Option<String> = call.query(name, "a time")?;
    let time = text.map(|text| reported_time::parse(&text)).transpose();
    time.map_err(|invalid| Invalid::field(name, invalid.to_string()).into())
}

/// The value of query parameter `name` that bodies give by the same name. `expected` describes the allowed values.
fn named<T: DeserializeOwned>(
    call: &Call,
    name: &str,
    expected: &str,
) -> Result<Option<T>, Problem> {
    let text: Option<String> = call.query(name, expected)?;
    let value = text.map(|text| serde_json::from_value(Value::String(text)));
    let value = value.transpose();
    value.map_err(|_| Invalid::field(name, format!("must be {expected}")).into())
}
