//! API clients, each with the access token of one caller.

use std::time::Duration;

use stockline_simulators::api::ApiClient;
use xtask::oidc::Bearer;
use xtask::status::Cloud;

use super::error::{DemoError, Result};

/// Creates API clients that share one connection pool.
pub struct Callers<'a> {
    cloud: &'a Cloud,
    api: ApiClient,
}

/// The subject of the packer of a location.
pub fn packer_subject(location: &str) -> String {
    format!("packer-{location}")
}

impl<'a> Callers<'a> {
    /// Clients of this cloud's API.
    pub fn new(cloud: &'a Cloud) -> Result<Self> {
        let api = ApiClient::new(&cloud.api_url, "")
            .map_err(|error| DemoError::Client(error.to_string()))?;
        Ok(Self { cloud, api })
    }

    /// An administrator.
    pub fn admin(&self) -> Result<ApiClient> {
        self.with_token_of(Bearer::new("admin"))
    }

    /// The manager of a location.
    pub fn manager(&self, location: &str) -> Result<ApiClient> {
        self.with_token_of(
            Bearer::new("store_manager")
                .at([location])
                .named(format!("manager-{location}")),
        )
    }

    /// The till or the web shop of a location.
    pub fn store_app(&self, location: &str) -> Result<ApiClient> {
        self.with_token_of(
            Bearer::new("store_app")
                .at([location])
                .named(format!("app-{location}")),
        )
    }

    /// A packer of a location. The token has no role: the packer must be stored as the user [`packer_subject`].
    pub fn packer(&self, location: &str) -> Result<ApiClient> {
        self.with_token_of(Bearer::without_role(packer_subject(location)))
    }

    /// An automation controller.
    pub fn controller(&self, id: &str, location: &str) -> Result<ApiClient> {
        self.with_token_of(Bearer::new("controller").at([location]).controlling(id))
    }

    fn with_token_of(&self, bearer: Bearer) -> Result<ApiClient> {
        let bearer = Bearer {
            ttl: Duration::from_hours(2),
            ..bearer
        };
        Ok(self.api.with_token(self.cloud.token(&bearer)?))
    }
}
