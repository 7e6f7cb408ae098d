//! Problem details as servers send them.
//!
//! RFC 9457, 3.1: a member whose value is not of the type that it should have is ignored, and the
//! others count. So each member is read for itself, and nothing but a body that is no JSON object is
//! no problem at all. What a refusal needs and does not find, `classify` says.

use super::body;
use super::contract::{BlockerCount, ErrorClass, FieldProblem};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Most items that are kept of one list.
const MOST: usize = 50;

/// The class that a problem names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Class {
    /// One of the contract's.
    Known(ErrorClass),
    /// A word that is not one of them.
    Unknown,
    /// None, or no text.
    #[default]
    Absent,
}

/// What could be read of a problem.
#[derive(Clone, Debug, Default)]
pub(super) struct Problem {
    pub(super) class: Class,
    pub(super) title: Option<String>,
    pub(super) detail: Option<String>,
    pub(super) fields: Vec<FieldProblem>,
    pub(super) blockers: Vec<BlockerCount>,
    pub(super) highest_epoch: Option<u64>,
    pub(super) holder: Option<String>,
    pub(super) instruction: Option<String>,
}

impl Problem {
    /// Reads a body. `None` if it is no JSON object.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let Ok(Value::Object(mut members)) = serde_json::from_slice(body::without_mark(bytes))
        else {
            return None;
        };
        Some(Self {
            class: class(&mut members),
            title: text(&mut members, "title"),
            detail: text(&mut members, "detail"),
            fields: list(&mut members, "fields", field),
            blockers: list(&mut members, "blockers", blocker),
            highest_epoch: member(&mut members, "highestEpoch"),
            holder: text(&mut members, "holder"),
            instruction: text(&mut members, "instruction"),
        })
    }

    /// What it says for people.
    pub(super) fn words(&self) -> Option<&str> {
        self.detail.as_deref().or(self.title.as_deref())
    }
}

fn class(members: &mut Map<String, Value>) -> Class {
    match members.remove("class") {
        Some(word @ Value::String(_)) => {
            serde_json::from_value(word).map_or(Class::Unknown, Class::Known)
        }
        Some(_) | None => Class::Absent,
    }
}

fn member<T: DeserializeOwned>(members: &mut Map<String, Value>, name: &str) -> Option<T> {
    serde_json::from_value(members.remove(name)?).ok()
}

/// A text that says something.
fn text(members: &mut Map<String, Value>, name: &str) -> Option<String> {
    member::<String>(members, name).filter(|text| !text.trim().is_empty())
}

fn list<T>(
    members: &mut Map<String, Value>,
    name: &str,
    read: fn(&mut Map<String, Value>) -> Option<T>,
) -> Vec<T> {
    let items: Vec<Value> = member(members, name).unwrap_or_default();
    let read = items.into_iter().filter_map(|item| match item {
        Value::Object(mut members) => read(&mut members),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            None
        }
    });
    read.take(MOST).collect()
}

/// A field must have its name; without words it is still wrong.
fn field(members: &mut Map<String, Value>) -> Option<FieldProblem> {
    Some(FieldProblem {
        field: text(members, "field")?,
        detail: text(members, "detail").unwrap_or_else(|| "is not accepted".to_owned()),
        allowed: texts(members, "allowed"),
    })
}

/// A blocker must have its reason. How many records it concerns is at least the number of its
/// examples, and never none.
fn blocker(members: &mut Map<String, Value>) -> Option<BlockerCount> {
    let reason = member(members, "reason")?;
    let count: Option<u32> = member(members, "count");
    let examples = texts(members, "examples");
    let named = u32::try_from(examples.len()).unwrap_or(u32::MAX).max(1);
    Some(BlockerCount {
        reason,
        count: count.unwrap_or(named),
        examples,
    })
}

fn texts(members: &mut Map<String, Value>, name: &str) -> Vec<String> {
    let items: Vec<Value> = member(members, name).unwrap_or_default();
    let texts = items.into_iter().filter_map(|item| match item {
        Value::String(text) => Some(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            None
        }
    });
    texts.take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const MEMBERS: [&str; 10] = [
        "type",
        "title",
        "status",
        "detail",
        "class",
        "fields",
        "blockers",
        "highestEpoch",
        "holder",
        "instruction",
    ];

    fn whole() -> Value {
        json!({
            "type": "about:blank", "title": "t", "status": 422, "detail": "d", "class": "Invalid",
            "fields": [{"field": "settings.edition", "detail": "no", "allowed": ["Premium"]}],
            "blockers": [{"reason": "NotCopied", "count": 3, "examples": ["S-1"]}],
            "highestEpoch": 9, "holder": "h", "instruction": "press",
        })
    }

    fn read(value: &Value) -> Problem {
        Problem::read(value.to_string().as_bytes()).unwrap()
    }

    /// A wrong member takes itself away and no other.
    #[test]
    fn a_member_of_the_wrong_type_is_ignored_and_no_other() {
        let told = |problem: &Problem| {
            [
                problem.title.is_some(),
                problem.detail.is_some(),
                problem.class != Class::Absent,
                !problem.fields.is_empty(),
                !problem.blockers.is_empty(),
                problem.highest_epoch.is_some(),
                problem.holder.is_some(),
                problem.instruction.is_some(),
            ]
        };
        assert_eq!(told(&read(&whole())), [true; 8]);
        let of_members = [
            None,
            Some(0),
            None,
            Some(1),
            Some(2),
            Some(3),
            Some(4),
            Some(5),
            Some(6),
            Some(7),
        ];
        for (name, place) in MEMBERS.into_iter().zip(of_members) {
            for wrong in [
                json!(null),
                json!([null]),
                json!({"a": 1}),
                json!(-1),
                json!(true),
            ] {
                let mut value = whole();
                value[name] = wrong.clone();
                let mut expected = [true; 8];
                if let Some(place) = place {
                    expected[place] = false;
                }
                assert_eq!(told(&read(&value)), expected, "{name} {wrong}");
            }
        }
    }

    #[test]
    fn of_a_list_what_can_be_read_counts() {
        let mut value = whole();
        value["fields"] = json!([null, 7, {"detail": "nameless"}, {"field": "a"},
            {"field": "b", "detail": null, "allowed": [1, "c", null]}]);
        value["blockers"] = json!([{"reason": "Unheard"}, {"reason": "NotCopied", "count": "3",
            "examples": ["S-1", 2, "S-2"]}]);
        let problem = read(&value);
        let fields: Vec<&str> = problem.fields.iter().map(|f| f.field.as_str()).collect();
        assert_eq!(fields, ["a", "b"]);
        assert_eq!(problem.fields[1].allowed, ["c"]);
        assert_eq!(problem.blockers.len(), 1);
        assert_eq!(problem.blockers[0].count, 2);
    }

    /// As servers send them that do not know the contract, or frameworks in front of them.
    #[test]
    fn odd_documents_are_read_as_far_as_they_go() {
        let read = |body: &str| Problem::read(body.as_bytes());
        let of = |body: &str| {
            read(body).map(|problem| (problem.class, problem.words().map(str::to_owned)))
        };
        let unnamed = |text: &str| Some((Class::Absent, Some(text.to_owned())));
        for (body, expected) in [
            // The map of fields of other frameworks, in place of the list.
            (
                r#"{"title":"t","fields":{"a":["no"]},"errors":{"a":["no"]}}"#,
                unnamed("t"),
            ),
            // The same member twice: the last one counts, as in most parsers.
            (
                r#"{"class":"Conflict","class":"Blocked","detail":"d"}"#,
                Some((Class::Known(ErrorClass::Blocked), Some("d".to_owned()))),
            ),
            (
                r#"{"class":"conflict","detail":"d"}"#,
                Some((Class::Unknown, Some("d".to_owned()))),
            ),
            (r#"{"class":["Conflict"],"detail":"d"}"#, unnamed("d")),
            (r#"{"detail":{"text":"x"},"title":"t"}"#, unnamed("t")),
            (r#"{"detail":"  ","title":"t"}"#, unnamed("t")),
            (r#" {"title":"t"} "#, unnamed("t")),
            ("{}", Some((Class::Absent, None))),
            (r#"[{"title":"t"}]"#, None),
            (r#""title""#, None),
            (r#"{"title":"t"}{"title":"u"}"#, None),
            (r#"{"title":"t",}"#, None),
            ("null", None),
        ] {
            assert_eq!(of(body), expected, "{body}");
        }
        // Nested as deeply as no reader goes.
        let deep = format!(
            r#"{{"detail":"d","more":{}{}}}"#,
            "[".repeat(200),
            "]".repeat(200)
        );
        assert_eq!(of(&deep), None);
        let long = json!({"class": "Invalid", "fields": vec![json!({"field": "f"}); 5000]});
        assert_eq!(
            read(&long.to_string()).map(|problem| problem.fields.len()),
            Some(MOST)
        );
    }

    proptest! {
        #[test]
        fn no_value_of_one_member_changes_another(name in 0..MEMBERS.len(), junk in "\\PC{0,20}") {
            let mut value = whole();
            value[MEMBERS[name]] = json!({"nested": [junk]});
            let problem = read(&value);
            prop_assert_eq!(problem.class != Class::Absent, MEMBERS[name] != "class");
            prop_assert_eq!(problem.fields.len(), usize::from(MEMBERS[name] != "fields"));
        }

        #[test]
        fn no_bytes_at_all_panic(bytes in any::<Vec<u8>>()) {
            drop(Problem::read(&bytes));
        }
    }
}
