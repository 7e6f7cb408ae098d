//! `docs/reasons.md`, as it was when the plugin was built: what a reason means and what people do.

/// The page.
const PAGE: &str = include_str!("../../docs/reasons.md");

/// The paragraphs of the section about a reason, without the marks of Markdown; links keep their text.
pub(super) fn section(reason: &str) -> Option<Vec<String>> {
    let mut paragraphs: Vec<String> = Vec::new();
    let mut inside = false;
    for line in PAGE.lines() {
        if let Some(title) = line.strip_prefix("### ") {
            if inside {
                break;
            }
            inside = title.trim() == reason;
            continue;
        }
        if line.starts_with("## ") && inside {
            break;
        }
        if !inside {
            continue;
        }
        let text = line.trim();
        if let Some(point) = text.strip_prefix("- ") {
            paragraphs.push(plain(point));
        } else if text.is_empty() {
            paragraphs.push(String::new());
        } else if let Some(paragraph) = paragraphs.last_mut().filter(|text| !text.is_empty()) {
            paragraph.push(' ');
            paragraph.push_str(&plain(text));
        } else {
            paragraphs.push(plain(text));
        }
    }
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    (!paragraphs.is_empty()).then_some(paragraphs)
}

/// A text without the marks of Markdown: bold, and links with their text alone.
fn plain(text: &str) -> String {
    let text = text.replace("**", "");
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('[') {
        out.push_str(before);
        let link = after.split_once("](").and_then(|(words, target)| {
            let (target, behind) = target.split_once(')')?;
            (!words.contains(' ') || target.contains('.') || target.starts_with('#'))
                .then_some((words, behind))
        });
        if let Some((words, behind)) = link {
            out.push_str(words);
            rest = behind;
        } else {
            out.push('[');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

/// A paragraph with the names of the examples put right: `contoso` in `resellers` over `distributor`.
/// Only whole words within code are names; a name of Kubernetes holds nothing that a shell acts on.
pub(super) fn with_names(paragraph: &str, namespace: &str, name: &str, connection: &str) -> String {
    let mut out = String::new();
    for (place, part) in paragraph.split('`').enumerate() {
        if place > 0 {
            out.push('`');
        }
        if place.is_multiple_of(2) {
            out.push_str(part);
            continue;
        }
        let mut word = String::new();
        for letter in part.chars().chain(std::iter::once('\0')) {
            if letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.') {
                word.push(letter);
                continue;
            }
            out.push_str(match word.as_str() {
                "resellers" => namespace,
                "contoso" => name,
                "distributor" => connection,
                other => other,
            });
            word.clear();
            if letter != '\0' {
                out.push(letter);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin::words::reasons;

    #[test]
    fn every_reason_has_its_section_with_all_four_parts() {
        for reason in reasons() {
            let section = section(reason.as_str()).unwrap_or_default();
            for part in ["Means: ", "Meanwhile: ", "You: ", "For good: "] {
                assert!(
                    section.iter().any(|text| text.starts_with(part)),
                    "{reason:?}: {part}"
                );
            }
            assert!(
                section
                    .iter()
                    .all(|text| !text.contains("](") && !text.contains("**"))
            );
        }
        assert_eq!(section("NoReason"), None);
    }

    #[test]
    fn names_are_put_right_in_code_alone() {
        let text =
            "resellers: `kubectl -n resellers get trur contoso-blockers-1 contoso` (`distributor`)";
        assert_eq!(
            with_names(text, "emea", "fabrikam", "main"),
            "resellers: `kubectl -n emea get trur contoso-blockers-1 fabrikam` (`main`)"
        );
    }

    #[test]
    fn links_keep_their_text() {
        assert_eq!(
            plain("**Means:** see [undo.md](undo.md) and [x]"),
            "Means: see undo.md and [x]"
        );
    }
}
