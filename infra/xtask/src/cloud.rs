//! The process of a local cloud: started detached, found again by its pid file, ended as a process group.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::kind::CloudKind;
use crate::launcher::Launcher;
use crate::progress::Step;
use crate::{Error, Result, clock, files, identity_server, listeners, net, process, terraform};

/// LocalStack takes 15 s on a busy machine with two cores.
const START_TIMEOUT: Duration = Duration::from_secs(90);

/// A running cloud, as its pid file describes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunningCloud {
    /// Which cloud it is.
    #[serde(default)]
    pub kind: CloudKind,
    /// The launcher's process id, which is also the id of its process group.
    pub pid: u32,
    /// The port of the gateway on 127.0.0.1.
    pub port: u16,
    /// The port of DynamoDB alone, if the cloud has one.
    #[serde(default)]
    pub dynamodb_port: Option<u16>,
    /// The port where `slack-notifier` expects a Slack simulator.
    pub slack_port: u16,
    /// Identifies this start. The cloud is in memory, so Terraform's state is valid for one instance only.
    pub instance: String,
    /// SHA-256 of the files of the launcher.
    pub launcher_digest: String,
}

/// The port of a cloud.
#[derive(Debug, Clone, Copy)]
pub enum Port {
    /// This port. It is an error if it is taken.
    Exactly(u16),
    /// Any free port.
    Free,
}

impl RunningCloud {
    /// The URL of the gateway.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The URL of DynamoDB, if the cloud has a server for it alone.
    pub fn dynamodb_endpoint(&self) -> Option<String> {
        let port = self.dynamodb_port?;
        Some(format!("http://127.0.0.1:{port}"))
    }

    /// Fails if a server of this cloud listens on an address that other machines can reach.
    pub fn check_loopback_only(&self) -> Result<()> {
        listeners::check_loopback_only(self.kind.title(), self.pid)
    }
}

/// Fails if another program has the port. Called before a build, which may take minutes.
pub fn check_port(dir: &Path, port: u16) -> Result<()> {
    let is_ours = files::read_json::<RunningCloud>(&pid_file(dir))
        .is_some_and(|known| known.port == port && is_of_cloud(known.pid, dir));
    if net::is_free(port) || is_ours || !leftover_processes(dir).is_empty() {
        return Ok(());
    }
    Err(port_taken(port)?)
}

fn port_taken(port: u16) -> Result<Error> {
    let free = net::free_port(&[port])?;
    Ok(Error::PortTaken { port, free })
}

/// The log of a cloud.
pub fn log(dir: &Path) -> PathBuf {
    dir.join("cloud.log")
}

fn pid_file(dir: &Path) -> PathBuf {
    dir.join("cloud.pid.json")
}

/// The cloud of this folder, if it runs and answers.
pub fn running(dir: &Path) -> Option<RunningCloud> {
    let known: RunningCloud = files::read_json(&pid_file(dir))?;
    (is_of_cloud(known.pid, dir) && is_healthy(&known)).then_some(known)
}

/// Returns the running cloud of this folder, or starts a new one.
pub fn ensure(launcher: &Launcher, dir: &Path, port: Port) -> Result<RunningCloud> {
    if let Some(running) = running(dir) {
        let is_same_port = matches!(port, Port::Free)
            || matches!(port, Port::Exactly(requested) if requested == running.port);
        let is_same_kind = running.kind == launcher.kind;
        if running.launcher_digest == launcher.digest && is_same_kind && is_same_port {
            return Ok(running);
        }
        if !(is_same_kind && is_same_port) {
            eprintln!(
                "         a checkout has one local cloud: the cloud at {} ends, and its data is lost",
                running.endpoint()
            );
        }
    }
    // A cloud that does not answer, has another launcher or has another port is ended. Its Terraform state goes with it.
    stop(dir)?;
    start(launcher, dir, port)
}

fn start(launcher: &Launcher, dir: &Path, port: Port) -> Result<RunningCloud> {
    let mut step = Step::begin(format!("starting {}", launcher.kind.title()));
    let port = match port {
        Port::Free => net::free_port(&[])?,
        Port::Exactly(port) if net::is_free(port) => port,
        Port::Exactly(port) => return Err(port_taken(port)?),
    };
    let slack_port = net::free_port(&[port])?;
    let dynamodb_port = if launcher.has_dynamodb_port() {
        Some(net::free_port(&[port, slack_port])?)
    } else {
        None
    };
    let scratch = dir.join("tmp");
    files::make_folder(&scratch)?;
    let log = log(dir);
    let mut command = launcher.command(&process_marker(dir), port, dynamodb_port);
    command
        .env("TMPDIR", &scratch)
        .current_dir(&scratch)
        .stdin(Stdio::null())
        .process_group(0);
    // Not a `process::Group`: the cloud of `up` outlives this process.
    let mut child = process::log_to(&mut command, &log)?
        .spawn()
        .map_err(Error::file("run", &launcher.python))?;
    let running = RunningCloud {
        kind: launcher.kind,
        pid: child.id(),
        port,
        dynamodb_port,
        slack_port,
        instance: format!("{}-{}", child.id(), clock::since_epoch().as_millis()),
        launcher_digest: launcher.digest.clone(),
    };
    files::write_json(&pid_file(dir), &running)?;
    let start = Instant::now();
    while start.elapsed() < START_TIMEOUT {
        if is_healthy(&running) {
            if let Err(exposed) = running.check_loopback_only() {
                stop(dir)?;
                return Err(exposed);
            }
            step.done(running.endpoint());
            return Ok(running);
        }
        if matches!(child.try_wait(), Ok(Some(_))) {
            return Err(Error::Failed {
                step: "starting the local cloud".into(),
                tail: process::tail(&log, 0, 20),
                log,
            });
        }
        if Step::is_note_due(start.elapsed()) {
            step.note(start.elapsed(), "waiting for its health check");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    stop(dir)?;
    Err(Error::Timeout {
        what: "the local cloud".into(),
        seconds: START_TIMEOUT.as_secs(),
        hint: format!("Its log is {}", log.display()),
    })
}

/// Ends the cloud of this folder with its identity server, and removes its state. Returns whether a process was running.
pub fn stop(dir: &Path) -> Result<bool> {
    let had_identity_server = identity_server::stop(dir)?;
    let mut pids: Vec<u32> = leftover_processes(dir);
    if let Some(known) = files::read_json::<RunningCloud>(&pid_file(dir))
        && is_of_cloud(known.pid, dir)
        && !pids.contains(&known.pid)
    {
        pids.push(known.pid);
    }
    for pid in &pids {
        process::end_group(*pid);
    }
    for file in [
        "cloud.pid.json",
        "cloud.json",
        "applied.json",
        "applying",
        "terraform.tfstate",
        "terraform.tfstate.backup",
        "tmp",
    ] {
        files::remove(&dir.join(file))?;
    }
    Ok(had_identity_server || !pids.is_empty())
}

/// Processes that belong to this folder whatever the pid file says. An `up` may be killed before it writes the pid file, and
/// a Terraform that outlives its `up` would deploy into the next cloud.
fn leftover_processes(dir: &Path) -> Vec<u32> {
    let variables = format!(" -var-file={}", terraform::variables_file(dir).display());
    process::command_lines()
        .into_iter()
        .filter(|(_, command)| has_marker(command, dir) || command.contains(&variables))
        .map(|(pid, _)| pid)
        .collect()
}

fn is_of_cloud(pid: u32, dir: &Path) -> bool {
    process::is_alive(pid) && has_marker(&process::command_line(pid), dir)
}

fn process_marker(dir: &Path) -> String {
    format!("stockline-cloud={}", dir.display())
}

fn has_marker(command: &str, dir: &Path) -> bool {
    command.contains(&format!(" -X {} ", process_marker(dir)))
        && command.trim_end().ends_with("launcher.py")
}

fn is_healthy(cloud: &RunningCloud) -> bool {
    net::get_status(&format!("{}{}", cloud.endpoint(), cloud.kind.health_path())) == Some(200)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn process_of_another_folder_is_not_ours() {
        let ours = Path::new("/repo/target/local");
        let command = |dir: &str| {
            format!("python -X stockline-cloud={dir} /repo/infra/local-cloud/launcher.py")
        };
        assert!(has_marker(&command("/repo/target/local"), ours));
        assert!(!has_marker(&command("/repo/target/local-cloud"), ours));
        assert!(!has_marker("vim launcher.py", ours));
    }

    #[test]
    fn stop_removes_the_pid_file_of_a_dead_process() {
        let folder = tempfile::tempdir().unwrap();
        let stale = RunningCloud {
            kind: CloudKind::Ministack,
            pid: 4_000_000,
            port: 1,
            dynamodb_port: None,
            slack_port: 2,
            instance: "x".into(),
            launcher_digest: "y".into(),
        };
        files::write_json(&pid_file(folder.path()), &stale).unwrap();

        assert_eq!(running(folder.path()), None);
        assert!(!stop(folder.path()).unwrap());

        assert!(!pid_file(folder.path()).exists());
    }
}
