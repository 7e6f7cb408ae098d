//! What a user applies is what the types read: nothing missing, nothing misspelt.

use std::collections::BTreeSet;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tenant_reseller_operator::api::{
    ALLOWED_HOSTS_ANNOTATION, BssConnection, CustomerPricing, Risk, TenantResellerUpgrade,
    WhenMissing,
};

use super::project;

/// All documents of all manifests, with the files that they are from.
fn documents() -> Vec<(String, Value)> {
    let mut files: Vec<_> = std::fs::read_dir(project("examples"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    files.sort();
    let mut documents = Vec::new();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).unwrap();
        let parsed: Vec<Value> = serde_yaml::from_multiple(&text).unwrap();
        documents.extend(parsed.into_iter().map(|document| (name.clone(), document)));
    }
    documents
}

/// Reads a document into its type and back: what comes back differs only by defaults, so that a
/// field which the type does not know is seen.
pub(super) fn reads_as<K: DeserializeOwned + Serialize>(file: &str, document: &Value) -> K {
    let object: K =
        serde_json::from_value(document.clone()).unwrap_or_else(|error| panic!("{file}: {error}"));
    assert_contained(file, "", document, &serde_json::to_value(&object).unwrap());
    object
}

fn assert_contained(file: &str, path: &str, written: &Value, read: &Value) {
    match (written, read) {
        (Value::Object(written), Value::Object(read)) => {
            for (name, value) in written {
                let path = format!("{path}.{name}");
                let read = read.get(name).unwrap_or(&Value::Null);
                assert_contained(file, &path, value, read);
            }
        }
        (Value::Array(written), Value::Array(read)) => {
            assert_eq!(written.len(), read.len(), "{file}{path}");
            for (written, read) in written.iter().zip(read) {
                assert_contained(file, &format!("{path}[]"), written, read);
            }
        }
        _ => assert_eq!(written, read, "{file}{path}"),
    }
}

/// All examples of a kind, with the files that they are from.
fn all_of<K: DeserializeOwned + Serialize>(
    documents: &[(String, Value)],
    kind: &str,
) -> Vec<(String, K)> {
    documents
        .iter()
        .filter(|(_, document)| document["kind"] == kind)
        .map(|(file, document)| (file.clone(), reads_as(file, document)))
        .collect()
}

/// In the order in which kubectl takes them: the namespace is the first.
#[test]
fn these_are_the_examples() {
    let kinds: Vec<String> = documents()
        .iter()
        .map(|(file, document)| format!("{file} {}", document["kind"].as_str().unwrap()))
        .collect();
    assert_eq!(
        kinds,
        [
            "connection.yaml Namespace",
            "connection.yaml Secret",
            "connection.yaml Secret",
            "connection.yaml BssConnection",
            "interworks-connection.yaml Secret",
            "interworks-connection.yaml BssConnection",
            "interworks-connection.yaml Secret",
            "interworks-connection.yaml BssConnection",
            "interworks-upgrade.yaml TenantResellerUpgrade",
            "oauth2-connection.yaml Secret",
            "oauth2-connection.yaml BssConnection",
            "pricing.yaml CustomerPricing",
            "upgrade-default-pricing.yaml TenantResellerUpgrade",
            "upgrade-tenant-connection.yaml Secret",
            "upgrade-tenant-connection.yaml BssConnection",
            "upgrade-tenant-connection.yaml TenantResellerUpgrade",
            "upgrade.yaml TenantResellerUpgrade",
            "weak-bss-connection.yaml Secret",
            "weak-bss-connection.yaml BssConnection",
        ]
    );
}

/// They may be applied together: no two are one object, and no two are about one reseller.
#[test]
fn examples_do_not_get_in_each_others_way() {
    let documents = documents();
    let mut objects = BTreeSet::new();
    for (file, document) in &documents {
        let text = |pointer: &str| document.pointer(pointer).and_then(Value::as_str);
        let (kind, name) = (text("/kind").unwrap(), text("/metadata/name").unwrap());
        assert!(objects.insert((kind, name)), "{file}: {kind} {name} twice");
        if kind != "Namespace" {
            assert_eq!(text("/metadata/namespace"), Some("resellers"), "{file}");
        }
    }
    let upgrades = all_of::<TenantResellerUpgrade>(&documents, "TenantResellerUpgrade");
    let mut resellers = BTreeSet::new();
    for (file, upgrade) in &upgrades {
        let account = &upgrade.spec.reseller.account_id;
        assert!(resellers.insert(account.clone()), "{file}: {account} twice");
    }
}

/// What an example refers to is an example, and each Secret has the keys that are read and may be
/// sent to every host that it would be sent to.
#[test]
fn examples_belong_together() {
    let documents = documents();
    let connections = all_of::<BssConnection>(&documents, "BssConnection");
    let upgrades = all_of::<TenantResellerUpgrade>(&documents, "TenantResellerUpgrade");
    let connection = |file: &str, wanted: &str| {
        let mut all = connections.iter().map(|(_, connection)| connection);
        all.find(|c| c.metadata.name.as_deref() == Some(wanted))
            .unwrap_or_else(|| panic!("{file}: no BssConnection {wanted}"))
    };
    let secret = |file: &str, wanted: &str| {
        let mut all = documents.iter().map(|(_, document)| document);
        all.find(|d| d["kind"] == "Secret" && d["metadata"]["name"] == wanted)
            .unwrap_or_else(|| panic!("{file}: no Secret {wanted}"))
    };
    for (file, upgrade) in &upgrades {
        let to = connection(file, &upgrade.spec.connection_ref.name);
        if let Some(tenant) = &upgrade.spec.tenant_connection_ref {
            let tenant = connection(file, &tenant.name);
            assert_eq!(tenant.spec.identity, to.spec.identity, "{file}");
        }
    }
    for (file, pricing) in all_of::<CustomerPricing>(&documents, "CustomerPricing") {
        let wanted = Some(&pricing.spec.upgrade_ref.name);
        let mut names = upgrades.iter().map(|(_, u)| u.metadata.name.as_ref());
        assert!(names.any(|name| name == wanted), "{file}: no {wanted:?}");
    }
    for (file, connection) in &connections {
        let auth = &connection.spec.auth;
        let (name, keys, urls) = match (
            &auth.bearer,
            &auth.oauth2_client_credentials,
            &auth.oauth2_password,
        ) {
            (Some(bearer), None, None) => (&bearer.secret_ref.name, vec!["token"], vec![]),
            (None, Some(client), None) => (
                &client.secret_ref.name,
                vec!["clientId", "clientSecret"],
                vec![&client.token_url],
            ),
            (None, None, Some(user)) => {
                assert_eq!(user.user_secret_ref, user.client_secret_ref, "{file}");
                (
                    &user.user_secret_ref.name,
                    vec!["username", "password", "clientId", "clientSecret"],
                    vec![&user.token_url],
                )
            }
            several_or_none => panic!("{file}: {several_or_none:?}"),
        };
        let secret_of_auth = secret(file, name);
        for key in keys {
            assert!(
                secret_of_auth["stringData"][key].is_string(),
                "{file}: {key}"
            );
        }
        let told = secret_of_auth["metadata"]["annotations"][ALLOWED_HOSTS_ANNOTATION].as_str();
        let mut allowed: Vec<&str> = told.unwrap().split(',').collect();
        let adapter = connection.spec.adapter();
        let adapter = adapter.unwrap_or_else(|| panic!("{file}: no adapter"));
        let mut sent_to: Vec<String> = urls
            .into_iter()
            .map(String::as_str)
            .chain([adapter.url])
            .map(|url| url::Url::parse(url).unwrap().host_str().unwrap().to_owned())
            .collect();
        allowed.sort_unstable();
        sent_to.sort_unstable();
        sent_to.dedup();
        assert_eq!(allowed, sent_to, "{file}");
        if let Some(tls) = &connection.spec.tls {
            let authority = secret(file, &tls.ca_secret_ref.as_ref().unwrap().name);
            assert!(authority["stringData"]["ca.crt"].is_string(), "{file}");
        }
    }
    // And each thing that an example is for is there.
    let has = |so: &dyn Fn(&BssConnection) -> bool| connections.iter().any(|(_, c)| so(c));
    assert!(has(&|c| c.spec.auth.oauth2_client_credentials.is_some()));
    assert!(has(&|c| c.spec.auth.oauth2_password.is_some()));
    assert!(has(&|c| c
        .spec
        .interworks
        .as_ref()
        .is_some_and(|a| a.tenant.is_some())));
    assert!(has(&|c| !c.spec.accepted_risks.is_empty()));
    let has = |so: &dyn Fn(&TenantResellerUpgrade) -> bool| upgrades.iter().any(|(_, u)| so(u));
    assert!(has(&|u| u.spec.tenant_connection_ref.is_some()));
    assert!(has(
        &|u| u.spec.pricing.when_missing == WhenMissing::UseDefault
    ));
}

/// The example of a weak BSS explains every risk, not only the ones that it accepts.
#[test]
fn every_risk_is_explained_in_its_example() {
    let text = super::read("examples/weak-bss-connection.yaml");
    for risk in [
        Risk::UnguardedSwitch,
        Risk::SingleOperator,
        Risk::UnseenOrders,
    ] {
        assert!(text.contains(&format!("- {}", risk.as_str())), "{risk:?}");
    }
}
