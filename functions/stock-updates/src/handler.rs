//! Routes each stock operation of the API to the stores.

use serde_json::json;
use stockline_application::fingerprint::Fingerprint;
use stockline_application::ports::clock::Clock;
use stockline_application::ports::orders::OpenOrders;
use stockline_application::ports::stock::{
    MissingLevel, RequestStatus, StockStore, StockableCatalog,
};
use stockline_application::ports::stock_lookup::StockLookup;
use stockline_application::store_error::StoreError;
use stockline_domain::caller::Action;
use stockline_domain::ids::{LocationId, RequestId, Sku};
use stockline_domain::level::{LevelKey, ReorderPolicy};
use stockline_domain::stock_change::StockChanges;
use stockline_platform::cursor::CursorKey;
use stockline_platform::edge::{Call, Reply, listing};
use stockline_platform::problem::{Problem, ProblemKind};

use crate::changes::{Changer, not_stockable};
use crate::explain::explain_level;
use crate::views::LevelView;

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
    Stock: StockStore + StockLookup,
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
        call.caller.may(Action::WriteStock)?;
        let key = call.idempotency_key()?;
        let now = self.clock.now();
        let body = call.body::<StockChanges>()?;
        let request = Fingerprint::of(&body).map_err(|error| {
            tracing::error!(%error, "request could not be serialized");
            Problem::internal()
        })?;
        let id = RequestId::derive(&call.caller.subject, key);
        let opened = match body.check(now) {
            Ok(()) => self.stock.open(id, &request, now).await?,
            // A retry of an accepted request stays valid after its times have passed their age limits.
            Err(invalid) => match self.stock.recall(id, &request).await? {
                Some(RequestStatus::Known(earlier)) => RequestStatus::Known(earlier),
                _ => return Err(invalid.into()),
            },
        };
        let (received_at, done) = match opened {
            RequestStatus::New => (now, [].into()),
            RequestStatus::Known(earlier) => (earlier.received_at, earlier.applied),
            RequestStatus::KeyReused => {
                return Err(Problem::new(
                    ProblemKind::IdempotencyKeyReused,
                    "This Idempotency-Key was used for different changes. Use a new key for new changes.",
                ));
            }
        };
        let is_replay = done.len() == body.changes.len();
        let changer = Changer {
            stock: &self.stock,
            catalog: &self.catalog,
            caller: &call.caller,
            request: id,
            at: now,
            deadline: call.deadline,
        };
        let changes = body.resolve_times(received_at);
        let results = changer
            .apply_all(&changes, done)
            .await
            .map_err(partly_applied)?;
        let reply = Reply::ok(&json!({ "results": results }))?;
        Ok(if is_replay { reply.replayed() } else { reply })
    }

    async fn list(&self, call: &Call) -> Result<Reply, Problem> {
        let location: LocationId = call.path("location_id")?;
        call.caller.may_at(Action::ReadStock, &location)?;
        let list = format!("levels/{location}");
        let page = call.page(&self.cursors, &list)?;
        let first = page.after.is_none();
        let found = self.stock.list(&location, page, call.deadline).await?;
        // A caller with access to every location can name one that does not exist.
        if first
            && found.items.is_empty()
            && found.next.is_none()
            && !self.catalog.has_location(&location).await?
        {
            return Err(Problem::not_found());
        }
        let levels: Vec<LevelView> = found.items.into_iter().map(LevelView::from).collect();
        listing("levels", &levels, found.next.as_ref(), &self.cursors, &list)
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
        Reply::ok(&explained.ok_or_else(Problem::not_found)?)
    }

    async fn list_by_sku(&self, call: &Call) -> Result<Reply, Problem> {
        call.caller.may(Action::ReadStock)?;
        let sku: Sku = call.path("sku")?;
        // The cursor is bound to the subject: the list depends on the caller's locations.
        let list = format!("stock_lookup/{sku}/{}", call.caller.subject);
        let page = call.page(&self.cursors, &list)?;
        let first = page.after.is_none();
        let locations = &call.caller.locations;
        let found = self
            .stock
            .list_by_sku(&sku, locations, page, call.deadline)
            .await?;
        if first && found.items.is_empty() && !self.catalog.has_product(&sku).await? {
            return Err(Problem::not_found());
        }
        let levels: Vec<LevelView> = found.items.into_iter().map(LevelView::from).collect();
        listing("levels", &levels, found.next.as_ref(), &self.cursors, &list)
    }

    async fn movements(&self, call: &Call) -> Result<Reply, Problem> {
        let key = level_key(call, Action::ReadStock)?;
        let list = format!("movements/{}/{}", key.location_id, key.sku);
        let page = call.page(&self.cursors, &list)?;
        let found = self.stock.movements(&key, page).await?;
        if found.items.is_empty() && self.stock.find(&key).await?.is_none() {
            return Err(Problem::not_found());
        }
        listing(
            "movements",
            &found.items,
            found.next.as_ref(),
            &self.cursors,
            &list,
        )
    }

    async fn set_policy(&self, call: &Call) -> Result<Reply, Problem> {
        let key = level_key(call, Action::SetPolicy)?;
        let policy = call.body::<ReorderPolicy>()?.check()?;
        let at = self.clock.now();
        let set = |missing| {
            self.stock
                .set_policy(&key, &policy, missing, at, call.deadline)
        };
        let mut level = set(MissingLevel::Report).await?;
        if level.is_none() {
            if let Some(problem) = not_stockable(&self.catalog, std::slice::from_ref(&key)).await? {
                return Err(problem);
            }
            level = set(MissingLevel::Create).await?;
        }
        Reply::ok(&LevelView::from(level.ok_or_else(Problem::not_found)?))
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

/// Earlier changes of the request may be applied when the store fails, so the 503 says how to retry.
fn partly_applied(error: StoreError) -> Problem {
    match error {
        StoreError::Busy | StoreError::Unanswered { .. } => Problem::new(
            ProblemKind::Busy,
            "Some changes may be applied. Retry with the same Idempotency-Key after the time in Retry-After: each change \
             is applied at most once.",
        ),
        failed @ StoreError::Failed { .. } => failed.into(),
    }
}

#[cfg(test)]
mod tests;
