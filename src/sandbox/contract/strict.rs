//! Request bodies, read strictly: by the contract's own schema, every fault at once.
//!
//! The schema is generated from the contract's types, so a bound or a member that is written there
//! is enforced here without a second list of rules. An unknown member is a fault: a client that
//! misspells an optional one must not believe that it was heard.

use std::any::TypeId;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use regex::Regex;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::bss::adapters::reference::contract::FieldProblem;
use crate::sandbox::problem::{field_problem, shorten};

/// More faults than this are not told in one reply.
const MOST_PROBLEMS: usize = 50;

/// The schemas of the types that were read so far, and the patterns in them.
#[derive(Default)]
pub(crate) struct Schemas {
    of_types: Mutex<HashMap<TypeId, Arc<Value>>>,
    patterns: Mutex<BTreeMap<String, Option<Regex>>>,
}

impl Schemas {
    /// Reads a body, or says everything that is wrong with it.
    pub(crate) fn read<T>(&self, body: &[u8]) -> Result<T, Vec<FieldProblem>>
    where
        T: DeserializeOwned + JsonSchema + 'static,
    {
        let value: Value = serde_json::from_slice(body)
            .map_err(|error| vec![field_problem("body", format!("is not JSON: {error}"))])?;
        let schema = self.of::<T>();
        let mut found = Vec::new();
        Check {
            schemas: self,
            root: &schema,
            found: &mut found,
        }
        .visit(&schema, &value, "");
        if !found.is_empty() {
            found.truncate(MOST_PROBLEMS);
            return Err(found);
        }
        serde_json::from_value(value)
            .map_err(|error| vec![field_problem("body", format!("cannot be read: {error}"))])
    }

    fn of<T: JsonSchema + 'static>(&self) -> Arc<Value> {
        let mut schemas = self.of_types.lock().unwrap_or_else(PoisonError::into_inner);
        schemas
            .entry(TypeId::of::<T>())
            .or_insert_with(|| Arc::new(schemars::schema_for!(T).to_value()))
            .clone()
    }

    /// Whether a text fits a pattern; `None` if the pattern cannot be read.
    fn fits(&self, pattern: &str, text: &str) -> Option<bool> {
        let mut patterns = self.patterns.lock().unwrap_or_else(PoisonError::into_inner);
        if !patterns.contains_key(pattern) {
            patterns.insert(pattern.to_owned(), Regex::new(pattern).ok());
        }
        let compiled = patterns.get(pattern)?.as_ref()?;
        Some(compiled.is_match(text))
    }
}

struct Check<'a> {
    schemas: &'a Schemas,
    root: &'a Value,
    found: &'a mut Vec<FieldProblem>,
}

impl Check<'_> {
    fn report(&mut self, path: &str, detail: impl Into<String>) {
        let path = if path.is_empty() { "body" } else { path };
        self.found.push(field_problem(path, detail));
    }

    fn visit(&mut self, schema: &Value, value: &Value, path: &str) {
        if self.found.len() > MOST_PROBLEMS {
            return;
        }
        if value.is_null() {
            self.report(path, "is null; an absent value is left out");
            return;
        }
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            // The schema outlives the check: nothing of it is copied for an item.
            let root = self.root;
            let target = target
                .strip_prefix('#')
                .and_then(|pointer| root.pointer(pointer))
                .unwrap_or(&Value::Bool(false));
            self.visit(target, value, path);
        }
        for word in ["anyOf", "oneOf"] {
            if let Some(branches) = schema.get(word).and_then(Value::as_array) {
                self.visit_branches(branches, value, path);
            }
        }
        if let Some(words) = schema.get("enum").and_then(Value::as_array)
            && !words.contains(value)
        {
            self.not_one_of(words, path);
        }
        if !has_type(schema, value) {
            let expected = schema
                .get("type")
                .map(ToString::to_string)
                .unwrap_or_default();
            self.report(path, format!("is of the wrong type; expected {expected}"));
            return;
        }
        match value {
            Value::String(text) => self.visit_text(schema, text, path),
            Value::Number(_) => self.visit_number(schema, value, path),
            Value::Array(items) => self.visit_items(schema, items, path),
            Value::Object(members) => self.visit_members(schema, members, path),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn visit_branches(&mut self, branches: &[Value], value: &Value, path: &str) {
        let null = serde_json::json!({ "type": "null" });
        let branches: Vec<&Value> = branches.iter().filter(|branch| **branch != null).collect();
        if let [only] = branches.as_slice() {
            self.visit(only, value, path);
            return;
        }
        let fits = branches.iter().any(|branch| {
            let mut found = Vec::new();
            Check {
                schemas: self.schemas,
                root: self.root,
                found: &mut found,
            }
            .visit(branch, value, path);
            found.is_empty() && branch.get("const").is_none_or(|word| word == value)
        });
        if !fits {
            let words: Vec<Value> = branches
                .iter()
                .filter_map(|branch| branch.get("const").cloned())
                .collect();
            self.not_one_of(&words, path);
        }
    }

    fn not_one_of(&mut self, words: &[Value], path: &str) {
        self.report(path, "is not one of the allowed values");
        if let Some(last) = self.found.last_mut() {
            last.allowed = words
                .iter()
                .filter_map(Value::as_str)
                .take(50)
                .map(|word| shorten(word, 128))
                .collect();
        }
    }

    fn visit_text(&mut self, schema: &Value, text: &str, path: &str) {
        let length = text.chars().count() as u64;
        let before = self.found.len();
        if let Some(least) = bound(schema, "minLength")
            && length < least
        {
            self.report(path, format!("is shorter than {least} characters"));
        }
        if let Some(most) = bound(schema, "maxLength")
            && length > most
        {
            self.report(path, format!("is longer than {most} characters"));
        }
        let pattern = schema.get("pattern").and_then(Value::as_str);
        // One fault of a text is enough.
        let Some(pattern) = pattern.filter(|_| self.found.len() == before) else {
            return;
        };
        match self.schemas.fits(pattern, text) {
            Some(true) => {}
            Some(false) => self.report(path, format!("does not match {pattern}")),
            // A rule that the sandbox cannot check must not pass unnoticed.
            None => self.report(path, format!("cannot be checked against {pattern}")),
        }
    }

    fn visit_number(&mut self, schema: &Value, value: &Value, path: &str) {
        let Some(number) = value.as_u64() else {
            // The contract knows whole numbers from 0 only.
            self.report(path, "is not a whole number from 0");
            return;
        };
        if let Some(least) = bound(schema, "minimum")
            && number < least
        {
            self.report(path, format!("is less than {least}"));
        }
        if let Some(most) = bound(schema, "maximum")
            && number > most
        {
            self.report(path, format!("is more than {most}"));
        }
    }

    fn visit_items(&mut self, schema: &Value, items: &[Value], path: &str) {
        let length = items.len() as u64;
        if let Some(least) = bound(schema, "minItems")
            && length < least
        {
            self.report(path, format!("has fewer than {least} items"));
        }
        if let Some(most) = bound(schema, "maxItems")
            && length > most
        {
            self.report(path, format!("has more than {most} items"));
            return;
        }
        if let Some(each) = schema.get("items") {
            for (index, item) in items.iter().enumerate() {
                self.visit(each, item, &format!("{path}[{index}]"));
            }
        }
    }

    fn visit_members(
        &mut self,
        schema: &Value,
        members: &serde_json::Map<String, Value>,
        path: &str,
    ) {
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
            return;
        };
        let at = |name: &str| {
            if path.is_empty() {
                name.to_owned()
            } else {
                format!("{path}.{name}")
            }
        };
        for name in schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            if let Some(name) = name.as_str()
                && !members.contains_key(name)
            {
                self.report(&at(name), "is missing");
            }
        }
        for (name, value) in members {
            match properties.get(name) {
                Some(property) => self.visit(property, value, &at(name)),
                None => self.report(&at(name), "is not a member of this request"),
            }
        }
    }
}

fn bound(schema: &Value, word: &str) -> Option<u64> {
    schema.get(word).and_then(Value::as_u64)
}

fn has_type(schema: &Value, value: &Value) -> bool {
    let fits = |name: &str| match name {
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    };
    match schema.get("type") {
        None => true,
        Some(Value::String(name)) => fits(name),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).any(fits),
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bss::adapters::reference::contract::{Batch, CopyCustomer, Find, SetPricing};
    use crate::bss::port::{AccountId, ItemKind, SourceId, TenantId};
    use crate::upgrade::Keys;
    use proptest::prelude::*;
    use serde_json::json;

    /// The pattern of an id means what the sentence of the contract says.
    #[test]
    fn an_id_has_no_control_character_and_can_stand_in_a_path() {
        let schemas = Schemas::default();
        let wrong = |id: &str| {
            let body = json!({"sourceId": id, "businessKey": "k", "expectedSource": "d"});
            let body = json!({ "items": [body] }).to_string();
            let read = schemas.read::<Batch<CopyCustomer>>(body.as_bytes());
            let problems = read.err().unwrap_or_default();
            let fields: Vec<String> = problems.into_iter().map(|one| one.field).collect();
            fields
        };
        for id in [
            "10423",
            "a b",
            "...",
            "..a",
            ".a",
            "a.",
            "a..",
            "é",
            "\u{20000}",
            "\u{200b}",
            "%2F",
            "/",
            "-",
        ] {
            assert_eq!(wrong(id), [""; 0], "{id:?}");
        }
        for id in [
            ".", "..", "a\n", "\n", "\u{0}", "a\tb", "\u{1f}", "\u{7f}", "a\u{85}", "..\u{9f}",
            ".\n",
        ] {
            assert_eq!(wrong(id), ["items[0].sourceId"], "{id:?}");
        }
    }

    #[test]
    fn keys_digests_and_money_have_their_patterns_too() {
        let schemas = Schemas::default();
        let item = |key: &str, digest: &str| json!({"items": [{"sourceId": "s", "businessKey": key, "expectedSource": digest}]});
        for (key, digest, wrong) in [
            ("tru/a/b", "d e\u{e9}", None),
            ("tru/a b", "d", Some("items[0].businessKey")),
            ("tru/\u{e9}", "d", Some("items[0].businessKey")),
            ("k", "d\r", Some("items[0].expectedSource")),
        ] {
            let read =
                schemas.read::<Batch<CopyCustomer>>(item(key, digest).to_string().as_bytes());
            let field = read.err().and_then(|all| all.into_iter().next());
            assert_eq!(
                field.map(|one| one.field).as_deref(),
                wrong,
                "{key:?} {digest:?}"
            );
        }
        let limit = |text: &str| {
            let options = json!({
                "priceList": "p", "billing": {"day": 1}, "paymentMethod": "Invoice",
                "invoicing": "Combined", "creditLimit": text,
            });
            let body = json!({"items": [{"customerId": "c", "options": options}]}).to_string();
            schemas.read::<Batch<SetPricing>>(body.as_bytes()).is_ok()
        };
        for right in ["0", "12.50", "999999999999999.999999"] {
            assert!(limit(right), "{right}");
        }
        for wrong in [
            "",
            "-1",
            "1.",
            ".5",
            "1e3",
            "1,5",
            "1234567890123456",
            "1.1234567",
            "1\n",
        ] {
            assert!(!limit(wrong), "{wrong:?}");
        }
    }

    fn longest_ids() -> impl Strategy<Value = String> {
        "[\u{10000}-\u{10FFFF}]{128}|[^\\p{Cc}.][^\\p{Cc}]{0,127}|%{128}"
    }

    proptest! {
        /// A server that is as strict as the contract allows takes what the operator sends for whatever
        /// ids the contract allows.
        #[test]
        fn requests_about_the_longest_and_oddest_ids_are_taken(
            reseller in longest_ids(),
            tenant in longest_ids(),
            source in longest_ids(),
        ) {
            let keys = Keys::new(&"a".repeat(63), &AccountId(reseller));
            let source = SourceId(source);
            let key = keys.item(&TenantId(tenant), ItemKind::Customer, &source);
            let schemas = Schemas::default();
            let item = json!({"sourceId": source.0, "businessKey": key.0, "expectedSource": "d"});
            let batch = json!({"items": [item]}).to_string();
            let read = schemas.read::<Batch<CopyCustomer>>(batch.as_bytes());
            prop_assert!(read.is_ok(), "{:?}", read.err());
            let find = json!({"businessKeys": [key.0]}).to_string();
            prop_assert!(schemas.read::<Find>(find.as_bytes()).is_ok());
        }
    }
}
