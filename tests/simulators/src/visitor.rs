//! A visitor of the dashboard: a browser without scripts that keeps cookies, follows no redirect by itself and reads hidden fields.

use std::collections::BTreeMap;

use reqwest::header::{CONTENT_TYPE, COOKIE, ETAG, IF_NONE_MATCH, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response, Url};

/// The media type of forms.
const FORM: &str = "application/x-www-form-urlencoded";

/// A visit that failed.
#[derive(Debug, thiserror::Error)]
pub enum VisitError {
    /// There was no response.
    #[error("no response from the dashboard or the identity provider")]
    Http(#[from] reqwest::Error),
    /// An address is no URL.
    #[error("{address:?} is no URL")]
    Address {
        /// The address.
        address: String,
    },
    /// A page is not as expected.
    #[error("{problem}: {html}")]
    Page {
        /// What is missing.
        problem: String,
        /// The page.
        html: String,
    },
}

/// A visitor. A clone has the same cookies at first.
#[derive(Debug, Clone)]
pub struct Visitor {
    client: Client,
    base: Url,
    cookies: BTreeMap<String, String>,
}

/// A page that was read.
#[derive(Debug, Clone)]
pub struct Visited {
    /// The HTTP status.
    pub status: u16,
    /// The target of a redirect.
    pub location: Option<String>,
    /// The entity tag.
    pub tag: Option<String>,
    /// The HTML.
    pub html: String,
}

impl Visitor {
    /// A visitor of the dashboard at `base` who is not signed in.
    pub fn new(base: &str) -> Result<Self, VisitError> {
        // Fails if a crypto provider is installed already; any provider will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().redirect(Policy::none());
        Ok(Self {
            client: client.build()?,
            base: parse(base)?,
            cookies: BTreeMap::new(),
        })
    }

    /// Signs in at the local identity provider as a person with `role` at `locations` (comma-separated).
    pub async fn sign_in(
        &mut self,
        name: &str,
        role: &str,
        locations: &str,
    ) -> Result<Visited, VisitError> {
        let asked = self.get("/").await?;
        let begun = self.get(&asked.target()?).await?;
        let provider = begun.target()?;
        let page = self.get(&provider).await?;
        let mut fields = page.hidden("Someone else")?;
        for (field, value) in [("name", name), ("role", role), ("location_ids", locations)] {
            fields.push((field.to_owned(), value.to_owned()));
        }
        let confirmed = self.post(&provider, &fields).await?;
        self.get(&confirmed.target()?).await
    }

    /// Reads a page. `address` is a path below the dashboard, a path of its host, or a URL.
    pub async fn get(&mut self, address: &str) -> Result<Visited, VisitError> {
        self.send(Method::GET, address, None, &[]).await
    }

    /// Reads a page unless it still has `tag`.
    pub async fn get_changed(&mut self, address: &str, tag: &str) -> Result<Visited, VisitError> {
        let headers = [(IF_NONE_MATCH.as_str(), tag)];
        self.send(Method::GET, address, None, &headers).await
    }

    /// Sends a form from a page of the dashboard, or of the provider for its own addresses.
    pub async fn post(
        &mut self,
        address: &str,
        fields: &[(String, String)],
    ) -> Result<Visited, VisitError> {
        let origin = self.url(address)?.origin().ascii_serialization();
        let headers = [(ORIGIN.as_str(), origin.as_str())];
        self.send(Method::POST, address, Some(fields), &headers)
            .await
    }

    /// Sets a cookie of the dashboard.
    pub fn set_cookie(&mut self, name: &str, value: &str) {
        self.cookies.insert(name.to_owned(), value.to_owned());
    }

    /// A cookie of the dashboard.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }

    fn url(&self, address: &str) -> Result<Url, VisitError> {
        let base_path = self.base.path().trim_end_matches('/');
        if address.starts_with("http") {
            parse(address)
        } else if !base_path.is_empty() && address.starts_with(base_path) {
            let origin = self.base.origin().ascii_serialization();
            parse(&format!("{origin}{address}"))
        } else {
            let base = self.base.as_str().trim_end_matches('/');
            parse(&format!("{base}{address}"))
        }
    }

    async fn send(
        &mut self,
        method: Method,
        address: &str,
        fields: Option<&[(String, String)]>,
        headers: &[(&str, &str)],
    ) -> Result<Visited, VisitError> {
        let url = self.url(address)?;
        let is_dashboard = url.origin() == self.base.origin();
        let mut request = self.client.request(method, url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if is_dashboard && !self.cookies.is_empty() {
            let cookies = self.cookies.iter();
            let cookies = cookies.map(|(name, value)| format!("{name}={value}"));
            request = request.header(COOKIE, cookies.collect::<Vec<_>>().join("; "));
        }
        if let Some(fields) = fields {
            request = request.header(CONTENT_TYPE, FORM).body(encode(fields)?);
        }
        let response = request.send().await?;
        if is_dashboard {
            self.keep_cookies(&response);
        }
        let text = |name| {
            let value = response.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        Ok(Visited {
            status: response.status().as_u16(),
            location: text(LOCATION),
            tag: text(ETAG),
            html: response.text().await?,
        })
    }

    fn keep_cookies(&mut self, response: &Response) {
        let cookies = response.headers().get_all(SET_COOKIE).into_iter();
        let cookies =
            cookies.filter_map(|cookie| cookie.to_str().ok()?.split(';').next()?.split_once('='));
        for (name, value) in cookies {
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

impl Visited {
    /// Whether the HTML contains `text`.
    pub fn shows(&self, text: &str) -> bool {
        self.html.contains(text)
    }

    /// The target of the redirect.
    pub fn target(&self) -> Result<String, VisitError> {
        let target = self.location.clone();
        target.ok_or_else(|| self.unexpected(format!("{} without a redirect", self.status)))
    }

    /// The hidden fields of the first form after `mark`.
    pub fn hidden(&self, mark: &str) -> Result<Vec<(String, String)>, VisitError> {
        let (_, after) = self
            .html
            .split_once(mark)
            .ok_or_else(|| self.unexpected(format!("{mark:?} is missing")))?;
        let form = after.split("</form>").next().unwrap_or_default();
        let inputs = form.split("<input").skip(1);
        let hidden = inputs.filter(|input| input.contains("type=\"hidden\""));
        Ok(hidden
            .map(|input| {
                let attribute = |name: &str| {
                    let start = format!("{name}=\"");
                    let value = input.split_once(&start).map_or("", |(_, rest)| rest);
                    let value = value.split('"').next().unwrap_or_default();
                    value.replace("&amp;", "&")
                };
                (attribute("name"), attribute("value"))
            })
            .collect())
    }

    fn unexpected(&self, problem: String) -> VisitError {
        VisitError::Page {
            problem,
            html: self.html.clone(),
        }
    }
}

fn parse(address: &str) -> Result<Url, VisitError> {
    Url::parse(address).map_err(|_| VisitError::Address {
        address: address.to_owned(),
    })
}

fn encode(fields: &[(String, String)]) -> Result<String, VisitError> {
    let mut url = parse("http://form.test")?;
    url.query_pairs_mut().extend_pairs(fields);
    Ok(url.query().unwrap_or_default().to_owned())
}
