//! The manifests in `examples/`, pointed at the sandbox of this run.

use std::path::Path;

use serde_json::{Value, json};

use super::commands::Logins;
use crate::bss::transport::AllowedHosts;
use crate::local::error::{LocalError, LocalResult};
use crate::local::tool::Tool;

/// What differs between the examples and this run.
#[derive(Clone, Debug)]
pub(in crate::local) struct Target {
    /// The URL of the sandbox, without a path.
    pub(in crate::local) url: String,
    /// Its bearer token.
    pub(in crate::local) token: String,
    /// The authority of its certificate, PEM.
    pub(in crate::local) authority: String,
    /// The logins of the vendor's API, if it speaks that.
    pub(in crate::local) logins: Option<Logins>,
}

/// Reads a manifest file with all its documents, the way kubectl reads it.
pub(in crate::local) async fn read(kubectl: &Tool, file: &Path) -> LocalResult<Vec<Value>> {
    let file_name = file.display().to_string();
    let arguments = ["create", "--dry-run=client", "--output=json", "--filename"];
    let arguments = arguments.iter().map(|&argument| argument.to_owned());
    let text = kubectl.run(arguments.chain([file_name.clone()])).await?;
    serde_json::Deserializer::from_str(&text)
        .into_iter::<Value>()
        .collect::<Result<_, _>>()
        .map_err(|error| LocalError::Unexpected(format!("kubectl on {file_name}: {error}")))
}

/// Applies objects.
pub(in crate::local) async fn apply(kubectl: &Tool, objects: &[Value]) -> LocalResult<String> {
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects });
    kubectl
        .run_with_input(["apply", "--filename", "-"], &list.to_string())
        .await
}

/// Points the connection and its Secrets at this run's sandbox; everything else stays as it is.
pub(in crate::local) fn point_at(objects: &mut [Value], target: &Target) {
    for object in objects {
        match object.pointer("/kind").and_then(Value::as_str) {
            Some("BssConnection") => set_host(object, &target.url),
            Some("Secret") => set_secret(object, target),
            _ => {}
        }
    }
}

/// Keeps the path of the URL and changes the rest.
fn set_host(connection: &mut Value, url: &str) {
    for place in [
        "/spec/reference/url",
        "/spec/interworks/url",
        "/spec/auth/oauth2Password/tokenUrl",
    ] {
        if let Some(Value::String(told)) = connection.pointer_mut(place) {
            let path = told
                .split_once("://")
                .and_then(|(_, rest)| rest.split_once('/'))
                .map_or(String::new(), |(_, path)| format!("/{path}"));
            *told = format!("{url}{path}");
        }
    }
}

fn set_secret(secret: &mut Value, target: &Target) {
    if let Some(Value::String(hosts)) =
        secret.pointer_mut("/metadata/annotations/tenantreseller.io~1allowed-hosts")
    {
        // A host alone would mean port 443.
        *hosts = AllowedHosts::entry_for(&target.url);
    }
    let keys: Vec<String> = ["/stringData", "/data"]
        .iter()
        .filter_map(|part| secret.pointer(part).and_then(Value::as_object))
        .flat_map(|part| part.keys().cloned())
        .collect();
    let name = secret.pointer("/metadata/name").and_then(Value::as_str);
    let of_tenant = name.is_some_and(|name| name.contains("tenant"));
    let login = target.logins.as_ref().map(|logins| {
        if of_tenant {
            &logins.tenant
        } else {
            &logins.distributor
        }
    });
    let mut strings = serde_json::Map::new();
    for key in keys {
        let value = match (key.as_str(), login) {
            ("ca.crt", _) => &target.authority,
            ("username", Some(login)) => &login.user,
            ("password", Some(login)) => &login.password,
            ("clientId", Some(login)) => &login.client,
            ("clientSecret", Some(login)) => &login.secret,
            _ => &target.token,
        };
        strings.insert(key, Value::String(value.clone()));
    }
    if let Some(secret) = secret.as_object_mut() {
        secret.remove("data");
        secret.insert("stringData".into(), Value::Object(strings));
    }
}

/// `CustomerPricing` objects that declare the same options for these customers, as many as one
/// object may hold in each.
pub(in crate::local) fn pricing(
    namespace: &str,
    upgrade: &str,
    template: &Value,
    customers: &[String],
) -> Vec<Value> {
    const MOST: usize = 500;
    customers
        .chunks(MOST)
        .enumerate()
        .map(|(index, chunk)| {
            let rows: Vec<Value> = chunk
                .iter()
                .map(|customer| {
                    let mut row = template.clone();
                    if let Some(row) = row.as_object_mut() {
                        row.insert("accountId".into(), json!(customer));
                    }
                    row
                })
                .collect();
            json!({
                "apiVersion": "tenantreseller.io/v1alpha1",
                "kind": "CustomerPricing",
                "metadata": { "name": format!("{upgrade}-{index}"), "namespace": namespace },
                "spec": { "upgradeRef": { "name": upgrade }, "customers": rows },
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::demo::commands::Login;

    fn target() -> Target {
        Target {
            url: "https://127.0.0.1:4711".into(),
            token: "T".into(),
            authority: "PEM".into(),
            logins: None,
        }
    }

    #[test]
    fn only_what_differs_is_changed() {
        let mut objects = [
            json!({"kind": "BssConnection", "spec": {
                "identity": "acme",
                "reference": {"url": "https://bss.example.com/tenant-reseller/v1"}}}),
            json!({"kind": "Secret", "stringData": {"token": "x", "ca.crt": "y"},
                "metadata": {"name": "s",
                    "annotations": {"tenantreseller.io/allowed-hosts": "bss.example.com"}}}),
            json!({"kind": "TenantResellerUpgrade", "spec": {"suspend": false}}),
        ];
        point_at(&mut objects, &target());
        assert_eq!(
            objects,
            [
                json!({"kind": "BssConnection", "spec": {
                    "identity": "acme",
                    "reference": {"url": "https://127.0.0.1:4711/tenant-reseller/v1"}}}),
                json!({"kind": "Secret", "stringData": {"token": "T", "ca.crt": "PEM"},
                    "metadata": {"name": "s",
                        "annotations": {"tenantreseller.io/allowed-hosts": "127.0.0.1:4711"}}}),
                json!({"kind": "TenantResellerUpgrade", "spec": {"suspend": false}}),
            ]
        );
    }

    #[test]
    fn the_vendors_secrets_are_those_of_their_side() {
        let login = |side: &str| Login {
            client: format!("{side} client"),
            secret: format!("{side} secret"),
            user: format!("{side} user"),
            password: format!("{side} password"),
        };
        let target = Target {
            logins: Some(Logins {
                distributor: login("distributor"),
                tenant: login("tenant"),
            }),
            ..target()
        };
        let secret = |name: &str, values: [&str; 4]| {
            let [user, password, client, secret] = values;
            json!({"kind": "Secret", "metadata": {"name": name}, "stringData": {
                "username": user, "password": password, "clientId": client, "clientSecret": secret}})
        };
        let open = ["x"; 4];
        let mut objects = [
            secret("distributor-api", open),
            secret("contoso-tenant-api", open),
            json!({"kind": "BssConnection", "spec": {
                "interworks": {"url": "https://bss.example.com"},
                "auth": {"oauth2Password": {"tokenUrl": "https://bss.example.com/oauth/token"}}}}),
        ];
        point_at(&mut objects, &target);
        let of =
            |side: &str| ["user", "password", "client", "secret"].map(|w| format!("{side} {w}"));
        let (distributor, tenant) = (of("distributor"), of("tenant"));
        assert_eq!(
            objects,
            [
                secret(
                    "distributor-api",
                    distributor.each_ref().map(String::as_str)
                ),
                secret("contoso-tenant-api", tenant.each_ref().map(String::as_str)),
                json!({"kind": "BssConnection", "spec": {
                    "interworks": {"url": "https://127.0.0.1:4711"},
                    "auth": {"oauth2Password": {"tokenUrl": "https://127.0.0.1:4711/oauth/token"}}}}),
            ]
        );
    }

    #[test]
    fn every_customer_is_declared_once_and_no_object_is_too_large() {
        let customers: Vec<String> = (0..1201).map(|n| n.to_string()).collect();
        let template = json!({"priceList": "PL-RETAIL"});
        let objects = pricing("ns", "contoso", &template, &customers);
        let sizes: Vec<usize> = objects
            .iter()
            .map(|object| object["spec"]["customers"].as_array().unwrap().len())
            .collect();
        assert_eq!(sizes, [500, 500, 201]);
        let declared: Vec<&str> = objects
            .iter()
            .flat_map(|object| object["spec"]["customers"].as_array().unwrap())
            .map(|row| row["accountId"].as_str().unwrap())
            .collect();
        assert_eq!(declared, customers);
        assert_eq!(objects[2]["metadata"]["name"], "contoso-2");
        assert_eq!(objects[0]["spec"]["customers"][7]["priceList"], "PL-RETAIL");
    }
}
