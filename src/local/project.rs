//! Where things of the project lie.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::error::{LocalError, LocalResult};

/// The project's folder.
#[must_use]
pub fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder for state of this clone that Git ignores.
#[must_use]
pub fn state_folder() -> PathBuf {
    folder().join(".local")
}

/// One of the project's own programs, beside the running one. Tests run from a folder below.
pub fn program(name: &str) -> LocalResult<PathBuf> {
    let me = std::env::current_exe().map_err(|source| LocalError::Io {
        doing: "asking for this program's own path".into(),
        source,
    })?;
    me.ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
        .ok_or_else(|| {
            LocalError::Unexpected(format!(
                "{name} was not built: run `cargo build --all-features --bins`"
            ))
        })
}

/// The folder with etcd, kube-apiserver, kube-controller-manager, kubectl and helm. It is never
/// built from here, for that takes minutes: `make` does it, and says so.
pub fn control_plane_programs() -> LocalResult<PathBuf> {
    let script = folder().join("hack/control-plane/build");
    let output = Command::new(&script)
        .arg("--cached")
        .stdin(Stdio::null())
        .output()
        .map_err(LocalError::io("running", &script))?;
    if !output.status.success() {
        return Err(LocalError::Unexpected(
            String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        ));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(PathBuf::from(text.trim()))
}

pub(super) fn make_parent(file: &Path) -> LocalResult<()> {
    if let Some(parent) = file.parent() {
        fs::create_dir_all(parent).map_err(LocalError::io("making", parent))?;
    }
    Ok(())
}
