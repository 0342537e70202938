//! The orders of a store on one business date.

use jiff::ToSpan;
use jiff::civil::Date;
use maud::{Markup, html};
use stockline_application::location_cache::KnownLocation;
use stockline_application::paging::{Listing, Page as ListPage};
use stockline_application::ports::orders::OrderStore;
use stockline_domain::caller::Action;
use stockline_domain::invalid::Invalid;
use stockline_domain::order::{Order, OrderStatus};
use stockline_platform::edge::PageReply;
use stockline_platform::problem::Problem;

use super::layout::{Page, Section};
use super::{location, parts};
use crate::handler::{Dashboard, Ports, Visit};
use crate::pages::labels;
use crate::routes::{order_path, orders_path};
use crate::site::with_query;

/// How many orders a page lists.
const PAGE_SIZE: u8 = 50;

/// Shows the orders of a day; of the present business date if none is given.
pub async fn show<P: Ports>(
    dashboard: &Dashboard<P>,
    visit: Visit<'_>,
    store: &str,
) -> Result<PageReply, Problem> {
    let place = location(dashboard, visit, Action::ReadOrders, store).await?;
    let id = &place.location.location_id;
    let request = visit.request;
    let given = request.query("date").filter(|date| !date.is_empty());
    let date: Date = match given {
        Some(date) => date
            .parse()
            .map_err(|_| Invalid::field("date", "must be a date, such as 2026-03-01"))?,
        None => place.business_date(visit.now),
    };
    let list = format!("dashboard-orders/{id}/{date}");
    let cursor = request.query("cursor");
    let after = cursor.map(|cursor| dashboard.cursors.open(&list, cursor));
    let page = ListPage {
        limit: PAGE_SIZE,
        after: after.and_then(Result::ok),
    };
    let orders = dashboard.ports.orders().list(id, date, page).await?;
    let path = address(id.as_str(), date, cursor);
    let next = orders.next.as_ref();
    let next = next.map(|position| dashboard.cursors.seal(&list, position));
    let next = next.map(|cursor| address(id.as_str(), date, Some(&cursor)));
    let content = (&place, &orders, &path);
    Ok(dashboard.live_page(visit, (&path, &content), || Page {
        title: format!("Orders of {}", place.location.name),
        location: Some(place.clone()),
        section: Some(Section::Orders),
        live: None,
        main: render(dashboard, &place, date, (&orders, next)),
    }))
}

fn address(store: &str, date: Date, cursor: Option<&str>) -> String {
    let date = date.to_string();
    let parameters = [
        ("date", date.as_str()),
        ("cursor", cursor.unwrap_or_default()),
    ];
    let given = parameters
        .into_iter()
        .filter(|(_, value)| !value.is_empty());
    with_query(&orders_path(store), given)
}

/// The badge of the status of an order.
pub fn status_badge(status: OrderStatus) -> Markup {
    let class = match status {
        OrderStatus::Allocated => "warn",
        OrderStatus::PartiallyFulfilled => "info",
        OrderStatus::Fulfilled => "good",
        OrderStatus::Canceled => "off",
    };
    html! { span.badge.(class) { (labels::words(&status)) } }
}

fn render<P: Ports>(
    dashboard: &Dashboard<P>,
    place: &KnownLocation,
    date: Date,
    (orders, next): (&Listing<Order>, Option<String>),
) -> Markup {
    let site = &dashboard.site;
    let store = place.location.location_id.as_str();
    let day = |days: i64| {
        let day = date.saturating_add(days.days());
        site.path(&address(store, day, None))
    };
    html! {
        h1 { "Orders" }
        div.tools {
            form.search method="get" action=(site.path(&orders_path(store))) {
                label for="date" { "Business date" }
                input #date type="date" name="date" value=(date) required;
                button type="submit" { "Show" }
            }
            nav.choices aria-label="Days" {
                a href=(day(-1)) rel="prev" { "Day before" }
                a href=(day(1)) rel="next" { "Day after" }
            }
        }
        @if orders.items.is_empty() {
            p.empty { "No orders on this day." }
        } @else {
            table.list role="table" {
                (parts::head(&["Order", "Sold", "Channel", "#Pieces", "#Total", "State"]))
                tbody role="rowgroup" {
                    @for order in &orders.items {
                        @let id = order.order_id.to_string();
                        @let pieces = order.lines.iter().map(|line| line.quantity).sum();
                        tr role="row" {
                            th scope="row" role="rowheader" {
                                a href=(site.path(&order_path(&id))) { (id[..8]) }
                                @if let Some(reference) = &order.external_reference { " " span.sku { (reference) } }
                            }
                            (parts::cell("Sold", &parts::time(order.sold_at, &place.time_zone)))
                            (parts::cell("Channel", &html! { (labels::channel(order.channel)) }))
                            (parts::number("Pieces", &labels::quantity(pieces)))
                            (parts::number("Total", &order.total.to_string()))
                            (parts::cell("State", &status_badge(order.status)))
                        }
                    }
                }
            }
        }
        (parts::next_page(next.map(|path| site.path(&path)), "Later orders"))
    }
}
