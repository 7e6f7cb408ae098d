//! The world of the demo without its story: who sits at the keyboard applies the manifests and presses the
//! buttons. It writes what that needs into a folder, and says how to begin.

use std::fs::OpenOptions;
use std::io::{Stdout, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::DemoAdapter;
use super::narrator::Narrator;
use super::world::World;
use crate::local::error::{LocalError, LocalResult};

/// The manifests of an adapter, in the order in which they are applied.
fn manifests(adapter: DemoAdapter) -> &'static [&'static str] {
    match adapter {
        DemoAdapter::Reference => &[
            "examples/connection.yaml",
            "examples/upgrade.yaml",
            "examples/pricing.yaml",
        ],
        DemoAdapter::ByHand => &["examples/connection.yaml", "examples/upgrade.yaml"],
        DemoAdapter::Interworks => &[
            "src/local/demo/screens/manifests/interworks.yaml",
            "src/local/demo/screens/manifests/interworks-tenant.yaml",
        ],
    }
}

/// Writes the manifests, pointed at this world, and what curl needs for the control API.
pub(super) async fn prepare(
    world: &World,
    narrator: &mut Narrator<Stdout>,
    adapter: DemoAdapter,
) -> LocalResult<()> {
    let folder = world.plane.supervisor().subfolder("yourself")?;
    narrator.line("\nNothing is applied yet. In another shell:\n")?;
    let control = folder.join("control.curl");
    let (url, options) = world.control.for_curl(&folder.join("authority.crt"));
    write(&folder.join("authority.crt"), world.authority())?;
    write(&control, &options)?;
    narrator.line(&format!("  export CONTROL={url}"))?;
    narrator.line(&format!(
        "  press() {{ curl --config {} \"$CONTROL/$1\" --data \"${{2-}}\"; echo; }}",
        control.display()
    ))?;
    narrator.line(&format!(
        "  look() {{ curl --config {} \"$CONTROL/$1\"; echo; }}",
        control.display()
    ))?;
    narrator.line(
        "\nThe manifests; the second file of interworks.cloud is for when its tenant is there:\n",
    )?;
    for file in manifests(adapter) {
        let file = Path::new(file);
        let objects = world.manifests(file).await?;
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects });
        let name = file.file_stem().unwrap_or_default();
        let written = folder.join(PathBuf::from(name).with_extension("json"));
        write(&written, &list.to_string())?;
        narrator.line(&format!("  kubectl apply -f {}", written.display()))?;
    }
    Ok(())
}

/// For this user alone: there are secrets in it.
fn write(file: &Path, text: &str) -> LocalResult<()> {
    let opened = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(file);
    opened
        .and_then(|mut opened| opened.write_all(text.as_bytes()))
        .map_err(LocalError::io("writing", file))
}
