//! `demo`: runs the demo in a private cloud.

use std::process::Command;

use clap::Args;

use crate::commands::up::PrivateCloud;
use crate::kind::CloudKind;
use crate::packages::{self, DEMO, Selection};
use crate::status::CLOUD_VARIABLE;
use crate::workspace::Workspace;
use crate::{Result, process};

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// The local cloud
    #[arg(long, value_name = "CLOUD", default_value_t, value_enum)]
    cloud: CloudKind,
    /// Arguments of the demo itself; see `cargo xtask demo -- --help`
    #[arg(last = true, value_name = "ARGUMENTS")]
    arguments: Vec<String>,
}

/// Runs the command.
pub fn command(workspace: &Workspace, args: &DemoArgs) -> Result<()> {
    let private =
        PrivateCloud::start(workspace, "demo", args.cloud, Selection::FunctionsAnd(DEMO))?;
    eprintln!();
    let mut demo = Command::new(packages::binary(workspace, DEMO));
    demo.args(&args.arguments)
        .current_dir(&workspace.root)
        .env(CLOUD_VARIABLE, private.status_file());
    process::run_tool(&mut demo)
}
