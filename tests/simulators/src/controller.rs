//! A simulated automation controller that long-polls its own queue, sends heartbeats and reports, all through public
//! interfaces.
//!
//! It receives commands immediately, executes tasks one after another, and can receive a cancellation meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_sqs::Client as Sqs;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::types::Message;
use serde::Deserialize;
use serde_json::json;
use stockline_application::ports::clock::Clock;
use stockline_platform::clock::SystemClock;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::api::{ApiClient, ApiError, ApiResponse};
use crate::script::{PlannedReport, ReportedState, Script};

/// The wait time of one long poll.
const LONG_POLL: Duration = Duration::from_secs(10);

/// The configuration of a controller.
#[derive(Debug, Clone)]
pub struct ControllerConfig {
    /// The controller's id.
    pub controller_id: String,
    /// The warehouse.
    pub location_id: String,
    /// The zone of the warehouse.
    pub zone_id: String,
    /// The free capacity that its heartbeats report.
    pub capacity: u32,
    /// The URL of its own queue.
    pub queue_url: String,
    /// The heartbeat interval.
    pub heartbeat_every: Duration,
    /// Its initial script.
    pub script: Script,
}

/// What a controller did and which responses it got.
#[derive(Debug, Clone, Default)]
pub struct ControllerLog {
    /// Number of accepted heartbeats.
    pub heartbeats: u64,
    /// Number of commands received, duplicates included.
    pub commands: u64,
    /// The readable commands in the order received, duplicates included.
    pub received: Vec<ReceivedCommand>,
    /// Number of reports sent.
    pub reports: u64,
    /// Tasks whose completion was accepted.
    pub completed: BTreeSet<String>,
    /// Tasks whose cancellation report was accepted.
    pub canceled: BTreeSet<String>,
    /// Rejected reports: task id, reported state, problem type.
    pub refused: Vec<(String, &'static str, String)>,
    /// Other errors.
    pub errors: Vec<String>,
}

/// A command, with the ids of the request that caused it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedCommand {
    /// `execute` or `cancel`.
    pub command: String,
    /// The task.
    pub task_id: String,
    /// `correlation_id` of the message.
    pub correlation_id: Option<String>,
    /// `traceparent` of the message.
    pub traceparent: Option<String>,
}

/// A running controller.
#[derive(Debug)]
pub struct Controller {
    log: Arc<Mutex<ControllerLog>>,
    script: Arc<Mutex<Script>>,
    stop: watch::Sender<bool>,
    loops: Vec<JoinHandle<()>>,
}

#[derive(Debug, Deserialize)]
struct Envelope {
    #[serde(rename = "type")]
    kind: String,
    correlation_id: Option<String>,
    traceparent: Option<String>,
    data: Command,
}

#[derive(Debug, Clone, Deserialize)]
struct Command {
    #[serde(rename = "command")]
    verb: String,
    task_id: String,
    lease_id: u64,
}

/// A task under one lease.
type LeasedTask = (String, u64);

impl Command {
    fn leased_task(&self) -> LeasedTask {
        (self.task_id.clone(), self.lease_id)
    }
}

type ReportTimes = BTreeMap<LeasedTask, BTreeMap<u64, String>>;

#[derive(Clone)]
struct Worker {
    config: ControllerConfig,
    api: ApiClient,
    sqs: Sqs,
    log: Arc<Mutex<ControllerLog>>,
    // The time of the first attempt of each report, by task and lease, then by `report_seq`.
    report_times: Arc<Mutex<ReportTimes>>,
    // The leases it was told to cancel.
    to_cancel: watch::Sender<BTreeSet<LeasedTask>>,
    // The leases for which it has reported the cancellation.
    canceled_leases: Arc<Mutex<BTreeSet<LeasedTask>>>,
    // Until when it hangs, once it has started to.
    paused_until: Arc<Mutex<Option<Instant>>>,
    script: Arc<Mutex<Script>>,
}

impl Controller {
    /// Starts a controller that calls the API with `api`.
    pub fn start(config: ControllerConfig, api: ApiClient, sqs: Sqs) -> Self {
        let (stop, stopped) = watch::channel(false);
        let worker = Worker {
            api,
            sqs,
            log: Arc::default(),
            report_times: Arc::default(),
            to_cancel: watch::Sender::default(),
            canceled_leases: Arc::default(),
            paused_until: Arc::default(),
            script: Arc::new(Mutex::new(config.script)),
            config,
        };
        let (log, script) = (worker.log.clone(), worker.script.clone());
        let (command_sender, commands) = mpsc::unbounded_channel();
        let loops = vec![
            tokio::spawn(run_until_stopped(
                stopped.clone(),
                worker.clone().receive_commands(command_sender),
            )),
            tokio::spawn(run_until_stopped(
                stopped.clone(),
                worker.clone().work(commands),
            )),
            tokio::spawn(run_until_stopped(stopped, worker.heartbeat())),
        ];
        Self {
            log,
            script,
            stop,
            loops,
        }
    }

    /// Sets the script for the commands that follow.
    pub fn set_script(&self, script: Script) {
        *locked(&self.script) = script;
    }

    /// The log so far.
    pub fn log(&self) -> ControllerLog {
        locked(&self.log).clone()
    }

    /// Stops the controller and returns its log.
    pub async fn stop(self) -> ControllerLog {
        // Fails only if all loops have ended already.
        let _ = self.stop.send(true);
        for task in self.loops {
            if let Err(error) = task.await {
                locked(&self.log).errors.push(error.to_string());
            }
        }
        let log = locked(&self.log);
        log.clone()
    }
}

async fn run_until_stopped(mut stopped: watch::Receiver<bool>, work: impl Future<Output = ()>) {
    tokio::select! {
        () = work => {}
        _ = stopped.wait_for(|stop| *stop) => {}
    }
}

impl Worker {
    async fn heartbeat(self) {
        let path = format!("/v1/controllers/{}/heartbeat", self.config.controller_id);
        let body = json!({"location_id": self.config.location_id, "zone_id": self.config.zone_id, "free_capacity": self.config.capacity});
        loop {
            self.wait_while_paused().await;
            match self
                .api
                .post(&path, &body, None)
                .await
                .and_then(|response| response.expect_status(&[200]))
            {
                Ok(_) => locked(&self.log).heartbeats += 1,
                Err(error) => self.log_error(error.to_string()),
            }
            sleep(self.config.heartbeat_every).await;
        }
    }

    /// Waits while the controller hangs.
    async fn wait_while_paused(&self) {
        let until = *locked(&self.paused_until);
        if let Some(until) = until {
            sleep_until(until).await;
        }
    }

    async fn receive_commands(self, command_sender: mpsc::UnboundedSender<Command>) {
        // The shared client's attempt timeout is shorter than a long poll.
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(LONG_POLL + Duration::from_secs(10))
            .build();
        loop {
            let received = self
                .sqs
                .receive_message()
                .queue_url(&self.config.queue_url)
                .max_number_of_messages(10)
                .wait_time_seconds(i32::try_from(LONG_POLL.as_secs()).unwrap_or(10))
                .customize()
                .config_override(
                    aws_sdk_sqs::config::Builder::new().timeout_config(timeouts.clone()),
                )
                .send()
                .await;
            match received {
                Ok(received) => {
                    for message in received.messages.unwrap_or_default() {
                        self.handle_message(message, &command_sender).await;
                    }
                }
                Err(error) => {
                    self.log_error(format!(
                        "receiving from {}: {error:?}",
                        self.config.queue_url
                    ));
                    sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }

    /// Handles a message and deletes it: from then on the command is the controller's responsibility.
    async fn handle_message(
        &self,
        message: Message,
        command_sender: &mpsc::UnboundedSender<Command>,
    ) {
        locked(&self.log).commands += 1;
        let envelope: Envelope =
            match serde_json::from_str(message.body.as_deref().unwrap_or_default()) {
                Ok(envelope) => envelope,
                Err(error) => {
                    return self.log_error(format!("malformed command: {error}"));
                }
            };
        if envelope.kind != "task.command" {
            return self.log_error(format!("unexpected message type {}", envelope.kind));
        }
        let command = envelope.data;
        locked(&self.log).received.push(ReceivedCommand {
            command: command.verb.clone(),
            task_id: command.task_id.clone(),
            correlation_id: envelope.correlation_id,
            traceparent: envelope.traceparent,
        });
        if let Some(time) = self.script().heartbeat_pause() {
            locked(&self.paused_until).get_or_insert(Instant::now() + time);
        }
        if command.verb == "cancel" {
            self.to_cancel
                .send_modify(|canceled| canceled.extend([command.leased_task()]));
        }
        // Fails only if the controller is stopping.
        let _ = command_sender.send(command);
        self.delete(message.receipt_handle).await;
    }

    async fn work(self, mut commands: mpsc::UnboundedReceiver<Command>) {
        while let Some(command) = commands.recv().await {
            if self.script() == Script::Silent {
                continue;
            }
            let result = match command.verb.as_str() {
                "execute" => self.execute(&command).await,
                "cancel" => self.report_canceled(&command).await,
                other => {
                    self.log_error(format!("unknown command {other}"));
                    continue;
                }
            };
            if let Err(error) = result {
                self.log_error(error.to_string());
            }
        }
    }

    async fn execute(&self, command: &Command) -> Result<(), ApiError> {
        // A redelivered command of a completed task is ignored.
        if locked(&self.log).completed.contains(&command.task_id) {
            return Ok(());
        }
        let mut canceled = self.to_cancel.subscribe();
        let base = self.next_seq(command) - 1;
        for PlannedReport { seq, state, delay } in self.script().reports() {
            let canceled_command =
                canceled.wait_for(|canceled| canceled.contains(&command.leased_task()));
            if timeout(delay, canceled_command).await.is_ok() {
                return self.report_canceled(command).await;
            }
            let response = self.report(command, base + seq, state).await?;
            match response.problem_type() {
                // The task was leased again.
                Some("stale-lease") => return Ok(()),
                // An earlier report was lost: send both again under new numbers.
                Some("transition-refused") if state == ReportedState::Completed => {
                    self.report(command, self.next_seq(command), ReportedState::InProgress)
                        .await?;
                    self.report(command, self.next_seq(command), state).await?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Reports the cancellation, once.
    async fn report_canceled(&self, command: &Command) -> Result<(), ApiError> {
        if locked(&self.canceled_leases).insert(command.leased_task()) {
            self.report(command, self.next_seq(command), ReportedState::Canceled)
                .await?;
        }
        Ok(())
    }

    fn next_seq(&self, command: &Command) -> u64 {
        let report_times = locked(&self.report_times);
        let last = report_times
            .get(&(command.task_id.clone(), command.lease_id))
            .and_then(|reports| reports.keys().next_back());
        last.copied().unwrap_or_default() + 1
    }

    async fn report(
        &self,
        command: &Command,
        seq: u64,
        state: ReportedState,
    ) -> Result<ApiResponse, ApiError> {
        let mut body = json!({
            "lease_id": command.lease_id,
            "report_seq": seq,
            "state": state.as_str(),
            "occurred_at": self.occurred_at(command, seq),
        });
        if let ReportedState::Failed { retriable } = state {
            body["error"] = json!({"code": "gripper-fault", "detail": "the gripper lost its load", "retriable": retriable});
        }
        let path = format!("/v1/tasks/{}/reports", command.task_id);
        let response = self.api.post(&path, &body, None).await?;
        let response = response.expect_status(&[200, 409])?;
        let mut log = locked(&self.log);
        log.reports += 1;
        if let Some(problem) = response.problem_type() {
            log.refused
                .push((command.task_id.clone(), state.as_str(), problem.to_owned()));
        } else if state == ReportedState::Completed {
            log.completed.insert(command.task_id.clone());
        } else if state == ReportedState::Canceled {
            log.canceled.insert(command.task_id.clone());
        }
        Ok(response)
    }

    /// A report that is sent again has the same content, so it keeps the time of its first attempt.
    fn occurred_at(&self, command: &Command, seq: u64) -> String {
        let mut report_times = locked(&self.report_times);
        let reports = report_times
            .entry((command.task_id.clone(), command.lease_id))
            .or_default();
        reports
            .entry(seq)
            .or_insert_with(|| format!("{:.3}", SystemClock.now()))
            .clone()
    }

    async fn delete(&self, receipt: Option<String>) {
        let deleted = self
            .sqs
            .delete_message()
            .queue_url(&self.config.queue_url)
            .set_receipt_handle(receipt)
            .send()
            .await;
        if let Err(error) = deleted {
            self.log_error(format!(
                "deleting from {}: {error:?}",
                self.config.queue_url
            ));
        }
    }

    fn script(&self) -> Script {
        *locked(&self.script)
    }

    fn log_error(&self, what: String) {
        locked(&self.log).errors.push(what);
    }
}

fn locked<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}
