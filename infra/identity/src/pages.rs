//! The HTML pages. They work without scripts.

use maud::{DOCTYPE, Markup, html};

use crate::authorization::AuthorizationRequest;
use crate::loopback::LoopbackUrl;
use crate::parameters::Parameters;
use crate::people::{InvalidPerson, PRESETS, ROLES};

/// The stylesheet of all pages.
pub const STYLE: &str = include_str!("style.css");

fn page(title: &str, body: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · Stockline" }
                link rel="stylesheet" href="/style.css";
                // Without an icon, browsers request /favicon.ico.
                link rel="icon" href="data:,";
            }
            body {
                main {
                    p class="product" { "Stockline" }
                    (body)
                    footer {
                        p { "This identity provider belongs to a local cloud. It listens on this machine only and asks for no password." }
                    }
                }
            }
        }
    }
    .into_string()
}

/// A form that was submitted with a wrong field.
#[derive(Debug, Clone, Copy)]
pub struct Rejected<'a> {
    /// What was entered.
    pub form: &'a Parameters,
    /// What is wrong.
    pub error: &'a InvalidPerson,
}

/// The sign-in page: a button for each person, and a form for any other.
pub fn sign_in(request: &AuthorizationRequest, rejected: Option<Rejected<'_>>) -> String {
    let title = if rejected.is_some() {
        "Error: sign in"
    } else {
        "Sign in"
    };
    page(
        title,
        &html! {
            h1 { "Sign in" }
            p { "Choose who you are. The dashboard shows what that person may see." }
            form method="post" action="/authorize" {
                (hidden_fields(request))
                ul class="people" {
                    @for preset in PRESETS {
                        li {
                            button name="person" value=(preset.key) {
                                span class="name" { (preset.name) }
                                span class="title" { (preset.title) }
                                span class="may" { (preset.may) }
                            }
                        }
                    }
                }
            }
            h2 id="other" { "Someone else" }
            form method="post" action="/authorize" aria-labelledby="other" {
                (hidden_fields(request))
                (free_fields(rejected))
                button class="submit" { "Sign in" }
            }
        },
    )
}

fn hidden_fields(request: &AuthorizationRequest) -> Markup {
    html! {
        @for (name, value) in request.parameters() {
            input type="hidden" name=(name) value=(value);
        }
    }
}

fn free_fields(rejected: Option<Rejected<'_>>) -> Markup {
    let entered = |name: &str| rejected.and_then(|rejected| rejected.form.get(name));
    let error = |field: &str| {
        let error = rejected?.error;
        (error.field() == field).then(|| error.to_string())
    };
    let described_by = |field: &str, hint: bool| {
        let error = error(field).map(|_| format!("{field}-error"));
        let ids = [hint.then(|| format!("{field}-hint")), error];
        let ids: Vec<String> = ids.into_iter().flatten().collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    };
    let message = |field: &str| {
        html! {
            @if let Some(error) = error(field) {
                p class="error" id={ (field) "-error" } { "Error: " (error) }
            }
        }
    };
    html! {
        (message("person"))
        div class="field" {
            label for="name" { "Name" }
            (message("name"))
            input id="name" name="name" required maxlength="100" autocomplete="off" value=[entered("name")]
                aria-describedby=[described_by("name", false)] aria-invalid=[error("name").map(|_| "true")]
                autofocus[error("name").is_some()];
        }
        div class="field" {
            label for="role" { "Role" }
            (message("role"))
            select id="role" name="role" aria-describedby=[described_by("role", false)] aria-invalid=[error("role").map(|_| "true")]
                autofocus[error("role").is_some()] {
                @for (role, title) in ROLES {
                    option value=(role) selected[entered("role") == Some(role)] { (title) }
                }
            }
        }
        div class="field" {
            label for="location_ids" { "Location ids" }
            p class="hint" id="location_ids-hint" {
                "Separated by commas, for example store-1, store-2. Without ids, an administrator sees every location and any other role none."
            }
            (message("location_ids"))
            input id="location_ids" name="location_ids" autocomplete="off" autocapitalize="none" spellcheck="false"
                value=[entered("location_ids")] aria-describedby=[described_by("location_ids", true)]
                aria-invalid=[error("location_ids").map(|_| "true")] autofocus[error("location_ids").is_some()];
        }
    }
}

/// The page after signing out, with a link back.
pub fn signed_out(back: Option<&str>) -> String {
    page(
        "Signed out",
        &html! {
            h1 { "Signed out" }
            p { "This provider keeps no session. The next sign-in asks again who you are." }
            @if let Some(url) = back {
                p { a href=(url) { "Back to the dashboard" } }
            }
        },
    )
}

/// The page at the root.
pub fn index() -> String {
    page(
        "Identity provider",
        &html! {
            h1 { "Identity provider" }
            p { "Signing in starts at the dashboard, which sends you here." }
            p { a href="/.well-known/openid-configuration" { "OpenID configuration" } }
        },
    )
}

/// The page of a rejected request. `detail` says what is wrong.
pub fn error(title: &str, detail: &str) -> String {
    page(
        title,
        &html! {
            h1 { (title) }
            p { (detail) "." }
            p { "Go back to the dashboard and start again." }
        },
    )
}

/// The origin that the sign-in form may lead to, after the provider itself. Browsers apply `form-action` to the redirect too.
pub fn form_targets(redirect_uri: &LoopbackUrl) -> String {
    format!("'self' {}", redirect_uri.origin())
}
