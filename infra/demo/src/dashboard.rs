//! A store manager signs in to the dashboard and looks at the day's orders.

use std::collections::BTreeMap;

use stockline_simulators::visitor::{Visited, Visitor};
use xtask::status::Cloud;

use super::error::{DemoError, Result};
use super::plan::Plan;
use super::trading::Traded;

/// The link to the next page of orders.
const NEXT_PAGE: &str = "\" rel=\"next\">Later orders";

/// What the manager saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// The store with the most orders.
    pub store: String,
    /// The orders that the pages list.
    pub listed: usize,
    /// The orders that were placed in the store.
    pub placed: usize,
}

/// Signs in as the manager of the busiest store and reads all pages of its orders.
pub async fn look(cloud: &Cloud, plan: &Plan, traded: &Traded) -> Result<Looked> {
    let mut by_store = BTreeMap::<&str, usize>::new();
    for order in &plan.orders {
        if traded.placed.contains_key(&order.key) {
            *by_store.entry(order.location_id.as_str()).or_default() += 1;
        }
    }
    let busiest = by_store.into_iter().max_by_key(|(_, placed)| *placed);
    let (store, placed) =
        busiest.ok_or_else(|| DemoError::Unexpected("no store has an order".to_owned()))?;
    let mut visitor = Visitor::new(&cloud.dashboard_url)?;
    visitor
        .sign_in("Store manager", "store_manager", store)
        .await?;
    let mut address = format!("/stores/{store}/orders?date={}", plan.business_date);
    let mut listed = 0;
    loop {
        let page = visitor.get(&address).await?;
        if page.status != 200 {
            let problem = format!("{address} has the status {}", page.status);
            return Err(DemoError::Unexpected(problem));
        }
        listed += page.html.matches("role=\"rowheader\"").count();
        let Some(next) = next_page(&page) else {
            return Ok(Looked {
                store: store.to_owned(),
                listed,
                placed,
            });
        };
        address = next;
    }
}

fn next_page(page: &Visited) -> Option<String> {
    let (before, _) = page.html.split_once(NEXT_PAGE)?;
    let (_, address) = before.rsplit_once("href=\"")?;
    Some(address.replace("&amp;", "&"))
}
