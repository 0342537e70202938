//! `test`.

use clap::Args;

use crate::Result;
use crate::workspace::Workspace;

/// How.
#[derive(Debug, Args)]
pub struct TestArgs {}

/// The command.
pub fn command(_workspace: &Workspace, _args: &TestArgs) -> Result<()> {
    Ok(())
}
