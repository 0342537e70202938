//! `logs`: prints what the deployed functions log.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::Args;

use crate::logs::{self, LogLine};
use crate::output::say;
use crate::status::Cloud;
use crate::workspace::Workspace;
use crate::{Result, clock};

/// How often `--follow` asks for new lines.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How far back each poll looks, because the cloud may show a line later than one with a later time.
const OVERLAP_MS: u64 = 10_000;

/// Arguments of `logs`.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// Name of the function, as its folder in functions/; without it, all
    function: Option<String>,
    /// Go on with new lines until interrupted
    #[arg(long)]
    follow: bool,
    /// Only lines of the last minutes
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// Only lines that contain this text, for example a correlation id
    #[arg(long, value_name = "TEXT")]
    containing: Option<String>,
}

/// Runs the command.
pub fn command(workspace: &Workspace, args: &LogsArgs) -> Result<()> {
    let functions = match &args.function {
        Some(name) => vec![workspace.function(name)?],
        None => workspace.functions()?,
    };
    let cloud = Cloud::local(workspace)?;
    let now = || u64::try_from(clock::since_epoch().as_millis()).unwrap_or(u64::MAX);
    let mut since = now().saturating_sub(args.minutes.saturating_mul(60_000));
    let mut printed = BTreeSet::new();
    loop {
        let asked_at = now();
        for line in logs::lines(&cloud, &functions, since)? {
            if args.matches(&line) && printed.insert(line.clone()) {
                say(format_args!("{:<18} {}", line.function, line.text))?;
            }
        }
        if !args.follow {
            return Ok(());
        }
        since = asked_at.saturating_sub(OVERLAP_MS);
        printed.retain(|line| line.at >= since);
        std::thread::sleep(POLL_INTERVAL);
    }
}

impl LogsArgs {
    fn matches(&self, line: &LogLine) -> bool {
        self.containing
            .as_ref()
            .is_none_or(|text| line.text.contains(text))
    }
}
