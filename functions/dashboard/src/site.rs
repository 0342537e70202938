//! Addresses: where the pages are, and where people sign in.

use form_urlencoded::Serializer;

/// The addresses from the configuration.
#[derive(Debug, Clone)]
pub struct SiteAddresses {
    /// The URL of the pages, without a trailing slash.
    pub dashboard_url: String,
    /// The provider's authorization endpoint.
    pub authorization_endpoint: String,
    /// The provider's end-session endpoint, if it has one.
    pub end_session_endpoint: Option<String>,
    /// The `client_id` at the provider.
    pub client_id: String,
}

/// A configured address is no absolute HTTP URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an absolute HTTP URL")]
pub struct InvalidAddress(String);

/// The site: all addresses of pages are made here.
#[derive(Debug, Clone)]
pub struct Site {
    origin: String,
    base_path: String,
    form_targets: String,
    addresses: SiteAddresses,
}

impl Site {
    /// Creates the site.
    ///
    /// # Errors
    /// An address is no absolute HTTP URL.
    pub fn new(addresses: SiteAddresses) -> Result<Self, InvalidAddress> {
        let (origin, base_path) = split(&addresses.dashboard_url)?;
        let mut form_targets = split(&addresses.authorization_endpoint)?.0;
        if let Some(endpoint) = &addresses.end_session_endpoint {
            let target = split(endpoint)?.0;
            if target != form_targets {
                form_targets = format!("{form_targets} {target}");
            }
        }
        Ok(Self {
            origin,
            base_path: base_path.trim_end_matches('/').to_owned(),
            form_targets,
            addresses,
        })
    }

    /// Scheme, host and port of the pages, as browsers send them in `Origin`.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The origins that a form may lead to beside the pages themselves: those of the identity provider.
    pub fn form_targets(&self) -> &str {
        &self.form_targets
    }

    /// Whether the pages are served over TLS. They are not in a local cloud only.
    pub fn is_secure(&self) -> bool {
        self.origin.starts_with("https://")
    }

    /// The path that cookies are sent to.
    pub fn cookie_path(&self) -> String {
        format!("{}/", self.base_path)
    }

    /// The address of a page. `path` starts with a slash.
    pub fn path(&self, path: &str) -> String {
        format!("{}{path}", self.base_path)
    }

    /// The absolute URL of a page.
    pub fn url(&self, path: &str) -> String {
        format!("{}{}{path}", self.origin, self.base_path)
    }

    /// The URL that the provider sends codes to.
    pub fn callback(&self) -> String {
        self.url("/callback")
    }

    /// The URL of the sign-in at the provider.
    pub fn authorization(&self, parameters: &[(&str, &str)]) -> String {
        let callback = self.callback();
        let own = [
            ("response_type", "code"),
            ("client_id", self.addresses.client_id.as_str()),
            ("redirect_uri", callback.as_str()),
            ("scope", "openid profile"),
        ];
        with_query(
            &self.addresses.authorization_endpoint,
            own.iter().chain(parameters).copied(),
        )
    }

    /// The URL to go to after signing out here: the provider's end-session endpoint, or a page of our own.
    pub fn after_sign_out(&self) -> String {
        let signed_out = self.url("/signed-out");
        match &self.addresses.end_session_endpoint {
            Some(endpoint) => with_query(
                endpoint,
                [
                    ("client_id", self.addresses.client_id.as_str()),
                    ("post_logout_redirect_uri", signed_out.as_str()),
                ],
            ),
            None => signed_out,
        }
    }
}

/// Adds parameters to a URL.
pub fn with_query<'a>(
    url: &str,
    parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> String {
    let query = Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish();
    if query.is_empty() {
        return url.to_owned();
    }
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}{query}")
}

/// Returns `path` if it is a path of this site, relative to its base: nothing that leads to another host.
pub fn local_path(path: &str) -> Option<&str> {
    let is_local = path.starts_with('/') && !path.starts_with("//") && path.len() <= 512;
    let is_plain = path
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'\\' && byte != b'#');
    (is_local && is_plain).then_some(path)
}

/// Splits an absolute HTTP URL into its origin and its path.
fn split(url: &str) -> Result<(String, String), InvalidAddress> {
    let invalid = || InvalidAddress(url.to_owned());
    let (scheme, rest) = url.split_once("://").ok_or_else(invalid)?;
    let (host, path) = rest
        .find('/')
        .map_or((rest, ""), |slash| rest.split_at(slash));
    let is_http = matches!(scheme, "http" | "https");
    if !is_http || host.is_empty() || !host.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(invalid());
    }
    let path = path.split(['?', '#']).next().unwrap_or_default();
    Ok((
        format!("{scheme}://{}", host.to_ascii_lowercase()),
        path.to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(dashboard_url: &str) -> Result<Site, InvalidAddress> {
        Site::new(SiteAddresses {
            dashboard_url: dashboard_url.to_owned(),
            authorization_endpoint: "https://identity.test/authorize".to_owned(),
            end_session_endpoint: Some("https://leave.test/logout?x=1".to_owned()),
            client_id: "stockline-dashboard".to_owned(),
        })
    }

    #[test]
    fn links_stay_below_the_base_path() {
        let staged = site("https://pages.test/live/").unwrap();
        assert_eq!(staged.origin(), "https://pages.test");
        assert_eq!(staged.path("/stores"), "/live/stores");
        assert_eq!(staged.callback(), "https://pages.test/live/callback");
        assert_eq!(staged.cookie_path(), "/live/");
        assert_eq!(
            staged.form_targets(),
            "https://identity.test https://leave.test"
        );
        let root = site("http://localhost:4566").unwrap();
        assert_eq!(root.path("/"), "/");
        assert!(!root.is_secure());
        assert!(site("pages.test").is_err());
        assert!(site("ftp://pages.test/").is_err());
    }

    #[test]
    fn parameters_are_encoded() {
        let url = site("https://pages.test")
            .unwrap()
            .authorization(&[("state", "a&b=c")]);
        assert!(
            url.ends_with("&scope=openid+profile&state=a%26b%3Dc"),
            "{url}"
        );
        let out = site("https://pages.test").unwrap().after_sign_out();
        assert!(
            out.starts_with("https://leave.test/logout?x=1&client_id="),
            "{out}"
        );
    }

    #[test]
    fn return_path_never_leads_to_another_host() {
        for local in ["/", "/stores/a/stock?filter=low&q=milk%20x"] {
            assert_eq!(local_path(local), Some(local));
        }
        for foreign in [
            "",
            "stores",
            "//evil.test",
            "/\\evil.test",
            "https://evil.test",
            "/a b",
            "/a\r\nx: y",
            "javascript:alert(1)",
            "/ü",
        ] {
            assert_eq!(local_path(foreign), None, "{foreign}");
        }
    }
}
