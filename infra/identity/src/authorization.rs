//! Authorization requests of OpenID Connect Core 1.0 section 3.1.2.1, with PKCE (RFC 7636).

use xtask::oidc::DASHBOARD_CLIENT;

use crate::loopback::{LoopbackUrl, NotLoopback};
use crate::parameters::Parameters;

/// The length of a base64url SHA-256 digest.
const CHALLENGE_CHARACTERS: usize = 43;

/// Why a request is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRequest {
    /// A required parameter is missing or empty.
    #[error("the parameter `{0}` is missing")]
    Missing(&'static str),
    /// A parameter has another value than the allowed one.
    #[error("the parameter `{name}` is wrong; allowed is {allowed}")]
    Wrong {
        /// The parameter.
        name: &'static str,
        /// The allowed value.
        allowed: &'static str,
    },
    /// The redirect URI belongs to another machine.
    #[error("the parameter `redirect_uri` is wrong; {0}")]
    RedirectUri(#[from] NotLoopback),
}

/// A valid authorization request of the dashboard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationRequest {
    /// Where the browser returns to with the code.
    pub redirect_uri: LoopbackUrl,
    /// The requested scopes, `openid` among them.
    pub scope: String,
    /// Returned with the code. The client ties it to the browser.
    pub state: String,
    /// A claim of the id token.
    pub nonce: String,
    /// SHA-256 of the code verifier, base64url.
    pub code_challenge: String,
}

impl AuthorizationRequest {
    /// Checks the parameters. The redirect URI is checked first, then each in the order of the specification.
    pub fn from_parameters(parameters: &Parameters) -> Result<Self, InvalidRequest> {
        let required = |name| parameters.get(name).ok_or(InvalidRequest::Missing(name));
        let wrong = |name, allowed| Err(InvalidRequest::Wrong { name, allowed });
        let redirect_uri = LoopbackUrl::parse(required("redirect_uri")?)?;
        if required("response_type")? != "code" {
            return wrong("response_type", "`code`");
        }
        if required("client_id")? != DASHBOARD_CLIENT {
            return wrong("client_id", "`stockline-dashboard`");
        }
        let scope = required("scope")?;
        if !scope.split(' ').any(|scope| scope == "openid") {
            return wrong("scope", "a list that contains `openid`");
        }
        let state = required("state")?;
        let nonce = required("nonce")?;
        let code_challenge = required("code_challenge")?;
        if required("code_challenge_method")? != "S256" {
            return wrong("code_challenge_method", "`S256`");
        }
        let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if code_challenge.len() != CHALLENGE_CHARACTERS || !code_challenge.bytes().all(is_base64url)
        {
            return wrong(
                "code_challenge",
                "the SHA-256 of the code verifier as 43 characters of base64url",
            );
        }
        Ok(Self {
            redirect_uri,
            scope: scope.to_owned(),
            state: state.to_owned(),
            nonce: nonce.to_owned(),
            code_challenge: code_challenge.to_owned(),
        })
    }

    /// The parameters of the request, for the hidden fields of the sign-in page.
    pub fn parameters(&self) -> [(&'static str, String); 8] {
        [
            ("response_type", "code".to_owned()),
            ("client_id", DASHBOARD_CLIENT.to_owned()),
            ("redirect_uri", self.redirect_uri.to_string()),
            ("scope", self.scope.clone()),
            ("state", self.state.clone()),
            ("nonce", self.nonce.clone()),
            ("code_challenge", self.code_challenge.clone()),
            ("code_challenge_method", "S256".to_owned()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn valid() -> Vec<(&'static str, &'static str)> {
        vec![
            ("response_type", "code"),
            ("client_id", "stockline-dashboard"),
            ("redirect_uri", "http://127.0.0.1:4566/callback"),
            ("scope", "openid profile"),
            ("state", "state-1"),
            ("nonce", "nonce-1"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ]
    }

    fn parsed(parameters: &[(&str, &str)]) -> Result<AuthorizationRequest, InvalidRequest> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(parameters);
        AuthorizationRequest::from_parameters(
            &Parameters::parse(query.finish().as_bytes()).unwrap(),
        )
    }

    #[test]
    fn valid_request_survives_the_hidden_fields() {
        let request = parsed(&valid()).unwrap();
        let fields = request.parameters();
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        assert_eq!(parsed(&fields), Ok(request));
    }

    #[test]
    fn each_parameter_is_required() {
        for (index, (name, _)) in valid().into_iter().enumerate() {
            let mut parameters = valid();
            parameters.remove(index);
            assert_eq!(parsed(&parameters), Err(InvalidRequest::Missing(name)));
        }
    }

    #[test]
    fn wrong_value_names_its_parameter() {
        for (name, value) in [
            ("response_type", "token"),
            ("client_id", "another"),
            ("redirect_uri", "https://shop.example/callback"),
            ("scope", "profile openid2"),
            ("code_challenge", "short"),
            (
                "code_challenge",
                "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM",
            ),
            ("code_challenge_method", "plain"),
        ] {
            let mut parameters = valid();
            for parameter in &mut parameters {
                if parameter.0 == name {
                    parameter.1 = value;
                }
            }
            let error = parsed(&parameters).unwrap_err().to_string();
            assert!(error.contains(&format!("`{name}` is wrong")), "{error}");
        }
    }
}
