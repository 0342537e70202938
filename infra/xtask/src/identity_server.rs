//! The local OpenID provider beside a cloud: started detached, found again by its pid file, ended with the cloud.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::packages::IDENTITY;
use crate::progress::Step;
use crate::{Error, Result, files, listeners, net, process};

const START_TIMEOUT: Duration = Duration::from_secs(20);

/// The program to start.
#[derive(Debug)]
pub struct IdentityServer {
    binary: PathBuf,
    key_path: PathBuf,
    /// SHA-256 of the binary and the key. A server with another digest is replaced.
    digest: String,
}

/// A running identity server, as its pid file describes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunningIdentityServer {
    /// Its process id, which is also the id of its process group.
    pub pid: u32,
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// SHA-256 of its binary and its key.
    pub digest: String,
}

impl IdentityServer {
    /// The built `binary`, which signs with the private key at `key_path`.
    pub fn new(binary: PathBuf, key_path: PathBuf) -> Result<Self> {
        Ok(Self {
            digest: files::digest_files([binary.as_path(), key_path.as_path()])?,
            binary,
            key_path,
        })
    }

    fn command(&self, dir: &Path, port: u16) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .arg("--cloud")
            .arg(dir)
            .args(["--port", &port.to_string()])
            .arg("--key")
            .arg(&self.key_path);
        command
    }
}

impl RunningIdentityServer {
    /// Its URL, without a trailing slash.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The URL of one of its endpoints.
    pub fn endpoint(&self, name: &str) -> String {
        format!("{}/{name}", self.url())
    }

    /// Fails if the server listens on an address that other machines can reach.
    pub fn check_loopback_only(&self) -> Result<()> {
        listeners::check_loopback_only(IDENTITY, self.pid)
    }

    fn is_healthy(&self) -> bool {
        net::get_status(&self.endpoint("health")) == Some(200)
    }
}

fn pid_file(dir: &Path) -> PathBuf {
    dir.join("identity.pid.json")
}

/// The log of the identity server of a cloud.
pub fn log(dir: &Path) -> PathBuf {
    dir.join("identity.log")
}

/// The identity server of the cloud in this folder, if it runs and answers.
pub fn running(dir: &Path) -> Option<RunningIdentityServer> {
    let known: RunningIdentityServer = files::read_json(&pid_file(dir))?;
    let is_ours =
        process::is_alive(known.pid) && has_marker(&process::command_line(known.pid), dir);
    (is_ours && known.is_healthy()).then_some(known)
}

/// Returns the running identity server of this folder, or starts it. A restarted server keeps its port if the port is free,
/// because the port is part of the deployed configuration. A new port is none of `reserved`: those that have no listener yet.
pub fn ensure(
    server: &IdentityServer,
    dir: &Path,
    reserved: &[u16],
) -> Result<RunningIdentityServer> {
    if let Some(running) = running(dir)
        && running.digest == server.digest
    {
        return Ok(running);
    }
    let last_port = files::read_json::<RunningIdentityServer>(&pid_file(dir)).map(|last| last.port);
    stop(dir)?;
    let port = match last_port.filter(|port| net::is_free(*port)) {
        Some(port) => port,
        None => net::free_port(reserved)?,
    };
    let step = Step::begin("starting the identity server");
    let log = log(dir);
    let mut command = server.command(dir, port);
    // Not a `process::Group`: the identity server of `up` outlives this process, as its cloud does.
    command
        .current_dir(dir)
        .stdin(Stdio::null())
        .process_group(0);
    let mut child = process::log_to(&mut command, &log)?
        .spawn()
        .map_err(Error::file("run", &server.binary))?;
    let running = RunningIdentityServer {
        pid: child.id(),
        port,
        digest: server.digest.clone(),
    };
    files::write_json(&pid_file(dir), &running)?;
    if let Err(error) =
        wait_until_healthy(&running, &mut child, &log).and_then(|()| running.check_loopback_only())
    {
        stop(dir)?;
        return Err(error);
    }
    step.done(running.url());
    Ok(running)
}

fn wait_until_healthy(
    running: &RunningIdentityServer,
    child: &mut Child,
    log: &Path,
) -> Result<()> {
    let start = Instant::now();
    while start.elapsed() < START_TIMEOUT {
        if running.is_healthy() {
            return Ok(());
        }
        if matches!(child.try_wait(), Ok(Some(_))) {
            return Err(Error::Failed {
                step: "starting the identity server".into(),
                tail: process::tail(log, 0, 20),
                log: log.to_owned(),
            });
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Err(Error::Timeout {
        what: "the identity server".into(),
        seconds: START_TIMEOUT.as_secs(),
        hint: format!("Its log is {}", log.display()),
    })
}

/// Ends the identity server of this folder. Returns whether one was running.
pub fn stop(dir: &Path) -> Result<bool> {
    // All processes are searched, because an `up` may be killed before it writes the pid file.
    let pids: Vec<u32> = process::command_lines()
        .into_iter()
        .filter(|(_, command)| has_marker(command, dir))
        .map(|(pid, _)| pid)
        .collect();
    for pid in &pids {
        process::end_group(*pid);
    }
    files::remove(&pid_file(dir))?;
    Ok(!pids.is_empty())
}

/// Whether a command line is that of the identity server of this folder.
fn has_marker(command: &str, dir: &Path) -> bool {
    command.contains(&format!("{IDENTITY} --cloud {} --port ", dir.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_of_another_folder_is_not_ours() {
        let ours = Path::new("/repo/target/local");
        let command = |dir: &str| {
            format!("/repo/target/debug/stockline-identity --cloud {dir} --port 1 --key /k.pem")
        };
        assert!(has_marker(&command("/repo/target/local"), ours));
        assert!(!has_marker(&command("/repo/target/local-cloud"), ours));
        assert!(!has_marker("vim stockline-identity", ours));
    }

    #[test]
    fn server_that_ends_at_start_is_an_error_with_its_log() {
        // given a program that fails at once: the shell has no option `--cloud`
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key.pem");
        std::fs::write(&key, "").unwrap();
        let server = IdentityServer::new("/bin/sh".into(), key).unwrap();
        // when it is started
        let error = ensure(&server, folder.path(), &[]).unwrap_err();
        // then the error names the log, and no pid file is left
        assert!(error.to_string().contains("identity.log"), "{error}");
        assert!(!pid_file(folder.path()).exists());
        assert_eq!(running(folder.path()), None);
    }

    #[test]
    fn command_line_contains_the_marker() {
        let server = IdentityServer {
            binary: "/repo/target/debug/stockline-identity".into(),
            key_path: "/repo/key.pem".into(),
            digest: String::new(),
        };
        let dir = Path::new("/repo/target/local");
        let command = server.command(dir, 7);
        let mut line = command.get_program().to_str().unwrap().to_owned();
        for argument in command.get_args() {
            line = format!("{line} {}", argument.to_str().unwrap());
        }
        assert!(has_marker(&line, dir), "{line}");
    }
}
