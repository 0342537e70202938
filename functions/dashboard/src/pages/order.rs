//! One order and its life: lines, fulfilments and refunds.

use maud::{Markup, html};
use stockline_application::location_cache::KnownLocation;
use stockline_application::overviews::{OrderOverview, read_order};
use stockline_domain::caller::Action;
use stockline_domain::ids::Sku;
use stockline_platform::edge::PageReply;
use stockline_platform::problem::Problem;

use super::layout::{Page, Section};
use super::orders::status_badge;
use super::{location, parts};
use crate::handler::{Dashboard, Ports, Visit};
use crate::pages::labels;
use crate::routes::{item_path, order_path, orders_path};
use crate::site::with_query;

/// Shows an order.
pub async fn show<P: Ports>(
    dashboard: &Dashboard<P>,
    visit: Visit<'_>,
    id: &str,
) -> Result<PageReply, Problem> {
    let caller = &visit.session.caller;
    caller.may(Action::ReadOrders)?;
    let order = id.parse().map_err(|_| Problem::not_found())?;
    let ports = &dashboard.ports;
    let deadline = visit.request.deadline;
    let overview = read_order(
        ports.orders(),
        &dashboard.products,
        (caller, order),
        deadline,
    )
    .await?;
    let overview = overview.ok_or_else(Problem::not_found)?;
    let store = overview.stored.order.location_id.as_str();
    let place = location(dashboard, visit, Action::ReadOrders, store).await?;
    let path = order_path(&order.to_string());
    let content = (&place, &overview);
    Ok(dashboard.live_page(visit, (&path, &content), || Page {
        title: format!("Order {}", &order.to_string()[..8]),
        location: Some(place.clone()),
        section: Some(Section::Orders),
        live: None,
        main: render(dashboard, &place, &overview),
    }))
}

fn render<P: Ports>(
    dashboard: &Dashboard<P>,
    place: &KnownLocation,
    overview: &OrderOverview,
) -> Markup {
    let site = &dashboard.site;
    let order = &overview.stored.order;
    let store = order.location_id.as_str();
    let date = order.business_date.to_string();
    let day = with_query(&orders_path(store), [("date", date.as_str())]);
    let time = |at| labels::time(at, &place.time_zone);
    html! {
        p.crumb { a href=(site.path(&day)) { "Orders of " (date) } }
        div.title {
            h1 { "Order " (order.order_id.to_string()[..8]) }
            (status_badge(order.status))
        }
        dl.facts {
            div { dt { "Order id" } dd { code { (order.order_id) } } }
            div { dt { "Sold" } dd { (time(order.sold_at)) } }
            div { dt { "Channel" } dd { (labels::channel(order.channel)) } }
            @if let Some(reference) = &order.external_reference { div { dt { "Reference" } dd { (reference) } } }
            @if let Some(at) = order.canceled_at { div { dt { "Canceled" } dd { (time(at)) } } }
            div { dt { "Total" } dd { b { (order.total) } } }
        }
        section aria-labelledby="lines" {
            h2 #lines { "Lines" }
            (lines(dashboard, overview))
        }
        (life(place, overview))
    }
}

fn lines<P: Ports>(dashboard: &Dashboard<P>, overview: &OrderOverview) -> Markup {
    let order = &overview.stored.order;
    let columns = [
        "Product",
        "#Ordered",
        "#Open",
        "#Fulfilled",
        "#Canceled",
        "#Returned",
        "#Price",
        "#Total",
    ];
    html! {
        table.list role="table" {
            (parts::head(&columns))
            tbody role="rowgroup" {
                @for line in &order.lines {
                    @let path = item_path(order.location_id.as_str(), line.sku.as_str());
                    tr role="row" {
                        th scope="row" role="rowheader" {
                            a href=(dashboard.site.path(&path)) { (name(overview, &line.sku)) }
                            " " span.sku { (line.sku) }
                        }
                        (parts::number("Ordered", &labels::quantity(line.quantity)))
                        (parts::number("Open", &labels::quantity(line.open_quantity())))
                        (parts::number("Fulfilled", &labels::quantity(line.fulfilled_quantity)))
                        (parts::number("Canceled", &labels::quantity(line.canceled_quantity)))
                        (parts::number("Returned", &labels::quantity(line.returned_quantity)))
                        (parts::number("Price", &line.unit_price.to_string()))
                        (parts::number("Total", &line.total.to_string()))
                    }
                }
            }
        }
    }
}

fn life(place: &KnownLocation, overview: &OrderOverview) -> Markup {
    let time = |at| labels::time(at, &place.time_zone);
    let stored = &overview.stored;
    html! {
        @if !stored.fulfilments.is_empty() {
            section aria-labelledby="fulfilments" {
                h2 #fulfilments { "Fulfilments" }
                ul.life {
                    @for (fulfilment, _) in &stored.fulfilments {
                        li {
                            b { (time(fulfilment.fulfilled_at)) } ": "
                            @for (index, line) in fulfilment.lines.iter().enumerate() {
                                @if index > 0 { ", " }
                                (labels::quantity(line.quantity)) " × " (name(overview, &line.sku))
                            }
                        }
                    }
                }
            }
        }
        @if !stored.refunds.is_empty() {
            section aria-labelledby="refunds" {
                h2 #refunds { "Refunds" }
                ul.life {
                    @for (refund, _) in &stored.refunds {
                        li {
                            b { (time(refund.refunded_at)) } ", " (refund.total) ", “" (refund.reason) "”: "
                            @for (index, line) in refund.lines.iter().enumerate() {
                                @if index > 0 { ", " }
                                (labels::quantity(line.quantity)) " × " (name(overview, &line.sku))
                                @if line.restock { " back to stock" }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn name<'a>(overview: &'a OrderOverview, sku: &'a Sku) -> &'a str {
    let product = overview.products.get(sku);
    product.map_or(sku.as_str(), |product| product.name.as_str())
}
