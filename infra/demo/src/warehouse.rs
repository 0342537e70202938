//! Simulates three automation controllers, each with its own queue.

use std::time::Duration;

use stockline_platform::clients::Aws;
use stockline_simulators::controller::{Controller, ControllerConfig, ControllerLog};
use stockline_simulators::script::Script;
use xtask::status::Cloud;

use super::callers::Callers;
use super::error::{DemoError, Result};
use super::plan::{WAREHOUSE, ZONES};

/// Controller id, index of its zone, and script. The second controller sends every report twice, like after lost responses.
const CONTROLLERS: [(&str, usize, Script); 3] = [
    ("controller-1", 0, Script::Normal),
    ("controller-2", 0, Script::DuplicatesReports),
    ("controller-3", 1, Script::Normal),
];

/// More than the number of tasks of the day, so that no task waits for capacity.
const CAPACITY: u32 = 500;

pub struct Warehouse {
    controllers: Vec<Controller>,
}

impl Warehouse {
    /// Starts the controllers and waits for their first heartbeats. A zone without a live controller gets no tasks.
    pub async fn open(cloud: &Cloud, aws: &Aws, callers: &Callers<'_>) -> Result<Self> {
        let mut controllers = Vec::new();
        for (id, zone, script) in CONTROLLERS {
            let queue_url = cloud
                .queues
                .get(id)
                .ok_or_else(|| DemoError::Unexpected(format!("there is no queue for {id}")))?;
            let settings = ControllerConfig {
                controller_id: id.to_owned(),
                location_id: WAREHOUSE.to_owned(),
                zone_id: ZONES[zone].0.to_owned(),
                capacity: CAPACITY,
                queue_url: queue_url.clone(),
                heartbeat_every: Duration::from_secs(10),
                script,
            };
            let api = callers.controller(id, WAREHOUSE)?;
            controllers.push(Controller::start(settings, api, aws.sqs()));
        }
        let warehouse = Self { controllers };
        for _ in 0..150 {
            let logs = warehouse.logs();
            if logs.iter().all(|log| log.heartbeats > 0) {
                return Ok(warehouse);
            }
            if let Some(trouble) = logs.iter().find_map(|log| log.errors.first()) {
                return Err(DemoError::Unexpected(format!(
                    "a heartbeat of a controller was rejected: {trouble}"
                )));
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Err(DemoError::Unexpected(
            "the heartbeats of the controllers were not accepted within 30 s".into(),
        ))
    }

    /// The logs so far.
    pub fn logs(&self) -> Vec<ControllerLog> {
        self.controllers.iter().map(Controller::log).collect()
    }

    /// Stops the controllers and returns their logs.
    pub async fn close(self) -> Vec<ControllerLog> {
        let mut logs = Vec::new();
        for controller in self.controllers {
            logs.push(controller.stop().await);
        }
        logs
    }
}
