//! What a connection's Secrets give: credentials, authorities, a client certificate, and whether they
//! may be used for the hosts that the connection names.
//!
//! It reads Secrets by name and nothing else. A Secret with something confidential in it says by its
//! annotation which hosts it may be sent to. A person who may write connections need not be allowed to
//! read Secrets: so one that is not there, one without the annotation and one that names other hosts
//! are answered in the same words, and what stands in a Secret is spoken of only once its own
//! annotation allows the host.

use std::collections::BTreeMap;

use jiff::Timestamp;
use secrecy::ExposeSecret as _;

use super::secrets::{self, Fault, FaultKind, Place};
use crate::api::{
    ALLOWED_HOSTS_ANNOTATION, ALLOWED_TOKEN_HOSTS_ANNOTATION, Auth, BssConnectionSpec,
    ClientAuthentication, OAuth2ClientCredentials, OAuth2Password, SecretRef, SystemRoots, Tls,
};
use crate::bss::connect::{Login, TokenEndpoint};
use crate::bss::transport::{
    self, AllowedHosts, CaBundle, ClientCertificate, MachineRoots, PairFault, Part,
};
use crate::cluster::port::{Cluster, ClusterError, SecretView};

/// Why a connection has no access.
pub(super) enum Refused {
    /// Something is not there yet.
    NotReady {
        message: String,
        next_action: String,
    },
    /// What is there cannot be used.
    Forbidden {
        message: String,
        next_action: String,
    },
    /// The API server refused or did not answer.
    Cluster(ClusterError),
}

impl From<ClusterError> for Refused {
    fn from(error: ClusterError) -> Self {
        Self::Cluster(error)
    }
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        let Fault {
            message,
            next_action,
            kind,
        } = fault;
        match kind {
            FaultKind::Missing => Self::NotReady {
                message,
                next_action,
            },
            FaultKind::Wrong => Self::Forbidden {
                message,
                next_action,
            },
        }
    }
}

/// The Secrets of one connection.
pub(super) struct Access<'a, C> {
    pub(super) cluster: &'a C,
    pub(super) namespace: &'a str,
    pub(super) spec: &'a BssConnectionSpec,
    /// Where the BSS is called.
    pub(super) url: &'a str,
    pub(super) now: Timestamp,
}

/// A host that something confidential is to be sent to, and the annotation that may allow it.
struct Wanted<'a> {
    url: &'a str,
    annotation: &'static str,
}

impl<'a> Wanted<'a> {
    fn bss(url: &'a str) -> Self {
        Self {
            url,
            annotation: ALLOWED_HOSTS_ANNOTATION,
        }
    }
}

impl<C: Cluster> Access<'_, C> {
    /// How to log in, and the hosts that the Secret allows.
    pub(super) async fn login(&self) -> Result<(Login, String), Refused> {
        let auth = &self.spec.auth;
        let Auth {
            bearer,
            oauth2_client_credentials,
            oauth2_password,
        } = auth;
        match (bearer, oauth2_client_credentials, oauth2_password) {
            (Some(bearer), None, None) => {
                let name = &bearer.secret_ref.name;
                let secret = self.granted(name, &[Wanted::bss(self.url)]).await?;
                let place = Place {
                    secret: name,
                    key: "token",
                };
                let token = secrets::token(&secret, place)?;
                Ok((Login::Bearer(token), hosts(&secret)))
            }
            (None, Some(oauth), None) => self.client_credentials(oauth).await,
            (None, None, Some(oauth)) => self.password(oauth).await,
            // The API server admits a connection only with one of them.
            (None, None, None)
            | (Some(_), Some(_), _)
            | (Some(_), _, Some(_))
            | (_, Some(_), Some(_)) => Err(Refused::Forbidden {
                message: "The connection does not say in one way how to log in.".to_owned(),
                next_action: "Give spec.auth exactly one of bearer, oauth2ClientCredentials and \
                                  oauth2Password."
                    .to_owned(),
            }),
        }
    }

    /// Whom to trust at the BSS.
    pub(super) async fn tls_of_the_bss(&self) -> Result<transport::Tls, Refused> {
        self.tls(self.spec.tls.as_ref(), self.url).await
    }

    async fn client_credentials(
        &self,
        oauth: &OAuth2ClientCredentials,
    ) -> Result<(Login, String), Refused> {
        let name = &oauth.secret_ref.name;
        // The annotation for token endpoints counts where it is; the other one where it is not.
        let token = Wanted {
            url: &oauth.token_url,
            annotation: ALLOWED_TOKEN_HOSTS_ANNOTATION,
        };
        let secret = self.granted(name, &[Wanted::bss(self.url), token]).await?;
        let place = |key| Place { secret: name, key };
        let id = secrets::client_id(&secret, place("clientId"))?;
        let proof = secrets::client_secret(&secret, place("clientSecret"))?;
        let endpoint = TokenEndpoint {
            authentication: authentication(oauth.client_authentication),
            parameters: oauth.endpoint_parameters.clone(),
            tls: self.tls(oauth.tls.as_ref(), &oauth.token_url).await?,
            allowed_hosts: allowed(&secret, ALLOWED_TOKEN_HOSTS_ANNOTATION).to_owned(),
        };
        let login = Login::OAuth2 {
            token_url: oauth.token_url.clone(),
            grant: transport::Grant::ClientCredentials,
            scopes: oauth.scopes.clone(),
            id,
            secret: proof,
            endpoint: Box::new(endpoint),
        };
        Ok((login, hosts(&secret)))
    }

    async fn password(&self, oauth: &OAuth2Password) -> Result<(Login, String), Refused> {
        let wanted = [
            Wanted::bss(self.url),
            Wanted {
                url: &oauth.token_url,
                annotation: ALLOWED_TOKEN_HOSTS_ANNOTATION,
            },
        ];
        let (of_user, of_client) = (&oauth.user_secret_ref.name, &oauth.client_secret_ref.name);
        // Each of the two allows every host by itself: what the one allows says nothing about the other.
        let user_secret = self.granted(of_user, &wanted).await?;
        let client_secret = self.granted(of_client, &wanted).await?;
        let place = |secret, key| Place { secret, key };
        let user = secrets::client_id(&user_secret, place(of_user, "username"))?;
        let password = secrets::client_secret(&user_secret, place(of_user, "password"))?;
        let id = secrets::client_id(&client_secret, place(of_client, "clientId"))?;
        let proof = secrets::client_secret(&client_secret, place(of_client, "clientSecret"))?;
        let endpoint = TokenEndpoint {
            authentication: authentication(oauth.client_authentication),
            parameters: BTreeMap::new(),
            tls: self.tls(oauth.tls.as_ref(), &oauth.token_url).await?,
            allowed_hosts: allowed(&user_secret, ALLOWED_TOKEN_HOSTS_ANNOTATION).to_owned(),
        };
        let login = Login::OAuth2 {
            token_url: oauth.token_url.clone(),
            grant: transport::Grant::Password { user, password },
            scopes: Vec::new(),
            id,
            secret: proof,
            endpoint: Box::new(endpoint),
        };
        Ok((login, hosts(&user_secret)))
    }

    async fn tls(&self, tls: Option<&Tls>, url: &str) -> Result<transport::Tls, Refused> {
        let Some(tls) = tls else {
            return Ok(transport::Tls::default());
        };
        Ok(transport::Tls {
            ca: match &tls.ca_secret_ref {
                None => None,
                Some(reference) => Some(self.authorities(reference).await?),
            },
            machine_roots: match tls.system_roots {
                None | Some(SystemRoots::Excluded) => MachineRoots::Excluded,
                Some(SystemRoots::Included) => MachineRoots::Included,
            },
            client_certificate: match &tls.client_certificate_secret_ref {
                None => None,
                Some(reference) => Some(self.client_certificate(reference, url).await?),
            },
        })
    }

    /// Authorities are public; that there is a Secret with other keys is not, and is not told.
    async fn authorities(&self, reference: &SecretRef) -> Result<CaBundle, Refused> {
        const KEY: &str = "ca.crt";
        let name = &reference.name;
        let secret = self.cluster.secret(self.namespace, name).await?;
        let place = Place {
            secret: name,
            key: KEY,
        };
        let bytes = secret.as_ref().map(|secret| secrets::bytes(secret, place));
        let Some(Ok(bytes)) = bytes else {
            return Err(Refused::NotReady {
                message: format!("There is no Secret {name} with the key {KEY} in this namespace."),
                next_action: format!(
                    "Create the Secret {name} with the key {KEY}, or add the key to it; the operator \
                     goes on by itself."
                ),
            });
        };
        let bytes = secrecy::ExposeSecret::expose_secret(bytes);
        CaBundle::read(bytes).map_err(|fault| place.wrong(&fault).into())
    }

    async fn client_certificate(
        &self,
        reference: &SecretRef,
        url: &str,
    ) -> Result<ClientCertificate, Refused> {
        let name = &reference.name;
        let secret = self.granted(name, &[Wanted::bss(url)]).await?;
        let place = |part: Part| Place {
            secret: name,
            key: part.key(),
        };
        let certificate = secrets::bytes(&secret, place(Part::Certificate))?;
        let key = secrets::bytes(&secret, place(Part::Key))?;
        ClientCertificate::read(certificate, key, self.now)
            .map_err(|PairFault { part, fault }| place(part).wrong(&fault).into())
    }

    /// The Secret, if it is there and allows every one of the hosts.
    async fn granted(&self, name: &str, wanted: &[Wanted<'_>]) -> Result<SecretView, Refused> {
        let secret = self.cluster.secret(self.namespace, name).await?;
        let granted = secret.filter(|secret| {
            wanted.iter().all(|wanted| {
                let allowed = allowed(secret, wanted.annotation);
                AllowedHosts::read(allowed).allow(wanted.url)
            })
        });
        granted.ok_or_else(|| self.not_granted(name, wanted))
    }

    fn not_granted(&self, name: &str, wanted: &[Wanted<'_>]) -> Refused {
        let mut entries: Vec<String> = wanted
            .iter()
            .map(|wanted| AllowedHosts::entry_for(wanted.url))
            .collect();
        entries.dedup();
        let (words, value) = (entries.join(" and "), entries.join(","));
        let namespace = self.namespace;
        let separate = if wanted.len() > 1 {
            format!(
                " (where it has the annotation {ALLOWED_TOKEN_HOSTS_ANNOTATION}, the token endpoint \
                 belongs there)"
            )
        } else {
            String::new()
        };
        Refused::NotReady {
            message: format!(
                "The Secret {name} is not there for {words}: either it does not exist in this \
                 namespace, or its annotation {ALLOWED_HOSTS_ANNOTATION} does not allow that."
            ),
            next_action: format!(
                "Create the Secret {name} if it is missing, and let it say itself where it may be \
                 sent: kubectl annotate secret {name} -n {namespace} --overwrite \
                 '{ALLOWED_HOSTS_ANNOTATION}={value}'{separate}. A host alone means port 443."
            ),
        }
    }
}

/// What looks wrong with a value that can be sent, in a sentence without the value.
pub(super) fn doubt(auth: &Auth, login: &Login) -> Option<String> {
    let (secret, key, value) = match login {
        Login::Bearer(token) => (&auth.bearer.as_ref()?.secret_ref.name, "token", token),
        Login::OAuth2 { secret, .. } => {
            let of_client = auth.oauth2_client_credentials.as_ref();
            let of_user = auth.oauth2_password.as_ref();
            let name = of_client
                .map(|oauth| &oauth.secret_ref)
                .or_else(|| of_user.map(|oauth| &oauth.client_secret_ref));
            (&name?.name, "clientSecret", secret)
        }
    };
    secrets::may_be_encoded_twice(value.expose_secret()).then(|| {
        format!(
            "The key {key} of the Secret {secret} looks like the base64 of a text: was it encoded twice? \
             Under data it is encoded once, under stringData not at all."
        )
    })
}

/// Where a client's id and secret stand in a request for a token.
fn authentication(declared: Option<ClientAuthentication>) -> transport::ClientAuthentication {
    match declared {
        None | Some(ClientAuthentication::Basic) => transport::ClientAuthentication::Basic,
        Some(ClientAuthentication::BasicUnencoded) => {
            transport::ClientAuthentication::BasicUnencoded
        }
        Some(ClientAuthentication::Body) => transport::ClientAuthentication::Body,
    }
}

/// The hosts that the Secret may be sent to.
fn hosts(secret: &SecretView) -> String {
    allowed(secret, ALLOWED_HOSTS_ANNOTATION).to_owned()
}

/// What the annotation says; the one for all hosts, where there is none for token endpoints.
fn allowed<'a>(secret: &'a SecretView, annotation: &str) -> &'a str {
    let annotations = &secret.annotations;
    let own = annotations.get(annotation);
    let common = annotations.get(ALLOWED_HOSTS_ANNOTATION);
    own.or(common).map_or("", String::as_str)
}
