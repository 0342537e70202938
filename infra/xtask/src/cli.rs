//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands::{bench, chaos, demo, down, invoke, package, repair, status, test, token, up};
use crate::workspace::Workspace;
use crate::{Result, oidc};

/// Stockline on this machine: a local cloud, the whole system in it, its demo, its tests.
///
/// `cargo xtask demo` shows a retail day from the first order to the analyst's query; `cargo xtask test` checks everything.
/// Both bring a cloud of their own and take it away again. To look around yourself: `up`, then `status`, `token` and
/// `invoke`, then `down`. You bring Rust and Python 3.11+; the rest is found or fetched, and kept under `target/`.
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    version,
    disable_help_subcommand = true
)]
pub struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Start the local cloud, build every function, deploy; a second `up` only does what changed
    Up(UpArgs),
    /// End every cloud that this tool started, and forget what was in it
    Down,
    /// Say what is where
    Status(StatusArgs),
    /// Print a token for the local API
    #[command(
        after_help = "Example: curl -H \"Authorization: Bearer $(cargo xtask token --role store_app --location store-1)\" \"$API/v1/locations/store-1/stock\""
    )]
    Token(TokenArgs),
    /// Invoke a deployed function with an event and print its answer
    #[command(
        after_help = "Example: cargo xtask invoke sales-export events/sales-export.nightly.json"
    )]
    Invoke(InvokeArgs),
    /// A retail day, end to end, on real baskets; the summary goes to target/demo/summary.json
    Demo(demo::DemoArgs),
    /// What contradicts itself in levels, movements and open orders, and what puts it right
    #[command(after_help = "Example: cargo xtask repair --location store-1 --apply")]
    Repair(repair::RepairArgs),
    /// Every check and test: format, lints, Terraform, unit, property, conformance, integration
    Test(test::TestArgs),
    /// Sales and histories in a bad network, seed after seed; fails if an invariant breaks
    Chaos(chaos::ChaosArgs),
    /// Release zips for AWS, for arm64 and x86_64, under target/lambda
    Package(package::PackageArgs),
    /// How fast order-intake starts and answers, and how much memory it takes
    Bench(bench::BenchArgs),
}

#[derive(Debug, Args)]
struct UpArgs {
    /// Where the local cloud listens, on 127.0.0.1
    #[arg(long, default_value_t = 4566, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
}

#[derive(Debug, Args)]
struct StatusArgs {
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct TokenArgs {
    /// What the bearer may do
    #[arg(long)]
    role: Role,
    /// A location that is the bearer's; may be given several times
    #[arg(long = "location", value_name = "ID")]
    locations: Vec<String>,
    /// Which controller the bearer is
    #[arg(long, value_name = "ID", required_if_eq("role", "controller"))]
    controller: Option<String>,
    /// Who the bearer is; orders under one idempotency key belong to one subject
    #[arg(long, value_name = "NAME")]
    subject: Option<String>,
    /// For how many seconds the token holds
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    ttl: u64,
}

#[derive(Debug, Args)]
struct InvokeArgs {
    /// The function, as its folder in functions/ is called
    function: String,
    /// A JSON file; samples are in events/
    event: PathBuf,
}

/// The roles of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Role {
    /// A till or a shop assistant's app
    StoreApp,
    /// The same, and the reorder policy
    StoreManager,
    /// A warehouse automation controller
    Controller,
    /// Reads
    Analyst,
    /// Everything
    Admin,
}

impl Cli {
    /// Does what was asked.
    pub fn run(self) -> Result<()> {
        let workspace = Workspace::find()?;
        match self.command {
            Task::Up(args) => up::command(&workspace, args.port),
            Task::Down => down::command(&workspace),
            Task::Status(args) => status::command(&workspace, args.json),
            Task::Token(args) => token::command(&workspace, &args.bearer()),
            Task::Invoke(args) => invoke::command(&workspace, &args.function, &args.event),
            Task::Demo(args) => demo::command(&workspace, &args),
            Task::Repair(args) => repair::command(&workspace, &args),
            Task::Test(args) => test::command(&workspace, &args),
            Task::Chaos(args) => chaos::command(&workspace, &args),
            Task::Package(args) => package::command(&workspace, &args),
            Task::Bench(args) => bench::command(&workspace, &args),
        }
    }
}

impl TokenArgs {
    fn bearer(self) -> oidc::Bearer {
        let role = self
            .role
            .to_possible_value()
            .map(|value| value.get_name().to_owned());
        let mut bearer = oidc::Bearer::new(&role.unwrap_or_default()).at(self.locations);
        if let Some(controller) = self.controller {
            bearer = bearer.controlling(controller);
        }
        if let Some(subject) = self.subject {
            bearer = bearer.named(subject);
        }
        bearer.ttl = std::time::Duration::from_secs(self.ttl);
        bearer
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_controllers_token_must_say_which() {
        let refused = Cli::try_parse_from(["xtask", "token", "--role", "controller"]).unwrap_err();
        assert!(refused.to_string().contains("--controller"));
    }
}
