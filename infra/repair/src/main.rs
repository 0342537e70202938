//! Puts books right that contradict themselves. Started by `cargo xtask repair`.
#![warn(clippy::print_stdout)]

use std::process::ExitCode;
use std::time::Duration;

use aws_credential_types::Credentials;
use clap::Parser;
use jiff::SignedDuration;
use stockline_domain::audit::{Mend, Replacement, mend};
use stockline_domain::ids::LocationId;
use stockline_platform::clients::Aws;
use stockline_platform::clock::{Clock, SystemClock};
use stockline_platform::deadline::Deadline;
use stockline_platform::dynamodb::catalog::DynamoCatalog;
use stockline_platform::dynamodb::orders::DynamoOrders;
use stockline_platform::dynamodb::stock::DynamoStock;
use stockline_platform::environment::MissingVariable;
use stockline_platform::ports::books::Mended;
use stockline_platform::ports::catalog::CatalogStore;
use stockline_platform::problem::chain;
use stockline_platform::stock_audit::{Finding, Patience, StockAudit};
use stockline_platform::store_error::StoreError;
use xtask::commands::repair::RepairArgs;
use xtask::output::say;
use xtask::status::Cloud;

/// How long the repair of one SKU may take, while it sells.
const WRITE: Duration = Duration::from_secs(10);

/// So long the streams' records are tried: on AWS, and on a local cloud.
const LEDGER: (SignedDuration, SignedDuration) =
    (SignedDuration::from_hours(6), SignedDuration::from_mins(1));

/// Puts books right that contradict themselves
#[derive(Debug, Parser)]
#[command(name = "cargo xtask repair")]
struct Arguments {
    #[command(flatten)]
    asked: RepairArgs,
}

/// What can stop a repair.
#[derive(Debug, thiserror::Error)]
enum RepairError {
    #[error(transparent)]
    Tool(#[from] xtask::Error),
    #[error("{0}: the credentials of the environment are taken from there")]
    Variable(#[from] MissingVariable),
    #[error("{}", chain(.0))]
    Store(#[from] StoreError),
    #[error("{0}")]
    Name(#[from] stockline_domain::ids::InvalidName),
    #[error("the catalog knows no location {0}")]
    UnknownLocation(LocationId),
    #[error("no runtime can be started: {0}")]
    Runtime(#[from] std::io::Error),
}

fn main() -> ExitCode {
    match run(&Arguments::parse().asked) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(asked: &RepairArgs) -> Result<bool, RepairError> {
    let (aws, prefix, ledger) = deployment(asked)?;
    let table = |name: &str| format!("{prefix}-{name}");
    let stock = DynamoStock::new(aws.dynamodb(), table("stock"));
    let repair = Repair {
        audit: StockAudit {
            books: stock,
            orders: DynamoOrders::new(aws.dynamodb(), table("orders"), table("stock")),
            clock: SystemClock,
            patience: Patience {
                ledger,
                between_looks: Duration::from_secs(2),
                until_undecided: Duration::from_secs(15),
            },
        },
        apply: asked.apply,
    };
    let catalog = DynamoCatalog::new(aws.dynamodb(), table("catalog"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let locations = if let Some(location) = &asked.location {
            let location: LocationId = location.parse()?;
            if catalog.find_location(&location).await?.is_none() {
                return Err(RepairError::UnknownLocation(location));
            }
            vec![location]
        } else {
            let all = catalog.list_locations().await?;
            all.into_iter().map(|one| one.location_id).collect()
        };
        let mut done = Done::default();
        for location in &locations {
            repair
                .location(location, asked.sku.as_deref(), &mut done)
                .await?;
        }
        say(done.summary(asked.apply))?;
        Ok(done.is_complete())
    })
}

/// Where the books are: the clients, what every table's name begins with, and how long its ledger may follow.
fn deployment(asked: &RepairArgs) -> Result<(Aws, String, SignedDuration), RepairError> {
    if let Some(environment) = &asked.environment {
        let prefix = format!("stockline-{environment}");
        return Ok((Aws::from_env()?, prefix, LEDGER.0));
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
    Ok((aws, cloud.prefix, LEDGER.1))
}

struct Repair {
    audit: StockAudit<DynamoStock, DynamoOrders, SystemClock>,
    apply: bool,
}

/// What a repair came to.
#[derive(Default)]
struct Done {
    levels: usize,
    differing: usize,
    undecided: usize,
    moved_on: usize,
}

impl Repair {
    async fn location(
        &self,
        location: &LocationId,
        sku: Option<&str>,
        done: &mut Done,
    ) -> Result<(), RepairError> {
        let held = self.audit.held_at(location).await?;
        if let Some(sku) = sku {
            let findings = self.audit.skus(location, vec![sku.parse()?], &held).await?;
            done.levels += 1;
            return self.all(&findings, done).await;
        }
        let mut after = None;
        loop {
            let page = self.audit.page(location, &held, after).await?;
            done.levels += page.looked_at;
            self.all(&page.findings, done).await?;
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    async fn all(&self, findings: &[Finding], done: &mut Done) -> Result<(), RepairError> {
        for finding in findings {
            say(format_args!(
                "{}  {}",
                finding.key.location_id, finding.key.sku
            ))?;
            for difference in &finding.verdict.differences {
                say(format_args!("    {difference}"))?;
            }
            if !finding.confirmed {
                done.undecided += 1;
                say("    undecided: it moves, or the ledger is on its way; try again later")?;
                continue;
            }
            done.differing += 1;
            for (write, became) in self.mend(finding).await? {
                done.moved_on += usize::from(became == Some(Mended::MovedOn));
                let how = match became {
                    None => "would be done",
                    Some(Mended::Done) => "done",
                    Some(Mended::MovedOn) => "not done, the level moves on all the time; try again",
                };
                for line in described(&write) {
                    say(format_args!("    -> {line}: {how}"))?;
                }
            }
        }
        Ok(())
    }

    /// What puts `finding` right, and what became of it; nothing became of it where it is only shown.
    async fn mend(&self, finding: &Finding) -> Result<Vec<(Mend, Option<Mended>)>, StoreError> {
        if !self.apply {
            let writes = mend(&finding.books, SystemClock.now());
            return Ok(writes.into_iter().map(|write| (write, None)).collect());
        }
        let repaired = self.audit.repair(finding, Deadline::within(WRITE)).await?;
        let done = repaired.into_iter();
        Ok(done.map(|one| (one.write, Some(one.became))).collect())
    }
}

fn described(write: &Mend) -> Vec<String> {
    match write {
        Mend::Record(movement) => {
            let (version, kind) = (movement.version, movement.change.kind.as_str());
            vec![format!("movement {version}, a {kind}, is recorded again")]
        }
        Mend::Replace(replacements) => replacements.iter().map(becomes).collect(),
    }
}

fn becomes(replacement: &Replacement) -> String {
    let after = &replacement.after;
    let becomes = format!(
        "{} on hand, {} allocated, {} available",
        after.on_hand,
        after.allocated,
        after.available()
    );
    match &replacement.repair {
        None => becomes,
        Some(movement) => format!(
            "{becomes}, by a repair of {:+} on hand, {:+} allocated in the ledger",
            movement.change.on_hand_delta, movement.change.allocated_delta
        ),
    }
}

impl Done {
    fn summary(&self, applied: bool) -> String {
        let what = format!(
            "{} SKUs looked at, {} do not add up, {} undecided",
            self.levels, self.differing, self.undecided
        );
        if self.differing > 0 && !applied {
            return format!("{what}; nothing was changed: `--apply` does what is shown");
        }
        what
    }

    /// Whether nothing of it is left to be tried again.
    fn is_complete(&self) -> bool {
        self.undecided == 0 && self.moved_on == 0
    }
}
