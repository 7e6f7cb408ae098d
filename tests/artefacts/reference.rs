//! The reference pages, written from the definitions and from the programs' own help, so that they cannot say
//! anything else. `UPDATE_GENERATED=1` writes them anew.

use std::fmt::Write as _;
use std::fs;

use clap::CommandFactory as _;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use tenant_reseller_operator::api;
use tenant_reseller_operator::cli::Cli;

use super::{project, read};

const API: &str = "docs/reference/api.md";
const CLI: &str = "docs/reference/cli.md";

/// One row of a table of fields.
struct Field {
    path: String,
    type_: String,
    about: String,
}

/// What stands in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
        .replace('\n', " ")
        .replace('<', "&lt;")
}

fn type_of(schema: &JSONSchemaProps) -> String {
    let own = schema.type_.clone().unwrap_or_default();
    match (&schema.items, &schema.additional_properties) {
        (Some(JSONSchemaPropsOrArray::Schema(items)), _) => format!("list of {}", type_of(items)),
        (_, Some(JSONSchemaPropsOrBool::Schema(values))) => format!("map of {}", type_of(values)),
        _ => match &schema.format {
            Some(format) if format == "date-time" => "time".to_owned(),
            _ => own,
        },
    }
}

/// The fields below a schema, each with all that is known of it.
fn fields(at: &str, schema: &JSONSchemaProps, found: &mut Vec<Field>) {
    let required = schema.required.clone().unwrap_or_default();
    for (name, property) in schema.properties.iter().flatten() {
        let path = format!("{at}.{name}");
        let mut about = cell(&property.description.clone().unwrap_or_default());
        let told = about.contains("default");
        if let Some(default) = property.default.as_ref().filter(|_| !told) {
            write!(about, " Default: `{}`.", default.0).unwrap();
        }
        for rule in property.x_kubernetes_validations.iter().flatten() {
            let message = rule.message.clone().unwrap_or_default();
            write!(about, "<br>Rule: {}.", cell(message.trim_end_matches('.'))).unwrap();
        }
        let must = if required.contains(name) {
            ", required"
        } else {
            ""
        };
        found.push(Field {
            path: path.clone(),
            type_: format!("{}{must}", type_of(property)),
            about,
        });
        fields(&path, property, found);
        if let Some(JSONSchemaPropsOrArray::Schema(items)) = &property.items {
            fields(&format!("{path}[]"), items, found);
        }
        if let Some(JSONSchemaPropsOrBool::Schema(values)) = &property.additional_properties {
            fields(&format!("{path}.*"), values, found);
        }
    }
}

fn kind(crd: &CustomResourceDefinition, into: &mut String) -> usize {
    let names = &crd.spec.names;
    let version = &crd.spec.versions[0];
    let root = version.schema.as_ref().unwrap();
    let root = root.open_api_v3_schema.as_ref().unwrap();
    let short: Vec<String> = names.short_names.clone().unwrap_or_default();
    let about = root.description.clone().unwrap_or_default();
    write!(
        into,
        "\n## {}\n\n{}\n\n`apiVersion: {}/{}`, short name `{}`.\n",
        names.kind,
        cell(&about),
        crd.spec.group,
        version.name,
        short.join("`, `")
    )
    .unwrap();
    let mut count = 0;
    for part in ["spec", "status"] {
        let Some(schema) = root.properties.as_ref().and_then(|all| all.get(part)) else {
            continue;
        };
        let mut all = Vec::new();
        fields(part, schema, &mut all);
        count += all.len();
        for rule in schema.x_kubernetes_validations.iter().flatten() {
            let message = rule.message.clone().unwrap_or_default();
            write!(
                into,
                "\nRule of `{part}`: {}.\n",
                message.trim_end_matches('.')
            )
            .unwrap();
        }
        into.push_str("\n| field | type | what it is |\n| --- | --- | --- |\n");
        for field in all {
            let (path, type_, about) = (field.path, field.type_, field.about);
            writeln!(into, "| `{path}` | {type_} | {about} |").unwrap();
        }
    }
    count
}

fn api_page() -> (String, usize) {
    let mut page =
        "# Custom resources\n\nEvery field of every kind, written from the definitions by \
        `make generate`. The same text is what `kubectl explain` shows.\n"
            .to_owned();
    let counts: Vec<usize> = api::crds().iter().map(|crd| kind(crd, &mut page)).collect();
    (page, counts.into_iter().sum())
}

fn cli_page() -> String {
    let mut page = "# Command line of the operator\n\nThe program's own help, written by `make generate`. \
        Each flag has a variable of the environment beside it. The chart sets most of them from its \
        [values](../../charts/tenant-reseller-operator/README.md); the others go into `extraArgs`. The \
        plugin's commands are on [their own page](../kubectl-plugin.md).\n"
        .to_owned();
    // What is set on the machine that writes the page is no part of it.
    let quiet = |command: clap::Command| command.mut_args(|flag| flag.hide_env_values(true));
    let mut whole = Cli::command().term_width(100).mut_subcommand("run", quiet);
    whole.build();
    let mut commands = vec![whole.clone()];
    commands.extend(
        whole
            .get_subcommands()
            .filter(|c| c.get_name() != "help")
            .cloned(),
    );
    for mut command in commands {
        let name = command
            .get_bin_name()
            .unwrap_or_else(|| command.get_name())
            .to_owned();
        let help = command.render_long_help().to_string();
        let help: Vec<&str> = help.lines().map(str::trim_end).collect();
        write!(
            page,
            "\n## {name}\n\n```text\n{}\n```\n",
            help.join("\n").trim()
        )
        .unwrap();
    }
    page
}

/// Writes the pages anew.
pub(super) fn write() {
    fs::create_dir_all(project("docs/reference")).unwrap();
    fs::write(project(API), api_page().0).unwrap();
    fs::write(project(CLI), cli_page()).unwrap();
}

#[test]
fn the_reference_is_what_the_types_say() {
    let (page, fields) = api_page();
    assert!(fields > 150, "the walk lost its way: {fields}");
    for (path, wanted) in [(API, page), (CLI, cli_page())] {
        assert!(
            read(path) == wanted,
            "{path} is not what the types say: run `make generate`"
        );
    }
}

/// Each flag and each kind is there.
#[test]
fn the_reference_leaves_nothing_out() {
    let (api_page, cli_page) = (api_page().0, cli_page());
    for crd in api::crds() {
        assert!(api_page.contains(&format!("\n## {}\n", crd.spec.names.kind)));
    }
    let run = Cli::command();
    let run = run.find_subcommand("run").unwrap();
    for flag in run.get_arguments().filter_map(clap::Arg::get_long) {
        assert!(cli_page.contains(&format!("--{flag}")), "{flag}");
    }
}
