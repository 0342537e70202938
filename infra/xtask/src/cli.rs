//! The command-line interface.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands::{
    athena, bench, chaos, demo, down, invoke, logs, package, repair, status, test, token, up,
};
use crate::kind::CloudKind;
use crate::workspace::Workspace;
use crate::{Result, oidc};

/// Runs Stockline on this machine: a local cloud with the whole system deployed, its demo and its tests.
///
/// `cargo xtask demo` plays a trading day from the first order to the analyst's query. `cargo xtask test` runs all checks.
/// Both start a cloud of their own and end it afterwards. To explore by hand, run `up`, then `status`, `token` and
/// `invoke`, then `down`. Rust and Python 3.11 or newer must be installed; the rest is found or downloaded to `target/`.
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    version,
    disable_help_subcommand = true
)]
pub struct Cli {
    #[command(subcommand)]
    command: Subcommands,
}

#[derive(Debug, Subcommand)]
enum Subcommands {
    /// Start the local cloud, build every function and deploy; a second `up` deploys only what changed
    Up(UpArgs),
    /// End every cloud that this tool started, and delete its data
    Down,
    /// Show the names and addresses of the deployed resources
    Status(StatusArgs),
    /// Print an access token for the local API
    #[command(
        after_help = "Example: curl -H \"Authorization: Bearer $(cargo xtask token --role store_app --location store-1)\" \"$API/v1/locations/store-1/stock\""
    )]
    Token(TokenArgs),
    /// Invoke a deployed function with an event and print its response
    #[command(
        after_help = "Example: cargo xtask invoke sales-export events/sales-export.nightly.json"
    )]
    Invoke(InvokeArgs),
    /// Print what the deployed functions log, all of them or one
    #[command(after_help = "Example: cargo xtask logs order-intake --follow")]
    Logs(logs::LogsArgs),
    /// Run an analyst's query on the exported days of the local cloud and print its result
    #[command(after_help = "Example: cargo xtask athena top_sellers --from 2026-03-01")]
    Athena(athena::AthenaArgs),
    /// Play a trading day end to end on real baskets; the summary goes to target/demo/summary.json
    Demo(demo::DemoArgs),
    /// Show differences between levels, movements and open orders, and repair them with --apply
    #[command(after_help = "Example: cargo xtask repair --location store-1 --apply")]
    Repair(repair::RepairArgs),
    /// Run every check and test: format, lints, Terraform, unit, property, conformance, integration
    Test(test::TestArgs),
    /// Run sales and histories over a faulty network, seed after seed; fail if an invariant breaks
    Chaos(chaos::ChaosArgs),
    /// Build release packages for AWS, for arm64 and x86_64, under target/lambda
    Package(package::PackageArgs),
    /// Measure cold start, latency and memory of order-intake
    Bench(bench::BenchArgs),
}

#[derive(Debug, Args)]
struct UpArgs {
    /// The local cloud; a running cloud of another kind ends
    #[arg(long, value_name = "CLOUD", default_value_t, value_enum)]
    cloud: CloudKind,
    /// Port of the local cloud on 127.0.0.1
    #[arg(long, default_value_t = 4566, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
}

#[derive(Debug, Args)]
struct StatusArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct TokenArgs {
    /// Role of the bearer
    #[arg(long)]
    role: Role,
    /// Location that the bearer may access; may be given several times
    #[arg(long = "location", value_name = "ID")]
    locations: Vec<String>,
    /// Controller id of the bearer
    #[arg(long, value_name = "ID", required_if_eq("role", "controller"))]
    controller: Option<String>,
    /// Subject of the token; an idempotency key belongs to one subject
    #[arg(long, value_name = "NAME")]
    subject: Option<String>,
    /// Lifetime of the token in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    ttl: u64,
}

#[derive(Debug, Args)]
struct InvokeArgs {
    /// Name of the function, as its folder in functions/
    function: String,
    /// JSON file with the event; samples are in events/
    event: PathBuf,
}

/// The roles of the API callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Role {
    /// A till, or the app of a shop assistant
    StoreApp,
    /// Like a till, and may set reorder policies
    StoreManager,
    /// A warehouse automation controller
    Controller,
    /// Reads orders and stock, and fulfils orders
    Logistics,
    /// Reads only
    Analyst,
    /// May do everything
    Admin,
}

impl Cli {
    /// Runs the command.
    pub fn run(self) -> Result<()> {
        let workspace = Workspace::find()?;
        match self.command {
            Subcommands::Up(args) => up::command(&workspace, args.cloud, args.port),
            Subcommands::Down => down::command(&workspace),
            Subcommands::Status(args) => status::command(&workspace, args.json),
            Subcommands::Token(args) => token::command(&workspace, &args.bearer()),
            Subcommands::Invoke(args) => invoke::command(&workspace, &args.function, &args.event),
            Subcommands::Logs(args) => logs::command(&workspace, &args),
            Subcommands::Athena(args) => athena::command(&workspace, &args),
            Subcommands::Demo(args) => demo::command(&workspace, &args),
            Subcommands::Repair(args) => repair::command(&workspace, &args),
            Subcommands::Test(args) => test::command(&workspace, &args),
            Subcommands::Chaos(args) => chaos::command(&workspace, &args),
            Subcommands::Package(args) => package::command(&workspace, &args),
            Subcommands::Bench(args) => bench::command(&workspace, &args),
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
    fn command_line_definition_is_valid() {
        Cli::command().debug_assert();
    }

    #[test]
    fn controller_token_needs_a_controller_id() {
        let error = Cli::try_parse_from(["xtask", "token", "--role", "controller"]).unwrap_err();
        assert!(error.to_string().contains("--controller"));
    }
}
