//! Runs the calls of the README verbatim.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::process::Command;

use serde_json::Value;
use stockline_integration_tests::Deployed;
use xtask::oidc::Bearer;

/// The fenced `bash` blocks, which a reader pastes after setting the API URL and the tokens in the shell.
fn calls(readme: &str) -> Vec<String> {
    readme
        .split("```bash\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap().to_owned())
        .collect()
}

#[test]
fn readme_calls_get_the_documented_responses() {
    let Some(deployed) = Deployed::find() else {
        return;
    };
    let root = &deployed.cloud.workspace_root;
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let script = calls(&readme).join("\n");
    let call_count = script.matches("curl -sS").count();
    assert!(call_count >= 16, "the README has only {call_count} calls");

    let manager = Bearer::new("store_manager")
        .named("readme-manager")
        .at(["store-1"]);
    let controller = Bearer::new("controller")
        .named("controller-1")
        .controlling("controller-1")
        .at(["warehouse-1"]);
    // Print each response body on its own line, followed by its status.
    let script = format!("curl() {{ command curl -w '\\n%{{http_code}}\\n' \"$@\"; }}\n{script}")
        .replace(
            "| python3 -c 'import json,sys; print(json.load(sys.stdin)[\"order_id\"])'",
            "| head -n 1 | python3 -c 'import json,sys; print(json.load(sys.stdin)[\"order_id\"])'",
        );
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script])
        .env("API", &deployed.cloud.api_url)
        .env(
            "ADMIN",
            deployed.cloud.token(&Bearer::new("admin")).unwrap(),
        )
        .env("STORE", deployed.cloud.token(&manager).unwrap())
        .env("CONTROLLER", deployed.cloud.token(&controller).unwrap())
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{printed}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );

    let lines: Vec<&str> = printed.lines().filter(|line| !line.is_empty()).collect();
    let mut statuses = Vec::new();
    for response in lines.chunks(2) {
        let body: Value = serde_json::from_str(response[0]).unwrap();
        for result in body["results"].as_array().into_iter().flatten() {
            assert_ne!(result["outcome"], "refused", "{body}");
        }
        statuses.push(response[1].parse::<u16>().unwrap());
    }
    // One response went into `$ORDER`; the last two requests are for a task that does not exist.
    assert_eq!(statuses.len(), call_count - 1, "{printed}");
    let (successful, not_found) = statuses.split_at(statuses.len() - 2);
    assert!(
        successful.iter().all(|status| (200..300).contains(status)),
        "{printed}"
    );
    assert_eq!(not_found, [404, 404]);
}
