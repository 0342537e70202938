//! The bad network: put before the deployed functions and their callers, and taken away again.

use stockline_simulators::fault_proxy::{Behind, Counts, FaultProxy, Rates};
use xtask::status::Cloud;

use stockline_integration_tests::Deployed;

/// Whose DynamoDB is behind the proxy.
const FUNCTIONS: [&str; 2] = ["order-intake", "stock-updates"];
const VARIABLE: &str = "AWS_ENDPOINT_URL_DYNAMODB";

/// Of a thousand requests to DynamoDB: throttled, conflicts, lost requests, lost answers, delayed, failed.
const DATABASE: Rates = [20, 60, 15, 25, 40, 15];
/// Of a thousand requests to the API; transactions are none of its.
const CALLERS: Rates = [15, 0, 30, 50, 40, 15];

/// Two fault proxies, and functions that speak through one of them until this ends.
#[derive(Debug)]
pub struct BadNetwork {
    cloud: Cloud,
    database: FaultProxy,
    gateway: FaultProxy,
}

/// What both proxies have counted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Traffic {
    /// Between functions and DynamoDB.
    pub database: Counts,
    /// Between callers and the API.
    pub gateway: Counts,
}

impl BadNetwork {
    /// Puts it into `deployed`, calm at first.
    pub async fn put_into(deployed: &Deployed) -> Self {
        let cloud = deployed.cloud.clone();
        let endpoint = cloud.endpoint_url.clone();
        let database = FaultProxy::start(&endpoint, Behind::DynamoDb, DATABASE).await;
        let gateway = FaultProxy::start(&endpoint, Behind::Gateway, CALLERS).await;
        let network = Self {
            cloud,
            database: database.unwrap(),
            gateway: gateway.unwrap(),
        };
        for function in FUNCTIONS {
            let url = Some(network.database.url());
            network.cloud.set_variable(function, VARIABLE, url).unwrap();
        }
        network
    }

    /// `deployed` as callers reach it.
    pub fn callers(&self, deployed: &Deployed) -> Deployed {
        deployed.by_way_of(self.gateway.url())
    }

    /// From now on things go wrong, as `seed` decides.
    pub fn trouble(&self, seed: u64) {
        self.database.trouble(seed);
        self.gateway.trouble(seed.wrapping_add(1));
    }

    /// From now on everything goes through.
    pub fn calm(&self) {
        self.database.calm();
        self.gateway.calm();
    }

    /// What was counted so far.
    pub fn counts(&self) -> Traffic {
        Traffic {
            database: self.database.counts(),
            gateway: self.gateway.counts(),
        }
    }
}

impl Drop for BadNetwork {
    fn drop(&mut self) {
        for function in FUNCTIONS {
            if let Err(error) = self.cloud.set_variable(function, VARIABLE, None) {
                eprintln!("note: {function} still speaks through the bad network: {error}");
            }
        }
    }
}
