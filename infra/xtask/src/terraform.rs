//! Finds or downloads Terraform and runs it. Its state is in the folder of the cloud that it describes.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::progress::Step;
use crate::workspace::Workspace;
use crate::{Error, Result, files, process};

const VERSION: &str = "1.11.4";
/// Operating system, architecture, platform in the file name, and SHA-256 of each release zip.
const RELEASES: [(&str, &str, &str, &str); 4] = [
    (
        "linux",
        "x86_64",
        "linux_amd64",
        "1ce994251c00281d6845f0f268637ba50c0005657eb3cf096b92f753b42ef4dc",
    ),
    (
        "linux",
        "aarch64",
        "linux_arm64",
        "a43d1d0da9b9bab214a8305a39db0e40869572594ccf50c416a7756499143633",
    ),
    (
        "macos",
        "x86_64",
        "darwin_amd64",
        "a56d5002b9f7647291faccc3dd1a70350e60fb61e4c45037629508b8fdc2575b",
    ),
    (
        "macos",
        "aarch64",
        "darwin_arm64",
        "867e0808fa971217043e25b7a792b10720c79b1546f8a68479b74f138be73e18",
    ),
];
/// Downloads, verifies and unpacks a release. In Python, because the venv is needed anyway and `ureq` is built without TLS.
const DOWNLOAD: &str = r"
import hashlib, io, os, sys, urllib.request, zipfile
url, wanted, target = sys.argv[1:]
try:
    data = urllib.request.urlopen(url, timeout=60).read()
except OSError as error:
    sys.exit(f'cannot download {url}: {error}')
if hashlib.sha256(data).hexdigest() != wanted:
    sys.exit(f'the checksum of {url} is not the pinned one; nothing was installed')
with open(target + '.part', 'wb') as file:
    file.write(zipfile.ZipFile(io.BytesIO(data)).read('terraform'))
os.chmod(target + '.part', 0o755)
os.replace(target + '.part', target)
";

/// Terraform or OpenTofu with the files of one cloud.
#[derive(Debug, Clone)]
pub struct Terraform {
    program: PathBuf,
    infra: PathBuf,
    /// The folder of the cloud.
    dir: PathBuf,
    /// The CLI configuration file.
    config: PathBuf,
}

impl Terraform {
    /// Finds or downloads the program and finds the AWS provider. `dir` is the folder of the cloud.
    pub fn find(workspace: &Workspace, dir: &Path, python: &Path) -> Result<Self> {
        let program = match ["terraform", "tofu"]
            .map(PathBuf::from)
            .into_iter()
            .find(|program| is_working(program))
        {
            Some(program) => program,
            None => download(workspace, python)?,
        };
        let config = dir.join("terraform.rc");
        files::make_folder(dir)?;
        files::write(
            &config,
            configuration(mirror().as_deref(), &workspace.local().join("plugins"))?.as_bytes(),
        )?;
        Ok(Self {
            program,
            infra: workspace.infra(),
            dir: dir.to_owned(),
            config,
        })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .arg(format!("-chdir={}", self.infra.display()))
            .env("TF_CLI_CONFIG_FILE", &self.config)
            .env("TF_DATA_DIR", self.dir.join("terraform"))
            .env("TF_IN_AUTOMATION", "1")
            .env("TF_INPUT", "0")
            .env("CHECKPOINT_DISABLE", "1")
            // The user's AWS profile must not send a local deployment to a real account.
            .env_remove("AWS_PROFILE")
            .env_remove("AWS_DEFAULT_PROFILE")
            .env_remove("AWS_SESSION_TOKEN")
            .env("AWS_EC2_METADATA_DISABLED", "true");
        command
    }

    fn log(&self) -> PathBuf {
        self.dir.join("terraform.log")
    }

    /// Runs `terraform init`, unless it ran for exactly these files.
    pub fn init(&self) -> Result<()> {
        let stamp = self.dir.join("terraform/initialised");
        let sources: Vec<PathBuf> = sources(&self.infra)?;
        let digest = files::digest_files(
            sources
                .iter()
                .map(PathBuf::as_path)
                .chain([self.config.as_path()]),
        )?;
        if std::fs::read_to_string(&stamp).is_ok_and(|known| known == digest) {
            return Ok(());
        }
        let mut step = Step::begin("terraform init");
        let mut command = self.command();
        command
            .args(["init", "-no-color", "-reconfigure"])
            .arg(format!(
                "-backend-config=path={}",
                self.dir.join("terraform.tfstate").display()
            ));
        process::run(&mut step, &mut command, &self.log()).map_err(|error| self.explain(error))?;
        files::write(&stamp, digest.as_bytes())?;
        step.done("");
        Ok(())
    }

    /// Runs `terraform apply` with these variables.
    pub fn apply(&self, variables: &Value) -> Result<()> {
        let file = variables_file(&self.dir);
        files::write_json(&file, variables)?;
        let mut step = Step::begin("terraform apply");
        let mut command = self.command();
        command
            .args(["apply", "-no-color", "-auto-approve", "-parallelism=20"])
            .arg(format!("-var-file={}", file.display()));
        process::run(&mut step, &mut command, &self.log())?;
        step.done("");
        Ok(())
    }

    /// Checks that a second apply would change nothing. A plan that is not empty is made once more, because a local cloud
    /// that answers one of several hundred reads with an error looks like a missing resource.
    pub fn check_empty_plan(&self) -> Result<()> {
        let variables = format!("-var-file={}", variables_file(&self.dir).display());
        let plan = || {
            self.check(
                "a second apply plans nothing",
                &["plan", "-no-color", "-detailed-exitcode", &variables],
            )
        };
        plan().or_else(|error| {
            eprintln!("!! planned again: {error}");
            plan()
        })
    }

    /// The outputs of the root module, by name.
    pub fn outputs(&self) -> Result<Value> {
        let text = process::output("terraform output", self.command().args(["output", "-json"]))?;
        let wrapped: Value =
            serde_json::from_str(&text).map_err(Error::unreadable("terraform output"))?;
        let outputs = wrapped.as_object().into_iter().flatten();
        Ok(outputs
            .map(|(name, output)| (name.clone(), output["value"].clone()))
            .collect())
    }

    /// Runs a subcommand such as `fmt -check` or `validate`.
    pub fn check(&self, title: &str, arguments: &[&str]) -> Result<()> {
        let mut step = Step::begin(title);
        process::run(&mut step, self.command().args(arguments), &self.log())?;
        step.done("");
        Ok(())
    }

    fn explain(&self, error: Error) -> Error {
        match error {
            Error::Failed { tail, .. } if tail.contains("registry") && mirror().is_none() => Error::Missing {
                what: "the Terraform AWS provider (the registry does not answer, and there is no offline mirror)".into(),
                hint: format!(
                    "Go online, or set TF_PLUGIN_MIRROR to a folder that holds registry.terraform.io/hashicorp/aws (log: {})",
                    self.log().display()
                ),
            },
            other => other,
        }
    }
}

/// Whether an apply failed with a conflict. The response to a create request was lost, and the retry found the resource that
/// the first request had created. That resource is in no Terraform state, so only a new cloud helps.
pub fn is_conflict_after_lost_response(error: &Error) -> bool {
    let is_conflict =
        |tail: &str| tail.contains("StatusCode: 409") || tail.contains("AlreadyExists");
    matches!(error, Error::Failed { tail, .. } if is_conflict(tail))
}

/// The variables file of a cloud. Its path in a command line identifies the Terraform process of that cloud.
pub fn variables_file(dir: &Path) -> PathBuf {
    dir.join("variables.tfvars.json")
}

/// All files that a deployment depends on. Crates and the local cloud below `infra` do not count.
pub fn sources(infra: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![infra.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)
            .map_err(Error::file("read", &folder))?
            .flatten()
        {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() {
                let is_crate = path.join("Cargo.toml").is_file();
                if !name.starts_with('.') && !is_crate && name != "local-cloud" {
                    folders.push(path);
                }
            } else if name != ".terraform.lock.hcl" {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn is_working(program: &Path) -> bool {
    let mut command = Command::new(program);
    process::succeeds(command.arg("version").env("CHECKPOINT_DISABLE", "1"))
}

fn download(workspace: &Workspace, python: &Path) -> Result<PathBuf> {
    let target = workspace.local().join("bin/terraform");
    if is_working(&target) {
        return Ok(target);
    }
    let missing = |reason: String| Error::Missing {
        what: "Terraform (or OpenTofu)".into(),
        hint: format!(
            "Install it from https://developer.hashicorp.com/terraform/install, then run this again ({reason})"
        ),
    };
    let (_, _, platform, checksum) = RELEASES
        .iter()
        .find(|(os, arch, _, _)| *os == std::env::consts::OS && *arch == std::env::consts::ARCH)
        .ok_or_else(|| missing("there is no pinned release for this platform".into()))?;
    files::make_folder(&workspace.local().join("bin"))?;
    let mut step = Step::begin(format!("downloading Terraform {VERSION}"));
    let url = format!(
        "https://releases.hashicorp.com/terraform/{VERSION}/terraform_{VERSION}_{platform}.zip"
    );
    let log = workspace.local().join("fetch.log");
    process::run(
        &mut step,
        Command::new(python)
            .args(["-c", DOWNLOAD, &url, checksum])
            .arg(&target),
        &log,
    )
    .map_err(|error| match error {
        Error::Failed { tail, .. } => missing(tail.trim().to_owned()),
        other => other,
    })?;
    step.done("checksum verified");
    Ok(target)
}

/// A folder with the AWS provider, as `terraform providers mirror` or a machine image provides it.
fn mirror() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let from_variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let data_home = from_variable("XDG_DATA_HOME")
        .or_else(|| home.as_ref().map(|home| home.join(".local/share")));
    let data_dirs =
        std::env::var_os("XDG_DATA_DIRS").unwrap_or_else(|| "/usr/local/share:/usr/share".into());
    let mut folders: Vec<PathBuf> = from_variable("TF_PLUGIN_MIRROR").into_iter().collect();
    folders.extend(home.map(|home| home.join(".terraform.d/plugins")));
    folders.extend(data_home.map(|data| data.join("terraform/plugins")));
    folders.extend(std::env::split_paths(&data_dirs).map(|data| data.join("terraform/plugins")));
    folders.extend(
        [
            "/usr/local/share/terraform/plugins",
            "/usr/share/terraform/plugins",
        ]
        .map(PathBuf::from),
    );
    let mut add_ons: Vec<PathBuf> = std::fs::read_dir("/opt")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    add_ons.sort();
    folders.extend(add_ons);
    folders
        .into_iter()
        .find(|folder| folder.join("registry.terraform.io/hashicorp/aws").is_dir())
}

/// The CLI configuration: the AWS provider comes from the mirror if there is one, everything else from the registry.
fn configuration(mirror: Option<&Path>, cache: &Path) -> Result<String> {
    let Some(mirror) = mirror else {
        files::make_folder(cache)?;
        return Ok(format!(
            "plugin_cache_dir = {:?}\n",
            cache.display().to_string()
        ));
    };
    Ok(format!(
        "provider_installation {{\n  filesystem_mirror {{\n    path    = {:?}\n    include = [\"registry.terraform.io/hashicorp/aws\"]\n  }}\n  direct {{\n    exclude = [\"registry.terraform.io/hashicorp/aws\"]\n  }}\n}}\n",
        mirror.display().to_string()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirror_is_used_for_the_aws_provider() {
        let text =
            configuration(Some(Path::new("/somewhere/plugins")), Path::new("unused")).unwrap();
        assert!(text.contains("path    = \"/somewhere/plugins\""), "{text}");
    }

    #[test]
    fn downloads_are_cached_without_a_mirror() {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("plugins");
        let text = configuration(None, &cache).unwrap();
        assert!(text.starts_with("plugin_cache_dir"), "{text}");
        assert!(cache.is_dir());
    }

    #[test]
    fn release_checksums_are_sha256() {
        assert!(RELEASES.iter().all(|release| release.3.len() == 64));
    }
}
