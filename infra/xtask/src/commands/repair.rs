//! `repair`: what contradicts itself in the books, and what puts it right. It shows; with `--apply` it does.

use std::process::Command;

use clap::Args;

use crate::packages::{self, REPAIR, Selection};
use crate::status::{self, CLOUD_VARIABLE, Cloud};
use crate::workspace::{LOCAL, Workspace};
use crate::{Error, Result, process};

/// What is looked at, and whether it is put right.
#[derive(Debug, Args)]
pub struct RepairArgs {
    /// Only this location; without it, all of the catalog
    #[arg(long, value_name = "ID")]
    pub location: Option<String>,
    /// Only this SKU of the location
    #[arg(long, value_name = "SKU", requires = "location")]
    pub sku: Option<String>,
    /// Do what is shown; without it nothing is changed
    #[arg(long)]
    pub apply: bool,
    /// A deployment to AWS, with the credentials of `AWS_ACCESS_KEY_ID` and its like; without it, the local cloud
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,
}

/// The command.
pub fn command(workspace: &Workspace, args: &RepairArgs) -> Result<()> {
    let local = match args.environment {
        Some(_) => None,
        None => Some(Cloud::local(workspace)?),
    };
    packages::build(workspace, Selection::Only(REPAIR))?;
    let mut repair = Command::new(packages::binary(workspace, REPAIR));
    repair.current_dir(&workspace.root);
    if local.is_some() {
        repair.env(CLOUD_VARIABLE, status::file(&workspace.cloud_dir(LOCAL)));
    }
    let named = [
        ("--location", &args.location),
        ("--sku", &args.sku),
        ("--environment", &args.environment),
    ];
    for (name, value) in named {
        if let Some(value) = value {
            repair.args([name, value]);
        }
    }
    if args.apply {
        repair.arg("--apply");
    }
    match process::watch(&mut repair, |_| ())?.code() {
        Some(0) => Ok(()),
        code => Err(Error::Exit(
            code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1),
        )),
    }
}
