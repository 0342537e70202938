//! The forms of an item: count, adjustment and reorder policy.

use jiff::{SignedDuration, Timestamp, TimestampRound, Unit};
use stockline_application::ports::stock_changes::ChangeResult;
use stockline_application::reorder_policy::{PolicyRequest, ReplaceOutcome, replace_policy};
use stockline_application::stock_requests::{RequestOutcome, StockRequest, settle_request};
use stockline_application::store_error::StoreError;
use stockline_domain::caller::Action;
use stockline_domain::ids::RequestId;
use stockline_domain::level::{LevelKey, ReorderPolicy};
use stockline_domain::stock_change::{ChangeRefused, RequestedChange, StockChanges, StockState};
use stockline_platform::edge::{Form, PageReply};
use stockline_platform::problem::Problem;

use super::fields::{FieldMessage, Fields};
use crate::handler::{Dashboard, Ports, Visit};
use crate::pages::item::{Feedback, level_key, show_again};
use crate::pages::layout::send_again_page;
use crate::routes::{ItemForm, item_path};
use crate::site::with_query;

/// The name of the field with the idempotency key. The key is drawn when the form is rendered, so that a form that is sent twice
/// has one effect.
pub const KEY: &str = "key";
/// The name of the field with the version of the level that the form was rendered from.
pub const VERSION: &str = "expected_version";
/// The name of the field with the fingerprint of the policy that the form was rendered from.
pub const SEEN_POLICY: &str = "seen_policy";

/// What came of a form.
enum Outcome {
    /// The change is applied, now or by an earlier copy of the form.
    Done,
    /// Nothing changed: fields are not valid.
    Invalid(Vec<FieldMessage>),
    /// Nothing changed, for this reason.
    Refused(String),
    /// Nothing changed: the item was changed since the form was rendered.
    Conflict,
    /// The item does not exist.
    NotFound,
}

/// Handles a form.
pub async fn submit<P: Ports>(
    dashboard: &Dashboard<P>,
    visit: Visit<'_>,
    (item, kind, form): ((&str, &str), ItemForm, &Form),
) -> Result<PageReply, Problem> {
    let action = match kind {
        ItemForm::Count | ItemForm::Adjustment => Action::WriteStock,
        ItemForm::Policy => Action::SetPolicy,
    };
    let key = level_key(visit, action, item)?;
    let outcome = match kind {
        ItemForm::Policy => set_policy(dashboard, visit, &key, form).await,
        ItemForm::Count => change(dashboard, visit, form, count(&key, form, visit.now)).await,
        ItemForm::Adjustment => change(dashboard, visit, form, adjustment(&key, form)).await,
    };
    let feedback = |status, summary: String, errors| Feedback {
        kind,
        form,
        status,
        summary,
        errors,
    };
    let feedback = match outcome {
        Ok(Outcome::Done) => {
            let path = item_path(item.0, item.1);
            let notice = [("notice", kind.segment())];
            return Ok(dashboard.see(&with_query(&path, notice)));
        }
        Ok(Outcome::NotFound) => return Err(Problem::not_found()),
        Ok(Outcome::Invalid(errors)) => feedback(
            400,
            "Nothing was changed. Correct the marked fields.".to_owned(),
            errors,
        ),
        Ok(Outcome::Refused(reason)) => feedback(409, reason, Vec::new()),
        Ok(Outcome::Conflict) => feedback(
            409,
            "Nothing was changed: someone else changed this item first. The figures are the new ones. Check what you entered \
             and send it again."
                .to_owned(),
            Vec::new(),
        ),
        Err(StoreError::Busy | StoreError::Unanswered { .. }) => {
            let path = format!("{}/{}", item_path(item.0, item.1), kind.segment());
            return Ok(send_again_page(dashboard, visit, &path, form));
        }
        Err(error) => return Err(error.into()),
    };
    show_again(dashboard, visit, &key, &feedback).await
}

/// The count that a form asks for.
fn count(
    key: &LevelKey,
    form: &Form,
    now: Timestamp,
) -> Result<RequestedChange, Vec<FieldMessage>> {
    let mut fields = Fields::new(form);
    let change = RequestedChange::Count {
        location_id: key.location_id.clone(),
        sku: key.sku.clone(),
        quantity: fields.number("quantity"),
        counted_at: next_full_minute(now),
        expected_version: Some(fields.number(VERSION)),
    };
    if fields.has_errors() {
        return Err(fields.finish());
    }
    Ok(change)
}

/// Returns the next full minute after `now`.
///
/// The time of a count is part of the request, and a form that is sent twice must be the same request. Stockline cuts a
/// time in the future back to the time of receipt, so the count is dated when the form first arrived.
fn next_full_minute(now: Timestamp) -> Timestamp {
    let round = TimestampRound::new()
        .smallest(Unit::Minute)
        .mode(jiff::RoundMode::Floor);
    let minute = now.round(round).unwrap_or(now);
    minute
        .saturating_add(SignedDuration::from_mins(1))
        .unwrap_or(now)
}

/// The adjustment that a form asks for.
fn adjustment(key: &LevelKey, form: &Form) -> Result<RequestedChange, Vec<FieldMessage>> {
    let mut fields = Fields::new(form);
    let delta = fields.number("delta");
    let expected_version = Some(fields.number(VERSION));
    let reason = fields.choice("reason");
    match reason {
        Some(reason) if !fields.has_errors() => Ok(RequestedChange::Adjustment {
            location_id: key.location_id.clone(),
            sku: key.sku.clone(),
            delta,
            reason,
            state: StockState::Sellable,
            occurred_at: None,
            expected_version,
        }),
        _ => Err(fields.finish()),
    }
}

/// Applies a change of stock, once per rendered form.
async fn change<P: Ports>(
    dashboard: &Dashboard<P>,
    visit: Visit<'_>,
    form: &Form,
    change: Result<RequestedChange, Vec<FieldMessage>>,
) -> Result<Outcome, StoreError> {
    let change = match change {
        Ok(change) => change,
        Err(errors) => return Ok(Outcome::Invalid(errors)),
    };
    let Some(key) = form.get(KEY).filter(|key| is_key(key)) else {
        return Ok(Outcome::Conflict);
    };
    let caller = &visit.session.caller;
    let body = StockChanges {
        changes: vec![change],
    };
    let request = StockRequest {
        id: RequestId::derive(&caller.subject, &format!("dashboard/{key}")),
        caller,
        body: &body,
        at: visit.now,
        deadline: visit.request.deadline,
    };
    let ports = &dashboard.ports;
    Ok(match settle_request(ports.stock(), ports.catalog(), request).await? {
        RequestOutcome::Settled { mut results, .. } => match results.pop() {
            Some(ChangeResult::Applied(_)) => Outcome::Done,
            Some(ChangeResult::Refused(ChangeRefused::VersionMismatch { .. })) => Outcome::Conflict,
            Some(ChangeResult::Refused(refused)) => {
                Outcome::Refused(format!("Nothing was changed: {refused}."))
            }
            Some(ChangeResult::NotStockable(_)) | None => Outcome::NotFound,
        },
        RequestOutcome::WriteOffDenied => Outcome::Refused(
            "Nothing was changed: only a manager may write stock off.".to_owned(),
        ),
        RequestOutcome::KeyReused => Outcome::Refused(
            "This form was sent before. The figures are the present ones; nothing was changed by sending it again.".to_owned(),
        ),
        RequestOutcome::Invalid(invalid) => {
            let mut fields = Fields::new(form);
            fields.refuse_all(invalid);
            Outcome::Invalid(fields.finish())
        }
    })
}

fn is_key(key: &str) -> bool {
    (1..=64).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Sets the reorder policy. What the form does not show stays as it is.
async fn set_policy<P: Ports>(
    dashboard: &Dashboard<P>,
    visit: Visit<'_>,
    key: &LevelKey,
    form: &Form,
) -> Result<Outcome, StoreError> {
    let mut fields = Fields::new(form);
    let stock = dashboard.ports.stock();
    let mode = fields.choice("mode").unwrap_or_default();
    let policy = ReorderPolicy {
        reorder_point: fields.number("reorder_point"),
        target_level: fields.number("target_level"),
        order_multiple: fields.number("order_multiple"),
        safety_stock: fields.number("safety_stock"),
        lead_time_days: fields.number("lead_time_days"),
        buckets: fields.number("buckets"),
        mode,
    };
    if fields.has_errors() {
        return Ok(Outcome::Invalid(fields.finish()));
    }
    let policy = match policy.check() {
        Ok(policy) => policy,
        Err(invalid) => {
            fields.refuse_all(invalid);
            return Ok(Outcome::Invalid(fields.finish()));
        }
    };
    let request = PolicyRequest {
        key,
        policy: &policy,
        at: visit.now,
        deadline: visit.request.deadline,
    };
    let seen = form.get(SEEN_POLICY).unwrap_or_default();
    Ok(match replace_policy(stock, seen, request).await? {
        ReplaceOutcome::Replaced(_) => Outcome::Done,
        ReplaceOutcome::Conflict => Outcome::Conflict,
        ReplaceOutcome::NotFound => Outcome::NotFound,
    })
}
