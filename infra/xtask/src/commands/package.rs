//! `package`: builds the functions for AWS Lambda (Amazon Linux), for arm64 and x86_64.

use std::process::{Command, Stdio};

use clap::{Args, ValueEnum};

use crate::output::say;
use crate::progress::Step;
use crate::workspace::Workspace;
use crate::{Error, Result, files, packages, process, tools};

/// Arguments of `package`.
#[derive(Debug, Args)]
pub struct PackageArgs {
    /// Only this architecture; without it, both
    #[arg(long)]
    architecture: Option<Architecture>,
    /// Only this function; without it, all
    #[arg(long)]
    function: Option<String>,
}

/// Lambda's architectures, named as the values of Terraform's variable `architecture`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Architecture {
    /// Graviton; the default of the deployment
    #[value(name = "arm64")]
    Arm64,
    /// Intel and AMD
    #[value(name = "x86_64")]
    X86,
}

impl Architecture {
    const fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86 => "x86_64",
        }
    }

    const fn target(self) -> &'static str {
        match self {
            Self::Arm64 => "aarch64-unknown-linux-gnu",
            Self::X86 => "x86_64-unknown-linux-gnu",
        }
    }
}

/// Runs the command.
pub fn command(workspace: &Workspace, args: &PackageArgs) -> Result<()> {
    let functions = match &args.function {
        Some(name) => vec![workspace.function(name)?],
        None => workspace.functions()?,
    };
    let architectures = args
        .architecture
        .map_or_else(|| Architecture::value_variants().to_vec(), |one| vec![one]);
    // Checks both before the first build, which takes minutes.
    for architecture in &architectures {
        require_target(*architecture)?;
    }
    let tool = tools::find(workspace, &tools::LAMBDA)?;
    for architecture in architectures {
        build(workspace, &tool, architecture, &functions)?;
    }
    say(
        "Deploy with `terraform apply -var packages_dir=<folder> -var architecture=<architecture>`.",
    )?;
    Ok(())
}

fn build(
    workspace: &Workspace,
    tool: &tools::InstalledTool,
    architecture: Architecture,
    functions: &[String],
) -> Result<()> {
    let folder = workspace.target().join("lambda").join(architecture.name());
    let mut step = Step::begin(format!(
        "release build of {} functions for {}",
        functions.len(),
        architecture.name()
    ));
    let mut cargo = packages::cargo(workspace);
    tool.add_to_path(&mut cargo);
    cargo
        .args([
            "lambda",
            "build",
            "--release",
            "--output-format",
            "zip",
            "--target",
            architecture.target(),
        ])
        .arg("--lambda-dir")
        .arg(&folder);
    for function in functions {
        cargo.args(["--package", function, "--bin", function]);
    }
    process::run(
        &mut step,
        &mut cargo,
        &workspace.local().join("package.log"),
    )?;
    step.done(workspace.shown(&folder).to_string());
    for function in functions {
        // Terraform expects `<function>.zip`.
        let package = folder.join(format!("{function}.zip"));
        let zip = folder.join(function).join("bootstrap.zip");
        files::rename(&zip, &package)?;
        files::remove(&folder.join(function))?;
        let size = std::fs::metadata(&package)
            .map_err(Error::file("read", &package))?
            .len();
        say(format_args!(
            "{:>8} KiB  {}",
            size / 1024,
            workspace.shown(&package)
        ))?;
    }
    Ok(())
}

/// Checks that rustup has installed the standard library of the target.
fn require_target(architecture: Architecture) -> Result<()> {
    let target = architecture.target();
    let sysroot = process::output(
        "rustc --print sysroot",
        Command::new("rustc")
            .args(["--print", "sysroot"])
            .stderr(Stdio::null()),
    )?;
    if std::path::Path::new(sysroot.trim())
        .join("lib/rustlib")
        .join(target)
        .join("lib")
        .is_dir()
    {
        return Ok(());
    }
    Err(Error::Missing {
        what: format!("Rust's standard library for {target}"),
        hint: format!(
            "Install it with `rustup target add {target}`, or build for one architecture with `cargo xtask package --architecture {}`",
            if architecture == Architecture::Arm64 {
                "x86_64"
            } else {
                "arm64"
            }
        ),
    })
}
