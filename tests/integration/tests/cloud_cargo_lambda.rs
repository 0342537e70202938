//! A function under cargo-lambda's emulator, with the environment that `cargo xtask up` wrote for it.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use stockline_integration_tests::Deployed;
use xtask::packages;
use xtask::tools;
use xtask::workspace::Workspace;

const STARTUP_LIMIT: Duration = Duration::from_secs(20);

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(command: &mut Command) -> Running {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null());
    Running(quiet.stderr(Stdio::null()).spawn().unwrap())
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// The variables of a file that `cargo xtask up` wrote.
fn environment_file(deployed: &Deployed, function: &str) -> Vec<(String, String)> {
    let status = PathBuf::from(std::env::var_os(xtask::status::TEST_CLOUD_VARIABLE).unwrap());
    let file = status.with_file_name(format!("environment/{function}.env"));
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(&deployed.cloud.tables["orders"]), "{text}");
    text.lines()
        .map(|line| line.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[tokio::test]
async fn cargo_lambda_invokes_a_local_function() {
    let Some(deployed) = Deployed::find() else {
        return;
    };
    let workspace = Workspace::find().unwrap();
    let tool = match tools::find(&workspace, &tools::LAMBDA) {
        Ok(tool) => tool,
        Err(missing) => {
            eprintln!("SKIPPED: {missing}");
            return;
        }
    };
    // given the stock that the sample event sells
    deployed
        .open_store("store-1", &[("milk", 20), ("bread", 20)])
        .await;
    // given the emulator of the Runtime API, and the function beside it
    let port = free_port();
    let mut watch = packages::cargo(&workspace);
    tool.add_to_path(&mut watch);
    watch.args(["lambda", "watch", "--only-lambda-apis"]);
    watch.args(["--invoke-address", "127.0.0.1"]);
    watch.args(["--invoke-port", &port.to_string()]);
    let _emulator = start(&mut watch);
    let deadline = Instant::now() + STARTUP_LIMIT;
    // A function that finds no Runtime API ends.
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < deadline, "the emulator does not listen");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let _function = start(
        Command::new(packages::binary(&workspace, "order-intake"))
            .env_clear()
            .envs(environment_file(&deployed, "order-intake"))
            .env(
                "AWS_LAMBDA_RUNTIME_API",
                format!("http://127.0.0.1:{port}/.rt"),
            )
            .env("AWS_LAMBDA_FUNCTION_NAME", "_"),
    );

    // when the sample event is sent, as the README does
    let mut invoke = packages::cargo(&workspace);
    tool.add_to_path(&mut invoke);
    invoke.args(["lambda", "invoke", "_"]);
    invoke.args(["--invoke-address", "127.0.0.1"]);
    invoke.args(["--invoke-port", &port.to_string()]);
    invoke.args(["--data-file", "events/order-intake.place.json"]);
    invoke.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut invoke = Running(invoke.spawn().unwrap());
    // The emulator keeps the event until the function asks for it.
    let deadline = Instant::now() + STARTUP_LIMIT;
    while invoke.0.try_wait().unwrap().is_none() {
        assert!(Instant::now() < deadline, "no response");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut printed = String::new();
    let mut stdout = invoke.0.stdout.take().unwrap();
    stdout.read_to_string(&mut printed).unwrap();
    let response: Value = serde_json::from_str(&printed).unwrap();

    // then the order is in the deployed system
    assert_eq!(response["statusCode"], 201, "{response}");
    let placed: Value = serde_json::from_str(response["body"].as_str().unwrap()).unwrap();
    let path = format!("/v1/orders/{}", placed["order_id"].as_str().unwrap());
    let order = deployed.admin().get(&path).await.unwrap();
    let order = order.expect_status(&[200]).unwrap().body;
    for field in ["order_id", "external_reference", "total", "placed_at"] {
        assert_eq!(order[field], placed[field], "{order}");
    }
}
