//! URLs of this machine. The provider redirects to no other, so that a code or a person never leaves the machine.

use std::fmt;

/// The hosts that a redirect may go to.
const HOSTS: [&str; 2] = ["127.0.0.1", "localhost"];

/// A text is no HTTP URL of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("allowed are http:// and https:// URLs of 127.0.0.1 and localhost, without a fragment")]
pub struct NotLoopback;

/// An HTTP URL of this machine, without a fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoopbackUrl {
    url: String,
    /// Length of the origin at the start of `url`.
    origin: usize,
}

impl LoopbackUrl {
    /// Parses a URL. Everything that browsers read in more than one way is rejected: user names, backslashes, spaces.
    pub fn parse(text: &str) -> Result<Self, NotLoopback> {
        let is_plain = text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !br#"\#"<>"#.contains(&byte));
        let scheme = ["http://", "https://"]
            .into_iter()
            .find(|scheme| text.starts_with(scheme));
        let (true, Some(scheme)) = (is_plain, scheme) else {
            return Err(NotLoopback);
        };
        let rest = &text[scheme.len()..];
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        if !is_loopback_authority(authority) {
            return Err(NotLoopback);
        }
        Ok(Self {
            url: text.to_owned(),
            origin: scheme.len() + authority.len(),
        })
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> &str {
        &self.url[..self.origin]
    }

    /// The URL with parameters added to its query.
    pub fn with_parameters(&self, parameters: &[(&str, &str)]) -> String {
        let separator = if self.url.contains('?') { '&' } else { '?' };
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(parameters);
        format!("{}{separator}{}", self.url, query.finish())
    }
}

impl fmt::Display for LoopbackUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.url)
    }
}

/// Whether `authority`, also a `Host` header, is a loopback host with or without a port.
pub fn is_loopback_authority(authority: &str) -> bool {
    let (host, port) = authority
        .split_once(':')
        .map_or((authority, None), |(host, port)| (host, Some(port)));
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    HOSTS.contains(&host) && port.is_none_or(|port| is_port(port) && port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_urls_are_accepted() {
        for url in [
            "http://127.0.0.1:4566/restapis/x/live/_user_request_/callback",
            "http://localhost:4566/callback?from=1",
            "https://localhost",
        ] {
            assert!(LoopbackUrl::parse(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn foreign_and_ambiguous_urls_are_rejected() {
        for url in [
            "",
            "/callback",
            "//localhost/callback",
            "javascript://localhost/%0aalert(1)",
            "http://shop.example/callback",
            "http://localhost.shop.example/",
            "http://localhost@shop.example/",
            "http://user@localhost/",
            "http://shop.example\\@localhost/",
            "http://localhost\\@shop.example/",
            "http://localhost#@shop.example/",
            "http://localhost:/@shop.example:",
            "http://localhost:80:80/",
            "http://localhost:+80/",
            "http://localhost:99999/",
            "http://127.0.0.1.shop.example/",
            "http://127.0.0.2/",
            "http://localhost/a b",
            "http://localhost/\r\nset-cookie:a=b",
            "HTTP://LOCALHOST/",
        ] {
            assert_eq!(LoopbackUrl::parse(url), Err(NotLoopback), "{url}");
        }
    }

    #[test]
    fn origin_ends_before_the_path() {
        let origin = |url| LoopbackUrl::parse(url).unwrap().origin().to_owned();
        assert_eq!(origin("http://localhost:1/a?b"), "http://localhost:1");
        assert_eq!(origin("http://localhost?b"), "http://localhost");
    }

    #[test]
    fn added_parameters_are_encoded() {
        let url = |url| LoopbackUrl::parse(url).unwrap();
        let parameters = [("code", "x"), ("state", "a&b=ü")];
        assert_eq!(
            url("http://localhost/c").with_parameters(&parameters),
            "http://localhost/c?code=x&state=a%26b%3D%C3%BC"
        );
        assert_eq!(
            url("http://localhost/c?d=1").with_parameters(&parameters[..1]),
            "http://localhost/c?d=1&code=x"
        );
    }
}
