//! Installs the fault proxies in front of the deployed functions and their callers, and removes them.

use stockline_simulators::fault_proxy::{FaultProxy, FaultRates, ProxyCounts, UpstreamKind};
use xtask::status::Cloud;

use stockline_integration_tests::Deployed;

/// The functions whose DynamoDB endpoint is the proxy.
const FUNCTIONS: [&str; 2] = ["order-intake", "stock-updates"];
const ENDPOINT_VARIABLE: &str = "AWS_ENDPOINT_URL_DYNAMODB";

/// Faults per thousand requests to DynamoDB, in the order of `Fault::ALL`: throttled, conflicts, lost requests, lost
/// responses, delayed, failed.
const DYNAMODB_FAULTS: FaultRates = [20, 60, 15, 25, 40, 15];
/// Faults per thousand requests to the API, which has no transactions and so no conflicts.
const API_FAULTS: FaultRates = [15, 0, 30, 50, 40, 15];

/// Two fault proxies, and functions that use one of them until this is dropped.
#[derive(Debug)]
pub struct FaultyNetwork {
    cloud: Cloud,
    database: FaultProxy,
    gateway: FaultProxy,
}

/// What both proxies have counted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Traffic {
    /// Between functions and DynamoDB.
    pub database: ProxyCounts,
    /// Between callers and the API.
    pub gateway: ProxyCounts,
}

impl FaultyNetwork {
    /// Installs the proxies in `deployed`, without faults.
    pub async fn install(deployed: &Deployed) -> Self {
        let cloud = deployed.cloud.clone();
        let endpoint = cloud.endpoint_url.clone();
        let database = FaultProxy::start(&endpoint, UpstreamKind::DynamoDb, DYNAMODB_FAULTS).await;
        let gateway = FaultProxy::start(&endpoint, UpstreamKind::ApiGateway, API_FAULTS).await;
        let network = Self {
            cloud,
            database: database.unwrap(),
            gateway: gateway.unwrap(),
        };
        for function in FUNCTIONS {
            let url = Some(network.database.url());
            network
                .cloud
                .set_variable(function, ENDPOINT_VARIABLE, url)
                .unwrap();
        }
        network
    }

    /// The deployment with its API behind the proxy.
    pub fn deployment_behind_proxy(&self, deployed: &Deployed) -> Deployed {
        deployed.with_proxy(self.gateway.url())
    }

    /// Starts to inject faults; `seed` seeds their choice.
    pub fn enable_faults(&self, seed: u64) {
        self.database.enable_faults(seed);
        self.gateway.enable_faults(seed.wrapping_add(1));
    }

    /// Stops injecting faults.
    pub fn disable_faults(&self) {
        self.database.disable_faults();
        self.gateway.disable_faults();
    }

    /// The counts so far.
    pub fn counts(&self) -> Traffic {
        Traffic {
            database: self.database.counts(),
            gateway: self.gateway.counts(),
        }
    }
}

impl Drop for FaultyNetwork {
    fn drop(&mut self) {
        for function in FUNCTIONS {
            if let Err(error) = self.cloud.set_variable(function, ENDPOINT_VARIABLE, None) {
                eprintln!("note: {function} still uses the fault proxy: {error}");
            }
        }
    }
}
