//! `bench`.

use clap::Args;

use crate::Result;
use crate::workspace::Workspace;

/// How.
#[derive(Debug, Args)]
pub struct BenchArgs {}

/// The command.
pub fn command(_workspace: &Workspace, _args: &BenchArgs) -> Result<()> {
    Ok(())
}
