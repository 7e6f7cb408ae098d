//! The versions that are measured: the one that this program belongs to, and perhaps another commit that
//! `hack/bench/compare` built.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::local::error::{LocalError, LocalResult};
use crate::local::project;

/// A version of the project: where its programs are, and where its charts and examples.
#[derive(Clone, Debug)]
pub(super) struct Version {
    /// How tables name it.
    pub(super) name: String,
    folder: PathBuf,
    programs: PathBuf,
}

impl Version {
    /// The one that this program belongs to.
    pub(super) fn this() -> LocalResult<Self> {
        let operator = project::program("tenant-reseller-operator")?;
        let programs = operator.parent().unwrap_or_else(|| Path::new("."));
        Ok(Self {
            name: "this".to_owned(),
            folder: project::folder().to_path_buf(),
            programs: programs.to_path_buf(),
        })
    }

    /// The one in a folder that `hack/bench/compare` made: `tree` holds its files, `bin` its programs.
    pub(super) fn other(folder: &Path) -> LocalResult<Self> {
        // Programs run in other folders than this one.
        let folder = std::fs::canonicalize(folder).map_err(LocalError::io("looking at", folder))?;
        let name = folder.file_name().map(|name| name.to_string_lossy());
        let version = Self {
            name: name.unwrap_or_default().into_owned(),
            folder: folder.join("tree"),
            programs: folder.join("bin"),
        };
        version.program("tenant-reseller-operator")?;
        Ok(version)
    }

    /// One of its programs.
    pub(super) fn program(&self, name: &str) -> LocalResult<PathBuf> {
        let file = self.programs.join(name);
        if file.is_file() {
            return Ok(file);
        }
        let shown = file.display();
        Err(LocalError::Unexpected(format!("{shown} was not built")))
    }

    /// A file or folder of its source.
    pub(super) fn file(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }
}

/// The commit that this is, and whether something differs from it; a copy without Git has none.
pub(super) fn commit() -> String {
    let told = std::process::Command::new("git")
        .args(["describe", "--always", "--dirty", "--abbrev=10"])
        .current_dir(project::folder())
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    match told {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
        _ => "unknown".to_owned(),
    }
}
