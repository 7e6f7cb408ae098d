//! Owns a folder and the processes that work in it, and ends both.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::{LocalError, LocalResult};
use super::guardian::Guardian;
use super::process::{Process, ProcessSpec};
use super::project;

/// A folder of its own, and a guardian over it. Clones share both; when the last one and the last
/// process are dropped, everything is ended and the folder removed.
#[derive(Clone, Debug)]
pub struct Supervisor {
    folder: Arc<PathBuf>,
    guardian: Arc<Guardian>,
}

impl Supervisor {
    /// Makes the folder, readable by this user only (keys and tokens lie in it), and starts the
    /// guardian.
    pub fn new() -> LocalResult<Self> {
        let folder = std::env::temp_dir().join(format!("tru-{}", random_hex()?));
        DirBuilder::new()
            .mode(0o700)
            .create(&folder)
            .map_err(LocalError::io("making", &folder))?;
        let guardian = match Guardian::start(&folder) {
            Ok(guardian) => guardian,
            Err(error) => {
                fs::remove_dir(&folder).map_err(LocalError::io("removing", &folder))?;
                return Err(error);
            }
        };
        Ok(Self {
            folder: Arc::new(folder),
            guardian: Arc::new(guardian),
        })
    }

    /// The folder. It is gone after the end.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes a folder below the folder.
    pub fn subfolder(&self, name: &str) -> LocalResult<PathBuf> {
        let path = self.folder.join(name);
        fs::create_dir_all(&path).map_err(LocalError::io("making", &path))?;
        Ok(path)
    }

    /// Starts a process that ends with us.
    pub fn start(&self, spec: ProcessSpec) -> LocalResult<Process> {
        let logs = self.subfolder("logs")?;
        let home = self.subfolder("home")?;
        Process::start(spec, &logs, &home, Arc::clone(&self.guardian))
    }

    /// Ends every process, the highest rank first, and removes the folder. Returns when that is
    /// done; each process has ten seconds at most.
    pub fn end(&self) {
        self.guardian.end();
    }

    /// Leaves everything running, written down in a file that [`Supervisor::end_kept`] reads.
    pub fn keep(&self, file: &Path) -> LocalResult<()> {
        project::make_parent(file)?;
        self.guardian.keep(file)
    }

    /// Ends exactly what an earlier run left running, and removes its folder and the file.
    /// Answers the folder, or nothing if there is no such file.
    pub fn end_kept(file: &Path) -> LocalResult<Option<PathBuf>> {
        if !file.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(file).map_err(LocalError::io("reading", file))?;
        let mut lines = text.lines();
        let Some(folder) = lines.next().and_then(|line| line.strip_prefix("folder ")) else {
            return Err(LocalError::Unexpected(format!(
                "{} does not begin with a folder",
                file.display()
            )));
        };
        let guardian = Guardian::start(Path::new(folder))?;
        for line in lines {
            guardian.watch_line(line)?;
        }
        guardian.end();
        fs::remove_file(file).map_err(LocalError::io("removing", file))?;
        Ok(Some(PathBuf::from(folder)))
    }
}

/// 128 random bits as text, from the machine's own source.
pub(in crate::local) fn random_hex() -> LocalResult<String> {
    use std::fmt::Write as _;
    use std::io::Read as _;

    let source = Path::new("/dev/urandom");
    let mut bytes = [0_u8; 16];
    fs::File::open(source)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(LocalError::io("reading", source))?;
    let mut text = String::with_capacity(32);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _always_ok = write!(text, "{byte:02x}");
    }
    Ok(text)
}
