//! `chaos`: runs sales and histories over a faulty network in a private cloud.

use std::process::Command;

use clap::Args;

use crate::commands::up::PrivateCloud;
use crate::kind::CloudKind;
use crate::packages::{self, CHAOS, Selection};
use crate::status::CLOUD_VARIABLE;
use crate::workspace::Workspace;
use crate::{Result, process};

/// Arguments of `chaos`.
#[derive(Debug, Args)]
pub struct ChaosArgs {
    /// Number of sales, each with 1000 buyers for 100 units
    #[arg(long, default_value_t = 5, value_name = "N")]
    seeds: u16,
    /// Number of histories of eight clients on one level, each checked for linearizability
    #[arg(long, default_value_t = 200, value_name = "N")]
    histories: u16,
    /// First seed; the seed of a failed run repeats its random decisions, but not its thread schedule
    #[arg(long, default_value_t = 1, value_name = "SEED")]
    from: u64,
}

/// Runs the command.
pub fn command(workspace: &Workspace, args: &ChaosArgs) -> Result<()> {
    let private = PrivateCloud::start(
        workspace,
        "chaos",
        CloudKind::Ministack,
        Selection::FunctionsAnd(CHAOS),
    )?;
    eprintln!();
    let mut chaos = Command::new(packages::binary(workspace, CHAOS));
    chaos
        .args(["--seeds", &args.seeds.to_string()])
        .args(["--histories", &args.histories.to_string()])
        .args(["--from", &args.from.to_string()])
        .current_dir(&workspace.root)
        .env(CLOUD_VARIABLE, private.status_file());
    process::run_tool(&mut chaos)
}
