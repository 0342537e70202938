//! Visits the deployed dashboard like a browser: keeps cookies, follows no redirect by itself, reads hidden fields.

use std::collections::BTreeMap;

use reqwest::header::{CONTENT_TYPE, COOKIE, ETAG, IF_NONE_MATCH, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Url};

/// The media type of forms.
const FORM: &str = "application/x-www-form-urlencoded";

/// A browser without scripts.
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
    pub fn new(base: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().redirect(Policy::none()).build().unwrap();
        Self {
            client,
            base: Url::parse(base).unwrap(),
            cookies: BTreeMap::new(),
        }
    }

    /// Signs in at the local identity provider as a person with `role` at `locations` (comma-separated).
    pub async fn sign_in(&mut self, name: &str, role: &str, locations: &str) -> Visited {
        let asked = self.get("/").await;
        let begun = self.get(&asked.location.unwrap()).await;
        let provider = begun.location.unwrap();
        let page = self.get(&provider).await;
        assert_eq!(page.status, 200, "{}", page.html);
        let mut fields = page.hidden("Someone else");
        for (field, value) in [("name", name), ("role", role), ("location_ids", locations)] {
            fields.push((field.to_owned(), value.to_owned()));
        }
        let confirmed = self.post(&provider, &fields).await;
        assert_eq!(confirmed.status, 303, "{}", confirmed.html);
        self.get(&confirmed.location.unwrap()).await
    }

    /// Reads a page. `address` is a path below the dashboard, a path of its host, or a URL.
    pub async fn get(&mut self, address: &str) -> Visited {
        self.send(Method::GET, address, None, &[]).await
    }

    /// Reads a page unless it still has `tag`.
    pub async fn get_changed(&mut self, address: &str, tag: &str) -> Visited {
        let headers = [(IF_NONE_MATCH.as_str(), tag)];
        self.send(Method::GET, address, None, &headers).await
    }

    /// Sends a form from a page of the dashboard, or of the provider for its own addresses.
    pub async fn post(&mut self, address: &str, fields: &[(String, String)]) -> Visited {
        let origin = self.url(address).origin().ascii_serialization();
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

    fn url(&self, address: &str) -> Url {
        let base_path = self.base.path().trim_end_matches('/');
        if address.starts_with("http") {
            Url::parse(address).unwrap()
        } else if !base_path.is_empty() && address.starts_with(base_path) {
            self.base.join(address).unwrap()
        } else {
            let address = format!("{}{address}", self.base.as_str().trim_end_matches('/'));
            Url::parse(&address).unwrap()
        }
    }

    async fn send(
        &mut self,
        method: Method,
        address: &str,
        fields: Option<&[(String, String)]>,
        headers: &[(&str, &str)],
    ) -> Visited {
        let url = self.url(address);
        let is_dashboard = url.origin() == self.base.origin();
        let mut request = self.client.request(method, url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if is_dashboard && !self.cookies.is_empty() {
            let cookies = self
                .cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"));
            request = request.header(COOKIE, cookies.collect::<Vec<_>>().join("; "));
        }
        if let Some(fields) = fields {
            request = request.header(CONTENT_TYPE, FORM).body(encode(fields));
        }
        let response = request.send().await.unwrap();
        let text = |name| {
            let value = response.headers().get(name)?;
            Some(value.to_str().unwrap().to_owned())
        };
        if is_dashboard {
            for cookie in response.headers().get_all(SET_COOKIE) {
                let cookie = cookie.to_str().unwrap().split(';').next().unwrap();
                let (name, value) = cookie.split_once('=').unwrap();
                if value.is_empty() {
                    self.cookies.remove(name);
                } else {
                    self.cookies.insert(name.to_owned(), value.to_owned());
                }
            }
        }
        Visited {
            status: response.status().as_u16(),
            location: text(LOCATION),
            tag: text(ETAG),
            html: response.text().await.unwrap(),
        }
    }
}

impl Visited {
    /// Whether the HTML contains `text`.
    pub fn shows(&self, text: &str) -> bool {
        self.html.contains(text)
    }

    /// The hidden fields of the first form after `mark`.
    pub fn hidden(&self, mark: &str) -> Vec<(String, String)> {
        let after = self
            .html
            .split_once(mark)
            .unwrap_or_else(|| panic!("no {mark:?} in {}", self.html))
            .1;
        let form = after.split("</form>").next().unwrap();
        let inputs = form
            .split("<input")
            .skip(1)
            .filter(|input| input.contains("type=\"hidden\""));
        inputs
            .map(|input| {
                let attribute = |name: &str| {
                    let start = format!("{name}=\"");
                    let value = input.split_once(&start).map_or("", |(_, rest)| rest);
                    value.split('"').next().unwrap().replace("&amp;", "&")
                };
                (attribute("name"), attribute("value"))
            })
            .collect()
    }
}

fn encode(fields: &[(String, String)]) -> String {
    let mut url = Url::parse("http://form.test").unwrap();
    url.query_pairs_mut().extend_pairs(fields);
    url.query().unwrap_or_default().to_owned()
}
