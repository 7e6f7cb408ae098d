//! What was measured, as Markdown, and its place in `docs/benchmarks.md`. It knows figures, not
//! where they come from.

use super::figures::ratio;

/// What stands before the figures in the page.
pub(super) const BEGIN: &str = "<!-- figures:begin (written by `make bench`) -->";
/// What stands after them.
pub(super) const END: &str = "<!-- figures:end -->";

/// Where and of what the figures were taken.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) machine: String,
    pub(super) commit: String,
    pub(super) profile: String,
    pub(super) date: String,
}

/// The use of the endpoint in one run.
#[derive(Clone, Debug)]
pub(super) struct Use {
    pub(super) what: String,
    pub(super) items: u32,
    pub(super) batch: u16,
    /// From the first copy to the last, in seconds.
    pub(super) seconds: f64,
    /// Calls of any kind in that time.
    pub(super) calls: f64,
    /// How many of those were copies.
    pub(super) copy_calls: f64,
    /// How many calls were under way at a time, on average.
    pub(super) under_way: f64,
}

/// What one size took.
#[derive(Clone, Debug)]
pub(super) struct Cost {
    pub(super) items: u32,
    pub(super) seconds: f64,
    /// Peak, in KiB.
    pub(super) memory: u32,
    /// Writes to the API server without the lease's, which are by time.
    pub(super) writes: u32,
    pub(super) lease_writes: u32,
    /// Calls to the BSS.
    pub(super) calls: f64,
    /// The same without copies, which are one for each batch.
    pub(super) other_calls: f64,
}

/// Both tables with their origin.
pub(super) fn figures(origin: &Origin, capacity: f64, uses: &[Use], costs: &[Cost]) -> String {
    let mut text = format!(
        "Machine: {}. Commit {}, profile `{}`, {}.\n",
        origin.machine, origin.commit, origin.profile, origin.date
    );
    if !uses.is_empty() {
        text.push_str(&table(
            "who copies | items | batch | items/s | calls/s | copy calls/s | calls under way \
             | use of the endpoint",
            uses.iter().map(|each| use_cells(each, capacity)),
        ));
    }
    if !costs.is_empty() {
        text.push_str(&table(
            "items | whole upgrade | peak memory | Kubernetes writes | per 1,000 items \
             | lease writes | BSS calls | per 1,000 items | of them not copies",
            costs.iter().map(cost_cells),
        ));
    }
    text
}

fn use_cells(each: &Use, capacity: f64) -> Vec<String> {
    vec![
        each.what.clone(),
        each.items.to_string(),
        each.batch.to_string(),
        format!("{:.0}", ratio(f64::from(each.items), each.seconds)),
        format!("{:.1}", ratio(each.calls, each.seconds)),
        format!("{:.1}", ratio(each.copy_calls, each.seconds)),
        format!("{:.2}", each.under_way),
        percent(ratio(ratio(each.calls, each.seconds), capacity)),
    ]
}

fn cost_cells(cost: &Cost) -> Vec<String> {
    let per_thousand = |count: f64| ratio(count * 1000.0, f64::from(cost.items));
    vec![
        cost.items.to_string(),
        format!("{:.1} s", cost.seconds),
        format!("{:.1} MiB", f64::from(cost.memory) / 1024.0),
        cost.writes.to_string(),
        format!("{:.2}", per_thousand(f64::from(cost.writes))),
        cost.lease_writes.to_string(),
        format!("{:.0}", cost.calls),
        format!("{:.1}", per_thousand(cost.calls)),
        format!("{:.0}", cost.other_calls),
    ]
}

/// An empty line, then the table.
fn table(head: &str, rows: impl Iterator<Item = Vec<String>>) -> String {
    let rule: Vec<&str> = head.split(" | ").map(|_| "---").collect();
    let mut text = format!("\n| {head} |\n| {} |\n", rule.join(" | "));
    for cells in rows {
        text.push_str("| ");
        text.push_str(&cells.join(" | "));
        text.push_str(" |\n");
    }
    text
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// The page with new figures between its markers; none if it has not both, in order.
pub(super) fn with_figures(page: &str, figures: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n\n{figures}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_say_what_was_measured() {
        let origin = Origin {
            machine: "2 cores".into(),
            commit: "abc".into(),
            profile: "bench-local".into(),
            date: "2026-01-02".into(),
        };
        let uses = [Use {
            what: "the operator".into(),
            items: 5000,
            batch: 1,
            seconds: 40.0,
            calls: 6000.0,
            copy_calls: 5000.0,
            under_way: 7.5,
        }];
        let costs = [Cost {
            items: 1000,
            seconds: 3.0,
            memory: 40 * 1024,
            writes: 20,
            lease_writes: 2,
            calls: 50.0,
            other_calls: 40.0,
        }];
        assert_eq!(
            figures(&origin, 160.0, &uses, &costs),
            "Machine: 2 cores. Commit abc, profile `bench-local`, 2026-01-02.\n\
             \n\
             | who copies | items | batch | items/s | calls/s | copy calls/s | calls under way \
             | use of the endpoint |\n\
             | --- | --- | --- | --- | --- | --- | --- | --- |\n\
             | the operator | 5000 | 1 | 125 | 150.0 | 125.0 | 7.50 | 93.8 % |\n\
             \n\
             | items | whole upgrade | peak memory | Kubernetes writes | per 1,000 items \
             | lease writes | BSS calls | per 1,000 items | of them not copies |\n\
             | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n\
             | 1000 | 3.0 s | 40.0 MiB | 20 | 20.00 | 2 | 50 | 50.0 | 40 |\n"
        );
    }

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let page = format!("# Title\n\n{BEGIN}\nold\n{END}\n\nmore\n");
        let new = with_figures(&page, "new\n").unwrap();
        assert_eq!(new, format!("# Title\n\n{BEGIN}\n\nnew\n\n{END}\n\nmore\n"));
        assert_eq!(with_figures(&new, "new\n").unwrap(), new);
        assert_eq!(with_figures("# Title\n", "new\n"), None);
        assert_eq!(with_figures(&format!("{END}{BEGIN}"), "new\n"), None);
    }
}
