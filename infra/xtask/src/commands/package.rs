//! `package`.

use clap::Args;

use crate::Result;
use crate::workspace::Workspace;

/// How.
#[derive(Debug, Args)]
pub struct PackageArgs {}

/// The command.
pub fn command(_workspace: &Workspace, _args: &PackageArgs) -> Result<()> {
    Ok(())
}
