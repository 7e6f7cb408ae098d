//! What the rows of all collections have in common.

use serde_json::{Map, Value};

use super::ids;
use super::switches::{ExternalIds, InterworksSwitches};
use crate::sandbox::store::{Millis, rfc3339};

/// How much of a record is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// As an organisation answers that was not asked for a later one.
    First,
    /// Version 3.0.
    Third,
}

/// When the seeded records were last touched.
const SEEDED: Millis = 1_717_200_000_000;

/// The members of a JSON object.
pub(super) fn record(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    }
}

/// An instant as this BSS writes it; records that nothing changed since the seeding have an old one.
pub(super) fn instant(millis: Option<Millis>) -> String {
    rfc3339(millis.unwrap_or(SEEDED))
}

/// The id of a source at its provisioning system, as far as records have one.
pub(super) fn external_id(
    switches: &InterworksSwitches,
    system: &str,
    source: &str,
) -> Option<String> {
    let id = ids::external(system, source);
    let has = match switches.external_ids {
        ExternalIds::All => true,
        ExternalIds::Half => id.ends_with(['0', '2', '4', '6', '8', 'A', 'C', 'E']),
        ExternalIds::None => false,
    };
    has.then_some(id)
}
