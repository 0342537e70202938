//! Child processes. Each child leads its own process group, writes to a log or to the terminal, and is ended as a group.
//!
//! The crate `process-wrap` also starts and signals process groups. Its `std` version has no kill-on-drop and no check
//! whether a group still has members, and it needs the `Child`, while `down` ends groups of earlier runs by their id. So
//! signals go through `rustix` here, for children and for leftover processes alike.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, Signal, WaitOptions, kill_process_group, test_kill_process, test_kill_process_group,
    waitpid,
};

use crate::interrupt::{self, Registration};
use crate::progress::Step;
use crate::{Error, Result, files};

const TAIL_LINES: usize = 40;

/// How long a process group may take to end after SIGTERM. Test runners end their own children in this time.
const TERMINATION_GRACE: Duration = Duration::from_secs(12);

/// How long a process group may take to disappear after SIGKILL.
const KILL_GRACE: Duration = Duration::from_secs(5);

fn pid(raw: u32) -> Option<Pid> {
    i32::try_from(raw).ok().and_then(Pid::from_raw)
}

/// Whether a process with this id exists.
pub fn is_alive(raw: u32) -> bool {
    pid(raw).is_some_and(|pid| test_kill_process(pid).is_ok())
}

/// Whether the process group still has members.
pub fn is_group_alive(group: u32) -> bool {
    // A child that has ended stays a member of its group until its exit status is read. `waitpid` fails for processes that
    // are not children of this one, and then there is nothing to read.
    let _ = pid(group).map(|pid| waitpid(Some(pid), WaitOptions::NOHANG));
    pid(group).is_some_and(|pid| test_kill_process_group(pid).is_ok())
}

/// Ends a process group: SIGTERM, then SIGKILL. Returns when the group has no members, so that its ports are free.
pub fn end_group(group: u32) {
    for (signal, grace) in [
        (Signal::TERM, TERMINATION_GRACE),
        (Signal::KILL, KILL_GRACE),
    ] {
        let _ = pid(group).map(|pid| kill_process_group(pid, signal));
        let deadline = Instant::now() + grace;
        while is_group_alive(group) {
            if Instant::now() >= deadline {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The command line of a process, to tell our process from another one that got its id. Empty if there is no such process.
pub fn command_line(raw: u32) -> String {
    ps(&["-o", "args=", "-p", &raw.to_string()])
        .trim()
        .to_owned()
}

/// The ids and command lines of all processes.
pub fn command_lines() -> Vec<(u32, String)> {
    ps(&["-A", "-o", "pid=,args="])
        .lines()
        .filter_map(|line| line.trim().split_once(' '))
        .filter_map(|(pid, command)| Some((pid.parse().ok()?, command.to_owned())))
        .collect()
}

fn ps(arguments: &[&str]) -> String {
    Command::new("ps")
        .arg("-ww")
        .args(arguments)
        .stderr(Stdio::null())
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default()
}

/// A child process and its process group. The group ends when this value is dropped, and on an interrupt.
pub struct Group {
    child: Child,
    _registration: Registration,
}

impl Group {
    /// Starts the command as the leader of a new process group.
    pub fn spawn(command: &mut Command) -> Result<Self> {
        let child = command
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|source| missing(command, &source))?;
        let id = child.id();
        Ok(Self {
            child,
            _registration: interrupt::on_interrupt(move || end_group(id)),
        })
    }

    /// The id of the group, which is the id of the child.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether the group still has members.
    pub fn is_alive(&self) -> bool {
        is_group_alive(self.id())
    }

    /// Waits for the child and calls `tick` about every 100 ms with the elapsed time.
    fn wait(&mut self, mut tick: impl FnMut(Duration)) -> std::io::Result<ExitStatus> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            tick(start.elapsed());
            // The first second is polled more often, so that short commands return at once.
            std::thread::sleep(Duration::from_millis(if start.elapsed().as_secs() < 1 {
                10
            } else {
                100
            }));
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        interrupt::block_if_interrupted();
        end_group(self.id());
    }
}

/// Sends the output of a command to the end of a log.
pub fn log_to<'a>(command: &'a mut Command, log: &Path) -> Result<&'a mut Command> {
    if let Some(folder) = log.parent() {
        files::make_folder(folder)?;
    }
    let open = || -> std::io::Result<(File, File)> {
        let file = OpenOptions::new().create(true).append(true).open(log)?;
        let clone = file.try_clone()?;
        Ok((file, clone))
    };
    let (stdout, stderr) = open().map_err(Error::file("write", log))?;
    Ok(command.stdout(stdout).stderr(stderr))
}

/// Runs a command with its output in a log. The step shows the last line of the log; a failure contains its last lines.
pub fn run(step: &mut Step, command: &mut Command, log: &Path) -> Result<()> {
    log_to(command, log)?;
    let start = std::fs::metadata(log)
        .map(|metadata| metadata.len())
        .unwrap_or_default();
    let status = wait(command, |elapsed| {
        if Step::is_note_due(elapsed) {
            step.note(elapsed, &last_line(log, start));
        }
    })?;
    if status.success() {
        return Ok(());
    }
    Err(Error::Failed {
        step: step.title().to_owned(),
        log: log.to_owned(),
        tail: tail(log, start, TAIL_LINES),
    })
}

/// Runs a command that prints its own output.
pub fn run_shown(title: &str, command: &mut Command) -> Result<()> {
    if wait(command, |_| ())?.success() {
        return Ok(());
    }
    Err(Error::Check {
        step: title.to_owned(),
    })
}

/// Runs a program of this workspace, which prints its own errors, and passes its exit code on.
pub fn run_tool(command: &mut Command) -> Result<()> {
    match wait(command, |_| ())?.code() {
        Some(0) => Ok(()),
        code => Err(Error::Exit(
            code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1),
        )),
    }
}

fn wait(command: &mut Command, tick: impl FnMut(Duration)) -> Result<ExitStatus> {
    let program = command.get_program().to_owned();
    Group::spawn(command)?
        .wait(tick)
        .map_err(Error::file("wait for", Path::new(&program)))
}

/// Runs a command and returns its standard output.
pub fn output(title: &str, command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|source| missing(command, &source))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(Error::Unreadable {
        what: title.to_owned(),
        detail: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

/// Whether a program can be started and exits with success. Its output is dropped.
pub fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn missing(command: &Command, source: &std::io::Error) -> Error {
    Error::Missing {
        what: format!("the program `{}`", command.get_program().display()),
        hint: format!("Install it, or put it on PATH ({source})"),
    }
}

fn read_from(log: &Path, start: u64) -> String {
    let mut bytes = Vec::new();
    if let Ok(mut file) = File::open(log) {
        let length = file
            .metadata()
            .map(|metadata| metadata.len())
            .unwrap_or_default();
        let _ = file.seek(SeekFrom::Start(start.max(length.saturating_sub(32 * 1024))));
        let _ = file.read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn last_line(log: &Path, start: u64) -> String {
    let text = read_from(log, start);
    text.lines()
        .rev()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or_default()
        .to_owned()
}

/// The last `count` lines of a log after the byte `start`, indented. Blank lines are left out.
pub fn tail(log: &Path, start: u64, count: usize) -> String {
    let text = read_from(log, start);
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let from = lines.len().saturating_sub(count);
    lines[from..]
        .iter()
        .map(|line| format!("    {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropped_group_ends_with_all_its_members() {
        let mut shell = Command::new("sh");
        // The shell's own child ignores nothing and would outlive the shell.
        let group = Group::spawn(shell.args(["-c", "sleep 60 & sleep 60; :"])).unwrap();
        let id = group.id();
        assert!(group.is_alive());

        drop(group);

        assert!(!is_group_alive(id));
    }

    #[test]
    fn run_tool_passes_the_exit_code_on() {
        let mut shell = Command::new("sh");
        let error = run_tool(shell.args(["-c", "exit 7"])).unwrap_err();
        assert_eq!(error.exit_code(), 7);
    }
}
