//! The published `OpenAPI` 3.1 document of the reference contract.
//!
//! Schemas come from the wire types, the operations from the table in `operations`, the general
//! part from `general.md`; `docs/reference-contract.yaml` is what [`render`] gives, and a test keeps
//! the two equal. Nothing here runs in the operator: it only describes.

mod operations;

use super::contract::{FENCING_EPOCH, ID, IDEMPOTENCY_KEY, PROBLEM_JSON, Problem, VISIBLE_ASCII};
use operations::{Described, Parameter, Place, Refusal, Reply};
use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::transform::{RecursiveTransform, Transform};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

/// The version of the contract. It grows with every change of the published document that a
/// server could notice; changes are additive.
pub const VERSION: &str = "1.0.0";

const GENERAL: &str = include_str!("general.md");

const HEADER: &str = "\
# Generated from the wire types and the table of operations in src/bss/adapters/reference.
# Do not edit: UPDATE_GENERATED=1 cargo test --all-features --test contract
";

/// A map that keeps the order in which it was written: people read this document from the top.
struct Ordered<T>(Vec<(String, T)>);

impl<T: Serialize> Serialize for Ordered<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// The document, in the order in which it is read.
#[derive(Serialize)]
struct Document {
    openapi: &'static str,
    info: Info,
    servers: Value,
    security: Value,
    tags: Value,
    paths: Ordered<Ordered<PathOperation>>,
    components: Components,
}

#[derive(Serialize)]
struct Info {
    title: &'static str,
    version: &'static str,
    license: Value,
    description: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PathOperation {
    operation_id: &'static str,
    summary: &'static str,
    tags: [&'static str; 1],
    description: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parameters: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_body: Option<Value>,
    responses: Ordered<Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Components {
    security_schemes: Value,
    parameters: Ordered<Value>,
    responses: Ordered<Value>,
    schemas: Ordered<Value>,
}

/// The document as YAML.
///
/// # Errors
///
/// Text, if the serializer refuses; it does not for what is written here, and a test says so.
pub fn render() -> Result<String, String> {
    let yaml = serde_yaml::to_string(&document()).map_err(|error| error.to_string())?;
    Ok(format!("{HEADER}{yaml}"))
}

/// The operation ids with their method and path, as the document lists them.
pub fn routes() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    operations::ALL
        .iter()
        .map(|operation| (operation.id.as_str(), operation.method, operation.path))
}

fn document() -> Document {
    let settings = SchemaSettings::draft2020_12()
        .with(|settings| "/components/schemas".clone_into(settings.definitions_path.to_mut()));
    let mut generator = settings.into_generator();
    let problem = reference_to(&mut generator, SchemaGenerator::subschema_for::<Problem>);
    let mut paths: Vec<(String, Ordered<PathOperation>)> = Vec::new();
    for operation in operations::ALL {
        let entry = (
            operation.method.to_owned(),
            path_operation(operation, &mut generator),
        );
        match paths.iter_mut().find(|(path, _)| path == operation.path) {
            Some((_, methods)) => methods.0.push(entry),
            None => paths.push((operation.path.to_owned(), Ordered(vec![entry]))),
        }
    }
    Document {
        openapi: "3.1.0",
        info: Info {
            title: "Tenant-reseller reference contract",
            version: VERSION,
            license: json!({"name": "Apache-2.0", "identifier": "Apache-2.0"}),
            description: GENERAL,
        },
        servers: json!([{
            "url": "/tenant-reseller/v1",
            "description": "The base path that the sandbox uses; any other will do.",
        }]),
        security: json!([{"bearer": []}]),
        tags: tags(),
        paths: Ordered(paths),
        components: Components {
            security_schemes: json!({"bearer": {"type": "http", "scheme": "bearer"}}),
            parameters: shared_parameters(),
            responses: shared_responses(&problem),
            schemas: schemas(&mut generator),
        },
    }
}

fn tags() -> Value {
    json!([
        {"name": "server", "description": "The server itself."},
        {"name": "distributor", "description": "The distributor BSS."},
        {"name": "tenant", "description": "A reseller BSS."},
    ])
}

fn path_operation(operation: &Described, generator: &mut SchemaGenerator) -> PathOperation {
    let request_body = operation.body.map(|schema| {
        json!({
            "required": true,
            "content": {"application/json": {"schema": reference_to(generator, schema)}},
        })
    });
    PathOperation {
        operation_id: operation.id.as_str(),
        summary: operation.summary,
        tags: [operation.tag],
        description: operation.description,
        parameters: operation.parameters.iter().map(parameter).collect(),
        request_body,
        responses: responses(operation, generator),
    }
}

fn parameter(parameter: &Parameter) -> Value {
    match parameter {
        Parameter::Shared(name) => json!({"$ref": format!("#/components/parameters/{name}")}),
        Parameter::Own {
            name,
            place,
            description,
            values,
        } => {
            let schema = if values.is_empty() {
                json!({"type": "string", "minLength": 1, "maxLength": 128, "pattern": ID})
            } else {
                json!({"type": "string", "enum": values})
            };
            json!({
                "name": name,
                "in": match place { Place::Path => "path", Place::Query => "query" },
                "required": true,
                "description": description,
                "schema": schema,
            })
        }
    }
}

fn responses(operation: &Described, generator: &mut SchemaGenerator) -> Ordered<Value> {
    let mut all = Vec::new();
    for reply in operation.replies {
        let Reply {
            status,
            when,
            schema,
            location,
        } = reply;
        let mut value = json!({
            "description": when,
            "content": {"application/json": {"schema": reference_to(generator, *schema)}},
        });
        if let (Some(location), Some(object)) = (location, value.as_object_mut()) {
            let header = json!({"Location": {
                "description": location,
                "required": true,
                "schema": {"type": "string", "maxLength": 2048},
            }});
            object.insert("headers".to_owned(), header);
        }
        all.push((status.to_string(), value));
    }
    all.push((
        "401".to_owned(),
        json!({"$ref": "#/components/responses/AuthRejected"}),
    ));
    all.push((
        "403".to_owned(),
        json!({"$ref": "#/components/responses/Forbidden"}),
    ));
    for status in [404_u16, 409, 422] {
        let cases: Vec<String> = operation
            .refusals
            .iter()
            .filter(|refusal| refusal.status == status)
            .map(|Refusal { class, when, .. }| format!("- `{class}`: {when}"))
            .collect();
        if !cases.is_empty() {
            all.push((status.to_string(), problem_reply(&cases.join("\n"))));
        }
    }
    for (status, name) in [("429", "Throttled"), ("500", "Internal")] {
        all.push((
            status.to_owned(),
            json!({"$ref": format!("#/components/responses/{name}")}),
        ));
    }
    if operation.manual {
        all.push((
            "501".to_owned(),
            json!({"$ref": "#/components/responses/NotAutomatic"}),
        ));
    }
    all.push((
        "503".to_owned(),
        json!({"$ref": "#/components/responses/Unavailable"}),
    ));
    Ordered(all)
}

fn problem_reply(description: &str) -> Value {
    let mut content = serde_json::Map::new();
    content.insert(
        PROBLEM_JSON.to_owned(),
        json!({"schema": {"$ref": "#/components/schemas/Problem"}}),
    );
    json!({"description": description, "content": content})
}

fn shared_parameters() -> Ordered<Value> {
    let epoch = json!({
        "name": FENCING_EPOCH, "in": "header", "required": true,
        "description": "The epoch under which this write is sent, as `acquireEpoch` issued it, \
            decimal. See section 7.1.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 9_007_199_254_740_991_u64},
    });
    let key = json!({
        "name": IDEMPOTENCY_KEY, "in": "header", "required": true,
        "description": "The request key: equal for repeats of one and the same request. Only \
            successes of `activateBackOrdering` are replayed under it. See section 7.3.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 1280, "pattern": "^[ -~]+$"},
    });
    let limit = json!({
        "name": "limit", "in": "query", "required": false,
        "description": "The most items that the page may hold; without it the server chooses. \
            Outside 1 to `pageSize`: 422.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 1000},
    });
    let cursor = json!({
        "name": "cursor", "in": "query", "required": false,
        "description": "`nextCursor` of the page before; left out for the first page. It belongs \
            to the listing that gave it. See section 8.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 4096, "pattern": VISIBLE_ASCII},
    });
    Ordered(
        [
            ("FencingEpoch", epoch),
            ("IdempotencyKey", key),
            ("Limit", limit),
            ("Cursor", cursor),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec(),
    )
}

fn shared_responses(problem: &Value) -> Ordered<Value> {
    debug_assert_eq!(*problem, json!({"$ref": "#/components/schemas/Problem"}));
    let retry_after = json!({"Retry-After": {
        "description": "Whole seconds, or an HTTP date: nothing is sent before. Leave it out if \
            you do not know.",
        "schema": {"type": "string", "maxLength": 64},
    }});
    let with_retry = |description: &str| {
        let mut reply = problem_reply(description);
        if let Some(object) = reply.as_object_mut() {
            object.insert("headers".to_owned(), retry_after.clone());
        }
        reply
    };
    let all = [
        (
            "AuthRejected",
            problem_reply("`AuthRejected`: no bearer token, or one that is not accepted."),
        ),
        (
            "Forbidden",
            problem_reply("`Forbidden`: the token is known but does not allow this operation."),
        ),
        (
            "Throttled",
            with_retry("`Throttled`: too many requests at the moment. Nothing was done."),
        ),
        (
            "Internal",
            problem_reply(
                "`Internal`: something went wrong and the server cannot tell whether the request \
                 took effect. Of a read: it failed.",
            ),
        ),
        (
            "NotAutomatic",
            problem_reply(
                "- `ManualStepNeeded`: the mode of this operation is `ManualStep`; `instruction` \
                 says what a person has to do, with the values of this request.\n\
                 - `Unsupported`: this server cannot do it.\n\nNothing was done.",
            ),
        ),
        (
            "Unavailable",
            with_retry(
                "`Unavailable`: not available at the moment. Nothing was done and nothing will be.",
            ),
        ),
    ];
    Ordered(all.map(|(name, value)| (name.to_owned(), value)).to_vec())
}

fn schemas(generator: &mut SchemaGenerator) -> Ordered<Value> {
    let mut tidy = RecursiveTransform(tidy);
    let all = generator
        .take_definitions(true)
        .into_iter()
        .map(|(name, mut value)| {
            if let Ok(schema) = <&mut schemars::Schema>::try_from(&mut value) {
                tidy.transform(schema);
            }
            (name, value)
        });
    Ordered(all.collect())
}

fn reference_to(
    generator: &mut SchemaGenerator,
    schema: fn(&mut SchemaGenerator) -> schemars::Schema,
) -> Value {
    schema(generator).to_value()
}

/// Makes a schema say what the contract says: an absent value is left out and never `null`, and
/// line ends of comments are no line ends of the document.
fn tidy(schema: &mut schemars::Schema) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    if object.get("default") == Some(&Value::Null) {
        object.remove("default");
    }
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
        choices.retain(|choice| choice.get("type") != Some(&json!("null")));
        if let [only] = choices.as_slice() {
            let only = only.clone();
            object.remove("anyOf");
            if let Value::Object(members) = only {
                object.extend(members);
            }
        }
    }
    if let Some(Value::String(text)) = object.get_mut("description") {
        *text = text
            .split("\n\n")
            .map(|paragraph| paragraph.replace('\n', " "))
            .collect::<Vec<_>>()
            .join("\n\n");
    }
}
