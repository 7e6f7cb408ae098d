//! What a user applies is what the types read: nothing missing, nothing misspelt.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tenant_reseller_operator::api::{
    ALLOWED_HOSTS_ANNOTATION, BssConnection, CustomerPricing, TenantResellerUpgrade,
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
fn reads_as<K: DeserializeOwned + Serialize>(file: &str, document: &Value) -> K {
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

#[test]
fn examples_read_as_their_types() {
    let documents = documents();
    let kinds: Vec<String> = documents
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
            "pricing.yaml CustomerPricing",
            "upgrade.yaml TenantResellerUpgrade",
        ]
    );
    let of = |kind: &str| {
        let found = documents
            .iter()
            .find(|(_, document)| document["kind"] == kind);
        found
            .map(|(file, document)| (file.as_str(), document))
            .unwrap()
    };
    let (file, document) = of("BssConnection");
    let connection: BssConnection = reads_as(file, document);
    let (file, document) = of("TenantResellerUpgrade");
    let upgrade: TenantResellerUpgrade = reads_as(file, document);
    let (file, document) = of("CustomerPricing");
    let pricing: CustomerPricing = reads_as(file, document);

    // They belong together.
    assert_eq!(
        Some(&upgrade.spec.connection_ref.name),
        connection.metadata.name.as_ref()
    );
    assert_eq!(
        Some(&pricing.spec.upgrade_ref.name),
        upgrade.metadata.name.as_ref()
    );
    for (file, document) in documents
        .iter()
        .filter(|(_, document)| document["kind"] != "Namespace")
    {
        assert_eq!(document["metadata"]["namespace"], "resellers", "{file}");
    }
    let secret = documents
        .iter()
        .map(|(_, document)| document)
        .find(|document| {
            document["metadata"]["name"]
                == connection
                    .spec
                    .auth
                    .bearer
                    .as_ref()
                    .unwrap()
                    .secret_ref
                    .name
                    .as_str()
        })
        .unwrap();
    let hosts = secret["metadata"]["annotations"][ALLOWED_HOSTS_ANNOTATION]
        .as_str()
        .unwrap();
    let url = url::Url::parse(&connection.spec.reference.url).unwrap();
    assert_eq!(Some(hosts), url.host_str());
    assert!(secret["stringData"]["token"].is_string());
}
