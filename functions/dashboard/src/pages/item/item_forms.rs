//! The forms of an item. Each carries what it was rendered from, and a key that makes it one change however often it is sent.

use maud::{Markup, html};
use stockline_application::ports::randomness::RandomSource;
use stockline_application::reorder_policy::policy_fingerprint;
use stockline_application::store_error::StoreError;
use stockline_domain::caller::Action;
use stockline_domain::level::{Level, MAX_QUANTITY, ReorderPolicy, ReplenishmentMode};
use stockline_domain::stock_change::AdjustmentReason;

use super::{Feedback, Shown};
use crate::forms::item::{KEY, SEEN_POLICY, VERSION};
use crate::handler::{Dashboard, Ports, Visit};
use crate::pages::labels;
use crate::pages::layout::form_token;
use crate::routes::{ItemForm, item_path};

/// The idempotency keys of the forms of one rendered page.
pub struct FormKeys {
    count: String,
    adjustment: String,
}

impl FormKeys {
    /// Draws new keys.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if there is no randomness.
    pub fn draw<Random: RandomSource>(random: &Random) -> Result<Self, StoreError> {
        Ok(Self {
            count: random.secret()?,
            adjustment: random.secret()?,
        })
    }
}

/// A field of a form.
struct Field<'a> {
    form: ItemForm,
    name: &'a str,
    label: &'a str,
    /// The value that was entered, or the present one.
    value: String,
    minimum: i64,
    feedback: Option<&'a Feedback<'a>>,
}

/// Renders the forms that the caller may send.
pub fn render<P: Ports>(
    dashboard: &Dashboard<P>,
    visit: Visit<'_>,
    shown: &Shown<'_>,
    keys: &FormKeys,
) -> Result<Markup, StoreError> {
    let role = visit.session.caller.role;
    let (may_write, may_set_policy) = (role.may(Action::WriteStock), role.may(Action::SetPolicy));
    if !may_write && !may_set_policy {
        return Ok(Markup::default());
    }
    let level = &shown.item.level;
    let seen = policy_fingerprint(level)?;
    let form = |kind: ItemForm, title: &str, hidden: Markup, fields: Markup| {
        let segment = kind.segment();
        let path = format!(
            "{}/{segment}",
            item_path(level.location_id.as_str(), level.sku.as_str())
        );
        html! {
            form.card method="post" action=(dashboard.site.path(&path)) aria-labelledby={ (segment) "-title" } {
                h2 id={ (segment) "-title" } { (title) }
                (form_token(dashboard, visit.session))
                (hidden)
                (fields)
            }
        }
    };
    let version_and_key = |key: &str| {
        html! {
            input type="hidden" name=(VERSION) value=(level.version);
            input type="hidden" name=(KEY) value=(key);
        }
    };
    let seen_policy = html! { input type="hidden" name=(SEEN_POLICY) value=(seen.as_str()); };
    Ok(html! {
        div.cards {
            @if may_write {
                (form(ItemForm::Count, "Count", version_and_key(&keys.count), count_fields(shown)))
                (form(ItemForm::Adjustment, "Adjust", version_and_key(&keys.adjustment), adjustment_fields(shown)))
            }
            @if may_set_policy {
                (form(ItemForm::Policy, "Reorder policy", seen_policy, policy_fields(shown)))
            }
        }
    })
}

fn count_fields(shown: &Shown<'_>) -> Markup {
    let field = number_field(shown, ItemForm::Count, "quantity", "Counted on the shelf");
    html! {
        (field.with(String::new(), 0).render())
        p.hint { "All pieces that are there, also damaged ones and those on hold." }
        button type="submit" { "Record the count" }
    }
}

fn adjustment_fields(shown: &Shown<'_>) -> Markup {
    let field = number_field(shown, ItemForm::Adjustment, "delta", "More (+) or less (−)");
    let entered = entered(shown, ItemForm::Adjustment, "reason");
    let reasons = [
        AdjustmentReason::Damage,
        AdjustmentReason::Theft,
        AdjustmentReason::Found,
        AdjustmentReason::Correction,
        AdjustmentReason::Other,
    ];
    html! {
        (field.with(String::new(), -MAX_QUANTITY).render())
        p.field {
            label for="reason" { "Reason" }
            select #reason name="reason" required {
                @for reason in reasons {
                    @let value = value_of(reason);
                    option value=(value) selected[entered == Some(value.as_str())] { (labels::words(&reason)) }
                }
            }
        }
        button type="submit" { "Record the adjustment" }
    }
}

fn policy_fields(shown: &Shown<'_>) -> Markup {
    let policy = present_policy(&shown.item.level);
    let mode = entered(shown, ItemForm::Policy, "mode").map(str::to_owned);
    let mode = mode.unwrap_or_else(|| value_of(policy.mode));
    let modes = [
        (ReplenishmentMode::MinMax, "Automatic"),
        (ReplenishmentMode::Manual, "By people"),
    ];
    let numbers = [
        ("reorder_point", "Reorder point", policy.reorder_point, 0),
        ("target_level", "Target level", policy.target_level, 0),
        ("order_multiple", "Order multiple", policy.order_multiple, 1),
        ("safety_stock", "Safety stock", policy.safety_stock, 0),
        (
            "lead_time_days",
            "Lead time in days",
            policy.lead_time_days.into(),
            0,
        ),
    ];
    html! {
        input type="hidden" name="buckets" value=(policy.buckets);
        div.columns {
            @for (name, label, value, minimum) in numbers {
                (number_field(shown, ItemForm::Policy, name, label).with(value.to_string(), minimum).render())
            }
            p.field {
                label for="mode" { "Orders" }
                select #mode name="mode" {
                    @for (choice, label) in modes {
                        @let value = value_of(choice);
                        option value=(value) selected[value == mode] { (label) }
                    }
                }
            }
        }
        button type="submit" { "Set the policy" }
    }
}

/// The policy of the level, or the default one.
fn present_policy(level: &Level) -> ReorderPolicy {
    level.policy.clone().unwrap_or(ReorderPolicy {
        reorder_point: 0,
        target_level: 0,
        order_multiple: 1,
        safety_stock: 0,
        lead_time_days: 0,
        buckets: 1,
        mode: ReplenishmentMode::default(),
    })
}

fn value_of<T: serde::Serialize>(choice: T) -> String {
    let value = serde_json::to_value(choice).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

fn entered<'a>(shown: &Shown<'a>, form: ItemForm, name: &str) -> Option<&'a str> {
    let feedback = shown.feedback?;
    (feedback.kind == form).then(|| feedback.form.get(name))?
}

fn number_field<'a>(shown: &Shown<'a>, form: ItemForm, name: &'a str, label: &'a str) -> Field<'a> {
    Field {
        form,
        name,
        label,
        value: entered(shown, form, name).unwrap_or_default().to_owned(),
        minimum: 0,
        feedback: shown.feedback.filter(|feedback| feedback.kind == form),
    }
}

impl Field<'_> {
    /// Sets the minimum, and the value to show if none was entered.
    fn with(mut self, value: String, minimum: i64) -> Self {
        if self.feedback.is_none() {
            self.value = value;
        }
        self.minimum = minimum;
        self
    }

    fn render(&self) -> Markup {
        let id = format!("{}-{}", self.form.segment(), self.name);
        let errors = self.feedback.map(|feedback| feedback.errors.as_slice());
        let errors = errors.unwrap_or_default().iter();
        let errors: Vec<&str> = errors
            .filter(|error| error.field == self.name)
            .map(|error| error.message.as_str())
            .collect();
        let error_id = format!("{id}-error");
        let described_by = (!errors.is_empty()).then_some(error_id.as_str());
        html! {
            p.field {
                label for=(id) { (self.label) }
                input id=(id) type="number" inputmode="numeric" step="1" name=(self.name) value=(self.value)
                    min=(self.minimum) max=(MAX_QUANTITY) required
                    aria-invalid=[described_by.map(|_| "true")] aria-describedby=[described_by];
                @if !errors.is_empty() {
                    span.error id=(error_id) { (self.label) " " (errors.join("; ")) "." }
                }
            }
        }
    }
}
