//! `demo`: a cloud of its own, the demo in it, and nothing left afterwards.

use std::process::Command;

use clap::Args;

use crate::commands::up::Private;
use crate::packages::{self, DEMO, Selection};
use crate::status::CLOUD_VARIABLE;
use crate::workspace::Workspace;
use crate::{Error, Result, process};

/// How the demo is run.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// What is handed to the demo itself; see `cargo xtask demo -- --help`
    #[arg(last = true, value_name = "ARGUMENTS")]
    arguments: Vec<String>,
}

/// The command.
pub fn command(workspace: &Workspace, args: &DemoArgs) -> Result<()> {
    let private = Private::start(workspace, "demo", Selection::FunctionsAnd(DEMO))?;
    eprintln!();
    let mut demo = Command::new(packages::binary(workspace, DEMO));
    demo.args(&args.arguments)
        .current_dir(&workspace.root)
        .env(CLOUD_VARIABLE, private.file());
    let status = process::watch(&mut demo, |_| ())?;
    drop(private);
    match status.code() {
        Some(0) => Ok(()),
        code => Err(Error::Exit(
            code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1),
        )),
    }
}
