//! `crds/` and the templates of the CRD chart are what the types say. `UPDATE_GENERATED=1` writes
//! them anew, and the list of reasons and the page of metrics with them.

use std::collections::BTreeMap;
use std::fs;
use std::sync::LazyLock;

use tenant_reseller_operator::api;

use super::{chart_readme, metrics_page, project, read, reasons, reference};

const HEAD: &str = "# Generated from the Rust types: edit src/api, then run `make generate`.\n";
/// `helm uninstall` keeps the objects: upgrades under way, and the records of those that are done.
const KEEP: &str = "metadata:
  annotations:
    helm.sh/resource-policy: keep
{{- with .Values.commonLabels }}
  labels:
    {{- toYaml . | nindent 4 }}
{{- end }}
";

fn generated() -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for (name, yaml) in api::crd_yaml().unwrap() {
        assert!(
            !yaml.contains("{{"),
            "{name} would be a template by accident"
        );
        assert_eq!(yaml.matches("\nmetadata:\n").count(), 1, "{name}");
        let templated = yaml.replacen("metadata:\n", KEEP, 1);
        files.insert(format!("crds/{name}"), format!("{HEAD}{yaml}"));
        files.insert(
            format!("charts/tenant-reseller-operator-crds/templates/{name}"),
            format!("{HEAD}{templated}"),
        );
    }
    files
}

/// Writes the files anew if that is asked for, once and before any test reads one.
pub(super) fn written() {
    static WRITTEN: LazyLock<()> = LazyLock::new(|| {
        if std::env::var_os("UPDATE_GENERATED").is_none() {
            return;
        }
        for (path, text) in generated() {
            let path = project(&path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        reasons::write();
        metrics_page::write();
        chart_readme::write();
        reference::write();
    });
    LazyLock::force(&WRITTEN);
}

#[test]
fn definitions_equal_the_types_and_nothing_else_lies_there() {
    written();
    let files = generated();
    for (path, text) in &files {
        let there = fs::read_to_string(project(path)).unwrap_or_default();
        assert!(
            there == *text,
            "{path} is not what the types say: run `make generate` and look at the difference"
        );
    }
    for folder in ["crds", "charts/tenant-reseller-operator-crds/templates"] {
        for entry in fs::read_dir(project(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(
                files.contains_key(&format!("{folder}/{name}")),
                "{folder}/{name} belongs to no type"
            );
        }
    }
}

#[test]
fn what_is_written_reads_back_as_the_same_definition() {
    for (crd, (name, _)) in api::crds().into_iter().zip(api::crd_yaml().unwrap()) {
        let back: k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition =
            serde_yaml::from_str(&read(&format!("crds/{name}"))).unwrap();
        assert_eq!(back, crd, "{name}");
    }
}
