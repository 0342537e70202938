//! The stylesheet and the script. Their names contain a digest of their content, so that browsers keep them for ever.

use sha2::{Digest, Sha256};
use stockline_platform::edge::PageReply;

const STYLESHEET: &str = include_str!("../../assets/dashboard.css");
const SCRIPT: &str = include_str!("../../assets/dashboard.js");

/// The stylesheet and the script with their names.
#[derive(Debug, Clone)]
pub struct Assets {
    stylesheet: String,
    script: String,
}

impl Assets {
    /// Computes the names.
    pub fn new() -> Self {
        Self {
            stylesheet: format!("{}.css", &digest(STYLESHEET.as_bytes())[..16]),
            script: format!("{}.js", &digest(SCRIPT.as_bytes())[..16]),
        }
    }

    /// The path of the stylesheet.
    pub fn stylesheet(&self) -> String {
        format!("/assets/{}", self.stylesheet)
    }

    /// The path of the script.
    pub fn script(&self) -> String {
        format!("/assets/{}", self.script)
    }

    /// Returns an asset. During a deployment, a page of one version may ask the function of the other one: it gets the
    /// asset of the other version, which the browser does not keep.
    pub fn reply(&self, name: &str) -> Option<PageReply> {
        let (current, content, media_type) = if has_extension(name, "css") {
            (&self.stylesheet, STYLESHEET, "text/css; charset=utf-8")
        } else if has_extension(name, "js") {
            (&self.script, SCRIPT, "text/javascript; charset=utf-8")
        } else {
            return None;
        };
        let caching = if name == current {
            "public, max-age=31536000, immutable"
        } else {
            "no-store"
        };
        let reply = PageReply::new(200, content.to_owned());
        Some(
            reply
                .header("content-type", media_type)
                .header("cache-control", caching),
        )
    }
}

fn has_extension(name: &str, extension: &str) -> bool {
    name.rsplit_once('.')
        .is_some_and(|(_, found)| found == extension)
}

/// Returns the SHA-256 of `content` in hexadecimal digits.
pub fn digest(content: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(content) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
