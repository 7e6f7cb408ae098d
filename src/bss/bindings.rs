//! Which origins and namespaces the administrator bound an identity to.
//!
//! Any connection may declare any identity. A bound one may be declared only where the administrator
//! says so, and the namespaces that it is bound to share its claims.

use reqwest::Url;
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

/// The identities that are bound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bindings(BTreeMap<String, Binding>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Binding {
    /// Scheme, host and port.
    origins: BTreeSet<String>,
    namespaces: BTreeSet<String>,
}

/// Why a binding cannot be read.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "{text:?}: {problem}; write IDENTITY=ORIGIN[,ORIGIN]@NAMESPACE[,NAMESPACE], for example \
         acme-distribution=https://bss.example.com@resellers,partners"
)]
pub struct BindingError {
    text: String,
    problem: BindingProblem,
}

/// What is wrong with a binding.
#[derive(Debug, Error, PartialEq, Eq)]
enum BindingProblem {
    #[error("there is no '=' after the identity")]
    NoIdentity,
    #[error("there is no '@' before the namespaces")]
    NoNamespaces,
    #[error("{0:?} is no identity: lower case letters, digits, '-' and '.', 63 characters at most")]
    Identity(String),
    #[error(
        "{0:?} is no origin: https, a host and a port if it is not 443, and nothing behind them"
    )]
    Origin(String),
    #[error(
        "{0:?} is no name of a namespace: lower case letters, digits and '-', 63 characters at most"
    )]
    Namespace(String),
    #[error(
        "the identity {0} is bound already; name all its origins and namespaces in one binding"
    )]
    Twice(String),
}

/// Whether an identity is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// To this namespace, among others.
    Yes,
    /// Any connection may declare it.
    No,
}

/// Why a connection may not declare an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unbound {
    /// It is bound to other namespaces.
    #[error("other namespaces")]
    Namespace,
    /// It is bound to other origins.
    #[error("other addresses")]
    Origin,
}

impl Bindings {
    /// Reads bindings as the flag has them.
    ///
    /// # Errors
    ///
    /// [`BindingError`] names the binding and the part that is wrong.
    pub fn parse<'a>(all: impl IntoIterator<Item = &'a str>) -> Result<Self, BindingError> {
        let mut bindings = BTreeMap::new();
        for text in all {
            let wrong = |problem| BindingError {
                text: text.to_owned(),
                problem,
            };
            let (identity, binding) = parse(text).map_err(wrong)?;
            if bindings.insert(identity.clone(), binding).is_some() {
                return Err(wrong(BindingProblem::Twice(identity)));
            }
        }
        Ok(Self(bindings))
    }

    /// Whether a connection of this namespace may declare the identity for this URL.
    ///
    /// # Errors
    ///
    /// [`Unbound`] if the identity is bound elsewhere.
    pub fn check(&self, identity: &str, namespace: &str, url: &str) -> Result<Bound, Unbound> {
        let Some(binding) = self.0.get(identity) else {
            return Ok(Bound::No);
        };
        if !binding.namespaces.contains(namespace) {
            return Err(Unbound::Namespace);
        }
        let origin = Url::parse(url).map(|url| url.origin().ascii_serialization());
        match origin {
            Ok(origin) if binding.origins.contains(&origin) => Ok(Bound::Yes),
            Ok(_) | Err(_) => Err(Unbound::Origin),
        }
    }
}

fn parse(text: &str) -> Result<(String, Binding), BindingProblem> {
    let (identity, rest) = text.split_once('=').ok_or(BindingProblem::NoIdentity)?;
    let (origins, namespaces) = rest.rsplit_once('@').ok_or(BindingProblem::NoNamespaces)?;
    let identity = identity.trim();
    if !is_name(identity, &['-', '.']) {
        return Err(BindingProblem::Identity(identity.to_owned()));
    }
    let namespace = |name: &str| {
        let name = name.trim();
        is_namespace(name)
            .then(|| name.to_owned())
            .ok_or_else(|| BindingProblem::Namespace(name.to_owned()))
    };
    let binding = Binding {
        origins: origins.split(',').map(origin).collect::<Result<_, _>>()?,
        namespaces: namespaces
            .split(',')
            .map(namespace)
            .collect::<Result<_, _>>()?,
    };
    Ok((identity.to_owned(), binding))
}

/// Whether this can be the name of a namespace.
pub(super) fn is_namespace(text: &str) -> bool {
    is_name(text, &['-'])
}

fn is_name(text: &str, between: &[char]) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (1..=63).contains(&text.len())
        && text.starts_with(plain)
        && text.ends_with(plain)
        && text.chars().all(|c| plain(c) || between.contains(&c))
}

fn origin(text: &str) -> Result<String, BindingProblem> {
    let wrong = || BindingProblem::Origin(text.trim().to_owned());
    let url = Url::parse(text.trim()).map_err(|_| wrong())?;
    let bare = url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if url.scheme() != "https" || url.host_str().is_none_or(str::is_empty) || !bare {
        return Err(wrong());
    }
    Ok(url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_used_where_it_is_bound_to_and_nowhere_else() {
        let bindings = Bindings::parse([
            "acme=https://bss.example.com,https://B.example.com:8443/@resellers, partners",
            "beta=https://[2001:db8::1]@resellers",
        ])
        .unwrap();
        let check = |identity, namespace, url| bindings.check(identity, namespace, url);
        for url in [
            "https://bss.example.com/v1",
            "HTTPS://BSS.example.com:443",
            "https://b.example.com:8443/x",
        ] {
            assert_eq!(check("acme", "partners", url), Ok(Bound::Yes), "{url}");
            assert_eq!(check("acme", "evil", url), Err(Unbound::Namespace), "{url}");
        }
        for url in [
            "http://bss.example.com",
            "https://bss.example.com:444",
            "https://bss.example.com.evil.example",
            "https://bss.example.com@evil.example",
            "nonsense",
        ] {
            assert_eq!(
                check("acme", "resellers", url),
                Err(Unbound::Origin),
                "{url}"
            );
        }
        assert_eq!(
            check("beta", "resellers", "https://[2001:db8::1]/"),
            Ok(Bound::Yes)
        );
        assert_eq!(
            check("gamma", "evil", "https://evil.example"),
            Ok(Bound::No)
        );
    }

    #[test]
    fn what_is_no_binding_is_named_with_its_wrong_part() {
        for (text, part) in [
            ("", "'='"),
            ("acme", "'='"),
            ("acme=https://a.example", "'@'"),
            ("=https://a.example@n", "\"\" is no identity"),
            ("Acme=https://a.example@n", "\"Acme\" is no identity"),
            ("acme=@n", "\"\" is no origin"),
            ("acme=a.example@n", "\"a.example\" is no origin"),
            (
                "acme=http://a.example@n",
                "\"http://a.example\" is no origin",
            ),
            (
                "acme=https://a.example/v1@n",
                "\"https://a.example/v1\" is no origin",
            ),
            ("acme=https://u:p@a.example@n", "is no origin"),
            ("acme=https://a.example?x=1@n", "is no origin"),
            ("acme=https://a.example,@n", "\"\" is no origin"),
            ("acme=https://a.example@", "\"\" is no name of a namespace"),
            (
                "acme=https://a.example@n,",
                "\"\" is no name of a namespace",
            ),
            (
                "acme=https://a.example@n.m",
                "\"n.m\" is no name of a namespace",
            ),
            (
                "acme=https://a.example@*",
                "\"*\" is no name of a namespace",
            ),
        ] {
            let error = Bindings::parse([text]).unwrap_err().to_string();
            assert!(
                error.contains(part) && error.contains("for example"),
                "{error}"
            );
        }
        let twice = ["acme=https://a.example@n", "acme=https://b.example@m"];
        let error = Bindings::parse(twice).unwrap_err().to_string();
        assert!(error.contains("acme is bound already"), "{error}");
    }
}
