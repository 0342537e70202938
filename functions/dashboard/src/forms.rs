//! Forms that people send: whether they are authentic, and what came of them.

pub mod fields;
pub mod item;

use stockline_application::replenishment::{CancelOutcome, CancelRequest, cancel_order};
use stockline_domain::caller::Action;
use stockline_domain::ids::{LocationId, ReplenishmentOrderId};
use stockline_platform::edge::{Form, PageReply};
use stockline_platform::problem::{Problem, ProblemKind};

use crate::handler::{Dashboard, Ports, Visit};
use crate::pages;
use crate::routes::replenishment_path;
use crate::site::with_query;

/// The name of the field that binds a form to its session.
pub const TOKEN: &str = "form_token";

/// Returns the form of a request if a page of this session sent it.
///
/// The token alone shows that. The headers refuse a form of another site even if it had the token.
///
/// # Errors
/// 403 for a form of another site, or of another session.
pub fn authentic<P: Ports>(dashboard: &Dashboard<P>, visit: Visit<'_>) -> Result<Form, Problem> {
    let refused = || {
        Problem::new(
            ProblemKind::Forbidden,
            "The form does not belong to your present session. Nothing was changed. Open the page again and fill in the form there.",
        )
    };
    let request = visit.request;
    let origin = request.header("origin");
    let is_foreign_origin = origin.is_some_and(|origin| origin != dashboard.site.origin());
    let site = request.header("sec-fetch-site");
    let is_cross_site = site.is_some_and(|site| site != "same-origin");
    if is_foreign_origin || is_cross_site {
        tracing::warn!("a form of another site was refused");
        return Err(refused());
    }
    let form = request.form()?;
    let token = form.get(TOKEN).unwrap_or_default();
    if !dashboard.cookies.is_form_token(visit.session, token) {
        tracing::warn!("a form without the token of the session was refused");
        return Err(refused());
    }
    Ok(form)
}

/// Cancels a replenishment order.
pub async fn cancel_replenishment<P: Ports>(
    dashboard: &Dashboard<P>,
    visit: Visit<'_>,
    (store, order): (&str, &str),
) -> Result<PageReply, Problem> {
    let caller = &visit.session.caller;
    let location: LocationId = store.parse().map_err(|_| Problem::not_found())?;
    caller.may_at(Action::ManageReplenishment, &location)?;
    let order: ReplenishmentOrderId = order.parse().map_err(|_| Problem::not_found())?;
    let request = CancelRequest {
        order,
        caller,
        at: visit.now,
        deadline: visit.request.deadline,
    };
    match cancel_order(dashboard.ports.stock(), request).await? {
        CancelOutcome::Canceled(_) => {
            let path = replenishment_path(store);
            Ok(dashboard.see(&with_query(&path, [("notice", "canceled")])))
        }
        CancelOutcome::TooLate(closed) => {
            let message = format!("Nothing was canceled: {closed}.");
            pages::replenishment::show(dashboard, visit, store, Some(&message)).await
        }
        CancelOutcome::NotFound => Err(Problem::not_found()),
    }
}
