//! `up`: starts the local cloud and deploys into it. It continues from any state that an earlier run left.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cloud::{self, Port, RunningCloud};
use crate::identity_server::{self, IdentityServer, RunningIdentityServer};
use crate::interrupt::{self, Registration};
use crate::kind::CloudKind;
use crate::launcher::Launcher;
use crate::oidc::{DASHBOARD_CLIENT, Identity};
use crate::output::say;
use crate::packages::{self, Selection};
use crate::status::{self, Cloud, Credentials};
use crate::terraform::{self, Terraform};
use crate::workspace::{LOCAL, Workspace};
use crate::{Error, Result, files};

const REGION: &str = "eu-central-1";
const ENVIRONMENT: &str = "local";
/// Access key id and secret of the root user of the local clouds.
const ROOT_KEY: &str = "test";

/// Record of the last deployment.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct AppliedDeployment {
    /// The instance of the cloud.
    instance: String,
    /// SHA-256 of packages, Terraform sources and variables.
    digest: String,
}

/// Runs the command.
pub fn command(workspace: &Workspace, kind: CloudKind, port: u16) -> Result<()> {
    let dir = workspace.cloud_dir(LOCAL);
    let _lock = lock(&dir)?;
    let wanted = WantedCloud {
        kind,
        port: Port::Exactly(port),
        selection: Selection::Functions,
        retry: Retry::LostResponse,
    };
    let cloud = deploy(workspace, &dir, wanted)?;
    eprintln!();
    say(cloud.describe())?;
    eprintln!(
        "\nThe local cloud is up. Open the dashboard in a browser: its sign-in page has a person of each role. \
         `cargo xtask token --role store_app --location ID` prints a token, `cargo xtask down` ends the cloud."
    );
    Ok(())
}

/// A deployed cloud for one run: of the demo, the tests, the benchmark or the chaos run. It ends when the value is dropped.
pub struct PrivateCloud {
    // Before the lock, because fields are dropped in this order: the cloud ends while it is locked.
    running: EndsOnDrop,
    _lock: File,
    /// Names and addresses in the cloud.
    pub cloud: Cloud,
}

impl PrivateCloud {
    /// Starts a new cloud on a free port and deploys into it.
    pub fn start(
        workspace: &Workspace,
        name: &str,
        kind: CloudKind,
        selection: Selection,
    ) -> Result<Self> {
        let dir = workspace.cloud_dir(name);
        let lock = lock(&dir)?;
        let running = EndsOnDrop::new(dir);
        // An earlier run that was killed may have left a cloud with data.
        cloud::stop(&running.dir)?;
        let wanted = WantedCloud {
            kind,
            port: Port::Free,
            selection,
            retry: Retry::Once,
        };
        let cloud = deploy(workspace, &running.dir, wanted)?;
        Ok(Self {
            running,
            _lock: lock,
            cloud,
        })
    }

    /// Leaves the cloud running after this process. `cargo xtask down` ends it.
    pub fn keep(self) {
        let Self { running, .. } = self;
        // Its destructor would end the cloud. What it owns is a path.
        std::mem::forget(running);
    }

    /// Checks that a second `terraform apply` would change nothing.
    pub fn check_empty_plan(&self, workspace: &Workspace) -> Result<()> {
        Terraform::find(workspace, &self.running.dir, &self.cloud.python)?.check_empty_plan()
    }

    /// Fails if a server of the cloud listens on an address that other machines can reach.
    pub fn check_loopback_only(&self) -> Result<()> {
        cloud::running(&self.running.dir)
            .ok_or(Error::NotRunning)?
            .check_loopback_only()?;
        identity_server::running(&self.running.dir)
            .ok_or(Error::NotRunning)?
            .check_loopback_only()
    }

    /// Its status file.
    pub fn status_file(&self) -> PathBuf {
        status::file(&self.running.dir)
    }
}

/// Ends the cloud of a folder on drop and on an interrupt.
struct EndsOnDrop {
    dir: PathBuf,
    _registration: Registration,
}

impl EndsOnDrop {
    fn new(dir: PathBuf) -> Self {
        Self {
            _registration: stop_on_interrupt(dir.clone()),
            dir,
        }
    }
}

impl Drop for EndsOnDrop {
    fn drop(&mut self) {
        interrupt::block_if_interrupted();
        if let Err(error) = cloud::stop(&self.dir) {
            eprintln!("note: {error}");
        }
    }
}

fn stop_on_interrupt(dir: PathBuf) -> Registration {
    interrupt::on_interrupt(move || {
        let _ = cloud::stop(&dir);
    })
}

/// When a failed apply is repeated in a new cloud, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Retry {
    /// Only after a lost response. Any other error is most likely in the sources, and the user waits for it.
    LostResponse,
    /// After any error. A long run, such as the whole test, does not end because the local cloud failed once.
    Once,
}

impl Retry {
    fn applies_to(self, error: &Error) -> bool {
        self == Self::Once || terraform::is_conflict_after_lost_response(error)
    }
}

/// What to deploy, and where to.
#[derive(Debug, Clone, Copy)]
struct WantedCloud {
    kind: CloudKind,
    port: Port,
    /// What is built for it.
    selection: Selection,
    retry: Retry,
}

/// Starts or reuses the cloud of a folder and deploys what changed.
fn deploy(workspace: &Workspace, dir: &Path, wanted: WantedCloud) -> Result<Cloud> {
    // Everything that may be missing on the machine is checked before the build, which may take minutes.
    let launcher = Launcher::prepare(workspace, wanted.kind)?;
    let terraform = Terraform::find(workspace, dir, &launcher.python)?;
    terraform.init()?;
    if let Port::Exactly(port) = wanted.port {
        cloud::check_port(dir, port)?;
    }

    packages::build(workspace, wanted.selection)?;
    let identity = Identity::ensure(&workspace.local().join("oidc-key.pem"))?;
    let deployment = Deployment {
        workspace,
        dir,
        port: wanted.port,
        packages: packages::pack_all(workspace)?,
        identity_server: IdentityServer::new(
            packages::binary(workspace, packages::IDENTITY),
            identity.key_path.clone(),
        )?,
        identity,
        launcher,
        terraform,
    };

    // An interrupted apply has created resources that its Terraform state does not contain, so the cloud is replaced.
    let applying = dir.join("applying");
    if applying.exists() {
        eprintln!("         the last deployment was interrupted: starting a new cloud");
        cloud::stop(dir)?;
    }
    match deployment.apply(&applying) {
        Err(error) if wanted.retry.applies_to(&error) => {
            eprintln!("!! the deployment failed, it is repeated once in a new cloud: {error}");
            cloud::stop(dir)?;
            deployment.apply(&applying)
        }
        result => result,
    }
}

/// A deployment into the cloud of a folder.
struct Deployment<'a> {
    workspace: &'a Workspace,
    dir: &'a Path,
    port: Port,
    /// Digest of all packages.
    packages: String,
    identity: Identity,
    identity_server: IdentityServer,
    launcher: Launcher,
    terraform: Terraform,
}

impl Deployment<'_> {
    /// Deploys what changed. The file `applying` exists while Terraform runs, to detect an interrupted apply.
    fn apply(&self, applying: &Path) -> Result<Cloud> {
        let running = cloud::ensure(&self.launcher, self.dir, self.port)?;
        let identity_server =
            identity_server::ensure(&self.identity_server, self.dir, &[running.slack_port])?;
        let variables = self.variables(&running, &identity_server)?;
        let sources = terraform::sources(&self.workspace.infra())?;
        let deployment = AppliedDeployment {
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
        if files::read_json::<AppliedDeployment>(&record).as_ref() == Some(&deployment)
            && let Some(cloud) = files::read_json::<Cloud>(&status_file)
        {
            eprintln!("         nothing changed since the last deployment");
            return Ok(cloud);
        }
        files::write(applying, b"")?;
        {
            let _registration = stop_on_interrupt(self.dir.to_owned());
            self.terraform.apply(&variables)?;
        }
        let cloud = self.describe(&running, &identity_server, &self.terraform.outputs()?);
        files::write_json(&status_file, &cloud)?;
        write_environments(&self.dir.join("environment"), &cloud)?;
        files::write_json(&record, &deployment)?;
        files::remove(applying)?;
        Ok(cloud)
    }

    fn variables(
        &self,
        running: &RunningCloud,
        identity_server: &RunningIdentityServer,
    ) -> Result<Value> {
        // The secrets must be stable between runs and secret. A digest of the private key is both.
        let key = files::read(&self.identity.key_path)?;
        let secret = |purpose: &str| files::digest(format!("{purpose} {key}").as_bytes());
        Ok(json!({
            "environment": ENVIRONMENT,
            "region": REGION,
            "revision": revision(&self.workspace.root),
            "architecture": if std::env::consts::ARCH == "aarch64" { "arm64" } else { "x86_64" },
            "packages_dir": packages::folder(self.workspace),
            "oidc_issuer": self.identity.issuer,
            "oidc_audience": self.identity.audience,
            "oidc_jwks": self.identity.key_set()?,
            "oidc_authorization_endpoint": identity_server.endpoint("authorize"),
            "oidc_token_endpoint": identity_server.endpoint("token"),
            "oidc_end_session_endpoint": identity_server.endpoint("logout"),
            "oidc_client_id": DASHBOARD_CLIENT,
            "user_cache_seconds": 2,
            "slack_webhook_url": slack_url(running),
            "cursor_secret": secret("cursor"),
            "session_secret": secret("session"),
            "local_cloud": running.kind.name(),
            "local_cloud_endpoint": running.endpoint(),
        }))
    }

    fn describe(
        &self,
        running: &RunningCloud,
        identity_server: &RunningIdentityServer,
        outputs: &Value,
    ) -> Cloud {
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
        let capabilities = outputs["capabilities"].as_object().into_iter().flatten();
        Cloud {
            kind: running.kind,
            capabilities: capabilities
                .map(|(feature, value)| (feature.clone(), value == true))
                .collect(),
            api_url: text("api_url").trim_end_matches('/').to_owned(),
            endpoint_url: running.endpoint(),
            dynamodb_endpoint_url: running.dynamodb_endpoint(),
            region: REGION.into(),
            environment: ENVIRONMENT.into(),
            prefix: format!("stockline-{ENVIRONMENT}"),
            account_id: account.to_owned(),
            credentials: Credentials {
                access_key_id: ROOT_KEY.into(),
                secret_access_key: ROOT_KEY.into(),
            },
            tables: map("tables"),
            queues: map("queues"),
            buckets: map("buckets"),
            functions: map("functions"),
            athena_workgroup: text("athena_workgroup"),
            athena_database: text("athena_database"),
            oidc: self.identity.clone(),
            identity_url: identity_server.url(),
            dashboard_url: text("dashboard_url"),
            slack_url: slack_url(running),
            python: self.launcher.python.clone(),
            log: cloud::log(self.dir),
            workspace_root: self.workspace.root.clone(),
            topics,
        }
    }
}

/// Writes the environment variables of each function to `<function>.env`, for `cargo lambda watch --env-file`.
fn write_environments(folder: &Path, cloud: &Cloud) -> Result<()> {
    files::make_folder(folder)?;
    for function in cloud.functions.keys() {
        let variables = cloud.function_environment(function)?;
        let mut lines = String::new();
        for (name, value) in &variables {
            lines.extend([name, "=", value, "\n"]);
        }
        files::write(&folder.join(format!("{function}.env")), lines.as_bytes())?;
    }
    Ok(())
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

fn slack_url(running: &RunningCloud) -> String {
    format!("http://127.0.0.1:{}/slack", running.slack_port)
}

/// The git revision of the checkout at `root`, with `-dirty` if its tree has changes; `unknown` if it is no git checkout.
fn revision(root: &Path) -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .arg("-C")
            .arg(root)
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .ok()
            .filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    // Without this check, git would search the parent folders, and find the revision of another repository.
    if !root.join(".git").exists() {
        return "unknown".into();
    }
    match (
        git(&["rev-parse", "--short=12", "HEAD"]),
        git(&["status", "--porcelain"]),
    ) {
        (Some(revision), Some(changes)) if changes.is_empty() => revision,
        (Some(revision), _) => format!("{revision}-dirty"),
        (None, _) => "unknown".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(folder: &Path, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .arg("-C")
            .arg(folder)
            .args(["-c", "user.name=test", "-c", "user.email=test@example.com"])
            .args(["-c", "commit.gpgsign=false"])
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    #[test]
    fn revision_marks_a_changed_tree() {
        // given a checkout with one commit
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        git(root, &["init", "--quiet"]);
        let commit = ["commit", "--quiet", "--allow-empty", "--message=first"];
        git(root, &commit);
        let head = git(root, &["rev-parse", "HEAD"]);
        assert_eq!(revision(root), head[..12]);
        // when a file is added
        std::fs::write(root.join("new.rs"), "").unwrap();
        // then the revision is no longer that of the tree
        assert_eq!(revision(root), format!("{}-dirty", &head[..12]));
    }

    #[test]
    fn revision_is_unknown_outside_a_checkout() {
        let outer = tempfile::tempdir().unwrap();
        git(outer.path(), &["init", "--quiet"]);
        let exported = outer.path().join("exported");
        std::fs::create_dir(&exported).unwrap();
        assert_eq!(revision(outer.path()), "unknown", "no commit yet");
        assert_eq!(revision(&exported), "unknown");
    }
}
