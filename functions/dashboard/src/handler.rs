//! Routes each request to a page, a form or a step of the sign-in, and answers with HTML.

mod ports;

use std::fmt::Debug;

use jiff::Timestamp;
use lambda_http::http::Method;
use stockline_application::location_cache::LocationCache;
use stockline_application::ports::clock::Clock;
use stockline_application::product_names::ProductNames;
use stockline_application::sign_in::Session;
use stockline_platform::cursor::CursorKey;
use stockline_platform::edge::{PageReply, PageRequest};
use stockline_platform::problem::Problem;
use stockline_platform::sealing::SealingKey;

use crate::pages::assets::{Assets, digest};
use crate::pages::layout::{Frame, Live, Page, error_page, html};
use crate::routes::Route;
use crate::session::Cookies;
use crate::site::{Site, with_query};
use crate::{forms, pages, sign_in};

pub use ports::{Adapters, Ports};

/// Serves the pages.
pub struct Dashboard<P: Ports> {
    /// The ports.
    pub ports: P,
    /// The products that were read.
    pub products: ProductNames<P::Catalog, P::Time>,
    /// The locations that were read.
    pub locations: LocationCache<P::Catalog, P::Time>,
    /// The addresses.
    pub site: Site,
    /// The cookies.
    pub cookies: Cookies,
    /// Signs the cursors of lists.
    pub cursors: CursorKey,
    /// The stylesheet and the script.
    pub assets: Assets,
}

/// A request of a signed-in person.
#[derive(Clone, Copy)]
pub struct Visit<'a> {
    /// The request.
    pub request: &'a PageRequest,
    /// Who asks.
    pub session: &'a Session,
    /// When the request arrived.
    pub now: Timestamp,
}

impl<P: Ports> Dashboard<P> {
    /// Creates the dashboard. `secret` signs cookies, forms and cursors.
    pub fn new(ports: P, site: Site, secret: &str) -> Self {
        Self {
            products: ProductNames::new(ports.catalog().clone(), ports.clock().clone()),
            locations: LocationCache::new(ports.catalog().clone(), ports.clock().clone()),
            cookies: Cookies::new(SealingKey::new(secret), &site),
            cursors: CursorKey::new(secret),
            assets: Assets::new(),
            ports,
            site,
        }
    }

    /// Handles one request.
    pub async fn handle(&self, request: PageRequest) -> PageReply {
        let now = self.ports.clock().now();
        let session = self.cookies.session(&request, now);
        let route = Route::of(&request.path).filter(|route| route.takes(&request.method));
        let result = match (route, &session) {
            (None, _) => Err(Problem::not_found()),
            (Some(Route::Asset(name)), _) => self.assets.reply(name).ok_or_else(Problem::not_found),
            (Some(Route::SignIn), _) => sign_in::begin(self, &request, now),
            (Some(Route::Callback), _) => sign_in::complete(self, &request, now).await,
            (Some(Route::SignedOut), _) => Ok(sign_in::signed_out(self)),
            (Some(route), None) => Ok(self.ask_to_sign_in(route, &request)),
            (Some(route), Some(session)) => {
                let visit = Visit {
                    request: &request,
                    session,
                    now,
                };
                // Boxed: the state of all pages together is large.
                Box::pin(self.visit(route, visit)).await
            }
        };
        let frame = Frame {
            dashboard: self,
            session: session.as_ref(),
        };
        let mut reply =
            result.unwrap_or_else(|problem| error_page(&frame, &problem, &request.request_id));
        reply.route = route.map_or("", Route::name);
        reply.role = session.map_or_else(String::new, |session| {
            let role = serde_json::to_value(session.caller.role).unwrap_or_default();
            role.as_str().unwrap_or_default().to_owned()
        });
        self.protect(reply)
    }

    /// The page for a request that [`Self::handle`] could not answer.
    pub fn failure(&self, problem: &Problem, request_id: &str) -> PageReply {
        let frame = Frame {
            dashboard: self,
            session: None,
        };
        self.protect(error_page(&frame, problem, request_id))
    }

    async fn visit(&self, route: Route<'_>, visit: Visit<'_>) -> Result<PageReply, Problem> {
        if visit.request.method == Method::GET {
            return match route {
                Route::Stores => pages::stores::show(self, visit).await,
                Route::Stock(store) => pages::stock::show(self, visit, store).await,
                Route::Item(store, sku) => pages::item::show(self, visit, (store, sku)).await,
                Route::Orders(store) => pages::orders::show(self, visit, store).await,
                Route::Order(order) => pages::order::show(self, visit, order).await,
                Route::Replenishment(store) => {
                    pages::replenishment::show(self, visit, store, None).await
                }
                // The address of a form stays in the browser after an error. A reload shows the page instead.
                _ => Ok(self.see(&route.page())),
            };
        }
        // Checked before anything of the form is read or done.
        let form = forms::authentic(self, visit)?;
        match route {
            Route::ItemForm(store, sku, kind) => {
                forms::item::submit(self, visit, ((store, sku), kind, &form)).await
            }
            Route::CancelReplenishment(store, order) => {
                forms::cancel_replenishment(self, visit, (store, order)).await
            }
            Route::SignOut => Ok(sign_in::sign_out(self)),
            _ => Err(Problem::not_found()),
        }
    }

    fn ask_to_sign_in(&self, route: Route<'_>, request: &PageRequest) -> PageReply {
        let mut return_to = route.page();
        if request.method == Method::GET {
            let query = request.query_pairs();
            let query = query.iter().filter(|(name, _)| name != "notice");
            let query = query.map(|(name, value)| (name.as_str(), value.as_str()));
            return_to = with_query(&return_to, query);
        }
        // An absolute URL: the cookies of the sign-in must be set for the host that the provider returns to.
        let sign_in = self.site.url("/sign-in");
        see_other(&with_query(&sign_in, [("return_to", return_to.as_str())]))
    }

    /// Redirects to a page of this site. `path` starts with a slash.
    pub fn see(&self, path: &str) -> PageReply {
        see_other(&self.site.path(path))
    }

    /// Answers with a page that the script reads again every few seconds from `path`. `content` is everything that the page
    /// shows; if it is unchanged since the browser's last read, the answer is 304 without a body.
    pub fn live_page<C: Debug>(
        &self,
        visit: Visit<'_>,
        (path, content): (&str, &C),
        page: impl FnOnce() -> Page,
    ) -> PageReply {
        let tag = self.tag(visit, content);
        if let Some(unchanged) = unchanged(visit, &tag) {
            return unchanged;
        }
        let live = Live {
            path: path.to_owned(),
            at: visit.now,
            tag: tag.clone(),
        };
        let page = Page {
            live: Some(live),
            ..page()
        };
        self.page(visit, 200, &page).header("etag", tag)
    }

    /// The entity tag of a page of this session that shows `content`.
    pub fn tag<C: Debug>(&self, visit: Visit<'_>, content: &C) -> String {
        let (assets, session) = (&self.assets, &visit.session.id);
        let shown = format!("{assets:?} {session} {content:?}");
        format!("\"{}\"", &digest(shown.as_bytes())[..32])
    }

    /// Answers with a page.
    pub fn page(&self, visit: Visit<'_>, status: u16, page: &Page) -> PageReply {
        let frame = Frame {
            dashboard: self,
            session: Some(visit.session),
        };
        PageReply::new(status, html(&frame, page))
    }

    /// Adds the headers that every response has.
    fn protect(&self, reply: PageReply) -> PageReply {
        let targets = self.site.form_targets();
        let policy = format!(
            "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; \
             form-action 'self' {targets}; frame-ancestors 'none'; base-uri 'none'"
        );
        let mut reply = reply
            .header("content-security-policy", policy)
            .header("x-content-type-options", "nosniff")
            // Not no-referrer: with it, browsers send forms with the origin "null".
            .header("referrer-policy", "same-origin");
        if reply.header_value("content-type").is_none() {
            reply = reply.header("content-type", "text/html; charset=utf-8");
        }
        if reply.header_value("cache-control").is_none() {
            reply = reply.header("cache-control", "no-store");
        }
        if self.site.is_secure() {
            reply = reply.header("strict-transport-security", "max-age=31536000");
        }
        reply
    }
}

/// Redirects to `url` with a GET, whatever the method of the request was.
pub fn see_other(url: &str) -> PageReply {
    PageReply::new(303, String::new()).header("location", url)
}

/// Returns the 304 if the browser knows the page by this tag.
pub fn unchanged(visit: Visit<'_>, tag: &str) -> Option<PageReply> {
    let known = visit.request.header("if-none-match")?;
    let is_known = known.split(',').any(|entry| is_same_tag(entry, tag));
    is_known.then(|| PageReply::new(304, String::new()).header("etag", tag))
}

/// Whether an entry of `If-None-Match` is `tag`. A proxy may have marked it as weak when it compressed the page.
fn is_same_tag(entry: &str, tag: &str) -> bool {
    let entry = entry.trim();
    entry.strip_prefix("W/").unwrap_or(entry) == tag
}

#[cfg(test)]
mod tests;
