//! `repair`: shows differences between levels, movements and open orders. With `--apply` it repairs them.

use std::process::Command;

use clap::Args;

use crate::packages::{self, REPAIR, Selection};
use crate::status::{self, CLOUD_VARIABLE, Cloud};
use crate::workspace::{LOCAL, Workspace};
use crate::{Result, process};

/// Arguments of `repair`.
#[derive(Debug, Args)]
pub struct RepairArgs {
    /// Only this location; without it, all locations of the catalog
    #[arg(long, value_name = "ID")]
    pub location: Option<String>,
    /// Only this SKU of the location
    #[arg(long, value_name = "SKU", requires = "location")]
    pub sku: Option<String>,
    /// Write the repairs; without it they are only shown
    #[arg(long)]
    pub apply: bool,
    /// A deployment on AWS, with the credentials of `AWS_ACCESS_KEY_ID` etc.; without it, the local cloud
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,
}

/// Runs the command.
pub fn command(workspace: &Workspace, args: &RepairArgs) -> Result<()> {
    if args.environment.is_none() {
        // Fails before the build if no local cloud runs.
        Cloud::local(workspace)?;
    }
    packages::build(workspace, Selection::Only(REPAIR))?;
    let mut repair = Command::new(packages::binary(workspace, REPAIR));
    repair.current_dir(&workspace.root);
    if args.environment.is_none() {
        repair.env(CLOUD_VARIABLE, status::file(&workspace.cloud_dir(LOCAL)));
    }
    let options = [
        ("--location", &args.location),
        ("--sku", &args.sku),
        ("--environment", &args.environment),
    ];
    for (name, value) in options {
        if let Some(value) = value {
            repair.args([name, value]);
        }
    }
    if args.apply {
        repair.arg("--apply");
    }
    process::run_tool(&mut repair)
}
