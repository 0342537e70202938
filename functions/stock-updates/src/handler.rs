//! Routes each stock operation of the API to its use case.

use serde_json::json;
use stockline_application::level_explanation::explain_level;
use stockline_application::paging::Listing;
use stockline_application::ports::clock::Clock;
use stockline_application::ports::orders::OpenOrders;
use stockline_application::ports::stock::{StockStore, StockableCatalog};
use stockline_application::ports::stock_changes::StockChangeStore;
use stockline_application::ports::stock_lookup::StockLookup;
use stockline_application::reorder_policy::{PolicyOutcome, PolicyRequest, set_policy};
use stockline_application::stock_listing::{
    ListRequest, find_at_location, list_at_location, list_by_sku, list_movements,
};
use stockline_application::stock_requests::{RequestOutcome, StockRequest, settle_request};
use stockline_domain::caller::Action;
use stockline_domain::ids::{LocationId, RequestId, Sku};
use stockline_domain::invalid::Checks;
use stockline_domain::level::{Level, LevelKey, ReorderPolicy};
use stockline_domain::stock_change::StockChanges;
use stockline_platform::cursor::CursorKey;
use stockline_platform::edge::{Call, Reply, listing};
use stockline_platform::problem::Problem;

use crate::problems;
use crate::views::{ChangeResultView, ExplanationView, LevelView};

/// Handles every operation on stock.
pub struct StockUpdates<Stock, Orders, Catalog, Time> {
    stock: Stock,
    orders: Orders,
    catalog: Catalog,
    clock: Time,
    cursors: CursorKey,
}

impl<Stock, Orders, Catalog, Time> StockUpdates<Stock, Orders, Catalog, Time>
where
    Stock: StockStore + StockChangeStore + StockLookup,
    Orders: OpenOrders,
    Catalog: StockableCatalog,
    Time: Clock,
{
    /// Creates the handler; `cursors` signs the cursors of lists.
    pub fn new(
        stock: Stock,
        orders: Orders,
        catalog: Catalog,
        clock: Time,
        cursors: CursorKey,
    ) -> Self {
        Self {
            stock,
            orders,
            catalog,
            clock,
            cursors,
        }
    }

    /// Handles one request; a problem becomes the error response.
    pub async fn handle(&self, call: Call) -> Result<Reply, Problem> {
        match (call.method.as_str(), call.resource.as_str()) {
            ("POST", "/v1/stock/changes") => self.change(&call).await,
            ("GET", "/v1/locations/{location_id}/stock") => self.list(&call).await,
            ("GET", "/v1/locations/{location_id}/stock/{sku}") => self.read(&call).await,
            ("GET", "/v1/locations/{location_id}/stock/{sku}/movements") => {
                self.movements(&call).await
            }
            ("GET", "/v1/locations/{location_id}/stock/{sku}/explain") => self.explain(&call).await,
            ("GET", "/v1/products/{sku}/stock") => self.list_by_sku(&call).await,
            ("PUT", "/v1/locations/{location_id}/stock/{sku}/policy") => {
                self.set_policy(&call).await
            }
            _ => Err(Problem::not_found()),
        }
    }

    async fn change(&self, call: &Call) -> Result<Reply, Problem> {
        call.caller.may_somewhere(Action::WriteStock)?;
        let key = call.idempotency_key()?;
        let body = call.body::<StockChanges>()?;
        let request = StockRequest {
            id: RequestId::derive(&call.caller.subject, key),
            caller: &call.caller,
            body: &body,
            at: self.clock.now(),
            deadline: call.deadline,
        };
        let outcome = settle_request(&self.stock, &self.catalog, request)
            .await
            .map_err(problems::partly_applied)?;
        match outcome {
            RequestOutcome::Settled { results, is_replay } => {
                let results: Vec<ChangeResultView> = results
                    .into_iter()
                    .enumerate()
                    .map(|(index, result)| ChangeResultView::new(index, result))
                    .collect();
                let reply = Reply::ok(&json!({ "results": results }))?;
                Ok(if is_replay { reply.replayed() } else { reply })
            }
            RequestOutcome::WriteOffDenied => Err(problems::write_off_denied()),
            RequestOutcome::KeyReused => Err(problems::key_reused()),
            RequestOutcome::Invalid(invalid) => Err(invalid.into()),
        }
    }

    async fn list(&self, call: &Call) -> Result<Reply, Problem> {
        let location: LocationId = call.path("location_id")?;
        call.caller.may_at(Action::ReadStock, &location)?;
        let list = format!("levels/{location}");
        let skus: Vec<Sku> = call.query_list("sku", "a SKU")?;
        if !skus.is_empty() {
            return self.find_by_skus(call, &location, &skus).await;
        }
        let request = self.list_request(call, &list)?;
        let found = list_at_location(&self.stock, &self.catalog, &location, request).await?;
        self.levels(found, &list)
    }

    async fn find_by_skus(
        &self,
        call: &Call,
        location: &LocationId,
        skus: &[Sku],
    ) -> Result<Reply, Problem> {
        let mut checks = Checks::new();
        for name in ["cursor", "limit"] {
            let is_absent = call.query::<String>(name, "absent")?.is_none();
            checks.require(is_absent, name, "must not be given together with sku");
        }
        checks.finish(())?;
        let asked = (skus, call.deadline);
        let items = find_at_location(&self.stock, &self.catalog, location, asked).await?;
        let found = items.map(|items| Listing { items, next: None });
        self.levels(found, "levels")
    }

    fn list_request(&self, call: &Call, list: &str) -> Result<ListRequest, Problem> {
        Ok(ListRequest {
            page: call.page(&self.cursors, list)?,
            deadline: call.deadline,
        })
    }

    fn levels(&self, found: Option<Listing<Level>>, list: &str) -> Result<Reply, Problem> {
        let Listing { items, next } = found.ok_or_else(Problem::not_found)?;
        let levels: Vec<LevelView> = items.into_iter().map(LevelView::from).collect();
        listing("levels", &levels, next.as_ref(), &self.cursors, list)
    }

    async fn read(&self, call: &Call) -> Result<Reply, Problem> {
        let key = level_key(call, Action::ReadStock)?;
        let level = self
            .stock
            .find(&key)
            .await?
            .ok_or_else(Problem::not_found)?;
        Reply::ok(&LevelView::from(level))
    }

    async fn explain(&self, call: &Call) -> Result<Reply, Problem> {
        let key = level_key(call, Action::ReadStock)?;
        let explained = explain_level(&self.stock, &self.orders, &key, call.deadline).await?;
        let explained = explained.ok_or_else(Problem::not_found)?;
        Reply::ok(&ExplanationView::from(explained))
    }

    async fn list_by_sku(&self, call: &Call) -> Result<Reply, Problem> {
        call.caller.may_somewhere(Action::ReadStock)?;
        let sku: Sku = call.path("sku")?;
        // The cursor is bound to the subject: the list depends on the caller's locations.
        let list = format!("stock_lookup/{sku}/{}", call.caller.subject);
        let request = self.list_request(call, &list)?;
        let locations = &call.caller.locations;
        let found = list_by_sku(&self.stock, &self.catalog, &sku, locations, request).await?;
        self.levels(found, &list)
    }

    async fn movements(&self, call: &Call) -> Result<Reply, Problem> {
        let key = level_key(call, Action::ReadStock)?;
        let list = format!("movements/{}/{}", key.location_id, key.sku);
        let page = call.page(&self.cursors, &list)?;
        let found = list_movements(&self.stock, &key, page).await?;
        let Listing { items, next } = found.ok_or_else(Problem::not_found)?;
        listing("movements", &items, next.as_ref(), &self.cursors, &list)
    }

    async fn set_policy(&self, call: &Call) -> Result<Reply, Problem> {
        let key = level_key(call, Action::SetPolicy)?;
        let policy = call.body::<ReorderPolicy>()?.check()?;
        let request = PolicyRequest {
            key: &key,
            policy: &policy,
            at: self.clock.now(),
            deadline: call.deadline,
        };
        match set_policy(&self.stock, &self.catalog, request).await? {
            PolicyOutcome::Set(level) => Reply::ok(&LevelView::from(*level)),
            PolicyOutcome::NotStockable(reason) => Err(problems::not_stockable(&reason)),
        }
    }
}

/// The key of the level in the path, if the caller may do `action` at its location.
fn level_key(call: &Call, action: Action) -> Result<LevelKey, Problem> {
    let key = LevelKey {
        location_id: call.path("location_id")?,
        sku: call.path("sku")?,
    };
    call.caller.may_at(action, &key.location_id)?;
    Ok(key)
}

#[cfg(test)]
mod tests;
