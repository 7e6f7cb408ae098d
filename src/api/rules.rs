//! Pieces of schema that several kinds share: validation rules with their messages, and how lists
//! and maps are merged.
//!
//! They go into a schema beside the field they speak of, by `schemars(extend(...))`. A message
//! names its field by the path under `spec`, because that is what a person typed.

use serde_json::{Value, json};

/// One rule in the Common Expression Language, with what the API server answers if it is broken.
pub(super) fn rule(rule: &str, message: &str) -> Value {
    json!([{ "rule": rule, "message": message }])
}

/// Several of [`rule`] on one place.
pub(super) fn all(rules: &[Value]) -> Value {
    rules
        .iter()
        .filter_map(Value::as_array)
        .flatten()
        .cloned()
        .collect()
}

/// Exactly one of several members. The message names them, because a member that is not known here
/// is dropped before the rule is read.
pub(super) fn one_of(what: &str, members: &[&str]) -> Value {
    let given: Vec<String> = members
        .iter()
        .map(|member| format!("has(self.{member})"))
        .collect();
    rule(
        &format!("[{}].exists_one(given, given)", given.join(", ")),
        &format!("spec must have exactly one {what}: {}", members.join(", ")),
    )
}

/// A text as people type it: not blank, and not with the blanks and the invisible characters that
/// copying and pasting brings, which would make an account or a price list unknown for no visible
/// reason.
pub(super) fn text(field: &str) -> Value {
    all(&[
        rule(
            "self.trim() == self && self != ''",
            &format!("{field} must not be blank, nor begin or end with white space"),
        ),
        rule(
            r"!self.matches(r'[\p{Cc}\x{200B}\x{2060}\x{FEFF}]')",
            &format!("{field} must not contain line breaks, tabs or other invisible characters"),
        ),
    ])
}

/// The name of an object in the cluster. Anything else could lead a read by name to another path
/// of the API server. A reference is used in several places; which one is meant, the API server
/// says before the message.
pub(super) fn object_name(field: &str) -> Value {
    rule(
        "self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')",
        &format!(
            "{field} must be the name of an object: lower case letters, digits, '-' and '.', \
             beginning and ending with a letter or digit"
        ),
    )
}

/// Set at creation, for good.
pub(super) fn immutable(field: &str) -> Value {
    rule(
        "self == oldSelf",
        &format!("{field} is immutable: delete the object and create it anew"),
    )
}

/// Matches a regular expression as a whole.
pub(super) fn matches(pattern: &str, message: &str) -> Value {
    rule(&format!("self.matches('{pattern}')"), message)
}

/// A well-formed tag of BCP 47 (RFC 5646, 2.1), without the few irregular ones that only live on
/// for history's sake.
pub(super) fn language(field: &str) -> Value {
    let pattern = "^([A-Za-z]{2,3}(-[A-Za-z]{3}){0,3}|[A-Za-z]{4,8})\
                   (-[A-Za-z]{4})?\
                   (-([A-Za-z]{2}|[0-9]{3}))?\
                   (-([A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*\
                   (-[0-9A-WY-Za-wy-z](-[A-Za-z0-9]{2,8})+)*\
                   (-[xX](-[A-Za-z0-9]{1,8})+)?$";
    matches(
        pattern,
        &format!("{field} must be a BCP 47 language tag, for example en-GB"),
    )
}

/// The shape of a name in the IANA time zone database; whether the BSS knows it, the BSS says.
pub(super) fn time_zone(field: &str) -> Value {
    matches(
        "^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$",
        &format!("{field} must be an IANA time zone name, for example Europe/Athens"),
    )
}

/// Where a BSS is called: encrypted, and nothing in the address but where.
pub(super) fn base_url(field: &str) -> Value {
    all(&[
        https_url(field),
        rule(
            "!self.contains('?') && !self.contains('#')",
            &format!("{field} must not have a query or a fragment"),
        ),
    ])
}

/// Where tokens are issued. RFC 6749, 3.2, allows a query and no fragment; 2.3.1 forbids the client's
/// id and secret in it, and what the operator sends itself must not come twice.
pub(super) fn token_url(field: &str) -> Value {
    all(&[
        https_url(field),
        rule(
            "!self.contains('#')",
            &format!("{field} must not have a fragment"),
        ),
        rule(
            "!self.matches('[?&](grant_type|client_id|client_secret|scope)(=|&|$)')",
            &format!(
                "{field} must not set grant_type, client_id, client_secret or scope in its query: \
                 the operator sends them"
            ),
        ),
    ])
}

/// Encrypted, and without a user: an `@` behind the host is a part of the address like any other.
fn https_url(field: &str) -> Value {
    all(&[
        rule(
            "isURL(self) && url(self).getScheme() == 'https' && url(self).getHostname() != ''",
            &format!("{field} must be an absolute https URL"),
        ),
        rule(
            "!self.matches('^[^/?#]*//[^/?#]*@')",
            &format!("{field} must not contain credentials: they belong into a Secret"),
        ),
    ])
}

/// Scopes of OAuth 2: each a word of the characters that RFC 6749, 3.3, allows, so that
/// several scopes in one text are refused.
pub(super) fn scopes(field: &str) -> Value {
    rule(
        r"self.all(scope, scope.matches(r'^[!#-\[\]-~]+$'))",
        &format!(
            "{field} must be a list of single words without blanks, quotes or backslashes, for \
             example [upgrade, read]"
        ),
    )
}

/// Parameters of a request for a token that are not the operator's own.
pub(super) fn endpoint_parameters(field: &str) -> Value {
    all(&[
        rule(
            "self.all(name, !(name in ['grant_type', 'client_id', 'client_secret', 'scope']))",
            &format!(
                "{field} must not set grant_type, client_id, client_secret or scope: the operator \
                 does, from the other fields and the Secret"
            ),
        ),
        rule(
            r"self.all(name, name.matches(r'^[A-Za-z0-9._-]{1,128}$'))",
            &format!(
                "{field} must have names of letters, digits, '.', '_' and '-', for example audience"
            ),
        ),
    ])
}

/// Trust at one host: something of its own, and the machine's roots only beside an own CA.
pub(super) fn tls() -> Value {
    all(&[
        rule(
            "has(self.caSecretRef) || has(self.clientCertificateSecretRef)",
            "tls must have caSecretRef or clientCertificateSecretRef: leave it out to trust the \
             authorities of the operator's machine",
        ),
        rule(
            "!has(self.systemRoots) || has(self.caSecretRef)",
            "tls.systemRoots must only stand beside caSecretRef: without it the authorities of the \
             operator's machine are trusted anyway",
        ),
    ])
}

/// Milestones are True once and never back, also not by disappearing: who reads one may rely on
/// it. On a status.
pub(super) fn milestones() -> Value {
    json!([{
        "rule": "!has(oldSelf.conditions) || oldSelf.conditions.all(o, \
                 !(o.type in ['TenantCreated', 'CustomersCopied', 'PricingReady', \
                 'SubscriptionsCopied', 'BackOrderingActivated', 'Verified'] && o.status == 'True') || \
                 has(self.conditions) && self.conditions.exists(c, \
                 c.type == o.type && c.status == 'True'))",
        "message": "status.conditions: a milestone that is True must stay True",
        "fieldPath": ".conditions",
    }])
}

#[cfg(test)]
mod tests {
    use super::super::conditions::ConditionType;

    #[test]
    fn the_rule_on_milestones_names_each_of_them() {
        let rule = super::milestones()[0]["rule"].to_string();
        for milestone in ConditionType::MILESTONES {
            assert!(rule.contains(&format!("'{}'", milestone.as_str())));
        }
    }
}
