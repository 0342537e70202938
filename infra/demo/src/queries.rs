//! An analyst's first questions, asked through the Athena API.

use std::time::Duration;

use aws_sdk_athena::Client;
use aws_sdk_athena::types::{QueryExecutionContext, QueryExecutionState};
use stockline_platform::clients::Aws;
use tokio::time::{Instant, sleep};
use xtask::files;
use xtask::status::Cloud;

use super::error::{DemoError, Result};
use super::table::table;

/// The questions: file in `infra/athena`, and what it asks.
pub const QUESTIONS: [(&str, &str); 3] = [
    ("top_sellers", "What brought in most?"),
    ("hourly_profile", "What does each store sell in which hour?"),
    ("basket_size", "What is a basket worth?"),
];

/// What the files ask about, to be narrowed to the one day that was traded.
const ALL_DATES: &str = "'2020-01-01' and '2099-12-31'";

const PATIENCE: Duration = Duration::from_mins(1);
const ROWS: usize = 8;

/// An answered question.
#[derive(Debug)]
pub struct Answer {
    /// The file.
    pub name: &'static str,
    /// What was asked.
    pub question: &'static str,
    /// How many rows came.
    pub rows: usize,
    /// The first of them.
    pub table: String,
}

/// Asks all of them about one day.
pub async fn ask(cloud: &Cloud, aws: &Aws, business_date: &str) -> Result<Vec<Answer>> {
    let client = Client::new(aws.sdk_config());
    let mut answers = Vec::new();
    for (name, question) in QUESTIONS {
        let path = cloud
            .workspace_root
            .join("infra/athena")
            .join(format!("{name}.sql"));
        let sql = files::read(&path)?;
        if !sql.contains(ALL_DATES) {
            return Err(DemoError::Unexpected(format!(
                "{} does not ask about {ALL_DATES}",
                path.display()
            )));
        }
        let sql = sql.replace(
            ALL_DATES,
            &format!("'{business_date}' and '{business_date}'"),
        );
        let (columns, rows) = run(&client, cloud, name, &sql).await?;
        answers.push(Answer {
            name,
            question,
            rows: rows.len(),
            table: table(&columns, &rows, ROWS),
        });
    }
    Ok(answers)
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
        .map_err(DemoError::aws(format!("asking {name}")))?;
    let id = started.query_execution_id().unwrap_or_default();
    let start = Instant::now();
    loop {
        let execution = client
            .get_query_execution()
            .query_execution_id(id)
            .send()
            .await;
        let execution = execution.map_err(DemoError::aws(format!("asking {name}")))?;
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
            _ if start.elapsed() > PATIENCE => {
                return Err(DemoError::Late {
                    what: "a query did not end",
                    detail: name.to_owned(),
                    waited: PATIENCE,
                });
            }
            _ => sleep(Duration::from_millis(100)).await,
        }
    }
    results(client, name, id).await
}

async fn results(client: &Client, name: &str, id: &str) -> Result<Rows> {
    let mut pages = client
        .get_query_results()
        .query_execution_id(id)
        .into_paginator()
        .send();
    let mut rows: Vec<Vec<String>> = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(DemoError::aws(format!("reading what {name} found")))?;
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
            "the query {name} found nothing"
        )));
    }
    // The first row of the first page holds the columns' names.
    let columns = rows.remove(0);
    Ok((columns, rows))
}
