//! What each layer may depend on.

use crate::workspace::{
    dependencies, dependents, direct_dependencies, files, functions, metadata, name, text,
};

/// The modules of `platform` that implement ports. Only a `main.rs` names them.
const ADAPTERS: [&str; 9] = [
    "clients", "dynamodb", "key_set", "oidc", "random", "s3", "slack", "sns", "sqs",
];

/// Crates of runtimes, clouds and protocols, by the start of their name.
const OUTER_CRATES: [&str; 7] = [
    "aws", "lambda", "hyper", "reqwest", "axum", "rustls", "http",
];

fn starts_with_any(name: &str, starts: &[&str]) -> bool {
    starts.iter().any(|start| name.starts_with(start))
}

#[test]
fn domain_is_pure() {
    let metadata = metadata();
    let foreign: Vec<String> = dependencies(&metadata, "stockline-domain")
        .into_iter()
        .filter(|name| {
            starts_with_any(name, &OUTER_CRATES)
                || starts_with_any(name, &["tokio", "async", "futures", "stockline"])
                || name == "rand"
        })
        .collect();
    assert!(
        foreign.is_empty(),
        "stockline-domain must not depend on {foreign:?}"
    );
}

#[test]
fn application_depends_on_domain_only() {
    let metadata = metadata();
    let foreign: Vec<String> = dependencies(&metadata, "stockline-application")
        .into_iter()
        .filter(|name| {
            starts_with_any(name, &OUTER_CRATES)
                || (name.starts_with("stockline") && name != "stockline-domain")
        })
        .collect();
    assert!(
        foreign.is_empty(),
        "stockline-application must not depend on {foreign:?}"
    );
}

#[test]
fn ports_hold_traits_and_their_types_only() {
    for path in files("shared/application/src/ports", &["rs"]) {
        let text = text(&path);
        let code: Vec<&str> = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect();
        for statement in ["loop {", "while ", ".attempts()", "count("] {
            assert!(
                !code.iter().any(|line| line.contains(statement)),
                "{path} has `{statement}`: a use case belongs beside the ports, not in them"
            );
        }
    }
}

#[test]
fn handlers_name_no_adapter() {
    for path in files("functions", &["rs"]) {
        if path.ends_with("/src/main.rs") || path.contains("/tests") {
            continue;
        }
        let text = text(&path);
        for adapter in ADAPTERS {
            assert!(
                !text.contains(&format!("stockline_platform::{adapter}")),
                "{path} names the adapter {adapter}: take a port, and let main.rs pass the adapter"
            );
        }
    }
}

#[test]
fn functions_do_not_use_the_sdk() {
    let metadata = metadata();
    for package in functions(&metadata) {
        let sdk: Vec<&str> = direct_dependencies(package)
            .filter(|name| name.starts_with("aws-"))
            .collect();
        assert!(
            sdk.is_empty(),
            "{}: {sdk:?} belongs behind a port in platform",
            package.name
        );
    }
}

#[test]
fn sdk_is_used_by_platform_and_tools_only() {
    let allowed = [
        "stockline-chaos",
        "stockline-demo",
        "stockline-integration-tests",
        "stockline-platform",
        "stockline-repair",
        "stockline-simulators",
        "stockline-testkit",
    ];
    let metadata = metadata();
    for package in metadata.workspace_packages() {
        let uses_sdk = direct_dependencies(package).any(|name| name.starts_with("aws-sdk-"));
        assert!(
            !uses_sdk || allowed.contains(&name(package)),
            "{} must not use the SDK",
            package.name
        );
    }
}

#[test]
fn testkit_is_not_deployed() {
    let allowed = [
        "stockline-chaos",
        "stockline-demo",
        "stockline-integration-tests",
        "stockline-simulators",
    ];
    let metadata = metadata();
    for package in dependents(&metadata, "stockline-testkit") {
        assert!(
            allowed.contains(&package),
            "{package} uses the testkit outside its tests"
        );
    }
    for package in functions(&metadata) {
        assert!(
            !dependencies(&metadata, name(package)).contains("stockline-testkit"),
            "{} would be deployed with the testkit",
            package.name
        );
    }
}

#[test]
fn tools_are_not_deployed() {
    let metadata = metadata();
    for package in functions(&metadata) {
        let dependencies = dependencies(&metadata, name(package));
        for tool in ["xtask", "stockline-identity"] {
            assert!(
                !dependencies.contains(tool),
                "{} would be deployed with {tool}, which signs tokens",
                package.name
            );
        }
    }
}

#[test]
fn identity_needs_no_cloud() {
    let metadata = metadata();
    let foreign: Vec<String> = dependencies(&metadata, "stockline-identity")
        .into_iter()
        .filter(|name| {
            starts_with_any(name, &["aws", "lambda", "stockline"]) && name != "stockline-domain"
        })
        .collect();
    assert!(
        foreign.is_empty(),
        "stockline-identity must not depend on {foreign:?}"
    );
}

#[test]
fn no_function_depends_on_another() {
    let metadata = metadata();
    for package in functions(&metadata) {
        let dependents = dependents(&metadata, name(package));
        assert!(
            dependents.is_empty(),
            "{dependents:?} must not use the function {}",
            package.name
        );
    }
}

#[test]
fn only_one_tls_stack_is_built() {
    let metadata = metadata();
    let others = [
        "aws-lc-rs",
        "aws-lc-sys",
        "native-tls",
        "openssl",
        "openssl-sys",
    ];
    let found: Vec<&str> = metadata
        .packages
        .iter()
        .map(name)
        .filter(|name| others.contains(name))
        .collect();
    assert!(
        found.is_empty(),
        "rustls with ring is the TLS stack; {found:?} would be another"
    );
}
