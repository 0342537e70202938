//! The stores of the caller.

use maud::html;
use stockline_application::overviews::list_stores;
use stockline_domain::caller::Action;
use stockline_platform::edge::PageReply;
use stockline_platform::problem::Problem;

use super::layout::Page;
use super::parts;
use crate::handler::{Dashboard, Ports, Visit};
use crate::pages::labels;
use crate::routes::stock_path;

/// Shows the stores; a person with one store sees its stock at once.
pub async fn show<P: Ports>(
    dashboard: &Dashboard<P>,
    visit: Visit<'_>,
) -> Result<PageReply, Problem> {
    visit.session.caller.may(Action::ReadStock)?;
    let stores = list_stores(dashboard.ports.catalog(), &visit.session.caller).await?;
    let is_chosen = visit.request.query("choose").is_some();
    if let ([only], false) = (stores.as_slice(), is_chosen) {
        return Ok(dashboard.see(&stock_path(only.location_id.as_str())));
    }
    let main = html! {
        h1 { "Your stores" }
        @if stores.is_empty() {
            p { "No store is assigned to you. An administrator assigns stores at the identity provider." }
        } @else {
            table.list role="table" {
                (parts::head(&["Store", "Kind", "Time zone"]))
                tbody role="rowgroup" {
                    @for store in &stores {
                        tr role="row" {
                            th scope="row" role="rowheader" {
                                a href=(dashboard.site.path(&stock_path(store.location_id.as_str()))) { (store.name) }
                                " " span.sku { (store.location_id) }
                            }
                            (parts::cell("Kind", &html! { (labels::words(&store.kind)) }))
                            (parts::cell("Time zone", &html! { (store.time_zone) }))
                        }
                    }
                }
            }
        }
    };
    let page = Page {
        title: "Your stores".to_owned(),
        location: None,
        section: None,
        live: None,
        main,
    };
    Ok(dashboard.page(visit, 200, &page))
}
