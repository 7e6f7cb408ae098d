//! What the API server refuses, and that it says which field is wrong and how.

use serde_json::{Value, json};

use super::{Objects as _, claim, connection, customer, namespace, pricing, report, upgrade};

/// Sets the value at a pointer, or removes the field if it is null.
fn with(object: &Value, pointer: &str, value: &Value) -> Value {
    let mut object = object.clone();
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    let parent = object
        .pointer_mut(parent)
        .unwrap_or_else(|| panic!("no {pointer}"));
    match parent {
        Value::Object(members) if value.is_null() => drop(members.remove(field)),
        Value::Object(members) => drop(members.insert(field.to_owned(), value.clone())),
        Value::Array(items) => items[field.parse::<usize>().unwrap()] = value.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            panic!("no {pointer}")
        }
    }
    object
}

/// How the API server writes a pointer.
fn path(pointer: &str) -> String {
    let parts: Vec<String> = pointer[1..]
        .split('/')
        .map(|part| match part.parse::<usize>() {
            Ok(index) => format!("[{index}]"),
            Err(_) => format!(".{part}"),
        })
        .collect();
    parts.concat()[1..].to_owned()
}

/// Each row is one change of a good object, and what the refusal must say beside the field.
async fn refuses(label: &str, good: &Value, rows: &[(&str, Value, &str)]) {
    let namespace = namespace(label).await;
    namespace
        .try_create(good)
        .await
        .expect("the good object is good");
    let mut wrong = Vec::new();
    for (pointer, value, says) in rows {
        match namespace.try_create(&with(good, pointer, value)).await {
            Ok(_) => wrong.push(format!("{pointer} = {value} was accepted")),
            Err(said) if !said.contains(says) || !said.contains(&path(pointer)) => {
                wrong.push(format!("{pointer} = {value}: wanted {says:?}, got {said}"));
            }
            Err(_) => {}
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

async fn accepts(label: &str, good: &Value, rows: &[(&str, Value)]) {
    let namespace = namespace(label).await;
    for (pointer, value) in rows {
        let answer = namespace.try_create(&with(good, pointer, value)).await;
        answer.unwrap_or_else(|said| panic!("{pointer} = {value}: {said}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_that_cannot_be_meant() {
    let blank =
        |field: &str| format!("{field} must not be blank, nor begin or end with white space");
    let text = [
        ("/spec/reseller/accountId", "reseller.accountId"),
        ("/spec/reseller/expectedName", "reseller.expectedName"),
        ("/spec/tenant/priceList", "tenant.priceList"),
        ("/spec/tenant/edition", "tenant.edition"),
        ("/spec/tenant/dateFormat", "tenant.dateFormat"),
    ]
    .map(|(pointer, field)| (pointer, blank(field)));
    let mut rows: Vec<(&str, Value, &str)> = Vec::new();
    for (pointer, message) in &text {
        for value in [" ", "\t\n", " x", "x ", "x\u{a0}"] {
            rows.push((*pointer, json!(value), message.as_str()));
        }
        for value in [
            "x\ny",
            "x\ty",
            "x\u{0}",
            "x\u{200b}y",
            "\u{feff}x",
            "x\u{7f}",
        ] {
            let invisible = "must not contain line breaks, tabs or other invisible characters";
            rows.push((*pointer, json!(value), invisible));
        }
        let path = &pointer[1..];
        let field = path.rsplit('/').next().unwrap();
        rows.push((*pointer, json!(""), field));
        rows.push((*pointer, json!("x".repeat(300)), field));
        rows.push((*pointer, json!(7), field));
    }
    let language = "tenant.language must be a BCP 47 language tag, for example en-GB";
    for value in [
        "english!", "en_GB", "en-", "e1", "en-GB-", "12-GB", "en--GB", "  ",
    ] {
        rows.push(("/spec/tenant/language", json!(value), language));
    }
    let zone = "tenant.timeZone must be an IANA time zone name, for example Europe/Athens";
    for value in [
        "+02:00",
        "Europe/",
        "/Athens",
        "Europe Athens",
        " ",
        "../etc/passwd",
    ] {
        rows.push(("/spec/tenant/timeZone", json!(value), zone));
    }
    let name = "name must be the name of an object";
    for value in [
        "Distributor",
        "../../secrets/x",
        "a/b",
        "-a",
        "a-",
        "a b",
        "a?b",
    ] {
        rows.push(("/spec/connectionRef/name", json!(value), name));
        let tenant = json!({ "kind": "BssConnection", "name": value });
        rows.push(("/spec/tenantConnectionRef", tenant, name));
    }
    rows.extend([
        (
            "/spec/connectionRef/kind",
            json!("Secret"),
            "spec.connectionRef.kind: Unsupported value",
        ),
        (
            "/spec/tenant/invoicing",
            json!("Both"),
            "spec.tenant.invoicing: Unsupported value",
        ),
        (
            "/spec/tenant/invoicing",
            Value::Null,
            "spec.tenant.invoicing: Required value",
        ),
        ("/spec/tenant", Value::Null, "spec.tenant: Required value"),
        (
            "/spec/reseller/accountId",
            Value::Null,
            "spec.reseller.accountId: Required value",
        ),
        ("/spec/suspend", json!("yes"), "spec.suspend"),
        ("/spec", Value::Null, "spec: Required value"),
    ]);
    refuses("upgrade", &upgrade("u"), &rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_default_exactly_with_use_default() {
    let options = |billing: Value| {
        json!({ "priceList": "PL-RETAIL", "billing": billing, "paymentMethod": "Invoice",
                "invoicing": "Combined" })
    };
    let policy =
        |billing: Value| json!({ "whenMissing": "UseDefault", "default": options(billing) });
    let mut blank = policy(json!({ "day": 1 }));
    blank["default"]["priceList"] = json!(" ");
    let mut method = policy(json!({ "day": 1 }));
    method["default"]["paymentMethod"] = json!("Invoice ");
    let both = "billing must have exactly one of day and anchor";
    let unwanted = "pricing.default must not be set unless pricing.whenMissing is UseDefault";
    refuses(
        "default",
        &upgrade("u"),
        &[
            (
                "/spec/pricing",
                json!({ "whenMissing": "UseDefault" }),
                "pricing.default must be set when pricing.whenMissing is UseDefault",
            ),
            (
                "/spec/pricing",
                json!({ "whenMissing": "Wait", "default": options(json!({ "day": 1 })) }),
                unwanted,
            ),
            (
                "/spec/pricing",
                json!({ "default": options(json!({ "day": 1 })) }),
                unwanted,
            ),
            (
                "/spec/pricing",
                json!({ "whenMissing": "Guess" }),
                "spec.pricing.whenMissing",
            ),
            ("/spec/pricing", policy(json!({})), both),
            (
                "/spec/pricing",
                policy(json!({ "day": 1, "anchor": "LastDayOfMonth" })),
                both,
            ),
            (
                "/spec/pricing",
                policy(json!({ "day": 0 })),
                "spec.pricing.default.billing.day in body should be greater than or equal to 1",
            ),
            (
                "/spec/pricing",
                policy(json!({ "day": 29 })),
                "spec.pricing.default.billing.day in body should be less than or equal to 28",
            ),
            (
                "/spec/pricing",
                policy(json!({ "day": 31 })),
                "spec.pricing.default.billing.day in body should be less than or equal to 28",
            ),
            (
                "/spec/pricing",
                policy(json!({ "anchor": "FirstMonday" })),
                "spec.pricing.default.billing.anchor: Unsupported value: \"FirstMonday\": \
                 supported values: \"LastDayOfMonth\"",
            ),
            (
                "/spec/pricing",
                blank,
                "pricing.default.priceList must not be blank",
            ),
            (
                "/spec/pricing",
                method,
                "pricing.default.paymentMethod must not be blank",
            ),
        ],
    )
    .await;
    accepts(
        "default",
        &upgrade("u"),
        &[
            ("/spec/pricing", policy(json!({ "day": 28 }))),
            (
                "/spec/pricing",
                policy(json!({ "anchor": "LastDayOfMonth" })),
            ),
            ("/spec/pricing", json!({ "whenMissing": "Wait" })),
            ("/spec/pricing", json!({})),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_meant_is_accepted() {
    let languages = [
        "en",
        "en-GB",
        "de-CH-1996",
        "zh-Hant-TW",
        "sr-Latn-RS",
        "es-419",
        "sl-rozaj-biske",
        "en-US-u-ca-gregory",
        "de-x-formal",
        "EL-gr",
        "hak",
        "zh-cmn-Hans-CN",
    ];
    let zones = [
        "Europe/Athens",
        "UTC",
        "Etc/GMT+1",
        "America/Argentina/Buenos_Aires",
        "America/Port-au-Prince",
        "EST5EDT",
    ];
    let mut rows: Vec<(&str, Value)> = Vec::new();
    rows.extend(languages.map(|tag| ("/spec/tenant/language", json!(tag))));
    rows.extend(zones.map(|zone| ("/spec/tenant/timeZone", json!(zone))));
    rows.extend([
        ("/spec/tenant/dateFormat", json!("d. MMMM yyyy")),
        ("/spec/reseller/accountId", json!("a/b:c d")),
        ("/spec/reseller/expectedName", Value::Null),
        ("/spec/reseller/expectedName", json!("Ελληνική Εταιρεία ΑΕ")),
        ("/spec/connectionRef/name", json!("bss.example.com")),
    ]);
    accepts("meant", &upgrade("u"), &rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_cannot_be_meant() {
    let https = "reference.url must be an absolute https URL";
    let secret = "must not contain credentials: they belong into a Secret";
    let bare = "reference.url must not have a query or a fragment";
    let identity = "identity must be the name of an object";
    let name = "name must be the name of an object";
    let mut rows: Vec<(&str, Value, &str)> = Vec::new();
    for value in [
        "http://bss.example.com/x",
        "bss.example.com",
        "https:///tenant",
        "ftp://bss.example",
        "https//x.example",
        "https://a b.example/",
    ] {
        rows.push(("/spec/reference/url", json!(value), https));
    }
    for value in [
        "https://u:p@bss.example.com/x",
        "https://token@bss.example.com",
    ] {
        rows.push(("/spec/reference/url", json!(value), secret));
    }
    for value in [
        "https://bss.example.com/x?key=1",
        "https://bss.example.com/x?",
        "https://bss.example.com/x#y",
    ] {
        rows.push(("/spec/reference/url", json!(value), bare));
    }
    for value in ["Acme", "a b", "a/b", "-acme", " "] {
        rows.push(("/spec/identity", json!(value), identity));
    }
    rows.extend([
        ("/spec/identity", json!("a".repeat(64)), "spec.identity"),
        (
            "/spec/identity",
            Value::Null,
            "spec.identity: Required value",
        ),
        (
            "/spec/auth",
            json!({}),
            "auth must have exactly one of bearer, oauth2ClientCredentials and oauth2Password",
        ),
        ("/spec/auth/bearer/secretRef/name", json!("../x"), name),
        ("/spec/tls/caSecretRef/name", json!("A"), name),
        (
            "/spec/tls",
            json!({}),
            "tls must have caSecretRef or clientCertificateSecretRef",
        ),
        (
            "/spec/tls",
            json!({ "clientCertificateSecretRef": { "name": "own" }, "systemRoots": "Included" }),
            "tls.systemRoots must only stand beside caSecretRef",
        ),
        (
            "/spec/tls/systemRoots",
            json!("Some"),
            "supported values: \"Excluded\", \"Included\"",
        ),
        (
            "/spec/limits",
            json!({ "requestsPerSecond": 0 }),
            "spec.limits.requestsPerSecond",
        ),
        (
            "/spec/limits",
            json!({ "concurrency": 257 }),
            "spec.limits.concurrency",
        ),
        (
            "/spec/limits",
            json!({ "requestTimeoutSeconds": 301 }),
            "spec.limits.requestTimeoutSeconds",
        ),
        (
            "/spec/limits",
            json!({ "requestTimeoutSeconds": 1.5 }),
            "spec.limits.requestTimeoutSeconds",
        ),
    ]);
    refuses("connection", &connection("c"), &rows).await;
    accepts(
        "connection",
        &connection("c"),
        &[
            ("/spec/reference/url", json!("https://127.0.0.1:8443/v1/")),
            (
                "/spec/reference/url",
                json!("https://[2001:db8::1]:8443/v1"),
            ),
            ("/spec/reference/url", json!("https://bss.example.com")),
            ("/spec/tls", Value::Null),
        ],
    )
    .await;
}

/// What this version does not know is dropped before the rule is read, so that a connection for
/// another adapter has none.
#[tokio::test(flavor = "multi_thread")]
async fn one_adapter_of_those_that_there_are() {
    let good = connection("c");
    let mut none = good["spec"].clone();
    none.as_object_mut().unwrap().remove("reference");
    let mut unknown = none.clone();
    unknown["pigeons"] = good["spec"]["reference"].clone();
    let one = "spec must have exactly one adapter: reference, interworks";
    let mut both = good["spec"].clone();
    let calibration = json!({ "basicAccountId": "1201", "tenantAccountId": "1077" });
    let vendor = json!({ "url": "https://bss.example.com", "calibration": calibration });
    both["interworks"] = vendor.clone();
    let mut bearer = none.clone();
    bearer["interworks"] = vendor.clone();
    let mut whole = bearer.clone();
    whole["auth"] = json!({ "oauth2Password": {
        "tokenUrl": "https://bss.example.com/oauth/token",
        "userSecretRef": { "name": "user" }, "clientSecretRef": { "name": "client" },
    } });
    let mut neither = whole.clone();
    neither["interworks"] = json!({ "url": "https://bss.example.com" });
    let mut two = whole.clone();
    two["interworks"]["tenant"] = json!({ "id": "alpha-it", "resellerAccountId": "1340" });
    let side = "interworks must have exactly one of calibration";
    let login = "auth must have oauth2Password beside interworks";
    refuses(
        "adapter",
        &good,
        &[
            ("/spec", none, one),
            ("/spec", unknown, one),
            ("/spec", both, one),
            ("/spec", bearer, login),
            ("/spec", neither, side),
            ("/spec", two, side),
        ],
    )
    .await;
    let mut other = good.clone();
    other["metadata"]["name"] = json!("vendor");
    other["spec"] = whole;
    let vendors = namespace("adaptervendor").await;
    vendors.create(&other).await.unwrap();
    let namespace = namespace("adapterlost").await;
    namespace.create(&good).await.unwrap();
    let patch = json!({ "spec": { "reference": null } });
    let said = namespace.try_merge(&good, patch).await;
    assert!(
        said.as_ref().is_err_and(|said| said.contains(one)),
        "{said:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn how_a_token_endpoint_is_asked() {
    let with = |member: &str, value: Value| {
        let mut oauth = json!({
            "tokenUrl": "https://login.example.com/o/token/",
            "secretRef": { "name": "credentials" },
        });
        oauth[member] = value;
        json!({ "oauth2ClientCredentials": oauth })
    };
    let parameters = |value: Value| with("endpointParameters", value);
    let many: serde_json::Map<String, Value> =
        (0..17).map(|nth| (format!("p{nth}"), json!("v"))).collect();
    let reserved = "must not set grant_type, client_id, client_secret or scope";
    let names = "must have names of letters, digits, '.', '_' and '-'";
    let mut rows = vec![
        ("/spec/auth", parameters(json!({ "a b": "x" })), names),
        ("/spec/auth", parameters(json!({ "": "x" })), names),
        (
            "/spec/auth",
            parameters(json!({ "a".repeat(129): "x" })),
            names,
        ),
        (
            "/spec/auth",
            parameters(json!({ "a": "x".repeat(1025) })),
            "Too long",
        ),
        ("/spec/auth", parameters(Value::Object(many)), "Too many"),
        (
            "/spec/auth",
            with("clientAuthentication", json!("basic")),
            "supported values: \"Basic\", \"BasicUnencoded\", \"Body\"",
        ),
        (
            "/spec/auth",
            with("tls", json!({ "systemRoots": "Included" })),
            "tls must have caSecretRef or clientCertificateSecretRef",
        ),
    ];
    for name in ["grant_type", "client_id", "client_secret", "scope"] {
        rows.push(("/spec/auth", parameters(json!({ name: "x" })), reserved));
    }
    refuses("tokens", &connection("c"), &rows).await;
    let own = json!({
        "caSecretRef": { "name": "ca" }, "systemRoots": "Included",
        "clientCertificateSecretRef": { "name": "own" },
    });
    let good = [
        (
            "/spec/auth",
            parameters(json!({ "audience": "https://bss.example.com/" })),
        ),
        ("/spec/auth", with("clientAuthentication", json!("Body"))),
        ("/spec/auth", with("tls", own.clone())),
        ("/spec/tls", own),
    ];
    accepts("tokens", &connection("c"), &good).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_way_to_log_in_and_only_over_tls() {
    let client = |token_url: &str, scopes: Value| {
        json!({ "oauth2ClientCredentials": {
            "tokenUrl": token_url, "scopes": scopes, "secretRef": { "name": "credentials" } } })
    };
    let token = |url: &str| client(url, json!(["upgrade"]));
    let scopes = |scopes: Value| client("https://login.example.com/oauth2/token", scopes);
    let mut both = token("https://login.example.com/oauth2/token");
    both["bearer"] = json!({ "secretRef": { "name": "credentials" } });
    let one = "auth must have exactly one of bearer, oauth2ClientCredentials and oauth2Password";
    let field = "spec.auth.oauth2ClientCredentials.tokenUrl";
    let https = "auth.oauth2ClientCredentials.tokenUrl must be an absolute https URL";
    let secret = "auth.oauth2ClientCredentials.tokenUrl must not contain credentials: they belong";
    let bare = "auth.oauth2ClientCredentials.tokenUrl must not have a query or a fragment";
    let words = "auth.oauth2ClientCredentials.scopes must be a list of single words without blanks";
    let at = "/spec/auth";
    refuses(
        "login",
        &connection("c"),
        &[
            (at, both, one),
            (at, json!({}), one),
            (at, token("http://login.example.com/token"), https),
            (at, token("login.example.com/token"), https),
            (at, token("http://login.example.com/token"), field),
            (
                at,
                token("https://id:secret@login.example.com/token"),
                secret,
            ),
            (at, token("https://id@login.example.com/token"), secret),
            (at, token("https://login.example.com/token?a=b"), bare),
            (at, token("https://login.example.com/token#a"), bare),
            (at, scopes(json!(["upgrade read"])), words),
            (at, scopes(json!(["upgrade", " "])), words),
            (at, scopes(json!(["\"upgrade\""])), words),
            (
                at,
                scopes(json!(["upgrade", "upgrade"])),
                "spec.auth.oauth2ClientCredentials.scopes[1]: Duplicate value: \"upgrade\"",
            ),
        ],
    )
    .await;
    let mut bare = token("https://login.example.com/oauth2/token");
    let client = bare["oauth2ClientCredentials"].as_object_mut().unwrap();
    client.remove("scopes");
    accepts(
        "login",
        &connection("c"),
        &[
            (at, token("https://login.example.com:8443/oauth2/token")),
            (
                at,
                scopes(json!(["https://bss.example.com/.default", "a:b"])),
            ),
            (at, bare),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_and_risks_within_what_is_known() {
    let risks = "supported values: \"UnguardedSwitch\", \"SingleOperator\", \"UnseenOrders\"";
    let codes = |codes: Value| json!({ "throttleStatusCodes": codes });
    let at = "/spec/limits";
    refuses(
        "limits",
        &connection("c"),
        &[
            ("/spec/acceptedRisks", json!(["Everything"]), risks),
            ("/spec/acceptedRisks", json!(["singleOperator"]), risks),
            (
                "/spec/acceptedRisks",
                json!(["SingleOperator", "SingleOperator"]),
                "spec.acceptedRisks[1]: Duplicate value: \"SingleOperator\"",
            ),
            (
                at,
                codes(json!([399])),
                "spec.limits.throttleStatusCodes[0] in body should be greater than or equal to 400",
            ),
            (
                at,
                codes(json!([429, 600])),
                "spec.limits.throttleStatusCodes[1] in body should be less than or equal to 499",
            ),
            (
                at,
                codes(json!([])),
                "spec.limits.throttleStatusCodes in body should have at least 1 items",
            ),
            (
                at,
                codes(json!([429, 503, 403, 509, 529])),
                "spec.limits.throttleStatusCodes: Too many: 5: must have at most 4 items",
            ),
            (
                at,
                codes(json!([429, 429])),
                "spec.limits.throttleStatusCodes[1]: Duplicate value: 429",
            ),
            (
                at,
                json!({ "settleSeconds": 0 }),
                "spec.limits.settleSeconds in body should be greater than or equal to 1",
            ),
            (
                at,
                json!({ "orderSettleSeconds": 604_801 }),
                "spec.limits.orderSettleSeconds in body should be less than or equal to 604800",
            ),
            (
                at,
                json!({ "activeUpgrades": 1001 }),
                "spec.limits.activeUpgrades in body should be less than or equal to 1000",
            ),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pricing_that_cannot_be_meant() {
    let good = pricing("p", &[customer("20001"), customer("20002")]);
    let first = |field: &str, value: Value| {
        let mut customer = customer("20001");
        customer[field] = value;
        json!([customer])
    };
    let many = |count: usize| -> Value { (0..count).map(|n| customer(&n.to_string())).collect() };
    let both = "billing must have exactly one of day and anchor";
    let limit = "creditLimit must be a decimal number as text";
    let customers = "/spec/customers";
    let mut rows = vec![
        (
            customers,
            json!([customer("20001"), customer("20001")]),
            "spec.customers[1]: Duplicate value",
        ),
        (customers, json!([]), "spec.customers"),
        (customers, many(501), "spec.customers: Too many"),
        (customers, first("billing", json!({})), both),
        (
            customers,
            first("billing", json!({ "day": 1, "anchor": "LastDayOfMonth" })),
            both,
        ),
        (
            customers,
            first("billing", json!({ "day": 0 })),
            "spec.customers[0].billing.day in body should be greater than or equal to 1",
        ),
        (
            customers,
            first("billing", json!({ "day": 29 })),
            "spec.customers[0].billing.day in body should be less than or equal to 28",
        ),
        (
            customers,
            first("billing", json!({ "day": 31 })),
            "spec.customers[0].billing.day in body should be less than or equal to 28",
        ),
        (
            customers,
            first("billing", json!({ "anchor": "FirstMonday" })),
            "spec.customers[0].billing.anchor",
        ),
        (
            customers,
            first("accountId", json!(" ")),
            "accountId must not be blank",
        ),
        (
            customers,
            first("priceList", json!(" PL")),
            "priceList must not be blank",
        ),
        (
            customers,
            first("paymentMethod", json!("")),
            "paymentMethod",
        ),
        (
            customers,
            first("invoicing", json!("None")),
            "spec.customers[0].invoicing",
        ),
        (
            "/spec/upgradeRef/name",
            json!("A"),
            "name must be the name of an object",
        ),
    ];
    for value in ["5,000", "-1", "1.", ".5", "1e9", "1.1234567", "EUR 5", " 5"] {
        rows.push((customers, first("creditLimit", json!(value)), limit));
    }
    refuses("pricing", &good, &rows).await;
    accepts(
        "pricing",
        &good,
        &[
            (customers, many(500)),
            (customers, first("creditLimit", json!("0"))),
            (
                customers,
                first("creditLimit", json!("999999999999999.123456")),
            ),
            (
                customers,
                first("billing", json!({ "anchor": "LastDayOfMonth" })),
            ),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_operator_writes_is_bounded_too() {
    let rows: Value = (0..1001)
        .map(|_| report("r")["spec"]["rows"][0].clone())
        .collect();
    refuses(
        "report",
        &report("r"),
        &[
            ("/spec/rows", rows, "spec.rows"),
            ("/spec/page", json!(9), "spec.page"),
            ("/spec/kind", json!("Gossip"), "spec.kind"),
            (
                "/spec/rows/0/remedy",
                json!("x".repeat(513)),
                "spec.rows[0].remedy",
            ),
        ],
    )
    .await;
    refuses(
        "claim",
        &claim("c"),
        &[
            ("/spec/holder", Value::Null, "spec.holder: Required value"),
            (
                "/spec/activationTime",
                json!("yesterday"),
                "spec.activationTime",
            ),
            ("/spec/epoch", json!("7"), "spec.epoch"),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_null_takes_the_default_and_is_never_stored() {
    let namespace = namespace("null").await;
    let mut wanted = upgrade("u");
    wanted["spec"]["suspend"] = Value::Null;
    wanted["spec"]["pricing"] = Value::Null;
    wanted["spec"]["reseller"]["expectedName"] = Value::Null;
    let stored = namespace.create(&wanted).await.unwrap();
    assert_eq!(
        stored["spec"],
        json!({
            "connectionRef": { "kind": "BssConnection", "name": "distributor" },
            "reseller": { "accountId": "10423" },
            "tenant": wanted["spec"]["tenant"],
            "pricing": { "whenMissing": "Wait" },
            "suspend": false,
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_later_is_unknown_today() {
    let namespace = namespace("later").await;
    let mut wanted = upgrade("u");
    wanted["spec"]["approval"] = json!("Required");
    let said = namespace
        .apply(&wanted.to_string())
        .await
        .unwrap_err()
        .chain();
    assert!(said.contains("unknown field \"spec.approval\""), "{said}");
}
