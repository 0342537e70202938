//! What every page has in common: head, navigation and notices. The pages for errors and messages.

use std::sync::Arc;

use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html as markup};
use stockline_application::location_cache::KnownLocation;
use stockline_application::sign_in::Session;
use stockline_domain::caller::{Action, Denied};
use stockline_platform::edge::{Form, PageReply};
use stockline_platform::problem::Problem;

use crate::forms::TOKEN;
use crate::handler::{Dashboard, Ports, Visit};
use crate::pages::labels;
use crate::routes::{orders_path, replenishment_path, stock_path};

/// A mark of three bars, as a data URL: browsers ask for an icon whether there is one or not.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' \
                    height='16' rx='3' fill='%230b6b62'/%3E%3Cpath d='M3 12h10M3 8h7M3 4h4' stroke='white' \
                    stroke-width='2'/%3E%3C/svg%3E";

/// What surrounds a page.
pub struct Frame<'a, P: Ports> {
    /// The dashboard.
    pub dashboard: &'a Dashboard<P>,
    /// The signed-in person.
    pub session: Option<&'a Session>,
}

/// A section of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// Levels.
    Stock,
    /// Orders.
    Orders,
    /// Replenishment orders.
    Replenishment,
}

/// A page without what surrounds it.
pub struct Page {
    /// The title, as plain text.
    pub title: String,
    /// The store that the page is about.
    pub location: Option<Arc<KnownLocation>>,
    /// The section that the page belongs to.
    pub section: Option<Section>,
    /// How the script keeps the page up to date. `None` for a page that does not change by itself.
    pub live: Option<Live>,
    /// The content.
    pub main: Markup,
}

/// How a page is kept up to date.
pub struct Live {
    /// The path to read the page from.
    pub path: String,
    /// When it was read.
    pub at: Timestamp,
    /// The entity tag of what it shows.
    pub tag: String,
}

/// Renders a page.
pub fn html<P: Ports>(frame: &Frame<'_, P>, page: &Page) -> String {
    let Frame { dashboard, session } = frame;
    let site = &dashboard.site;
    let live = page.live.as_ref();
    let live_path = live.map(|live| site.path(&live.path));
    let tag = live.map(|live| live.tag.as_str());
    let place = page.location.as_ref();
    markup! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (page.title) " – Stockline" }
                link rel="icon" href=(PreEscaped(ICON));
                link rel="stylesheet" href=(site.path(&dashboard.assets.stylesheet()));
                script defer src=(site.path(&dashboard.assets.script())) {}
            }
            body {
                a.skip href="#main" { "Skip to content" }
                header.bar {
                    a.brand href=(site.path("/")) { "Stockline" }
                    @if let (Some(session), Some(place)) = (session, place) {
                        (navigation(frame, session, place, page.section))
                    }
                    @if let Some(session) = session {
                        div.person {
                            span { b { (session.name) } " " span.role { (labels::words(&session.caller.role)) } }
                            form method="post" action=(site.path("/sign-out")) {
                                (form_token(dashboard, session))
                                button.quiet type="submit" { "Sign out" }
                            }
                        }
                    }
                }
                main #main tabindex="-1" data-live=[live_path] data-tag=[tag] {
                    @if let (Some(Live { at, .. }), Some(place)) = (live, place) {
                        p.as-of {
                            "As of "
                            time datetime=(at) data-zone=[place.time_zone.iana_name()] {
                                (labels::time_of_day(*at, &place.time_zone))
                            }
                        }
                    }
                    (page.main)
                }
            }
        }
    }
    .into_string()
}

fn navigation<P: Ports>(
    frame: &Frame<'_, P>,
    session: &Session,
    place: &KnownLocation,
    current: Option<Section>,
) -> Markup {
    let site = &frame.dashboard.site;
    let id = place.location.location_id.as_str();
    let sections = [
        (Section::Stock, Action::ReadStock, "Stock", stock_path(id)),
        (
            Section::Orders,
            Action::ReadOrders,
            "Orders",
            orders_path(id),
        ),
        (
            Section::Replenishment,
            Action::ManageReplenishment,
            "Replenishment",
            replenishment_path(id),
        ),
    ];
    markup! {
        a.place href=(site.path("/?choose=1")) title="Choose another store" { (place.location.name) }
        nav aria-label=(place.location.name) {
            @for (section, action, name, path) in sections {
                @if session.caller.role.may(action) {
                    a href=(site.path(&path)) aria-current=[(current == Some(section)).then_some("page")] { (name) }
                }
            }
        }
    }
}

/// The hidden field that binds a form to the session.
pub fn form_token<P: Ports>(dashboard: &Dashboard<P>, session: &Session) -> Markup {
    markup! { input type="hidden" name=(TOKEN) value=(dashboard.cookies.form_token(session)); }
}

/// The notice of a form that succeeded. `notice` comes from the address, so only known values are shown.
pub fn notice(notice: Option<&str>) -> Markup {
    let text = match notice {
        Some("count") => "The count is recorded.",
        Some("adjustment") => "The adjustment is recorded.",
        Some("policy") => "The policy is set.",
        Some("canceled") => {
            "The replenishment order is canceled. Its goods are no longer expected."
        }
        _ => return Markup::default(),
    };
    markup! { p.notice.good role="status" { (text) } }
}

/// The page of a request that is refused or failed.
pub fn error_page<P: Ports>(
    frame: &Frame<'_, P>,
    problem: &Problem,
    request_id: &str,
) -> PageReply {
    let status = problem.status();
    let (title, text) = match status {
        403 if *problem == Problem::from(Denied::Role) => (
            "Not allowed",
            "Your role does not allow this. Someone with another role can do it, or an administrator can change yours.",
        ),
        403 => ("Not allowed", problem.detail()),
        404 => (
            "Not found",
            "There is no such page, or it belongs to a store that you have no access to.",
        ),
        503 => (
            "Temporarily unavailable",
            "Stockline did not answer in time. Try again in a few seconds.",
        ),
        500.. => (
            "Something went wrong",
            "This is an error of Stockline. Try again, and report the number below if it happens again.",
        ),
        _ => (problem.title(), problem.detail()),
    };
    let main = markup! {
        div.message {
            p.status { (status) }
            h1 { (title) }
            p { (text) }
            @if !problem.errors().is_empty() {
                ul { @for error in problem.errors() { li { code { (error.pointer) } " " (error.detail) } } }
            }
            p { a.button href=(frame.dashboard.site.path("/")) { "Your stores" } }
            p.quiet { "Request " code { (request_id) } }
        }
    };
    let page = plain(title, main);
    let mut reply = PageReply::new(status, html(frame, &page));
    if status == 503 {
        reply = reply.header("retry-after", "2");
    }
    problem.type_name().clone_into(&mut reply.problem_type);
    reply
}

/// A page with a text and one link.
pub fn message_page<P: Ports>(
    frame: &Frame<'_, P>,
    title: &str,
    text: &str,
    (target, label): (String, &str),
) -> String {
    let main = markup! {
        div.message {
            h1 { (title) }
            p { (text) }
            p { a.button href=(target) { (label) } }
        }
    };
    html(frame, &plain(title, main))
}

/// The page for a form whose outcome is unknown. Sending it again is safe: its key makes it one change.
pub fn send_again_page<P: Ports>(
    dashboard: &Dashboard<P>,
    visit: Visit<'_>,
    path: &str,
    form: &Form,
) -> PageReply {
    let main = markup! {
        div.message {
            p.status { "503" }
            h1 { "Stockline did not confirm this in time" }
            p { "Your change may or may not be applied. Send it again: it is applied once, however often it is sent." }
            form method="post" action=(dashboard.site.path(path)) {
                @for (name, value) in form.fields() {
                    input type="hidden" name=(name) value=(value);
                }
                button type="submit" { "Send again" }
            }
            p.quiet { "Request " code { (visit.request.request_id) } }
        }
    };
    let page = plain("Not confirmed", main);
    let mut reply = dashboard.page(visit, 503, &page).header("retry-after", "2");
    "busy".clone_into(&mut reply.problem_type);
    reply
}

fn plain(title: &str, main: Markup) -> Page {
    Page {
        title: title.to_owned(),
        location: None,
        section: None,
        live: None,
        main,
    }
}
