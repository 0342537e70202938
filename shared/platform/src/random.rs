//! The randomness of the machine.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::crypto::ring::default_provider;
use stockline_application::ports::randomness::RandomSource;
use stockline_application::store_error::StoreError;

/// The machine's source of secrets, by the crypto library of TLS.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl RandomSource for SystemRandom {
    fn secret(&self) -> Result<String, StoreError> {
        let mut bytes = [0; 32];
        default_provider()
            .secure_random
            .fill(&mut bytes)
            .map_err(|_| StoreError::failed("draw a secret")("the machine has no randomness"))?;
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_long_and_differ() {
        let secrets = [(), ()].map(|()| SystemRandom.secret().unwrap());
        assert_eq!(secrets[0].len(), 43);
        assert_ne!(secrets[0], secrets[1]);
    }
}
