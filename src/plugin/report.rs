//! `report`: what the operator reported, item by item, as a table, CSV, JSON or YAML.

use std::process::ExitCode;

use serde::Serialize;

use super::cli::{ReportFlags, ReportOutput};
use super::csv;
use super::error::Failure;
use super::kubeconfig::Cluster;
use super::look::{Tone, counted};
use super::out::Out;
use super::table::{Cell, Table};
use super::view::text;
use crate::api::{ReportKind, UpgradeReport};

/// One row with the report that it is in.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    report: &'static str,
    item: String,
    id: String,
    verdict: String,
    reason: String,
    remedy: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    business_key: Option<String>,
}

pub(super) async fn run(
    cluster: &Cluster,
    asked: &ReportFlags,
    out: Out,
) -> Result<ExitCode, Failure> {
    let upgrade = cluster.upgrade(&asked.name).await?;
    let mut reports = cluster.reports(&upgrade).await?;
    if let Some(kind) = &asked.kind {
        reports.retain(|report| report.spec.kind.as_str() == kind);
    }
    let rows: Vec<Row> = reports.iter().flat_map(rows).collect();
    match asked.output {
        Some(ReportOutput::Json) => out.json(&rows)?,
        Some(ReportOutput::Yaml) => out.yaml(&rows)?,
        Some(ReportOutput::Csv) => out.text(&as_csv(&rows, asked.no_headers))?,
        Some(ReportOutput::Wide) => tables(&reports, &rows, Columns::Wide, asked, out)?,
        None => tables(&reports, &rows, Columns::Usual, asked, out)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn rows(report: &UpgradeReport) -> impl Iterator<Item = Row> + '_ {
    report.spec.rows.iter().map(|row| Row {
        report: report.spec.kind.as_str(),
        item: text(&row.item),
        id: text(&row.id),
        verdict: text(&row.verdict),
        reason: text(&row.reason),
        remedy: text(&row.remedy),
        business_key: row.business_key.as_deref().map(text),
    })
}

fn as_csv(rows: &[Row], no_headers: bool) -> String {
    let mut all = String::new();
    if !no_headers {
        all.push_str(&csv::line(&[
            "report",
            "item",
            "id",
            "verdict",
            "reason",
            "remedy",
            "businessKey",
        ]));
    }
    for row in rows {
        let key = row.business_key.as_deref().unwrap_or_default();
        all.push_str(&csv::line(&[
            row.report,
            &row.item,
            &row.id,
            &row.verdict,
            &row.reason,
            &row.remedy,
            key,
        ]));
    }
    all
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Columns {
    Usual,
    Wide,
}

/// One table of all rows, the kind of report in each line.
fn tables(
    reports: &[UpgradeReport],
    rows: &[Row],
    columns: Columns,
    asked: &ReportFlags,
    out: Out,
) -> Result<(), Failure> {
    let ReportFlags {
        name, no_headers, ..
    } = asked;
    let mut headings = vec!["REPORT", "ITEM", "ID", "REASON"];
    if columns == Columns::Wide {
        headings.push("BUSINESS-KEY");
    }
    headings.push("REMEDY");
    let mut table = Table::new(out.look, headings, *no_headers);
    let cells: Vec<Vec<Cell>> = rows
        .iter()
        .map(|row| {
            let mut cells = vec![
                Cell::toned(row.report, Tone::Dim),
                Cell::new(&row.item),
                Cell::new(&row.id),
                Cell::toned(&row.reason, Tone::People),
            ];
            if columns == Columns::Wide {
                cells.push(Cell::maybe(row.business_key.as_deref()));
            }
            cells.push(Cell::new(&row.remedy));
            cells
        })
        .collect();
    if cells.is_empty() {
        // Where kubectl says it too: a script that counts lines counts none.
        eprint_line(&format!("Nothing is reported of {name}."));
        return Ok(());
    }
    out.lines(&table.lines(&cells))?;
    let kinds = ReportKind::ALL.into_iter();
    for kind in kinds {
        let pages = reports.iter().filter(|report| report.spec.kind == kind);
        let truncated: i64 = pages.map(|page| page.spec.truncated).sum();
        if truncated > 0 {
            let more = counted(truncated, "more row");
            eprint_line(&format!(
                "{}: {more} did not fit into the report.",
                kind.as_str()
            ));
        }
    }
    Ok(())
}

/// A remark beside the output.
pub(super) fn eprint_line(line: &str) {
    use std::io::Write as _;
    // With standard error closed the remark is lost; the output is whole.
    let _unheard = writeln!(std::io::stderr(), "{line}");
}
