//! Finds a recent Python and keeps virtual environments under `target/`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::progress::Step;
use crate::{Error, Result, files, process};

/// The oldest Python version that the local cloud runs on.
pub const OLDEST: (u32, u32) = (3, 11);

const CANDIDATES: [&str; 6] = [
    "python3",
    "python3.14",
    "python3.13",
    "python3.12",
    "python3.11",
    "python",
];

/// The first Python on PATH that is [`OLDEST`] or newer.
pub fn find() -> Result<PathBuf> {
    CANDIDATES
        .iter()
        .map(PathBuf::from)
        .find(|python| version(python).is_some_and(|found| found >= OLDEST))
        .ok_or_else(|| Error::Missing {
            what: format!("Python {}.{} or newer, on PATH", OLDEST.0, OLDEST.1),
            hint: "Install it (Debian: `apt-get install python3 python3-venv`; macOS: `brew install python`), then run this again".into(),
        })
}

/// A Python of exactly this minor version, on PATH or installed by pyenv.
pub fn find_exactly(major: u32, minor: u32) -> Option<PathBuf> {
    let on_path = PathBuf::from(format!("python{major}.{minor}"));
    let pyenv = std::env::var_os("PYENV_ROOT")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".pyenv")));
    let mut installed: Vec<PathBuf> = pyenv
        .and_then(|root| std::fs::read_dir(root.join("versions")).ok())
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| {
            entry
                .file_name()
                .to_string_lossy()
                .starts_with(&format!("{major}.{minor}."))
        })
        .map(|entry| entry.path().join("bin/python"))
        .collect();
    installed.sort();
    std::iter::once(on_path)
        .chain(installed.into_iter().rev())
        .find(|python| version(python) == Some((major, minor)))
}

fn version(python: &Path) -> Option<(u32, u32)> {
    let output = Command::new(python)
        .args([
            "-c",
            "import sys; print(sys.version_info[0], sys.version_info[1])",
        ])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (major, minor) = text.trim().split_once(' ')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Creates a virtual environment with exactly these requirements, or reuses it. Returns the path of its Python.
///
/// The digest of the requirements is written last. After an interrupted run it is missing, and the environment is created
/// again.
pub fn venv(
    title: &str,
    base: &Path,
    folder: &Path,
    requirements: &[String],
    log: &Path,
) -> Result<PathBuf> {
    let python = folder.join("bin/python");
    let stamp = folder.join("requirements.sha256");
    let digest =
        files::digest(format!("{}\n{}", base.display(), requirements.join("\n")).as_bytes());
    if std::fs::read_to_string(&stamp).is_ok_and(|known| known == digest) && python.is_file() {
        return Ok(python);
    }
    files::remove(folder)?;
    let mut step = Step::begin(format!("Python packages for {title}"));
    let created = process::run(
        &mut step,
        Command::new(base).args(["-m", "venv"]).arg(folder),
        log,
    );
    if created.is_err() {
        return Err(Error::Missing {
            what: "Python's venv module".into(),
            hint: "Install it (Debian: `apt-get install python3-venv`), then run this again".into(),
        });
    }
    let mut install = Command::new(&python);
    install
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-input",
        ])
        .args(requirements);
    process::run(&mut step, &mut install, log)?;
    files::write(&stamp, digest.as_bytes())?;
    step.done(format!("{} packages", requirements.len()));
    Ok(python)
}

/// The requirements in a file, without comments.
pub fn requirements(path: &Path) -> Result<Vec<String>> {
    Ok(files::read(path)?
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim())
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_skip_comments_and_blank_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("requirements.txt");
        std::fs::write(&path, "# why\na==1\n\nb==2 # pinned\n").unwrap();
        assert_eq!(requirements(&path).unwrap(), ["a==1", "b==2"]);
    }

    #[test]
    fn missing_program_has_no_version() {
        assert_eq!(version(Path::new("no-such-python")), None);
    }
}
