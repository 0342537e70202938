//! The local cloud's process: started detached, known by its pid file, ended as a group.

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::progress::Step;
use crate::workspace::Workspace;
use crate::{Error, Result, clock, files, process};

/// A running cloud, as its pid file tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Running {
    /// Of the launcher; its process group has the same number.
    pub pid: u32,
    /// Where it listens.
    pub port: u16,
    /// Where a Slack stand-in is expected.
    pub slack_port: u16,
    /// Differs from one start to the next: the cloud lives in memory, so Terraform's state is worth as long as this.
    pub instance: String,
    /// The launcher that it was started from.
    pub launcher: String,
}

/// Which port a cloud is to have.
#[derive(Debug, Clone, Copy)]
pub enum Port {
    /// This one, or an error.
    Exactly(u16),
    /// Any free one.
    Free,
}

impl Running {
    /// The address of its gateway.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// Says early that a port is another program's, before minutes go into a build.
pub fn check_port(dir: &Path, port: u16) -> Result<()> {
    let free = TcpListener::bind(("127.0.0.1", port)).is_ok();
    if free
        || files::read_json::<Running>(&pid_file(dir))
            .is_some_and(|known| known.port == port && is_ours(known.pid, dir))
        || !strays(dir).is_empty()
    {
        return Ok(());
    }
    Err(Error::PortTaken {
        port,
        other: free_port(&[port])?,
    })
}

/// The log of a cloud.
pub fn log(dir: &Path) -> PathBuf {
    dir.join("cloud.log")
}

fn pid_file(dir: &Path) -> PathBuf {
    dir.join("cloud.pid.json")
}

/// The cloud of this folder, if it runs and answers.
pub fn running(dir: &Path) -> Option<Running> {
    let known: Running = files::read_json(&pid_file(dir))?;
    (is_ours(known.pid, dir) && healthy(known.port)).then_some(known)
}

/// A running cloud: the one that is there, or a new one.
pub fn ensure(workspace: &Workspace, dir: &Path, python: &Path, port: Port) -> Result<Running> {
    let launcher = workspace.infra().join("local-cloud/launcher.py");
    let requirements = workspace.infra().join("local-cloud/requirements.txt");
    let digest = files::digest_files([launcher.as_path(), requirements.as_path()])?;
    if let Some(running) = running(dir) {
        let same_port = matches!(port, Port::Free)
            || matches!(port, Port::Exactly(wanted) if wanted == running.port);
        if running.launcher == digest && same_port {
            return Ok(running);
        }
        if !same_port {
            eprintln!(
                "         the cloud at {} ends, with all that is in it: a checkout has one",
                running.endpoint()
            );
        }
    }
    // Half started, hung, of another launcher or on another port: it ends, and with it what Terraform knows of it.
    stop(dir)?;
    start(dir, python, &launcher, digest, port)
}

fn start(
    dir: &Path,
    python: &Path,
    launcher: &Path,
    digest: String,
    port: Port,
) -> Result<Running> {
    let mut step = Step::begin("starting the local cloud");
    let port = match port {
        Port::Free => free_port(&[])?,
        Port::Exactly(port) if TcpListener::bind(("127.0.0.1", port)).is_ok() => port,
        Port::Exactly(port) => {
            return Err(Error::PortTaken {
                port,
                other: free_port(&[port])?,
            });
        }
    };
    let scratch = dir.join("tmp");
    files::make_folder(&scratch)?;
    let log_path = log(dir);
    let log_file = process::open_log(&log_path)?;
    let again = log_file
        .try_clone()
        .map_err(Error::file("write", &log_path))?;
    let mut child = Command::new(python)
        // Python makes nothing of this option; it marks the process as this cloud's.
        .args(["-X", &mark(dir)])
        .arg(launcher)
        .env("GATEWAY_PORT", port.to_string())
        .env("TMPDIR", &scratch)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(&scratch)
        .stdin(Stdio::null())
        .stdout(log_file)
        .stderr(again)
        .process_group(0)
        .spawn()
        .map_err(Error::file("run", python))?;
    let running = Running {
        pid: child.id(),
        port,
        slack_port: free_port(&[port])?,
        instance: format!("{}-{}", child.id(), clock::since_epoch().as_millis()),
        launcher: digest,
    };
    files::write_json(&pid_file(dir), &running)?;
    let begun = Instant::now();
    let deadline = Duration::from_mins(1);
    while begun.elapsed() < deadline {
        if healthy(port) {
            step.done(running.endpoint());
            return Ok(running);
        }
        if matches!(child.try_wait(), Ok(Some(_))) {
            return Err(Error::Failed {
                step: "starting the local cloud".into(),
                tail: process::tail(&log_path, 0, 20),
                log: log_path,
            });
        }
        if Step::due(begun.elapsed()) {
            step.note(begun.elapsed(), "waiting for its health check");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    stop(dir)?;
    Err(Error::Late {
        what: "the local cloud".into(),
        seconds: deadline.as_secs(),
        way_on: format!("Its log is {}", log_path.display()),
    })
}

/// Ends the cloud of this folder, if any, and forgets what lived in it. Tells whether there was one.
pub fn stop(dir: &Path) -> Result<bool> {
    let mut pids: Vec<u32> = strays(dir);
    if let Some(known) = files::read_json::<Running>(&pid_file(dir))
        && is_ours(known.pid, dir)
        && !pids.contains(&known.pid)
    {
        pids.push(known.pid);
    }
    for pid in &pids {
        process::end(*pid);
    }
    for leftover in [
        "cloud.pid.json",
        "cloud.json",
        "applied.json",
        "applying",
        "terraform.tfstate",
        "terraform.tfstate.backup",
        "tmp",
    ] {
        files::remove(&dir.join(leftover))?;
    }
    Ok(!pids.is_empty())
}

/// Launchers of this folder, whatever the pid file says: an `up` may have been killed before it wrote one. And a
/// Terraform that outlived its `up`: it would deploy into the next cloud.
fn strays(dir: &Path) -> Vec<u32> {
    let listing = Command::new("ps")
        .args(["-A", "-ww", "-o", "pid=,args="])
        .stderr(Stdio::null())
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    let variables = format!(
        " -var-file={}",
        crate::terraform::variables_file(dir).display()
    );
    listing
        .lines()
        .filter_map(|line| line.trim().split_once(' '))
        .filter(|(_, command)| marks(command, dir) || command.contains(&variables))
        .filter_map(|(pid, _)| pid.parse().ok())
        .collect()
}

fn is_ours(pid: u32, dir: &Path) -> bool {
    process::alive(pid) && marks(&process::command_line(pid), dir)
}

fn mark(dir: &Path) -> String {
    format!("stockline-cloud={}", dir.display())
}

fn marks(command: &str, dir: &Path) -> bool {
    command.contains(&format!(" -X {} ", mark(dir))) && command.trim_end().ends_with("launcher.py")
}

fn healthy(port: u16) -> bool {
    get(&format!("http://127.0.0.1:{port}/_ministack/health")) == Some(200)
}

/// Whether anything answers there, whatever it says.
pub fn answers(url: &str) -> bool {
    get(url).is_some()
}

fn get(url: &str) -> Option<u16> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(2)))
        .http_status_as_error(false)
        .proxy(None)
        .build()
        .into();
    agent
        .get(url)
        .call()
        .ok()
        .map(|answer| answer.status().as_u16())
}

/// A port that nobody listens on just now, other than these.
pub fn free_port(taken: &[u16]) -> Result<u16> {
    // All are held until one is chosen, so that the system does not offer the same again.
    let mut held = Vec::new();
    loop {
        let listener =
            TcpListener::bind(("127.0.0.1", 0)).map_err(Error::unreadable("a free port"))?;
        let port = listener
            .local_addr()
            .map_err(Error::unreadable("a free port"))?
            .port();
        held.push(listener);
        if !taken.contains(&port) {
            return Ok(port);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_of_another_folder_is_not_ours() {
        let ours = Path::new("/repo/target/local");
        let command = |dir: &str| {
            format!("python -X stockline-cloud={dir} /repo/infra/local-cloud/launcher.py")
        };
        assert!(marks(&command("/repo/target/local"), ours));
        assert!(!marks(&command("/repo/target/local-cloud"), ours));
        assert!(!marks("vim launcher.py", ours));
    }

    #[test]
    fn a_pid_file_of_a_dead_process_is_cleared_away() {
        let folder = tempfile::tempdir().unwrap();
        let stale = Running {
            pid: 4_000_000,
            port: 1,
            slack_port: 2,
            instance: "x".into(),
            launcher: "y".into(),
        };
        files::write_json(&pid_file(folder.path()), &stale).unwrap();

        assert_eq!(running(folder.path()), None);
        assert!(!stop(folder.path()).unwrap());

        assert!(!pid_file(folder.path()).exists());
    }
}
