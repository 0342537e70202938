//! The replenishment orders of a store, with the figures that each was decided on.

use maud::{Markup, html};
use stockline_application::location_cache::KnownLocation;
use stockline_application::overviews::{ReplenishmentOverview, list_replenishment};
use stockline_application::paging::Page as ListPage;
use stockline_domain::caller::Action;
use stockline_domain::ids::Sku;
use stockline_domain::replenishment::{ReplenishmentOrder, ReplenishmentState};
use stockline_platform::edge::PageReply;
use stockline_platform::problem::Problem;

use super::layout::{Page, Section, form_token, notice};
use super::{location, parts};
use crate::handler::{Dashboard, Ports, Visit};
use crate::pages::labels;
use crate::routes::{item_path, replenishment_path};
use crate::site::with_query;

/// How many orders a page lists.
const PAGE_SIZE: u8 = 50;

/// Shows the orders of one state; the open ones if none is given. `message` says why an order was not canceled.
pub async fn show<P: Ports>(
    dashboard: &Dashboard<P>,
    visit: Visit<'_>,
    store: &str,
    message: Option<&str>,
) -> Result<PageReply, Problem> {
    let place = location(dashboard, visit, Action::ManageReplenishment, store).await?;
    let id = &place.location.location_id;
    let request = visit.request;
    let state = request.query("state").and_then(|state| state.parse().ok());
    let state = state.unwrap_or(ReplenishmentState::Open);
    let list = format!("dashboard-replenishment/{id}/{state}");
    let cursor = request.query("cursor");
    let after = cursor.map(|cursor| dashboard.cursors.open(&list, cursor));
    let page = ListPage {
        limit: PAGE_SIZE,
        after: after.and_then(Result::ok),
    };
    let (stock, products) = (dashboard.ports.stock(), &dashboard.products);
    let overview = list_replenishment(stock, products, (id, state), page, request.deadline).await?;
    let path = address(id.as_str(), state, cursor);
    let next = overview.orders.next.as_ref();
    let next = next.map(|position| dashboard.cursors.seal(&list, position));
    let next = next.map(|cursor| address(id.as_str(), state, Some(&cursor)));
    let render = || Page {
        title: format!("Replenishment of {}", place.location.name),
        location: Some(place.clone()),
        section: Some(Section::Replenishment),
        live: None,
        main: html! {
            h1 { "Replenishment" }
            @match message {
                Some(message) => { p.notice.bad role="alert" { (message) } }
                None => { (notice(request.query("notice"))) }
            }
            (states(dashboard, id.as_str(), state))
            (orders(dashboard, visit, &place, &overview))
            (parts::next_page(next.map(|path| dashboard.site.path(&path)), "Next page"))
        },
    };
    if message.is_some() {
        let mut reply = dashboard.page(visit, 409, &render());
        "replenishment-order-received".clone_into(&mut reply.problem_type);
        return Ok(reply);
    }
    let content = (&place, &overview, &path);
    Ok(dashboard.live_page(visit, (&path, &content), render))
}

fn address(store: &str, state: ReplenishmentState, cursor: Option<&str>) -> String {
    let parameters = [
        ("state", state.as_str()),
        ("cursor", cursor.unwrap_or_default()),
    ];
    let given = parameters
        .into_iter()
        .filter(|(_, value)| !value.is_empty());
    with_query(&replenishment_path(store), given)
}

fn states<P: Ports>(dashboard: &Dashboard<P>, store: &str, current: ReplenishmentState) -> Markup {
    let names = ["Open", "Partly received", "Received", "Canceled"];
    let links: Vec<_> = ReplenishmentState::ALL
        .into_iter()
        .zip(names)
        .map(|(state, name)| {
            let target = address(store, state, None);
            (dashboard.site.path(&target), name, state == current)
        })
        .collect();
    html! { div.tools { (parts::choices("State", &links)) } }
}

fn orders<P: Ports>(
    dashboard: &Dashboard<P>,
    visit: Visit<'_>,
    place: &KnownLocation,
    overview: &ReplenishmentOverview,
) -> Markup {
    let orders = &overview.orders.items;
    html! {
        @if orders.is_empty() {
            p.empty { "No orders." }
        } @else {
            table.list role="table" {
                (parts::head(&["Product", "#Ordered", "#Expected", "Placed", "Why", ""]))
                tbody role="rowgroup" {
                    @for order in orders {
                        @let path = item_path(order.location_id.as_str(), order.sku.as_str());
                        tr role="row" {
                            th scope="row" role="rowheader" {
                                a href=(dashboard.site.path(&path)) { (name(overview, &order.sku)) }
                                " " span.sku { (order.sku) }
                            }
                            (parts::number("Ordered", &labels::quantity(order.quantity)))
                            (parts::number("Expected", &labels::quantity(order.expected())))
                            (parts::cell("Placed", &parts::time(order.placed_at, &place.time_zone)))
                            (parts::cell("Why", &reasons(order)))
                            td.actions role="cell" {
                                @if order.state.is_open() { (cancel(dashboard, visit, (order, name(overview, &order.sku)))) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The decision in numbers.
fn reasons(order: &ReplenishmentOrder) -> Markup {
    let reasons = &order.reasons;
    let quantity = labels::quantity;
    html! {
        span.why {
            (quantity(reasons.available)) " available + " (quantity(reasons.incoming)) " incoming ≤ reorder point "
            (quantity(reasons.reorder_point)) "; up to " (quantity(reasons.target_level)) " takes " (quantity(reasons.rounded_from))
            @if reasons.rounded_from != order.quantity {
                ", in multiples of " (quantity(reasons.order_multiple)) ": " (quantity(order.quantity))
            }
        }
    }
}

/// A button behind a second one, so that no order is canceled by one click.
fn cancel<P: Ports>(
    dashboard: &Dashboard<P>,
    visit: Visit<'_>,
    (order, name): (&ReplenishmentOrder, &str),
) -> Markup {
    let path = format!(
        "{}/{}/cancel",
        replenishment_path(order.location_id.as_str()),
        order.replenishment_order_id
    );
    html! {
        details {
            summary { "Cancel…" }
            form method="post" action=(dashboard.site.path(&path)) {
                (form_token(dashboard, visit.session))
                button.danger type="submit" { "Cancel " (labels::quantity(order.expected())) " × " (name) }
            }
        }
    }
}

fn name<'a>(overview: &'a ReplenishmentOverview, sku: &'a Sku) -> &'a str {
    let product = overview.products.get(sku);
    product.map_or(sku.as_str(), |product| product.name.as_str())
}
