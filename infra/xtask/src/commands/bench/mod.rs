//! `bench`: how order-intake starts and answers, as it would be deployed, against the local cloud; and how the order store
//! bears contention.

mod contention;
mod runtime_api;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::commands::up::Private;
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

/// How much is measured.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct BenchArgs {
    #[command(subcommand)]
    other: Option<Other>,
    /// How many times the function is started
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100))]
    starts: u32,
    /// How many orders one of them answers
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    orders: u32,
}

#[derive(Debug, Subcommand)]
enum Other {
    /// How many orders of one SKU are placed, on a simulated DynamoDB; table and plot go to target/contention
    Contention(contention::ContentionArgs),
}

/// The command.
pub fn command(workspace: &Workspace, args: &BenchArgs) -> Result<()> {
    if let Some(Other::Contention(args)) = &args.other {
        return contention::command(workspace, args);
    }
    let binary = build(workspace)?;
    let private = Private::start(workspace, "bench", Selection::Functions)?;
    let cloud = &private.cloud;
    let event = stocked(workspace, cloud)?;
    let environment = cloud.environment_of(FUNCTION)?;
    let run = clock::since_epoch().as_millis();

    let mut step = Step::begin(format!("{} starts", args.starts));
    let mut firsts = Vec::new();
    for start in 0..args.starts {
        let mut api = RuntimeApi::open()?;
        let begun = Instant::now();
        let mut function = Running::start(&binary, &environment, &api)?;
        let answer = api.invoke(
            &keyed(&event, &format!("bench-{run}-start-{start}")),
            || function.alive(),
        )?;
        firsts.push(begun.elapsed());
        placed(&answer)?;
        step.note(begun.elapsed(), &format!("{start}"));
    }
    step.done("");

    let mut step = Step::begin(format!("{} orders, one after another", args.orders));
    let mut api = RuntimeApi::open()?;
    let mut function = Running::start(&binary, &environment, &api)?;
    placed(
        &api.invoke(&keyed(&event, &format!("bench-{run}-first")), || {
            function.alive()
        })?,
    )?;
    let mut warm = Vec::new();
    let begun = Instant::now();
    for order in 0..args.orders {
        let keyed = keyed(&event, &format!("bench-{run}-warm-{order}"));
        let sent = Instant::now();
        let answer = api.invoke(&keyed, || function.alive())?;
        warm.push(sent.elapsed());
        placed(&answer)?;
        if Step::due(begun.elapsed()) {
            step.note(begun.elapsed(), &format!("{order}"));
        }
    }
    let memory = function.peak_memory_kib();
    step.done("");

    let size = std::fs::metadata(&binary)
        .map_err(Error::file("read", &binary))?
        .len();
    firsts.sort_unstable();
    warm.sort_unstable();
    say(format_args!(
        "{FUNCTION}, release profile, one order of two lines, MiniStack on this machine:"
    ))?;
    say(format_args!(
        "  exec to first response  median {:>9.3?}   slowest {:>9.3?}   ({} starts)",
        quantile(&firsts, 50),
        quantile(&firsts, 100),
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
            || "not told on this system".into(),
            |kib| format!("{kib} KiB")
        )
    ))?;
    say(format_args!(
        "  binary                  {} KiB",
        size / 1024
    ))?;
    say("  (the local cloud's own time is in all of these: about all of the warm one)")?;
    Ok(())
}

fn build(workspace: &Workspace) -> Result<PathBuf> {
    let mut step = Step::begin(format!(
        "release build of {FUNCTION} (fat LTO: some minutes at first)"
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

/// Gives the store of the sample event stock to sell, through the API; hands back the event.
fn stocked(workspace: &Workspace, cloud: &Cloud) -> Result<Value> {
    let path = workspace.root.join(EVENT);
    let event: Value =
        serde_json::from_str(&files::read(&path)?).map_err(Error::unreadable(EVENT))?;
    let order: Value = serde_json::from_str(event["body"].as_str().unwrap_or_default())
        .map_err(Error::unreadable(EVENT))?;
    let location = order["location_id"].as_str().unwrap_or_default();
    let token = cloud.token(&Bearer::new("admin"))?;
    let place = json!({"location_id": location, "name": "Bench", "kind": "store", "time_zone": "Europe/Berlin", "close_out_hour": 0, "zones": []});
    cloud.call(
        "PUT",
        &format!("/v1/locations/{location}"),
        &token,
        None,
        &place,
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
            what: "the opening receipt's answer".into(),
            detail: received.to_string(),
        });
    }
    Ok(event)
}

/// The event under an idempotency key of its own: a new order.
fn keyed(event: &Value, key: &str) -> String {
    let mut event = event.clone();
    event["headers"]["Idempotency-Key"] = json!(key);
    event["multiValueHeaders"]["Idempotency-Key"] = json!([key]);
    event.to_string()
}

fn placed(answer: &str) -> Result<()> {
    let answer: Value =
        serde_json::from_str(answer).map_err(Error::unreadable("the function's answer"))?;
    if answer["statusCode"] == 201 {
        return Ok(());
    }
    Err(Error::Unreadable {
        what: "the function's answer".into(),
        detail: format!("no order was placed: {answer}"),
    })
}

fn quantile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

/// The function's process; ends with the value.
struct Running(Child);

impl Running {
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

    fn alive(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }

    /// The most memory it has held, where the system tells.
    fn peak_memory_kib(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().trim_end_matches(" kB").trim().parse().ok()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_values_measured() {
        let values: Vec<Duration> = (1..=100).map(Duration::from_millis).collect();
        assert_eq!(quantile(&values, 50), Duration::from_millis(50));
        assert_eq!(quantile(&values, 99), Duration::from_millis(99));
        assert_eq!(quantile(&values[..1], 99), Duration::from_millis(1));
    }
}
