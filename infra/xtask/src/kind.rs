//! The local clouds that Stockline runs on.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A local cloud.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CloudKind {
    /// MiniStack: starts in a second, enforces IAM, has Athena
    #[default]
    Ministack,
    /// LocalStack with DynamoDB Local: retries of stream records, alarms; no IAM, no Athena. Needs Python 3.13, a JDK and npm
    Localstack,
}

impl CloudKind {
    /// The name on the command line and in Terraform's variable `local_cloud`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ministack => "ministack",
            Self::Localstack => "localstack",
        }
    }

    /// The name as its makers write it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Ministack => "MiniStack",
            Self::Localstack => "LocalStack",
        }
    }

    /// The path that returns 200 when the cloud is ready.
    pub fn health_path(self) -> &'static str {
        match self {
            Self::Ministack => "/_ministack/health",
            Self::Localstack => "/_localstack/health",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_command_line() {
        for kind in CloudKind::value_variants() {
            let value = kind.to_possible_value().unwrap();
            assert_eq!(value.get_name(), kind.name());
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
    }
}
