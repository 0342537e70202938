//! `test`: runs every suite, also after a failure, and prints a summary.

mod checks;
mod suites;

use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};

use crate::kind::CloudKind;
use crate::output::say;
use crate::workspace::Workspace;
use crate::{Error, Result, interrupt};

/// Arguments of `test`.
#[derive(Debug, Args)]
pub struct TestArgs {
    /// Only these suites; without it, all
    #[arg(long, value_name = "SUITE", value_delimiter = ',')]
    only: Vec<Suite>,
    /// Only the suites of one cloud; `localstack` runs only the suite of that name
    #[arg(long, value_name = "CLOUD")]
    cloud: Option<CloudKind>,
}

/// A suite of checks or tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Suite {
    /// cargo fmt
    Format,
    /// cargo clippy, warnings are errors
    Lints,
    /// cargo deny: licences, bans, sources, advisories
    Licences,
    /// terraform fmt, validate and test
    Terraform,
    /// Unit, property and in-memory conformance tests, the workspace rules, the sample events
    Unit,
    /// Tests through the deployed functions of a private local cloud, with IAM enforced
    Integration,
    /// The same tests on LocalStack, as far as they can run there, and the tests of our patches to it
    Localstack,
}

/// The result of a suite.
enum SuiteOutcome {
    Passed,
    Skipped(String),
    Failed(Error),
}

impl From<Result<()>> for SuiteOutcome {
    fn from(result: Result<()>) -> Self {
        match result {
            Ok(()) => Self::Passed,
            Err(error) => Self::Failed(error),
        }
    }
}

/// Runs the command.
pub fn command(workspace: &Workspace, args: &TestArgs) -> Result<()> {
    let mut report = Vec::new();
    for suite in args.suites() {
        eprintln!("\n== {}", suite.name());
        let start = Instant::now();
        let outcome = suite.run(workspace);
        interrupt::block_if_interrupted();
        match &outcome {
            SuiteOutcome::Passed => {}
            SuiteOutcome::Skipped(reason) => eprintln!("!! SKIPPED {}: {reason}", suite.name()),
            SuiteOutcome::Failed(error) => eprintln!("error: {error}"),
        }
        report.push((suite, outcome, start.elapsed()));
    }
    summarize(&report)
}

fn summarize(report: &[(Suite, SuiteOutcome, Duration)]) -> Result<()> {
    let (mut passed, mut failed, mut skipped) = (0, Vec::new(), 0);
    eprintln!("\n== summary");
    for (suite, outcome, elapsed) in report {
        let word = match outcome {
            SuiteOutcome::Passed => {
                passed += 1;
                "passed".to_owned()
            }
            SuiteOutcome::Skipped(reason) => {
                skipped += 1;
                format!("SKIPPED: {reason}")
            }
            SuiteOutcome::Failed(_) => {
                failed.push(suite.name());
                "FAILED".to_owned()
            }
        };
        eprintln!(
            "{:>7.1} s  {:<12} {word}",
            elapsed.as_secs_f32(),
            suite.name()
        );
    }
    say(format_args!(
        "suites: {passed} passed, {} failed, {skipped} skipped",
        failed.len()
    ))?;
    if failed.is_empty() {
        return Ok(());
    }
    // The errors again, because the output of later suites may have scrolled or cut them away.
    for (suite, outcome, _) in report {
        if let SuiteOutcome::Failed(error) = outcome {
            eprintln!("\n== why {} failed\n{error}", suite.name());
        }
    }
    Err(Error::Checks {
        summary: format!(
            "failed: {}. `cargo xtask test --only {}` runs only that",
            failed.join(", "),
            failed.join(",")
        ),
    })
}

impl TestArgs {
    fn suites(&self) -> Vec<Suite> {
        let all = Suite::value_variants().iter().copied();
        all.filter(|suite| match self.cloud {
            None => true,
            Some(CloudKind::Ministack) => *suite != Suite::Localstack,
            Some(CloudKind::Localstack) => *suite == Suite::Localstack,
        })
        .filter(|suite| self.only.is_empty() || self.only.contains(suite))
        .collect()
    }
}

impl Suite {
    fn name(self) -> String {
        self.to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }

    fn run(self, workspace: &Workspace) -> SuiteOutcome {
        match self {
            Self::Format => checks::format(workspace).into(),
            Self::Lints => checks::lints(workspace).into(),
            Self::Licences => checks::licences(workspace),
            Self::Terraform => checks::terraform(workspace).into(),
            Self::Unit => suites::unit(workspace).into(),
            Self::Integration => suites::integration(workspace).into(),
            Self::Localstack => suites::localstack(workspace),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(only: &[Suite], cloud: Option<CloudKind>) -> TestArgs {
        TestArgs {
            only: only.to_vec(),
            cloud,
        }
    }

    #[test]
    fn all_suites_run_by_default() {
        assert_eq!(
            args(&[], None).suites().len(),
            Suite::value_variants().len()
        );
    }

    #[test]
    fn localstack_selects_the_platform_tests_only() {
        assert_eq!(
            args(&[], Some(CloudKind::Localstack)).suites(),
            [Suite::Localstack]
        );
    }

    #[test]
    fn failed_suite_fails_the_command_and_skipped_does_not() {
        let skipped = vec![(
            Suite::Localstack,
            SuiteOutcome::Skipped("no Java".into()),
            Duration::ZERO,
        )];
        assert!(summarize(&skipped).is_ok());
        let failed = vec![(
            Suite::Lints,
            SuiteOutcome::Failed(Error::NotRunning),
            Duration::ZERO,
        )];
        let message = summarize(&failed).unwrap_err().to_string();
        assert!(message.contains("--only lints"), "{message}");
    }
}
