//! `test`: every check and suite, one after another; all of them run, and the end says which failed or were left out.

mod checks;
mod emulator;
mod suites;

use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};

use crate::output::say;
use crate::workspace::Workspace;
use crate::{Error, Result, interrupt};

/// Which tests, and against what.
#[derive(Debug, Args)]
pub struct TestArgs {
    /// Only these; without it, all
    #[arg(long, value_name = "SUITE", value_delimiter = ',')]
    only: Vec<Suite>,
    /// Leave out what belongs to the other cloud; `localstack` runs the platform suites alone
    #[arg(long, value_name = "CLOUD")]
    cloud: Option<CloudKind>,
}

/// What the cloud suites run against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CloudKind {
    /// The whole system, deployed
    Ministack,
    /// The platform's stores and gateways, against another maker's emulators
    Localstack,
}

/// A part of the tests.
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
    /// Unit, property and conformance tests in memory, the rooms, the sample events
    Unit,
    /// Through the deployed functions of a private local cloud, with IAM enforced
    Integration,
    /// The platform suites against LocalStack and DynamoDB Local
    Localstack,
}

/// How a suite ended.
enum Outcome {
    Passed,
    Skipped(String),
    Failed(Error),
}

impl From<Result<()>> for Outcome {
    fn from(result: Result<()>) -> Self {
        match result {
            Ok(()) => Self::Passed,
            Err(error) => Self::Failed(error),
        }
    }
}

/// The command.
pub fn command(workspace: &Workspace, args: &TestArgs) -> Result<()> {
    let mut report = Vec::new();
    for suite in args.chosen() {
        eprintln!("\n== {}", suite.name());
        let begun = Instant::now();
        let outcome = suite.run(workspace);
        interrupt::wait_if_ending();
        match &outcome {
            Outcome::Passed => {}
            Outcome::Skipped(reason) => eprintln!("!! SKIPPED {}: {reason}", suite.name()),
            Outcome::Failed(error) => eprintln!("error: {error}"),
        }
        report.push((suite, outcome, begun.elapsed()));
    }
    conclude(&report)
}

fn conclude(report: &[(Suite, Outcome, Duration)]) -> Result<()> {
    let (mut passed, mut failed, mut skipped) = (0, Vec::new(), 0);
    eprintln!("\n== summary");
    for (suite, outcome, elapsed) in report {
        let word = match outcome {
            Outcome::Passed => {
                passed += 1;
                "passed".to_owned()
            }
            Outcome::Skipped(reason) => {
                skipped += 1;
                format!("SKIPPED: {reason}")
            }
            Outcome::Failed(_) => {
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
    Err(Error::Checks {
        summary: format!(
            "failed: {}. `cargo xtask test --only {}` runs just that",
            failed.join(", "),
            failed.join(",")
        ),
    })
}

impl TestArgs {
    fn chosen(&self) -> Vec<Suite> {
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

    fn run(self, workspace: &Workspace) -> Outcome {
        match self {
            Self::Format => checks::format(workspace).into(),
            Self::Lints => checks::lints(workspace).into(),
            Self::Licences => checks::licences(workspace),
            Self::Terraform => checks::terraform(workspace).into(),
            Self::Unit => suites::unit(workspace).into(),
            Self::Integration => suites::integration(workspace).into(),
            Self::Localstack => emulator::run(workspace),
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
    fn without_a_choice_everything_runs() {
        assert_eq!(
            args(&[], None).chosen().len(),
            Suite::value_variants().len()
        );
    }

    #[test]
    fn localstack_means_the_platform_suites_alone() {
        assert_eq!(
            args(&[], Some(CloudKind::Localstack)).chosen(),
            [Suite::Localstack]
        );
    }

    #[test]
    fn a_failure_is_the_end_of_it_and_a_skip_is_not() {
        let skipped = vec![(
            Suite::Localstack,
            Outcome::Skipped("no Java".into()),
            Duration::ZERO,
        )];
        assert!(conclude(&skipped).is_ok());
        let failed = vec![(Suite::Lints, Outcome::Failed(Error::Down), Duration::ZERO)];
        let sentence = conclude(&failed).unwrap_err().to_string();
        assert!(sentence.contains("--only lints"), "{sentence}");
    }
}
