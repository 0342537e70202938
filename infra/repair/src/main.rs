//! Compares levels, movements and open orders, and repairs differences. `cargo xtask repair` starts it.
#![warn(clippy::print_stdout)]

use std::process::ExitCode;
use std::time::Duration;

use aws_credential_types::Credentials;
use clap::Parser;
use jiff::SignedDuration;
use stockline_application::deadline::Deadline;
use stockline_application::error_chain::error_chain;
use stockline_application::ports::audit_data::RepairOutcome;
use stockline_application::ports::catalog::CatalogStore;
use stockline_application::ports::clock::Clock;
use stockline_application::stock_audit::{AuditTiming, Finding, StockAudit};
use stockline_application::store_error::StoreError;
use stockline_domain::audit::{RepairWrite, Replacement, repair};
use stockline_domain::ids::LocationId;
use stockline_platform::clients::Aws;
use stockline_platform::clock::SystemClock;
use stockline_platform::dynamodb::catalog::DynamoCatalog;
use stockline_platform::dynamodb::orders::DynamoOrders;
use stockline_platform::dynamodb::stock::DynamoStock;
use stockline_platform::environment::MissingVariable;
use xtask::commands::repair::RepairArgs;
use xtask::output::say;
use xtask::status::Cloud;

/// Time limit of the repair of one SKU. Concurrent sales make it retry.
const REPAIR_TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum age of a stream record on AWS. A movement that is not recorded after this time is missing.
const LEDGER_DELAY_ON_AWS: SignedDuration = SignedDuration::from_hours(6);

/// Maximum age of a stream record on a local cloud.
const LEDGER_DELAY_LOCAL: SignedDuration = SignedDuration::from_mins(1);

/// Compares levels, movements and open orders, and repairs differences
#[derive(Debug, Parser)]
#[command(name = "cargo xtask repair")]
struct Arguments {
    #[command(flatten)]
    args: RepairArgs,
}

/// An error that ends the repair.
#[derive(Debug, thiserror::Error)]
enum RepairError {
    #[error(transparent)]
    Tool(#[from] xtask::Error),
    #[error("{0}: with --environment, the credentials come from environment variables")]
    Variable(#[from] MissingVariable),
    #[error("{}", error_chain(.0))]
    Store(#[from] StoreError),
    #[error("{0}")]
    Name(#[from] stockline_domain::ids::InvalidName),
    #[error("the catalog has no location {0}")]
    UnknownLocation(LocationId),
    #[error("cannot start the async runtime: {0}")]
    Runtime(#[from] std::io::Error),
}

fn main() -> ExitCode {
    match run(&Arguments::parse().args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &RepairArgs) -> Result<bool, RepairError> {
    let (aws, prefix, ledger_delay) = deployment(args)?;
    let table = |name: &str| format!("{prefix}-{name}");
    let stock = DynamoStock::new(aws.dynamodb(), table("stock"));
    let repair = Repair {
        audit: StockAudit {
            stock,
            orders: DynamoOrders::new(aws.dynamodb(), table("orders"), table("stock")),
            clock: SystemClock,
            timing: AuditTiming {
                ledger_patience: ledger_delay,
                observation_interval: Duration::from_secs(2),
                decision_timeout: Duration::from_secs(15),
            },
        },
        apply: args.apply,
    };
    let catalog = DynamoCatalog::new(aws.dynamodb(), table("catalog"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let locations = if let Some(location) = &args.location {
            let location: LocationId = location.parse()?;
            if catalog.find_location(&location).await?.is_none() {
                return Err(RepairError::UnknownLocation(location));
            }
            vec![location]
        } else {
            let all = catalog.list_locations().await?;
            all.into_iter().map(|one| one.location_id).collect()
        };
        let mut summary = Summary::default();
        for location in &locations {
            repair
                .repair_location(location, args.sku.as_deref(), &mut summary)
                .await?;
        }
        say(summary.text(args.apply))?;
        Ok(summary.is_complete())
    })
}

/// The AWS clients, the prefix of the table names, and the delay after which a missing movement counts as a difference.
fn deployment(args: &RepairArgs) -> Result<(Aws, String, SignedDuration), RepairError> {
    if let Some(environment) = &args.environment {
        let prefix = format!("stockline-{environment}");
        return Ok((Aws::from_env()?, prefix, LEDGER_DELAY_ON_AWS));
    }
    let cloud = Cloud::from_environment()?;
    let keys = &cloud.credentials;
    let credentials = Credentials::new(
        &keys.access_key_id,
        &keys.secret_access_key,
        None,
        None,
        "local cloud",
    );
    let aws = Aws::new(credentials, cloud.region.clone(), Some(&cloud.endpoint_url));
    Ok((aws, cloud.prefix, LEDGER_DELAY_LOCAL))
}

struct Repair {
    audit: StockAudit<DynamoStock, DynamoOrders, SystemClock>,
    apply: bool,
}

/// The figures of a run.
#[derive(Default)]
struct Summary {
    /// Compared levels.
    levels: usize,
    /// Levels with confirmed differences.
    differing: usize,
    /// Levels with differences that may still resolve themselves.
    undecided: usize,
    /// Levels that changed again before each write.
    moved_on: usize,
}

impl Repair {
    async fn repair_location(
        &self,
        location: &LocationId,
        sku: Option<&str>,
        summary: &mut Summary,
    ) -> Result<(), RepairError> {
        let open = self.audit.open_quantities(location).await?;
        if let Some(sku) = sku {
            let findings = self
                .audit
                .audit_skus(location, vec![sku.parse()?], &open)
                .await?;
            summary.levels += 1;
            return self.handle(&findings, summary).await;
        }
        let mut after = None;
        loop {
            let page = self.audit.audit_page(location, &open, after).await?;
            summary.levels += page.audited;
            self.handle(&page.findings, summary).await?;
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    async fn handle(&self, findings: &[Finding], summary: &mut Summary) -> Result<(), RepairError> {
        for finding in findings {
            say(format_args!(
                "{}  {}",
                finding.key.location_id, finding.key.sku
            ))?;
            for difference in &finding.result.differences {
                say(format_args!("    {difference}"))?;
            }
            if !finding.confirmed {
                summary.undecided += 1;
                say(
                    "    undecided: the level changes, or its movements are not recorded yet; try again later",
                )?;
                continue;
            }
            summary.differing += 1;
            for (write, result) in self.write_repairs(finding).await? {
                summary.moved_on += usize::from(result == Some(RepairOutcome::Conflict));
                let status = match result {
                    None => "not written without --apply",
                    Some(RepairOutcome::Repaired) => "written",
                    Some(RepairOutcome::Conflict) => {
                        "not written, because the level changed again each time; try again"
                    }
                };
                for line in describe(&write) {
                    say(format_args!("    -> {line}: {status}"))?;
                }
            }
        }
        Ok(())
    }

    /// The writes that repair a finding, each with its result. Without `--apply` nothing is written and there is no result.
    async fn write_repairs(
        &self,
        finding: &Finding,
    ) -> Result<Vec<(RepairWrite, Option<RepairOutcome>)>, StoreError> {
        if !self.apply {
            let writes = repair(&finding.data, SystemClock.now());
            return Ok(writes.into_iter().map(|write| (write, None)).collect());
        }
        let repaired = self
            .audit
            .repair(finding, Deadline::within(REPAIR_TIMEOUT))
            .await?;
        let writes = repaired.into_iter();
        Ok(writes.map(|one| (one.write, Some(one.outcome))).collect())
    }
}

fn describe(write: &RepairWrite) -> Vec<String> {
    match write {
        RepairWrite::Record(movement) => {
            let (version, kind) = (movement.version, movement.change.kind.as_str());
            vec![format!("record movement {version} ({kind}) again")]
        }
        RepairWrite::Replace(replacements) => {
            replacements.iter().map(describe_replacement).collect()
        }
    }
}

fn describe_replacement(replacement: &Replacement) -> String {
    let after = &replacement.after;
    let quantities = format!(
        "set {} on hand, {} allocated, {} available",
        after.on_hand,
        after.allocated,
        after.available()
    );
    match &replacement.repair {
        None => quantities,
        Some(movement) => format!(
            "{quantities}, with a repair movement of {:+} on hand, {:+} allocated",
            movement.change.on_hand_delta, movement.change.allocated_delta
        ),
    }
}

impl Summary {
    fn text(&self, applied: bool) -> String {
        let text = format!(
            "{} SKUs compared, {} differ, {} undecided",
            self.levels, self.differing, self.undecided
        );
        if self.differing > 0 && !applied {
            return format!("{text}; nothing was changed: `--apply` writes the repairs");
        }
        text
    }

    /// Whether nothing has to be tried again.
    fn is_complete(&self) -> bool {
        self.undecided == 0 && self.moved_on == 0
    }
}
