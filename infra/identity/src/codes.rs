//! Authorization codes: each is valid once, for one minute, for the request that it answers.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use xtask::oidc;

use crate::authorization::AuthorizationRequest;
use crate::people::Person;

/// The lifetime of a code.
const LIFETIME: Duration = Duration::from_mins(1);

/// What a code stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The request that the code answers.
    pub request: AuthorizationRequest,
    /// Who signed in.
    pub person: Person,
}

/// A client's attempt to exchange a code.
#[derive(Debug, Clone, Copy)]
pub struct Redemption<'a> {
    /// The code.
    pub code: &'a str,
    /// Must equal the redirect URI of the authorization request.
    pub redirect_uri: &'a str,
    /// Its SHA-256 must be the challenge of the authorization request.
    pub code_verifier: &'a str,
}

/// Why a code is not exchanged: `invalid_grant` of RFC 6749 section 5.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidGrant {
    /// The code was never issued, or was used before.
    #[error("the code is unknown or was used before; start a new sign-in")]
    Unknown,
    /// More than a minute has passed.
    #[error("the code is older than one minute; start a new sign-in")]
    Expired,
    /// The redirect URI is another.
    #[error("redirect_uri differs from that of the authorization request")]
    RedirectUri,
    /// The verifier does not match the challenge.
    #[error("code_verifier does not match the code_challenge of the authorization request")]
    Verifier,
}

/// The codes that can still be exchanged. They are kept in memory.
#[derive(Debug, Default)]
pub struct Codes(Mutex<BTreeMap<String, (Grant, Duration)>>);

impl Codes {
    /// Issues a code at `now`, a time since the epoch.
    pub fn issue(&self, grant: Grant, now: Duration) -> String {
        let code = oidc::random_id();
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        codes.retain(|_, (_, expires_at)| *expires_at > now);
        codes.insert(code.clone(), (grant, now + LIFETIME));
        code
    }

    /// Exchanges a code. Also a failed attempt uses the code up.
    pub fn redeem(&self, redemption: Redemption<'_>, now: Duration) -> Result<Grant, InvalidGrant> {
        let mut codes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (grant, expires_at) = codes.remove(redemption.code).ok_or(InvalidGrant::Unknown)?;
        if now >= expires_at {
            return Err(InvalidGrant::Expired);
        }
        if grant.request.redirect_uri.to_string() != redemption.redirect_uri {
            return Err(InvalidGrant::RedirectUri);
        }
        if challenge(redemption.code_verifier) != grant.request.code_challenge {
            return Err(InvalidGrant::Verifier);
        }
        Ok(grant)
    }
}

/// The challenge of a code verifier by the method `S256`.
fn challenge(code_verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(code_verifier))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loopback::LoopbackUrl;

    /// The example of RFC 7636 appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    const REDIRECT_URI: &str = "http://localhost:1/callback";
    const NOW: Duration = Duration::from_secs(1_000_000);

    fn grant() -> Grant {
        Grant {
            request: AuthorizationRequest {
                redirect_uri: LoopbackUrl::parse(REDIRECT_URI).unwrap(),
                scope: "openid".into(),
                state: "s".into(),
                nonce: "n".into(),
                code_challenge: CHALLENGE.into(),
            },
            person: Person {
                subject: "mira".into(),
                name: "Mira".into(),
                role: "admin",
                location_ids: Vec::new(),
            },
        }
    }

    fn redemption(code: &str) -> Redemption<'_> {
        Redemption {
            code,
            redirect_uri: REDIRECT_URI,
            code_verifier: VERIFIER,
        }
    }

    #[test]
    fn code_is_exchanged_once() {
        let codes = Codes::default();
        let code = codes.issue(grant(), NOW);
        assert_eq!(codes.redeem(redemption(&code), NOW), Ok(grant()));
        let again = codes.redeem(redemption(&code), NOW);
        assert_eq!(again, Err(InvalidGrant::Unknown));
    }

    #[test]
    fn code_expires_after_one_minute() {
        let codes = Codes::default();
        let late = codes.issue(grant(), NOW);
        let in_time = codes.issue(grant(), NOW);
        let expired = codes.redeem(redemption(&late), NOW + LIFETIME);
        assert_eq!(expired, Err(InvalidGrant::Expired));
        let last_second = NOW + Duration::from_secs(59);
        assert!(codes.redeem(redemption(&in_time), last_second).is_ok());
    }

    #[test]
    fn issuing_removes_expired_codes() {
        let codes = Codes::default();
        codes.issue(grant(), NOW);
        codes.issue(grant(), NOW + LIFETIME);
        assert_eq!(codes.0.lock().unwrap().len(), 1);
    }

    #[test]
    fn wrong_verifier_uses_the_code_up() {
        let codes = Codes::default();
        let code = codes.issue(grant(), NOW);
        let wrong = Redemption {
            code_verifier: CHALLENGE,
            ..redemption(&code)
        };
        assert_eq!(codes.redeem(wrong, NOW), Err(InvalidGrant::Verifier));
        let right = codes.redeem(redemption(&code), NOW);
        assert_eq!(right, Err(InvalidGrant::Unknown));
    }

    #[test]
    fn other_redirect_uri_is_rejected() {
        let codes = Codes::default();
        let code = codes.issue(grant(), NOW);
        let other = Redemption {
            redirect_uri: "http://localhost:2/callback",
            ..redemption(&code)
        };
        assert_eq!(codes.redeem(other, NOW), Err(InvalidGrant::RedirectUri));
    }

    #[test]
    fn codes_differ() {
        let codes = Codes::default();
        assert_ne!(codes.issue(grant(), NOW), codes.issue(grant(), NOW));
    }
}
