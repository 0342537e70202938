//! The identity provider's keys, kept for some minutes, each with the one algorithm it may verify.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;
use stockline_application::error_chain::error_chain;
use stockline_application::ports::clock::Clock;
use stockline_application::ports::identity::KeySetSource;
use stockline_application::store_error::StoreError;

/// How long a key set is kept before it is fetched again.
const LIFE: SignedDuration = SignedDuration::from_mins(10);

/// The least time between two fetches: nobody can make us call the provider by sending tokens of made-up keys.
const PAUSE: SignedDuration = SignedDuration::from_mins(1);

/// The fewest base64 characters of the modulus of an RSA key of 2048 bits.
const LEAST_MODULUS: usize = 342;

/// One key and the algorithm it was published for; what a token says of its algorithm is only compared with it.
pub struct VerifyingKey {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The public key.
    pub key: DecodingKey,
}

type Keys = HashMap<String, Arc<VerifyingKey>>;

/// The keys this function has fetched.
pub struct KeyRing<S, C> {
    source: S,
    clock: C,
    kept: Mutex<Kept>,
}

#[derive(Clone, Default)]
struct Kept {
    keys: Option<Arc<Keys>>,
    fetched_at: Timestamp,
    tried_at: Timestamp,
}

#[derive(Deserialize)]
struct PublishedKeys {
    keys: Vec<Value>,
}

impl<S: KeySetSource, C: Clock> KeyRing<S, C> {
    /// Nothing fetched yet.
    pub fn new(source: S, clock: C) -> Self {
        Self {
            source,
            clock,
            kept: Mutex::default(),
        }
    }

    /// The key `kid`, where the provider publishes it.
    ///
    /// A key that is not known may be a new one: the set is fetched again. While the provider does not answer, the keys
    /// it had are good.
    ///
    /// # Errors
    /// When no key set could be fetched yet.
    pub async fn find(&self, kid: &str) -> Result<Option<Arc<VerifyingKey>>, StoreError> {
        let now = self.clock.now();
        let kept = self.kept().clone();
        let Some(keys) = kept.keys else {
            return Ok(self.fetch(now).await?.get(kid).cloned());
        };
        let known = keys.get(kid).cloned();
        let due = known.is_none() || !within(LIFE, kept.fetched_at, now);
        if !due || within(PAUSE, kept.tried_at, now) {
            return Ok(known);
        }
        match self.fetch(now).await {
            Ok(keys) => Ok(keys.get(kid).cloned()),
            Err(error) => {
                tracing::warn!(error = %error_chain(&error), "the keys cannot be fetched; those at hand are used");
                Ok(known)
            }
        }
    }

    async fn fetch(&self, now: Timestamp) -> Result<Arc<Keys>, StoreError> {
        self.kept().tried_at = now;
        let keys = Arc::new(usable(&self.source.fetch().await?)?);
        *self.kept() = Kept {
            keys: Some(Arc::clone(&keys)),
            fetched_at: now,
            tried_at: now,
        };
        Ok(keys)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Each use is one step, so a panic elsewhere cannot leave it half-written.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn within(time: SignedDuration, since: Timestamp, now: Timestamp) -> bool {
    let age = now.duration_since(since);
    !age.is_negative() && age < time
}

/// The keys of a published set that may verify tokens; others (for encryption, of other kinds) are passed over.
fn usable(published: &str) -> Result<Keys, StoreError> {
    let published: PublishedKeys = serde_json::from_str(published)
        .map_err(StoreError::failed("read the identity provider's keys"))?;
    let mut keys = Keys::new();
    for jwk in published.keys {
        if let Some((kid, key)) = verifying_key(jwk) {
            keys.entry(kid).or_insert(Arc::new(key));
        }
    }
    if keys.is_empty() {
        return Err(StoreError::failed("read the identity provider's keys")(
            "none of them can be used",
        ));
    }
    Ok(keys)
}

fn verifying_key(jwk: Value) -> Option<(String, VerifyingKey)> {
    let jwk: Jwk = serde_json::from_value(jwk).ok()?;
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            Algorithm::ES256
        }
        AlgorithmParameters::RSA(key) if key.n.len() >= LEAST_MODULUS => Algorithm::RS256,
        _ => return None,
    };
    let said = jwk.common.key_algorithm;
    let for_it = said.is_none_or(|said| said == KeyAlgorithm::from(algorithm));
    let for_signatures = jwk
        .common
        .public_key_use
        .as_ref()
        .is_none_or(|r#use| *r#use == PublicKeyUse::Signature);
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    let kid = jwk.common.key_id?;
    (for_it && for_signatures).then_some((kid, VerifyingKey { algorithm, key }))
}
