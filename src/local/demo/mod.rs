//! The demo.
use super::error::LocalResult;
/// What the demo does.
#[derive(Clone, Debug, clap::Args)]
pub struct DemoOptions {}
/// Runs the demo.
pub async fn run(_options: &DemoOptions) -> LocalResult<()> {
    Ok(())
}
