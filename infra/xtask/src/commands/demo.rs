//! `demo`: runs the demo in a private cloud.

use std::process::Command;

use clap::Args;

use crate::commands::up::PrivateCloud;
use crate::kind::CloudKind;
use crate::output::say;
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
    /// Leave the cloud running after the demo, to look at its day in the dashboard; `cargo xtask down` ends it
    #[arg(long)]
    stay: bool,
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
    process::run_tool(&mut demo)?;
    if args.stay {
        let cloud = &private.cloud;
        say(format!(
            "\nThe dashboard is at {}\nSign in as the administrator, who sees every store, or with the form below, for example as the manager of one store. \
             `cargo xtask down` ends the cloud.",
            cloud.dashboard_url
        ))?;
        private.keep();
    }
    Ok(())
}
