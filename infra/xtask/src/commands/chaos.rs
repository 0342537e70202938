//! `chaos`: a cloud of its own, a bad network in it, and a table of what held and what did not.

use std::process::Command;

use clap::Args;

use crate::commands::up::Private;
use crate::packages::{self, CHAOS, Selection};
use crate::status::CLOUD_VARIABLE;
use crate::workspace::Workspace;
use crate::{Error, Result, process};

/// How much of it.
#[derive(Debug, Args)]
pub struct ChaosArgs {
    /// Sales, each of 1000 buyers after 100 units
    #[arg(long, default_value_t = 5, value_name = "N")]
    seeds: u16,
    /// Histories of eight clients on one shelf, each judged for linearizability
    #[arg(long, default_value_t = 200, value_name = "N")]
    histories: u16,
    /// The first seed; a run with the seed of a failure repeats what was decided, not how threads ran
    #[arg(long, default_value_t = 1, value_name = "SEED")]
    from: u64,
}

/// The command.
pub fn command(workspace: &Workspace, args: &ChaosArgs) -> Result<()> {
    let private = Private::start(workspace, "chaos", Selection::FunctionsAnd(CHAOS))?;
    eprintln!();
    let mut chaos = Command::new(packages::binary(workspace, CHAOS));
    chaos
        .args(["--seeds", &args.seeds.to_string()])
        .args(["--histories", &args.histories.to_string()])
        .args(["--from", &args.from.to_string()])
        .current_dir(&workspace.root)
        .env(CLOUD_VARIABLE, private.file());
    let status = process::watch(&mut chaos, |_| ())?;
    drop(private);
    match status.code() {
        Some(0) => Ok(()),
        code => Err(Error::Exit(
            code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1),
        )),
    }
}
