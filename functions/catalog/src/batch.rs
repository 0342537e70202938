//! Many products and locations in one request, each with an outcome of its own.

use std::collections::BTreeSet;

use futures::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use stockline_application::deadline::Deadline;
use stockline_application::ports::catalog::CatalogStore;
use stockline_domain::caller::{Action, Caller};
use stockline_domain::catalog::{Location, Product};
use stockline_domain::ids::{LocationId, Sku};
use stockline_domain::invalid::Invalid;
use stockline_platform::edge;
use stockline_platform::problem::Problem;

/// The most entries of one request.
const MOST: usize = 100;

/// How many entries are written at once: a full batch takes a few round trips, and is no burst to the table.
const AT_ONCE: usize = 16;

/// The request; its entries are decoded one by one, so that a bad one does not sink the others.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    #[serde(default)]
    products: Vec<Value>,
    #[serde(default)]
    locations: Vec<Value>,
}

/// One entry: where it was in the request, and what to write or why not.
pub struct Entry {
    pointer: String,
    write: Result<Write, Problem>,
}

enum Write {
    Product(Product),
    Location(Location),
}

/// What became of a batch.
#[derive(Debug, Serialize)]
pub struct Results {
    results: Vec<EntryResult>,
}

#[derive(Debug, Serialize)]
struct EntryResult {
    pointer: String,
    outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Problem>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Stored,
    Refused,
}

impl Batch {
    /// The entries in the order of the request, products first, checked for `caller`.
    ///
    /// # Errors
    /// A problem of the request as a whole: there are too many.
    pub fn entries(self, caller: &Caller) -> Result<Vec<Entry>, Invalid> {
        if self.products.len() + self.locations.len() > MOST {
            let detail = format!("must hold at most {MOST} products and locations in all");
            return Err(Invalid::field("", detail));
        }
        let (mut skus, mut ids) = (BTreeSet::new(), BTreeSet::new());
        let products = self.products.into_iter().enumerate().map(|(index, value)| {
            let pointer = format!("/products/{index}");
            let write = product(value, &pointer, &mut skus).map(Write::Product);
            Entry { pointer, write }
        });
        let mut entries: Vec<Entry> = products.collect();
        entries.extend(
            self.locations
                .into_iter()
                .enumerate()
                .map(|(index, value)| {
                    let pointer = format!("/locations/{index}");
                    let write = location(value, &pointer, &mut ids, caller).map(Write::Location);
                    Entry { pointer, write }
                }),
        );
        Ok(entries)
    }
}

/// Writes every entry that may be written; one that fails leaves the others as they are.
pub async fn store<S: CatalogStore>(store: &S, entries: Vec<Entry>, deadline: Deadline) -> Results {
    let results = stream::iter(entries)
        .map(|Entry { pointer, write }| async move {
            let stored = match write {
                Ok(Write::Product(product)) => store
                    .put_product(&product, deadline)
                    .await
                    .map_err(Problem::from),
                Ok(Write::Location(location)) => store
                    .put_location(&location, deadline)
                    .await
                    .map_err(Problem::from),
                Err(problem) => Err(problem),
            };
            let (outcome, problem) = match stored {
                Ok(()) => (Outcome::Stored, None),
                Err(problem) => (Outcome::Refused, Some(problem)),
            };
            EntryResult {
                pointer,
                outcome,
                problem,
            }
        })
        .buffered(AT_ONCE)
        .collect()
        .await;
    Results { results }
}

fn product(value: Value, at: &str, skus: &mut BTreeSet<Sku>) -> Result<Product, Problem> {
    let product = edge::entry::<Product>(value, at)?.check(at)?;
    if !skus.insert(product.sku.clone()) {
        return Err(repeated(format!("{at}/sku")));
    }
    Ok(product)
}

fn location(
    value: Value,
    at: &str,
    ids: &mut BTreeSet<LocationId>,
    caller: &Caller,
) -> Result<Location, Problem> {
    let location = edge::entry::<Location>(value, at)?;
    caller.may_at(Action::WriteCatalog, &location.location_id)?;
    let location = location.check(at)?;
    if !ids.insert(location.location_id.clone()) {
        return Err(repeated(format!("{at}/location_id")));
    }
    Ok(location)
}

/// Entries are written at once, so of two with one name nobody could say which stays.
fn repeated(pointer: String) -> Problem {
    Invalid::field(pointer, "must be no earlier entry's of this request").into()
}
