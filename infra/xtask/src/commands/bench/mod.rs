//! `bench`: measures the release build of order-intake against a local cloud, and the order store under contention.

mod contention;
mod runtime_api;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::commands::up::PrivateCloud;
use crate::kind::CloudKind;
use crate::oidc::Bearer;
use crate::output::say;
use crate::packages::{self, Selection};
use crate::progress::Step;
use crate::status::Cloud;
use crate::workspace::Workspace;
use crate::{Error, Result, clock, files, process};

use self::runtime_api::RuntimeApi;

const FUNCTION: &str = "order-intake";
const EVENT: &str = "events/order-intake.place.json";

/// Arguments of `bench`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct BenchArgs {
    #[command(subcommand)]
    benchmark: Option<Benchmark>,
    /// Number of cold starts
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100))]
    starts: u32,
    /// Number of warm requests
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    orders: u32,
}

#[derive(Debug, Subcommand)]
enum Benchmark {
    /// Measure orders of one SKU on a simulated DynamoDB; the table goes to target/contention
    Contention(contention::ContentionArgs),
}

/// Runs the command.
pub fn command(workspace: &Workspace, args: &BenchArgs) -> Result<()> {
    if let Some(Benchmark::Contention(args)) = &args.benchmark {
        return contention::command(workspace, args);
    }
    let binary = build(workspace)?;
    let private = PrivateCloud::start(
        workspace,
        "bench",
        CloudKind::Ministack,
        Selection::Functions,
    )?;
    let cloud = &private.cloud;
    let event = receive_stock(workspace, cloud)?;
    let environment = cloud.function_environment(FUNCTION)?;
    let run = clock::since_epoch().as_millis();

    let mut step = Step::begin(format!("{} cold starts", args.starts));
    let mut cold = Vec::new();
    for start in 0..args.starts {
        let mut api = RuntimeApi::open()?;
        let started = Instant::now();
        let mut function = FunctionProcess::start(&binary, &environment, &api)?;
        let response = api.invoke(
            &with_key(&event, &format!("bench-{run}-start-{start}")),
            || function.is_alive(),
        )?;
        cold.push(started.elapsed());
        check_placed(&response)?;
        step.note(started.elapsed(), &format!("{start}"));
    }
    step.done("");

    let mut step = Step::begin(format!("{} orders, one after another", args.orders));
    let mut api = RuntimeApi::open()?;
    let mut function = FunctionProcess::start(&binary, &environment, &api)?;
    check_placed(
        &api.invoke(&with_key(&event, &format!("bench-{run}-first")), || {
            function.is_alive()
        })?,
    )?;
    let mut warm = Vec::new();
    let start = Instant::now();
    for order in 0..args.orders {
        let keyed = with_key(&event, &format!("bench-{run}-warm-{order}"));
        let sent = Instant::now();
        let response = api.invoke(&keyed, || function.is_alive())?;
        warm.push(sent.elapsed());
        check_placed(&response)?;
        if Step::is_note_due(start.elapsed()) {
            step.note(start.elapsed(), &format!("{order}"));
        }
    }
    let memory = function.peak_memory_kib();
    step.done("");

    let size = std::fs::metadata(&binary)
        .map_err(Error::file("read", &binary))?
        .len();
    cold.sort_unstable();
    warm.sort_unstable();
    say(format_args!(
        "{FUNCTION}, release profile, one order of two lines, MiniStack on this machine:"
    ))?;
    say(format_args!(
        "  exec to first response  median {:>9.3?}   slowest {:>9.3?}   ({} starts)",
        quantile(&cold, 50),
        quantile(&cold, 100),
        args.starts
    ))?;
    say(format_args!(
        "  warm                    median {:>9.3?}   p99     {:>9.3?}   ({} orders)",
        quantile(&warm, 50),
        quantile(&warm, 99),
        args.orders
    ))?;
    say(format_args!(
        "  peak memory             {}",
        memory.map_or_else(
            || "unknown on this system".into(),
            |kib| format!("{kib} KiB")
        )
    ))?;
    say(format_args!(
        "  binary                  {} KiB",
        size / 1024
    ))?;
    say("  (all times include the local cloud, which takes nearly all of the warm latency)")?;
    Ok(())
}

fn build(workspace: &Workspace) -> Result<PathBuf> {
    let mut step = Step::begin(format!(
        "release build of {FUNCTION} (fat LTO: the first build takes minutes)"
    ));
    let mut cargo = packages::cargo(workspace);
    cargo.args([
        "build",
        "--release",
        "--package",
        FUNCTION,
        "--bin",
        FUNCTION,
    ]);
    process::run(&mut step, &mut cargo, &workspace.local().join("bench.log"))?;
    step.done("");
    Ok(workspace.target().join("release").join(FUNCTION))
}

/// Receives stock at the location of the sample event, through the API. Returns the event.
fn receive_stock(workspace: &Workspace, cloud: &Cloud) -> Result<Value> {
    let path = workspace.root.join(EVENT);
    let event: Value =
        serde_json::from_str(&files::read(&path)?).map_err(Error::unreadable(EVENT))?;
    let order: Value = serde_json::from_str(event["body"].as_str().unwrap_or_default())
        .map_err(Error::unreadable(EVENT))?;
    let location = order["location_id"].as_str().unwrap_or_default();
    let token = cloud.token(&Bearer::new("admin"))?;
    let store = json!({"location_id": location, "name": "Bench", "kind": "store", "time_zone": "Europe/Berlin", "close_out_hour": 0, "zones": []});
    cloud.call(
        "PUT",
        &format!("/v1/locations/{location}"),
        &token,
        None,
        &store,
    )?;
    for line in order["lines"].as_array().into_iter().flatten() {
        let sku = line["sku"].as_str().unwrap_or_default();
        let product = json!({"sku": sku, "name": sku, "unit_of_measure": "each"});
        cloud.call(
            "PUT",
            &format!("/v1/products/{sku}"),
            &token,
            None,
            &product,
        )?;
    }
    let receipts: Vec<Value> = order["lines"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|line| json!({"kind": "receipt", "location_id": location, "sku": line["sku"], "quantity": 1_000_000}))
        .collect();
    let changes = json!({"changes": receipts});
    let received = cloud.call(
        "POST",
        "/v1/stock/changes",
        &token,
        Some("bench-opening-stock"),
        &changes,
    )?;
    let results = received["results"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    if results.is_empty() || results.iter().any(|result| result["outcome"] != "applied") {
        return Err(Error::Unreadable {
            what: "the response to the receipt".into(),
            detail: received.to_string(),
        });
    }
    Ok(event)
}

/// The event with another idempotency key, for a new order.
fn with_key(event: &Value, key: &str) -> String {
    let mut event = event.clone();
    event["headers"]["Idempotency-Key"] = json!(key);
    event["multiValueHeaders"]["Idempotency-Key"] = json!([key]);
    event.to_string()
}

fn check_placed(response: &str) -> Result<()> {
    let response: Value = serde_json::from_str(response)
        .map_err(Error::unreadable("the response of the function"))?;
    if response["statusCode"] == 201 {
        return Ok(());
    }
    Err(Error::Unreadable {
        what: "the response of the function".into(),
        detail: format!("no order was placed: {response}"),
    })
}

fn quantile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

/// A process of the function. It ends when the value is dropped.
struct FunctionProcess(Child);

impl FunctionProcess {
    fn start(binary: &Path, environment: &[(String, String)], api: &RuntimeApi) -> Result<Self> {
        Command::new(binary)
            .env_clear()
            .envs(environment.iter().map(|(key, value)| (key, value)))
            .env("AWS_LAMBDA_RUNTIME_API", api.address())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map(Self)
            .map_err(Error::file("run", binary))
    }

    fn is_alive(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }

    /// Peak resident memory. `None` on systems without `/proc`.
    fn peak_memory_kib(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().trim_end_matches(" kB").trim().parse().ok()
    }
}

impl Drop for FunctionProcess {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantile_returns_a_measured_value() {
        let values: Vec<Duration> = (1..=100).map(Duration::from_millis).collect();
        assert_eq!(quantile(&values, 50), Duration::from_millis(50));
        assert_eq!(quantile(&values, 99), Duration::from_millis(99));
        assert_eq!(quantile(&values[..1], 99), Duration::from_millis(1));
    }
}
