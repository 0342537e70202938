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
use stockline_platform::clock::{Clock, SystemClock};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::api::{Answer, Api, ApiError};
use crate::script::{Planned, Script, Stage};

/// The wait time of one long poll.
const LONG_POLL: Duration = Duration::from_secs(10);

/// The configuration of a controller.
#[derive(Debug, Clone)]
pub struct Settings {
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
pub struct Log {
    /// Number of accepted heartbeats.
    pub heartbeats: u64,
    /// Number of commands received, duplicates included.
    pub commands: u64,
    /// Number of reports sent.
    pub reports: u64,
    /// Tasks whose completion was accepted.
    pub completed: BTreeSet<String>,
    /// Tasks whose cancellation report was accepted.
    pub canceled: BTreeSet<String>,
    /// Rejected reports: task id, reported state, problem type.
    pub refused: Vec<(String, &'static str, String)>,
    /// Other errors.
    pub troubles: Vec<String>,
}

/// A running controller.
#[derive(Debug)]
pub struct Controller {
    log: Arc<Mutex<Log>>,
    script: Arc<Mutex<Script>>,
    stop: watch::Sender<bool>,
    work: Vec<JoinHandle<()>>,
}

#[derive(Debug, Deserialize)]
struct Envelope {
    #[serde(rename = "type")]
    kind: String,
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
type Held = (String, u64);

impl Command {
    fn held(&self) -> Held {
        (self.task_id.clone(), self.lease_id)
    }
}

type Reported = BTreeMap<Held, BTreeMap<u64, String>>;

#[derive(Clone)]
struct Worker {
    settings: Settings,
    api: Api,
    sqs: Sqs,
    log: Arc<Mutex<Log>>,
    // The time of the first attempt of each report, by task and lease, then by `report_seq`.
    reported: Arc<Mutex<Reported>>,
    // The leases it was told to cancel.
    to_cancel: watch::Sender<BTreeSet<Held>>,
    // The leases for which it has reported the cancellation.
    put_back: Arc<Mutex<BTreeSet<Held>>>,
    // Until when it hangs, once it has started to.
    hangs_until: Arc<Mutex<Option<Instant>>>,
    script: Arc<Mutex<Script>>,
}

impl Controller {
    /// Starts a controller that calls the API with `api`.
    pub fn start(settings: Settings, api: Api, sqs: Sqs) -> Self {
        let (stop, stopped) = watch::channel(false);
        let worker = Worker {
            api,
            sqs,
            log: Arc::default(),
            reported: Arc::default(),
            to_cancel: watch::Sender::default(),
            put_back: Arc::default(),
            hangs_until: Arc::default(),
            script: Arc::new(Mutex::new(settings.script)),
            settings,
        };
        let (log, script) = (worker.log.clone(), worker.script.clone());
        let (taken, commands) = mpsc::unbounded_channel();
        let work = vec![
            tokio::spawn(until(stopped.clone(), worker.clone().take_commands(taken))),
            tokio::spawn(until(stopped.clone(), worker.clone().work(commands))),
            tokio::spawn(until(stopped, worker.heartbeat())),
        ];
        Self {
            log,
            script,
            stop,
            work,
        }
    }

    /// Sets the script for the commands that follow.
    pub fn becomes(&self, script: Script) {
        *locked(&self.script) = script;
    }

    /// The log so far.
    pub fn log(&self) -> Log {
        locked(&self.log).clone()
    }

    /// Stops the controller and returns its log.
    pub async fn stop(self) -> Log {
        // Fails only if all loops have ended already.
        let _ = self.stop.send(true);
        for work in self.work {
            if let Err(error) = work.await {
                locked(&self.log).troubles.push(error.to_string());
            }
        }
        let log = locked(&self.log);
        log.clone()
    }
}

async fn until(mut stopped: watch::Receiver<bool>, work: impl Future<Output = ()>) {
    tokio::select! {
        () = work => {}
        _ = stopped.wait_for(|stop| *stop) => {}
    }
}

impl Worker {
    async fn heartbeat(self) {
        let path = format!("/v1/controllers/{}/heartbeat", self.settings.controller_id);
        let body = json!({"location_id": self.settings.location_id, "zone_id": self.settings.zone_id, "free_capacity": self.settings.capacity});
        loop {
            self.wakes().await;
            match self
                .api
                .post(&path, &body, None)
                .await
                .and_then(|answer| answer.expect_status(&[200]))
            {
                Ok(_) => locked(&self.log).heartbeats += 1,
                Err(error) => self.trouble(error.to_string()),
            }
            sleep(self.settings.heartbeat_every).await;
        }
    }

    /// Waits while the controller hangs.
    async fn wakes(&self) {
        let until = *locked(&self.hangs_until);
        if let Some(until) = until {
            sleep_until(until).await;
        }
    }

    async fn take_commands(self, taken: mpsc::UnboundedSender<Command>) {
        // The shared client's attempt timeout is shorter than a long poll.
        let patience = TimeoutConfig::builder()
            .operation_attempt_timeout(LONG_POLL + Duration::from_secs(10))
            .build();
        loop {
            let received = self
                .sqs
                .receive_message()
                .queue_url(&self.settings.queue_url)
                .max_number_of_messages(10)
                .wait_time_seconds(i32::try_from(LONG_POLL.as_secs()).unwrap_or(10))
                .customize()
                .config_override(
                    aws_sdk_sqs::config::Builder::new().timeout_config(patience.clone()),
                )
                .send()
                .await;
            match received {
                Ok(received) => {
                    for message in received.messages.unwrap_or_default() {
                        self.take(message, &taken).await;
                    }
                }
                Err(error) => {
                    self.trouble(format!(
                        "receiving from {}: {error:?}",
                        self.settings.queue_url
                    ));
                    sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }

    /// Handles a message and deletes it: from then on the command is the controller's responsibility.
    async fn take(&self, message: Message, taken: &mpsc::UnboundedSender<Command>) {
        locked(&self.log).commands += 1;
        let envelope: Envelope =
            match serde_json::from_str(message.body.as_deref().unwrap_or_default()) {
                Ok(envelope) => envelope,
                Err(error) => {
                    return self.trouble(format!("a command that cannot be read: {error}"));
                }
            };
        if envelope.kind != "task.command" {
            return self.trouble(format!("a message of type {}", envelope.kind));
        }
        let command = envelope.data;
        if let Some(time) = self.script().hangs() {
            locked(&self.hangs_until).get_or_insert(Instant::now() + time);
        }
        if command.verb == "cancel" {
            self.to_cancel
                .send_modify(|canceled| canceled.extend([command.held()]));
        }
        // Fails only if the controller is stopping.
        let _ = taken.send(command);
        self.delete(message.receipt_handle).await;
    }

    async fn work(self, mut commands: mpsc::UnboundedReceiver<Command>) {
        while let Some(command) = commands.recv().await {
            if self.script() == Script::Silent {
                continue;
            }
            let done = match command.verb.as_str() {
                "execute" => self.execute(&command).await,
                "cancel" => self.put_back(&command).await,
                other => {
                    self.trouble(format!("an unknown command {other}"));
                    continue;
                }
            };
            if let Err(error) = done {
                self.trouble(error.to_string());
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
        for Planned { seq, stage, after } in self.script().reports() {
            let told = canceled.wait_for(|canceled| canceled.contains(&command.held()));
            if timeout(after, told).await.is_ok() {
                return self.put_back(command).await;
            }
            let answer = self.report(command, base + seq, stage).await?;
            match answer.problem() {
                // The task was leased again.
                Some("stale-lease") => return Ok(()),
                // An earlier report was lost: send both again under new numbers.
                Some("transition-refused") if stage == Stage::Completed => {
                    self.report(command, self.next_seq(command), Stage::InProgress)
                        .await?;
                    self.report(command, self.next_seq(command), stage).await?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Reports the cancellation, once.
    async fn put_back(&self, command: &Command) -> Result<(), ApiError> {
        if locked(&self.put_back).insert(command.held()) {
            self.report(command, self.next_seq(command), Stage::Canceled)
                .await?;
        }
        Ok(())
    }

    fn next_seq(&self, command: &Command) -> u64 {
        let reported = locked(&self.reported);
        let last = reported
            .get(&(command.task_id.clone(), command.lease_id))
            .and_then(|reports| reports.keys().next_back());
        last.copied().unwrap_or_default() + 1
    }

    async fn report(&self, command: &Command, seq: u64, stage: Stage) -> Result<Answer, ApiError> {
        let mut body = json!({
            "lease_id": command.lease_id,
            "report_seq": seq,
            "state": stage.as_str(),
            "occurred_at": self.occurred_at(command, seq),
        });
        if let Stage::Failed { retriable } = stage {
            body["error"] = json!({"code": "gripper-fault", "detail": "the gripper lost its load", "retriable": retriable});
        }
        let path = format!("/v1/tasks/{}/reports", command.task_id);
        let answer = self.api.post(&path, &body, None).await?;
        let answer = answer.expect_status(&[200, 409])?;
        let mut log = locked(&self.log);
        log.reports += 1;
        if let Some(problem) = answer.problem() {
            log.refused
                .push((command.task_id.clone(), stage.as_str(), problem.to_owned()));
        } else if stage == Stage::Completed {
            log.completed.insert(command.task_id.clone());
        } else if stage == Stage::Canceled {
            log.canceled.insert(command.task_id.clone());
        }
        Ok(answer)
    }

    /// A report that is sent again has the same content, so it keeps the time of its first attempt.
    fn occurred_at(&self, command: &Command, seq: u64) -> String {
        let mut reported = locked(&self.reported);
        let reports = reported
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
            .queue_url(&self.settings.queue_url)
            .set_receipt_handle(receipt)
            .send()
            .await;
        if let Err(error) = deleted {
            self.trouble(format!(
                "deleting from {}: {error:?}",
                self.settings.queue_url
            ));
        }
    }

    fn script(&self) -> Script {
        *locked(&self.script)
    }

    fn trouble(&self, what: String) {
        locked(&self.log).troubles.push(what);
    }
}

fn locked<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}
