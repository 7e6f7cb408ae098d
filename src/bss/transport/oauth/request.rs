//! The request for a token: where the client's id and secret stand in it, and what else is asked for.
//! Pure.

use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use url::form_urlencoded::{self, Serializer};

/// How the client proves to the token endpoint who it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAuthentication {
    /// HTTP Basic, id and secret form-encoded before (RFC 6749, 2.3.1).
    #[default]
    Basic,
    /// HTTP Basic with id and secret as they are.
    BasicUnencoded,
    /// `client_id` and `client_secret` in the body.
    Body,
}

impl ClientAuthentication {
    /// The form in words, with the value that chooses it.
    pub(super) fn in_words(self) -> &'static str {
        match self {
            Self::Basic => "in HTTP Basic, form-encoded (clientAuthentication: Basic)",
            Self::BasicUnencoded => {
                "in HTTP Basic, as they are (clientAuthentication: BasicUnencoded)"
            }
            Self::Body => "in the body (clientAuthentication: Body)",
        }
    }
}

/// On whose behalf a token is asked for.
#[derive(Clone, Debug)]
pub enum Grant {
    /// On the client's own (RFC 6749, 4.4).
    ClientCredentials,
    /// On that of a user who has entrusted the client with the password (RFC 6749, 4.3). Some servers
    /// have no other way for programs.
    Password {
        /// The user.
        user: SecretString,
        /// The proof of it.
        password: SecretString,
    },
}

impl Grant {
    pub(super) fn same(&self, other: &Self) -> bool {
        let equal =
            |one: &SecretString, two: &SecretString| one.expose_secret() == two.expose_secret();
        match (self, other) {
            (Self::ClientCredentials, Self::ClientCredentials) => true,
            (
                Self::Password { user, password },
                Self::Password {
                    user: other_user,
                    password: other_password,
                },
            ) => equal(user, other_user) && equal(password, other_password),
            (Self::ClientCredentials, Self::Password { .. })
            | (Self::Password { .. }, Self::ClientCredentials) => false,
        }
    }

    /// What of it no person may see.
    pub(super) fn secret(&self) -> Option<&SecretString> {
        match self {
            Self::ClientCredentials => None,
            Self::Password { user: _, password } => Some(password),
        }
    }
}

/// Parameters that no connection may set by itself: the operator does.
pub const RESERVED_PARAMETERS: [&str; 4] = ["grant_type", "client_id", "client_secret", "scope"];

/// What a request is made of.
pub(super) struct Asked<'a> {
    pub(super) grant: &'a Grant,
    pub(super) authentication: ClientAuthentication,
    pub(super) id: &'a SecretString,
    pub(super) secret: &'a SecretString,
    pub(super) scopes: &'a [String],
    pub(super) parameters: &'a BTreeMap<String, String>,
}

/// A header and a body.
pub(super) struct Formed {
    pub(super) authorization: Option<HeaderValue>,
    pub(super) body: String,
}

/// Forms the request; `None` if no header can carry the credentials.
pub(super) fn form(asked: &Asked<'_>) -> Option<Formed> {
    let mut form = Serializer::new(String::new());
    match asked.grant {
        Grant::ClientCredentials => {
            form.append_pair("grant_type", "client_credentials");
        }
        Grant::Password { user, password } => {
            form.append_pair("grant_type", "password");
            form.append_pair("username", user.expose_secret());
            form.append_pair("password", password.expose_secret());
        }
    }
    if !asked.scopes.is_empty() {
        form.append_pair("scope", &asked.scopes.join(" "));
    }
    for (name, value) in asked.parameters {
        form.append_pair(name, value);
    }
    let (id, secret) = (asked.id.expose_secret(), asked.secret.expose_secret());
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let authorization = match asked.authentication {
        ClientAuthentication::Basic => Some(basic(&encoded(id), &encoded(secret))?),
        ClientAuthentication::BasicUnencoded => Some(basic(id, secret)?),
        ClientAuthentication::Body => {
            form.append_pair("client_id", id);
            form.append_pair("client_secret", secret);
            None
        }
    };
    Some(Formed {
        authorization,
        body: form.finish(),
    })
}

fn basic(user: &str, password: &str) -> Option<HeaderValue> {
    let text = format!("Basic {}", base64(format!("{user}:{password}").as_bytes()));
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |bits: u32| {
        let place = usize::try_from(bits & 63).unwrap_or_default();
        ALPHABET.get(place).map_or('=', |byte| char::from(*byte))
    };
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let at = |nth: usize| group.get(nth).map_or(0, |byte| u32::from(*byte));
        let bits = (at(0) << 16) | (at(1) << 8) | at(2);
        text.push(digit(bits >> 18));
        text.push(digit(bits >> 12));
        text.push(if group.len() > 1 {
            digit(bits >> 6)
        } else {
            '='
        });
        text.push(if group.len() > 2 { digit(bits) } else { '=' });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn formed(authentication: ClientAuthentication) -> (Option<String>, String) {
        formed_for(&Grant::ClientCredentials, authentication)
    }

    fn formed_for(grant: &Grant, authentication: ClientAuthentication) -> (Option<String>, String) {
        let parameters = BTreeMap::from([
            ("audience".to_owned(), "https://api.example/&".to_owned()),
            ("resource".to_owned(), "a b".to_owned()),
        ]);
        let formed = form(&Asked {
            grant,
            authentication,
            id: &"the:client".to_owned().into(),
            secret: &"s3 %cret+".to_owned().into(),
            scopes: &["a".to_owned(), "b".to_owned()],
            parameters: &parameters,
        })
        .unwrap();
        let header = formed.authorization;
        (
            header.map(|value| value.to_str().unwrap().to_owned()),
            formed.body,
        )
    }

    #[test]
    fn id_and_secret_stand_where_the_provider_wants_them() {
        let common = "grant_type=client_credentials&scope=a+b\
                      &audience=https%3A%2F%2Fapi.example%2F%26&resource=a+b";
        // the%3Aclient:s3+%25cret%2B
        let encoded = "Basic dGhlJTNBY2xpZW50OnMzKyUyNWNyZXQlMkI=";
        assert_eq!(
            formed(ClientAuthentication::Basic),
            (Some(encoded.to_owned()), common.to_owned())
        );
        // the:client:s3 %cret+
        let plain = "Basic dGhlOmNsaWVudDpzMyAlY3JldCs=";
        assert_eq!(
            formed(ClientAuthentication::BasicUnencoded),
            (Some(plain.to_owned()), common.to_owned())
        );
        let own = "&client_id=the%3Aclient&client_secret=s3+%25cret%2B";
        assert_eq!(
            formed(ClientAuthentication::Body),
            (None, format!("{common}{own}"))
        );
    }

    #[test]
    fn user_and_password_stand_in_the_body_and_the_client_in_the_header() {
        let grant = Grant::Password {
            user: "api@acme & co".to_owned().into(),
            password: "pass=word %+".to_owned().into(),
        };
        let (header, body) = formed_for(&grant, ClientAuthentication::Basic);
        assert_eq!(
            header.as_deref(),
            Some("Basic dGhlJTNBY2xpZW50OnMzKyUyNWNyZXQlMkI=")
        );
        let expected = "grant_type=password&username=api%40acme+%26+co&password=pass%3Dword+%25%2B\
                        &scope=a+b&audience=https%3A%2F%2Fapi.example%2F%26&resource=a+b";
        assert_eq!(body, expected);
    }

    #[test]
    fn base64_of_every_length() {
        let all =
            ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map(|text| base64(text.as_bytes()));
        // RFC 4648, 10.
        assert_eq!(
            all,
            [
                "", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"
            ]
        );
    }
}
