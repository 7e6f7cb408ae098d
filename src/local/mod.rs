//! The local world of demo and tests: a real control plane, and the project's own binaries, as
//! child processes of the program that starts them.
//!
//! It may use everything, for nothing else uses it: no code here is part of the operator. What it
//! must not do is leave something behind, whichever way its own process ends.

pub mod bench;
pub mod command_line;
pub mod control_plane;
pub mod demo;
mod error;
pub mod eventually;
mod guardian;
pub mod kubeconfig;
pub mod ports;
pub mod process;
pub mod project;
mod store;
pub mod supervisor;
pub mod tool;

pub use control_plane::{ControlPlane, ControlPlaneOptions};
pub use error::{LocalError, LocalResult};
pub use eventually::{Observation, eventually};
pub use process::{Process, ProcessSpec, Rank};
pub use store::{Revisions, Snapshot};
pub use supervisor::Supervisor;
pub use tool::{Tool, ToolOutput};
