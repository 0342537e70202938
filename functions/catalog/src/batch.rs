//! `POST /v1/catalog/batch`: stores up to 100 products and locations, each with its own outcome.

use std::collections::BTreeSet;

use futures::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use stockline_application::deadline::Deadline;
use stockline_application::location_changes::put_location;
use stockline_application::ports::catalog::CatalogStore;
use stockline_application::ports::stock::StockedLocations;
use stockline_domain::caller::Action;
use stockline_domain::catalog::{Location, Product};
use stockline_domain::ids::{LocationId, Sku};
use stockline_domain::invalid::Invalid;
use stockline_platform::edge::Call;
use stockline_platform::problem::Problem;

use crate::handler::stored;

/// The most entries of one request.
const MAX_ENTRIES: usize = 100;

/// Concurrent writes of one batch: enough for a few round trips in all, few enough not to cause throttling.
const CONCURRENT_WRITES: usize = 16;

/// The request body. Entries are decoded one by one, so that an invalid one does not reject the others.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    #[serde(default)]
    products: Vec<Value>,
    #[serde(default)]
    locations: Vec<Value>,
}

/// One entry: its JSON pointer in the request, and the decoded item or the problem.
pub struct Entry {
    pointer: String,
    item: Result<CatalogItem, Problem>,
}

enum CatalogItem {
    Product(Product),
    Location(Location),
}

/// The response body: one result for each entry, in the order of the request.
#[derive(Debug, Serialize)]
pub struct Results {
    results: Vec<EntryResult>,
}

#[derive(Debug, Serialize)]
struct EntryResult {
    pointer: String,
    outcome: EntryOutcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Problem>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum EntryOutcome {
    Stored,
    Refused,
}

impl Batch {
    /// Decodes and checks every entry, products first, each in the order of the request.
    ///
    /// # Errors
    /// [`Invalid`] if the request has more than 100 entries.
    pub fn entries(self, call: &Call) -> Result<Vec<Entry>, Invalid> {
        if self.products.len() + self.locations.len() > MAX_ENTRIES {
            let detail = format!("must hold at most {MAX_ENTRIES} products and locations in total");
            return Err(Invalid::field("", detail));
        }
        let (mut skus, mut ids) = (BTreeSet::new(), BTreeSet::new());
        let products = self.products.into_iter().enumerate().map(|(index, value)| {
            let pointer = format!("/products/{index}");
            let item = product(call, value, &pointer, &mut skus).map(CatalogItem::Product);
            Entry { pointer, item }
        });
        let mut entries: Vec<Entry> = products.collect();
        entries.extend(
            self.locations
                .into_iter()
                .enumerate()
                .map(|(index, value)| {
                    let pointer = format!("/locations/{index}");
                    let item = location(call, value, &pointer, &mut ids).map(CatalogItem::Location);
                    Entry { pointer, item }
                }),
        );
        Ok(entries)
    }
}

/// Writes every valid entry. A failed write affects only its own entry.
pub async fn store<Store: CatalogStore, Stock: StockedLocations>(
    store: &Store,
    stock: &Stock,
    entries: Vec<Entry>,
    deadline: Deadline,
) -> Results {
    let results = stream::iter(entries)
        .map(|Entry { pointer, item }| async move {
            let outcome = match item {
                Ok(CatalogItem::Product(product)) => store
                    .put_product(&product, deadline)
                    .await
                    .map_err(Problem::from),
                Ok(CatalogItem::Location(location)) => {
                    put_location(store, stock, &location, deadline)
                        .await
                        .map_err(Problem::from)
                        .and_then(stored)
                }
                Err(problem) => Err(problem),
            };
            let (outcome, problem) = match outcome {
                Ok(()) => (EntryOutcome::Stored, None),
                Err(problem) => (EntryOutcome::Refused, Some(problem)),
            };
            EntryResult {
                pointer,
                outcome,
                problem,
            }
        })
        .buffered(CONCURRENT_WRITES)
        .collect()
        .await;
    Results { results }
}

fn product(
    call: &Call,
    value: Value,
    at: &str,
    skus: &mut BTreeSet<Sku>,
) -> Result<Product, Problem> {
    let product = call.entry::<Product>(value, at)?.check(at)?;
    if !skus.insert(product.sku.clone()) {
        return Err(repeated(format!("{at}/sku")));
    }
    Ok(product)
}

fn location(
    call: &Call,
    value: Value,
    at: &str,
    ids: &mut BTreeSet<LocationId>,
) -> Result<Location, Problem> {
    let location = call.entry::<Location>(value, at)?;
    call.caller
        .may_at(Action::WriteCatalog, &location.location_id)?;
    let location = location.check(at)?;
    if !ids.insert(location.location_id.clone()) {
        return Err(repeated(format!("{at}/location_id")));
    }
    Ok(location)
}

/// Entries are written concurrently, so the result of two entries with the same id would be random.
fn repeated(pointer: String) -> Problem {
    Invalid::field(pointer, "must not repeat an earlier entry of this request").into()
}
