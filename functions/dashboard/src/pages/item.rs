//! One item of a store: its quantities, what explains them, its movements, and the forms that change it.

mod explanation;
mod item_forms;

use std::sync::Arc;

use maud::{Markup, html};
use stockline_application::level_explanation::{ExplainedLevel, explain_level};
use stockline_application::location_cache::KnownLocation;
use stockline_application::overviews::{ItemOverview, read_item};
use stockline_application::store_error::StoreError;
use stockline_domain::caller::Action;
use stockline_domain::level::{Level, LevelKey, Movement};
use stockline_platform::edge::{Form, PageReply};
use stockline_platform::problem::Problem;

use super::layout::{Page, Section, notice};
use super::{location, parts};
use crate::forms::fields::FieldMessage;
use crate::handler::{Dashboard, Ports, Visit, unchanged};
use crate::pages::labels;
use crate::routes::{ItemForm, item_path, stock_path};

/// What is said about a form that changed nothing.
pub struct Feedback<'a> {
    /// The form.
    pub kind: ItemForm,
    /// What was entered.
    pub form: &'a Form,
    /// The HTTP status.
    pub status: u16,
    /// Why nothing changed, and what to do.
    pub summary: String,
    /// The errors beside the fields.
    pub errors: Vec<FieldMessage>,
}

/// What the page shows.
struct Shown<'a> {
    place: &'a Arc<KnownLocation>,
    item: &'a ItemOverview,
    explained: Option<&'a ExplainedLevel>,
    feedback: Option<&'a Feedback<'a>>,
}

/// The key of an item, if the caller may do `action` at its store.
pub fn level_key(
    visit: Visit<'_>,
    action: Action,
    (store, sku): (&str, &str),
) -> Result<LevelKey, Problem> {
    let key = LevelKey {
        location_id: store.parse().map_err(|_| Problem::not_found())?,
        sku: sku.parse().map_err(|_| Problem::not_found())?,
    };
    visit.session.caller.may_at(action, &key.location_id)?;
    Ok(key)
}

/// Shows an item.
pub async fn show<P: Ports>(
    dashboard: &Dashboard<P>,
    visit: Visit<'_>,
    ids: (&str, &str),
) -> Result<PageReply, Problem> {
    let key = level_key(visit, Action::ReadStock, ids)?;
    let (place, item) = read(dashboard, visit, &key).await?;
    // The explanation follows from the level, and reads many movements and orders: an unchanged page is answered without it.
    let content = (&place, &item);
    if let Some(unchanged) = unchanged(visit, &dashboard.tag(visit, &content)) {
        return Ok(unchanged);
    }
    let explained = explain(dashboard, visit, &key).await?;
    let keys = item_forms::FormKeys::draw(dashboard.ports.random())?;
    let shown = Shown {
        place: &place,
        item: &item,
        explained: explained.as_ref(),
        feedback: None,
    };
    let main = render(dashboard, visit, &shown, &keys)?;
    let path = item_path(key.location_id.as_str(), key.sku.as_str());
    Ok(dashboard.live_page(visit, (&path, &content), || page(&shown, main)))
}

/// Shows an item after a form that changed nothing, with what was entered.
pub async fn show_again<P: Ports>(
    dashboard: &Dashboard<P>,
    visit: Visit<'_>,
    key: &LevelKey,
    feedback: &Feedback<'_>,
) -> Result<PageReply, Problem> {
    let (place, item) = read(dashboard, visit, key).await?;
    let keys = item_forms::FormKeys::draw(dashboard.ports.random())?;
    let shown = Shown {
        place: &place,
        item: &item,
        explained: None,
        feedback: Some(feedback),
    };
    let main = render(dashboard, visit, &shown, &keys)?;
    let mut reply = dashboard.page(visit, feedback.status, &page(&shown, main));
    let problem_type = if feedback.status == 400 {
        "invalid-request"
    } else {
        "change-refused"
    };
    problem_type.clone_into(&mut reply.problem_type);
    Ok(reply)
}

async fn read<P: Ports>(
    dashboard: &Dashboard<P>,
    visit: Visit<'_>,
    key: &LevelKey,
) -> Result<(Arc<KnownLocation>, ItemOverview), Problem> {
    let store = key.location_id.as_str();
    let place = location(dashboard, visit, Action::ReadStock, store).await?;
    let deadline = visit.request.deadline;
    let item = read_item(dashboard.ports.stock(), &dashboard.products, key, deadline).await?;
    Ok((place, item.ok_or_else(Problem::not_found)?))
}

async fn explain<P: Ports>(
    dashboard: &Dashboard<P>,
    visit: Visit<'_>,
    key: &LevelKey,
) -> Result<Option<ExplainedLevel>, StoreError> {
    let ports = &dashboard.ports;
    explain_level(ports.stock(), ports.orders(), key, visit.request.deadline).await
}

fn page(shown: &Shown<'_>, main: Markup) -> Page {
    Page {
        title: format!("{} at {}", shown.item.name(), shown.place.location.name),
        location: Some(Arc::clone(shown.place)),
        section: Some(Section::Stock),
        live: None,
        main,
    }
}

fn render<P: Ports>(
    dashboard: &Dashboard<P>,
    visit: Visit<'_>,
    shown: &Shown<'_>,
    keys: &item_forms::FormKeys,
) -> Result<Markup, StoreError> {
    let Shown { place, item, .. } = shown;
    let level = &item.level;
    let stock = stock_path(level.location_id.as_str());
    let product = item.product.as_ref();
    let forms = item_forms::render(dashboard, visit, shown, keys)?;
    Ok(html! {
        p.crumb { a href=(dashboard.site.path(&stock)) { "Stock" } }
        div.title {
            h1 { (item.name()) }
            span.sku { (level.sku) }
            (parts::condition_badge(level))
        }
        @if let Some(product) = product {
            p.quiet {
                @for (index, text) in [&product.brand, &product.category, &product.department].into_iter().flatten().enumerate() {
                    @if index > 0 { " · " }
                    (text)
                }
            }
        }
        @match shown.feedback {
            Some(feedback) => { p.notice.bad role="alert" { (feedback.summary) } }
            None => { (notice(visit.request.query("notice"))) }
        }
        (quantities(item))
        (parts::level_bar(level, parts::BarSize::Page))
        (forms)
        @if let Some(explained) = shown.explained {
            (explanation::render(dashboard, place, &explained.explanation))
        }
        (movements(place, &item.movements))
    })
}

fn quantities(item: &ItemOverview) -> Markup {
    let level = &item.level;
    let unit = labels::unit(item.product.as_ref().map(|product| product.unit_of_measure));
    html! {
        dl.figures {
            @for (name, quantity, is_main) in figures(level) {
                div.main-figure[is_main] {
                    dt { (name) }
                    dd { (labels::quantity(quantity)) (unit) }
                }
            }
        }
    }
}

/// The quantities to show. Rare ones are left out while they are 0.
fn figures(level: &Level) -> Vec<(&'static str, i64, bool)> {
    let mut figures = vec![
        ("Available", level.available(), true),
        ("On hand", level.on_hand, false),
        ("Allocated", level.allocated, false),
        ("Incoming", level.incoming, false),
    ];
    let rare = [
        ("Damaged", level.damaged),
        ("On hold", level.on_hold),
        ("In transit", level.in_transit),
    ];
    let rare = rare.into_iter().filter(|(_, quantity)| *quantity != 0);
    figures.extend(rare.map(|(name, quantity)| (name, quantity, false)));
    if let Some(policy) = &level.policy {
        figures.push(("Reorder point", policy.reorder_point, false));
        figures.push(("Target level", policy.target_level, false));
    }
    figures
}

fn movements(place: &KnownLocation, movements: &[Movement]) -> Markup {
    html! {
        section aria-labelledby="movements" {
            h2 #movements { "Newest movements" }
            @if movements.is_empty() {
                p.empty { "Nothing has moved yet." }
            } @else {
                table.list role="table" {
                    (parts::head(&["When", "Kind", "Reason", "#On hand", "#Allocated", "#On hand after"]))
                    tbody role="rowgroup" {
                        @for movement in movements {
                            @let change = &movement.change;
                            tr role="row" {
                                th scope="row" role="rowheader" { (parts::time(change.occurred_at, &place.time_zone)) }
                                (parts::cell("Kind", &html! { (labels::words(&change.kind)) }))
                                (parts::cell("Reason", &html! { (change.reason.as_deref().unwrap_or("–")) }))
                                (parts::number("On hand", &labels::change(change.on_hand_delta)))
                                (parts::number("Allocated", &labels::change(change.allocated_delta)))
                                (parts::number("On hand after", &labels::quantity(movement.on_hand)))
                            }
                        }
                    }
                }
            }
        }
    }
}
