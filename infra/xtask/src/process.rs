//! Child processes: started in a group of their own, watched, ended as a group.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{
    Pid, Signal, WaitOptions, kill_process_group, test_kill_process, test_kill_process_group,
    waitpid,
};

use crate::progress::Step;
use crate::{Error, Result, files, interrupt};

const TAIL_LINES: usize = 40;

fn pid(raw: u32) -> Option<Pid> {
    i32::try_from(raw).ok().and_then(Pid::from_raw)
}

/// Whether a process of that id exists.
pub fn alive(raw: u32) -> bool {
    pid(raw).is_some_and(|pid| test_kill_process(pid).is_ok())
}

/// Whether anything of that process group is left.
pub fn group_alive(raw: u32) -> bool {
    pid(raw).is_some_and(|pid| test_kill_process_group(pid).is_ok())
}

/// Asks a process group to end.
pub fn terminate(raw: u32) {
    let _ = pid(raw).map(|pid| kill_process_group(pid, Signal::TERM));
}

/// Ends a process group.
pub fn kill(raw: u32) {
    let _ = pid(raw).map(|pid| kill_process_group(pid, Signal::KILL));
}

/// Takes note of a child's end, so that it does not stay as a zombie. Nothing happens if it is no child or still runs.
pub fn reap(raw: u32) {
    let _ = pid(raw).map(|pid| waitpid(Some(pid), WaitOptions::NOHANG));
}

/// The command line of a process, to know ours from a stranger that got its id. Empty if there is none.
pub fn command_line(raw: u32) -> String {
    Command::new("ps")
        .args(["-ww", "-o", "args=", "-p", &raw.to_string()])
        .stderr(Stdio::null())
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default()
}

/// Opens a log for appending.
pub fn open_log(path: &Path) -> Result<File> {
    if let Some(folder) = path.parent() {
        files::make_folder(folder)?;
    }
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map_err(Error::file("write", path))
}

/// Runs a command with its output in a log; the step shows how it gets on. On failure the log's tail goes into the error.
pub fn run(step: &mut Step, command: &mut Command, log: &Path) -> Result<()> {
    let file = open_log(log)?;
    let start = file
        .metadata()
        .map(|metadata| metadata.len())
        .unwrap_or_default();
    let again = file.try_clone().map_err(Error::file("write", log))?;
    let status = watch(command.stdout(file).stderr(again), |elapsed| {
        if Step::due(elapsed) {
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

/// Runs a command that prints for itself.
pub fn run_shown(title: &str, command: &mut Command) -> Result<()> {
    let status = watch(command, |_| ())?;
    if status.success() {
        return Ok(());
    }
    Err(Error::Check {
        step: title.to_owned(),
    })
}

/// Runs a command and hands back what it printed.
pub fn output(title: &str, command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|source| missing(&name, &source))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(Error::Unreadable {
        what: title.to_owned(),
        detail: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

/// Starts a command in a group of its own and waits for it, calling `tick` now and then with the time gone by.
pub fn watch(command: &mut Command, mut tick: impl FnMut(Duration)) -> Result<ExitStatus> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|source| missing(&name, &source))?;
    let _registered = interrupt::Child::register(child.id());
    let start = std::time::Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) => tick(start.elapsed()),
            Err(source) => return Err(missing(&name, &source)),
        }
        // Short commands should feel short; long ones need no more than ten looks a second.
        std::thread::sleep(Duration::from_millis(if start.elapsed().as_secs() < 1 {
            10
        } else {
            100
        }));
    }
}

/// A server that runs beside this tool and ends with the value, or with an interrupt.
pub struct Group {
    id: u32,
    _registered: interrupt::Child,
}

impl Group {
    /// Starts it in a process group of its own.
    pub fn spawn(command: &mut Command) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|source| missing(&name, &source))?;
        Ok(Self {
            id: child.id(),
            _registered: interrupt::Child::register(child.id()),
        })
    }

    /// Whether it still runs.
    pub fn alive(&self) -> bool {
        reap(self.id);
        group_alive(self.id)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        end(self.id);
    }
}

/// Ends a process group: asks, waits for ten seconds, insists. Its ports are free only when nothing of it is left.
pub fn end(group: u32) {
    for (signal, patience) in [(terminate as fn(u32), 10), (kill, 5)] {
        signal(group);
        let deadline = std::time::Instant::now() + Duration::from_secs(patience);
        while group_alive(group) && std::time::Instant::now() < deadline {
            reap(group);
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn missing(program: &str, source: &std::io::Error) -> Error {
    Error::Missing {
        what: format!("the program `{program}`"),
        way_on: format!("Install it, or put it on PATH ({source})"),
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

/// The last lines of a log, indented, from where this run began to write.
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
