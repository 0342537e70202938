//! An automation controller: long-polls its own queue, heartbeats and reports, all through public interfaces.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_sqs::Client as Sqs;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::types::Message;
use serde::Deserialize;
use serde_json::json;
use stockline_platform::clock::{Clock, SystemClock};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::api::{Answer, Api, ApiError};
use crate::script::{Planned, Script, Stage};

/// How long one look into an empty queue waits for something to come.
const LONG_POLL: Duration = Duration::from_secs(10);

/// What a controller is and where its queue is.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its id.
    pub controller_id: String,
    /// The warehouse it works in.
    pub location_id: String,
    /// The zone of the warehouse.
    pub zone_id: String,
    /// How many tasks it takes on at a time.
    pub capacity: u32,
    /// Its own queue.
    pub queue_url: String,
    /// How often it says that it lives.
    pub heartbeat_every: Duration,
    /// How it behaves.
    pub script: Script,
}

/// What a controller did and was told.
#[derive(Debug, Clone, Default)]
pub struct Log {
    /// Heartbeats that were accepted.
    pub heartbeats: u64,
    /// Commands that came, duplicates included.
    pub commands: u64,
    /// Reports that were sent.
    pub reports: u64,
    /// Tasks whose completion was accepted.
    pub completed: BTreeSet<String>,
    /// Reports that were refused: task, what was reported, and the problem.
    pub refused: Vec<(String, &'static str, String)>,
    /// What went wrong otherwise.
    pub troubles: Vec<String>,
}

/// A controller at work.
#[derive(Debug)]
pub struct Controller {
    log: Arc<Mutex<Log>>,
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

type Reported = BTreeMap<(String, u64), BTreeMap<u64, String>>;

#[derive(Clone)]
struct Worker {
    settings: Settings,
    api: Api,
    sqs: Sqs,
    log: Arc<Mutex<Log>>,
    // When each report was first sent, by its number, for each task and lease.
    reported: Arc<Mutex<Reported>>,
}

impl Controller {
    /// Starts a controller that reports with `api`'s token.
    pub fn start(settings: Settings, api: Api, sqs: Sqs) -> Self {
        let (stop, stopped) = watch::channel(false);
        let worker = Worker {
            settings,
            api,
            sqs,
            log: Arc::default(),
            reported: Arc::default(),
        };
        let log = worker.log.clone();
        let mut work = vec![tokio::spawn(until(
            stopped.clone(),
            worker.clone().take_commands(),
        ))];
        if worker.settings.script.lives() {
            work.push(tokio::spawn(until(stopped, worker.heartbeat())));
        }
        Self { log, stop, work }
    }

    /// What it did so far.
    pub fn log(&self) -> Log {
        locked(&self.log).clone()
    }

    /// Ends its work and tells what it did.
    pub async fn stop(self) -> Log {
        // Fails only when both loops have ended already.
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

    async fn take_commands(self) {
        // The shared client gives up on a silent connection sooner than a long poll ends.
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
                        self.obey(message).await;
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

    /// Does what a message says; it stays in the queue unless all of that was answered.
    async fn obey(&self, message: Message) {
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
        if !self.settings.script.lives() {
            return;
        }
        let command = envelope.data;
        let done = match command.verb.as_str() {
            "execute" => self.execute(&command).await,
            "cancel" => self
                .report(&command, self.next_seq(&command), Stage::Canceled)
                .await
                .map(|_| ()),
            other => return self.trouble(format!("an unknown command {other}")),
        };
        match done {
            Ok(()) => self.delete(message.receipt_handle).await,
            Err(error) => self.trouble(error.to_string()),
        }
    }

    async fn execute(&self, command: &Command) -> Result<(), ApiError> {
        // A command that is delivered again is known by its task: what is done stays done.
        if locked(&self.log).completed.contains(&command.task_id) {
            return Ok(());
        }
        let base = self.next_seq(command) - 1;
        for Planned { seq, stage, after } in self.settings.script.reports() {
            if !after.is_zero() {
                sleep(after).await;
            }
            let answer = self.report(command, base + seq, stage).await?;
            match answer.problem() {
                // Another controller has the task by now.
                Some("stale-lease") => return Ok(()),
                // An earlier report did not arrive: tell it all, under new numbers.
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
        }
        Ok(answer)
    }

    /// Same report, same content: the time is that of its first sending.
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

    fn trouble(&self, what: String) {
        locked(&self.log).troubles.push(what);
    }
}

fn locked<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}
