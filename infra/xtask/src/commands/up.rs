//! `up`: from nothing, or from whatever an earlier run left, to a deployed local cloud.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cloud::{self, Port, Running};
use crate::oidc::Identity;
use crate::output::say;
use crate::packages::{self, Selection};
use crate::status::{self, Cloud, Credentials};
use crate::terraform::{self, Terraform};
use crate::workspace::{LOCAL, Workspace};
use crate::{Error, Result, files, interrupt, python};

const REGION: &str = "eu-central-1";
const ENVIRONMENT: &str = "local";
/// MiniStack's root user: its key has no meaning anywhere else.
const ADMIN: &str = "test";

/// What was deployed, and into which cloud.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Applied {
    instance: String,
    digest: String,
}

/// The command.
pub fn command(workspace: &Workspace, port: u16) -> Result<()> {
    let cloud = bring_up(workspace, LOCAL, Port::Exactly(port), Selection::Functions)?;
    eprintln!();
    say(cloud.describe())?;
    eprintln!(
        "\nUp. `cargo xtask token --role store_app --location ID` gives you a token, `cargo xtask down` ends it all."
    );
    Ok(())
}

/// A cloud that ends with the value: the demo's, the tests'.
pub struct Private {
    dir: PathBuf,
    _lock: File,
    /// Where everything in it is.
    pub cloud: Cloud,
}

impl Private {
    /// A new cloud on a free port, deployed.
    pub fn start(workspace: &Workspace, name: &str, selection: Selection) -> Result<Self> {
        let dir = workspace.cloud_dir(name);
        let lock = lock(&dir)?;
        interrupt::register_cloud(dir.clone());
        // What an earlier run may have left is no part of this one.
        cloud::stop(&dir)?;
        let ended = Ended(dir.clone());
        let cloud = deploy(workspace, &dir, Port::Free, selection)?;
        std::mem::forget(ended);
        Ok(Self {
            dir,
            _lock: lock,
            cloud,
        })
    }

    /// Checks that deploying it again would change nothing.
    pub fn is_settled(&self, workspace: &Workspace) -> Result<()> {
        Terraform::find(workspace, &self.dir, &self.cloud.python)?.plans_nothing()
    }

    /// The file that describes it.
    pub fn file(&self) -> PathBuf {
        status::file(&self.dir)
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        drop(Ended(self.dir.clone()));
    }
}

/// Ends the cloud of a folder when it goes out of scope, so that a failure half-way leaves nothing running.
struct Ended(PathBuf);

impl Drop for Ended {
    fn drop(&mut self) {
        interrupt::wait_if_ending();
        if let Err(error) = cloud::stop(&self.0) {
            eprintln!("note: {error}");
        }
        interrupt::forget_cloud(&self.0);
    }
}

/// Brings up the cloud of that name, or reuses it, and deploys what changed.
pub fn bring_up(
    workspace: &Workspace,
    name: &str,
    port: Port,
    selection: Selection,
) -> Result<Cloud> {
    let dir = workspace.cloud_dir(name);
    let _lock = lock(&dir)?;
    deploy(workspace, &dir, port, selection)
}

fn deploy(workspace: &Workspace, dir: &Path, port: Port, selection: Selection) -> Result<Cloud> {
    // What can be missing comes first: nobody should build for minutes to hear of it.
    let base = python::find()?;
    let requirements =
        python::requirements(&workspace.infra().join("local-cloud/requirements.txt"))?;
    let local = workspace.local();
    let python = python::venv(
        "the local cloud",
        &base,
        &local.join("venv"),
        &requirements,
        &local.join("python.log"),
    )?;
    let terraform = Terraform::find(workspace, dir, &python)?;
    terraform.init()?;
    if let Port::Exactly(port) = port {
        cloud::check_port(dir, port)?;
    }

    packages::build(workspace, selection)?;
    let deployment = Deployment {
        workspace,
        dir,
        port,
        packages: packages::pack_all(workspace)?,
        identity: Identity::ensure(&local.join("oidc-key.pem"))?,
        python,
        terraform,
    };

    // An apply that was cut off has made things that its state does not know: that cloud is of no use any more.
    let applying = dir.join("applying");
    if applying.exists() {
        eprintln!("         the last deployment was interrupted: beginning with a new cloud");
        cloud::stop(dir)?;
    }
    match deployment.apply(&applying) {
        Err(error) if terraform::asked_twice(&error) => {
            eprintln!("         an answer of the local cloud was lost: beginning with a new one");
            cloud::stop(dir)?;
            deployment.apply(&applying)
        }
        done => done,
    }
}

/// What is deployed, and where to.
struct Deployment<'a> {
    workspace: &'a Workspace,
    dir: &'a Path,
    port: Port,
    packages: String,
    identity: Identity,
    python: PathBuf,
    terraform: Terraform,
}

impl Deployment<'_> {
    /// Deploys what changed. The file `applying` is there while that is under way.
    fn apply(&self, applying: &Path) -> Result<Cloud> {
        let running = cloud::ensure(self.workspace, self.dir, &self.python, self.port)?;
        let variables = variables(self.workspace, &running, &self.identity)?;
        let sources = terraform::sources(&self.workspace.infra())?;
        let wanted = Applied {
            instance: running.instance.clone(),
            digest: files::digest(
                format!(
                    "{} {} {variables}",
                    self.packages,
                    files::digest_files(sources.iter().map(PathBuf::as_path))?
                )
                .as_bytes(),
            ),
        };
        let record = self.dir.join("applied.json");
        let status_file = status::file(self.dir);
        if files::read_json::<Applied>(&record).as_ref() == Some(&wanted)
            && let Some(cloud) = files::read_json::<Cloud>(&status_file)
        {
            eprintln!("         nothing changed since the last deployment");
            return Ok(cloud);
        }
        files::write(applying, b"")?;
        interrupt::register_cloud(self.dir.to_owned());
        let applied = self.terraform.apply(&variables);
        interrupt::forget_cloud(self.dir);
        applied?;
        let cloud = self.describe(&running, &self.terraform.outputs()?);
        files::write_json(&status_file, &cloud)?;
        files::write_json(&record, &wanted)?;
        files::remove(applying)?;
        Ok(cloud)
    }

    fn describe(&self, running: &Running, outputs: &Value) -> Cloud {
        let text = |name: &str| outputs[name].as_str().unwrap_or_default().to_owned();
        let map = |name: &str| -> BTreeMap<String, String> {
            let entries = outputs[name].as_object().into_iter().flatten();
            entries
                .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
                .collect()
        };
        let topics = map("topics");
        let account = topics
            .values()
            .next()
            .and_then(|arn| arn.split(':').nth(4))
            .unwrap_or("000000000000");
        Cloud {
            api_url: text("api_url").trim_end_matches('/').to_owned(),
            endpoint_url: running.endpoint(),
            region: REGION.into(),
            environment: ENVIRONMENT.into(),
            prefix: format!("stockline-{ENVIRONMENT}"),
            account_id: account.to_owned(),
            credentials: Credentials {
                access_key_id: ADMIN.into(),
                secret_access_key: ADMIN.into(),
            },
            tables: map("tables"),
            queues: map("queues"),
            buckets: map("buckets"),
            functions: map("functions"),
            athena_workgroup: text("athena_workgroup"),
            athena_database: text("athena_database"),
            oidc: self.identity.clone(),
            slack_url: slack_url(running),
            python: self.python.clone(),
            log: cloud::log(self.dir),
            workspace_root: self.workspace.root.clone(),
            topics,
        }
    }
}

fn lock(dir: &Path) -> Result<File> {
    files::make_folder(dir)?;
    let path = dir.join("lock");
    let file = File::create(&path).map_err(Error::file("write", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Busy {
            dir: dir.to_owned(),
        }),
        Err(TryLockError::Error(error)) => Err(Error::file("lock", &path)(error)),
    }
}

fn variables(workspace: &Workspace, running: &Running, identity: &Identity) -> Result<Value> {
    // The secret only has to be stable and unguessable from outside: a digest of the private key is both.
    let secret = files::digest(format!("cursor {}", files::read(&identity.key_path)?).as_bytes());
    Ok(json!({
        "environment": ENVIRONMENT,
        "region": REGION,
        "architecture": if std::env::consts::ARCH == "aarch64" { "arm64" } else { "x86_64" },
        "packages_dir": packages::folder(workspace),
        "oidc_issuer": identity.issuer,
        "oidc_audience": identity.audience,
        "oidc_jwks": identity.key_set()?,
        "slack_webhook_url": slack_url(running),
        "dashboard_url": format!("{}/dashboard", running.endpoint()),
        "cursor_secret": secret,
        "local_cloud_endpoint": running.endpoint(),
    }))
}

fn slack_url(running: &Running) -> String {
    format!("http://127.0.0.1:{}/slack", running.slack_port)
}
