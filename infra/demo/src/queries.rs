//! Runs an analyst's queries through the Athena API.

use std::time::Duration;

use aws_sdk_athena::Client;
use aws_sdk_athena::types::{QueryExecutionContext, QueryExecutionState};
use stockline_platform::clients::Aws;
use tokio::time::{Instant, sleep};
use xtask::files;
use xtask::status::Cloud;

use super::error::{DemoError, Result};
use super::table::table;

/// The queries: name of the file in `infra/athena`, and the question it answers.
pub const QUERIES: [(&str, &str); 4] = [
    ("top_sellers", "Which products have the highest sales?"),
    ("hourly_profile", "How much does each store sell per hour?"),
    ("basket_size", "How large are the baskets?"),
    ("day_completeness", "Is the day complete?"),
];

/// The date range in the files. It is replaced by the business date of the demo.
const ALL_DATES: &str = "'2020-01-01' and '2099-12-31'";

const QUERY_TIMEOUT: Duration = Duration::from_mins(1);
const MAX_ROWS: usize = 8;

/// The result of a query.
#[derive(Debug)]
pub struct QueryResult {
    /// Name of the file.
    pub name: &'static str,
    pub question: &'static str,
    pub rows: usize,
    /// The first rows, as a table.
    pub table: String,
}

/// Runs all queries for one business date.
pub async fn run_all(cloud: &Cloud, aws: &Aws, business_date: &str) -> Result<Vec<QueryResult>> {
    let client = Client::new(aws.sdk_config());
    let mut results = Vec::new();
    for (name, question) in QUERIES {
        let path = cloud
            .workspace_root
            .join("infra/athena")
            .join(format!("{name}.sql"));
        let sql = files::read(&path)?;
        if !sql.contains(ALL_DATES) {
            return Err(DemoError::Unexpected(format!(
                "{} does not contain the date range {ALL_DATES}",
                path.display()
            )));
        }
        let sql = sql.replace(
            ALL_DATES,
            &format!("'{business_date}' and '{business_date}'"),
        );
        let (columns, rows) = run(&client, cloud, name, &sql).await?;
        results.push(QueryResult {
            name,
            question,
            rows: rows.len(),
            table: table(&columns, &rows, MAX_ROWS),
        });
    }
    Ok(results)
}

type Rows = (Vec<String>, Vec<Vec<String>>);

async fn run(client: &Client, cloud: &Cloud, name: &str, sql: &str) -> Result<Rows> {
    let context = QueryExecutionContext::builder()
        .database(&cloud.athena_database)
        .build();
    let started = client
        .start_query_execution()
        .work_group(&cloud.athena_workgroup)
        .query_execution_context(context)
        .query_string(sql)
        .send()
        .await
        .map_err(DemoError::aws(format!("running the query {name}")))?;
    let id = started.query_execution_id().unwrap_or_default();
    let start = Instant::now();
    loop {
        let execution = client
            .get_query_execution()
            .query_execution_id(id)
            .send()
            .await;
        let execution = execution.map_err(DemoError::aws(format!("running the query {name}")))?;
        let status = execution
            .query_execution()
            .and_then(|execution| execution.status());
        match status.and_then(|status| status.state()) {
            Some(QueryExecutionState::Succeeded) => break,
            Some(QueryExecutionState::Failed | QueryExecutionState::Cancelled) => {
                let reason = status
                    .and_then(|status| status.state_change_reason())
                    .unwrap_or("no reason given");
                return Err(DemoError::Unexpected(format!(
                    "the query {name} failed: {reason}"
                )));
            }
            _ if start.elapsed() > QUERY_TIMEOUT => {
                return Err(DemoError::Timeout {
                    what: "a query did not end",
                    detail: name.to_owned(),
                    waited: QUERY_TIMEOUT,
                });
            }
            _ => sleep(Duration::from_millis(100)).await,
        }
    }
    fetch_rows(client, name, id).await
}

async fn fetch_rows(client: &Client, name: &str, id: &str) -> Result<Rows> {
    let mut pages = client
        .get_query_results()
        .query_execution_id(id)
        .into_paginator()
        .send();
    let mut rows: Vec<Vec<String>> = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(DemoError::aws(format!("reading the result of {name}")))?;
        let found = page.result_set().map_or(&[][..], |set| set.rows());
        rows.extend(found.iter().map(|row| {
            let cells = row.data().iter();
            cells
                .map(|cell| cell.var_char_value().unwrap_or_default().to_owned())
                .collect()
        }));
    }
    if rows.len() < 2 {
        return Err(DemoError::Unexpected(format!(
            "the query {name} returned no rows"
        )));
    }
    // The first row of the first page contains the column names.
    let columns = rows.remove(0);
    Ok((columns, rows))
}
