//! The stock of a store: a list of levels that can be searched and filtered.

use maud::{Markup, html};
use stockline_application::location_cache::KnownLocation;
use stockline_application::overviews::{
    FoundStock, StockFilter, StockRow, StockSearch, search_stock,
};
use stockline_domain::caller::Action;
use stockline_domain::invalid::Invalid;
use stockline_platform::edge::PageReply;
use stockline_platform::problem::Problem;

use super::layout::{Page, Section};
use super::{location, parts};
use crate::handler::{Dashboard, Ports, Visit};
use crate::pages::labels;
use crate::routes::{item_path, stock_path};
use crate::site::with_query;

/// The filters: their names in the address, and on the page.
const FILTERS: [(StockFilter, &str, &str); 4] = [
    (StockFilter::All, "", "All"),
    (StockFilter::Low, "low", "Low"),
    (StockFilter::Out, "out", "Out"),
    (StockFilter::Short, "short", "Short"),
];

/// The longest search text, in characters.
const MAX_TEXT: usize = 100;

/// What is searched.
struct Query<'a> {
    filter: StockFilter,
    text: &'a str,
}

/// Shows the levels of a store.
pub async fn show<P: Ports>(
    dashboard: &Dashboard<P>,
    visit: Visit<'_>,
    store: &str,
) -> Result<PageReply, Problem> {
    let place = location(dashboard, visit, Action::ReadStock, store).await?;
    let id = &place.location.location_id;
    let request = visit.request;
    let text = request.query("q").unwrap_or_default().trim();
    if text.chars().count() > MAX_TEXT {
        let rule = format!("must be at most {MAX_TEXT} characters");
        return Err(Invalid::field("q", rule).into());
    }
    let name = request.query("filter").unwrap_or_default();
    let filter = FILTERS.iter().find(|(_, known, _)| *known == name);
    let (filter, ..) = *filter.unwrap_or(&FILTERS[0]);
    let list = format!("dashboard-stock/{id}/{name}/{text}");
    let cursor = request.query("cursor");
    let after = cursor.map(|cursor| dashboard.cursors.open(&list, cursor));
    // A cursor of another search starts this search from its first page.
    let after = after.and_then(Result::ok);
    let search = StockSearch {
        location: id,
        filter,
        text,
        after,
        deadline: request.deadline,
    };
    let found = search_stock(dashboard.ports.stock(), &dashboard.products, search).await?;
    let query = Query { filter, text };
    let path = address(id.as_str(), &query, cursor);
    let next = found.next.as_ref();
    let next = next.map(|position| dashboard.cursors.seal(&list, position));
    let next = next.map(|cursor| address(id.as_str(), &query, Some(&cursor)));
    let content = (&place, &found, &path);
    Ok(dashboard.live_page(visit, (&path, &content), || Page {
        title: format!("Stock of {}", place.location.name),
        location: Some(place.clone()),
        section: Some(Section::Stock),
        live: None,
        main: render(dashboard, &place, &query, (&found, next)),
    }))
}

fn address(store: &str, query: &Query<'_>, cursor: Option<&str>) -> String {
    let filter = FILTERS.iter().find(|(known, ..)| *known == query.filter);
    let filter = filter.map_or("", |(_, name, _)| name);
    let parameters = [
        ("filter", filter),
        ("q", query.text),
        ("cursor", cursor.unwrap_or_default()),
    ];
    let given = parameters
        .into_iter()
        .filter(|(_, value)| !value.is_empty());
    with_query(&stock_path(store), given)
}

fn render<P: Ports>(
    dashboard: &Dashboard<P>,
    place: &KnownLocation,
    query: &Query<'_>,
    (found, next): (&FoundStock, Option<String>),
) -> Markup {
    let site = &dashboard.site;
    let store = place.location.location_id.as_str();
    let choices = FILTERS.map(|(filter, _, label)| {
        let Query { text, .. } = *query;
        let target = address(store, &Query { filter, text }, None);
        (site.path(&target), label, filter == query.filter)
    });
    let filter = FILTERS.iter().find(|(known, ..)| *known == query.filter);
    let is_filtered = query.filter != StockFilter::All || !query.text.is_empty();
    let next_label = if is_filtered {
        "Search further"
    } else {
        "Next page"
    };
    html! {
        h1 { "Stock" }
        div.tools {
            form.search role="search" method="get" action=(site.path(&stock_path(store))) {
                @if let Some((_, name, _)) = filter {
                    @if !name.is_empty() { input type="hidden" name="filter" value=(name); }
                }
                label for="q" { "Name or SKU" }
                input #q type="search" name="q" value=(query.text) maxlength=(MAX_TEXT) autocomplete="off";
                button type="submit" { "Search" }
            }
            (parts::choices("Condition", &choices))
        }
        @if found.rows.is_empty() {
            p.empty {
                @if found.next.is_some() { "Nothing found so far." }
                @else if is_filtered { "Nothing matches." }
                @else { "This store stocks nothing yet." }
            }
        } @else {
            table.list role="table" {
                (parts::head(&["Product", "#Available", "", "#On hand", "#Allocated", "#Incoming", "#Reorder point", "Last count", "State"]))
                tbody role="rowgroup" {
                    @for row in &found.rows { (level_row(dashboard, place, row)) }
                }
            }
        }
        (parts::next_page(next.map(|path| site.path(&path)), next_label))
    }
}

fn level_row<P: Ports>(dashboard: &Dashboard<P>, place: &KnownLocation, row: &StockRow) -> Markup {
    let level = &row.level;
    let product = row.product.as_ref();
    let unit = labels::unit(product.map(|product| product.unit_of_measure));
    let path = item_path(level.location_id.as_str(), level.sku.as_str());
    let reorder_point = level.policy.as_ref().map(|policy| policy.reorder_point);
    let reorder_point = reorder_point.map_or_else(|| "–".to_owned(), labels::quantity);
    let counted_at = html! {
        @match level.counted_at {
            Some(at) => { (parts::time(at, &place.time_zone)) }
            None => { "never" }
        }
    };
    let quantity = |quantity| format!("{}{unit}", labels::quantity(quantity));
    html! {
        tr role="row" {
            th scope="row" role="rowheader" {
                a href=(dashboard.site.path(&path)) { (row.name()) }
                " " span.sku { (level.sku) }
            }
            td.number.strong role="cell" data-label="Available" { (quantity(level.available())) }
            td.chart role="cell" { (parts::level_bar(level, parts::BarSize::Cell)) }
            (parts::number("On hand", &quantity(level.on_hand)))
            (parts::number("Allocated", &quantity(level.allocated)))
            (parts::number("Incoming", &quantity(level.incoming)))
            (parts::number("Reorder point", &reorder_point))
            (parts::cell("Last count", &counted_at))
            (parts::cell("State", &parts::condition_badge(level)))
        }
    }
}
