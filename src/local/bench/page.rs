//! The places of the figures in `docs/benchmarks.md`: one for each part, so that a part can be measured again
//! alone. It knows texts, not where they come from.

/// What stands before the figures of a part.
fn begin(part: &str) -> String {
    format!("<!-- figures of {part}: begin (written by `make bench`) -->")
}

/// What stands after them.
fn end(part: &str) -> String {
    format!("<!-- figures of {part}: end -->")
}

/// The page with new figures between the markers of a part; none if it has not both, in order.
pub(super) fn with_figures(page: &str, part: &str, figures: &str) -> Option<String> {
    let (begin, end) = (begin(part), end(part));
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    let figures = figures.trim_end();
    Some(format!("{before}{begin}\n\n{figures}\n\n{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_markers_of_the_part_changes() {
        let place = |part, text: &str| format!("{}{text}{}", begin(part), end(part));
        let (sizes, crowd) = (place("sizes", "\nold\n"), place("crowd", "\nkept\n"));
        let page = format!("# Title\n\n{sizes}\n\n{crowd}\nmore\n");
        let new = with_figures(&page, "sizes", "new\n").unwrap();
        let expected = place("sizes", "\n\nnew\n\n");
        assert_eq!(new, format!("# Title\n\n{expected}\n\n{crowd}\nmore\n"));
        assert_eq!(with_figures(&new, "sizes", "new\n").unwrap(), new);
        assert_eq!(with_figures("# Title\n", "sizes", "new\n"), None);
        let turned = format!("{}{}", end("sizes"), begin("sizes"));
        assert_eq!(with_figures(&turned, "sizes", "new\n"), None);
    }
}
