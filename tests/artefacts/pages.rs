//! The documentation: every link and anchor leads somewhere, every page is in the table of contents, and of
//! every command it is known which test runs it, or why none does.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use support::pages::{Block, blocks, pages};

use super::{project, read};

/// What a page has and refers to.
#[derive(Default)]
struct Page {
    anchors: BTreeSet<String>,
    links: Vec<String>,
    first_heading: Option<String>,
}

/// The anchor that GitHub and mdBook make of a heading.
fn anchor(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter_map(|letter| match letter {
            ' ' => Some('-'),
            '-' | '_' => Some(letter),
            letter if letter.is_alphanumeric() => Some(letter),
            _ => None,
        })
        .collect()
}

fn page_of(text: &str) -> Page {
    let mut page = Page::default();
    let mut heading: Option<String> = None;
    let mut times: BTreeMap<String, u32> = BTreeMap::new();
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                heading = Some(String::new());
                assert!(
                    page.first_heading.is_some() || level == HeadingLevel::H1,
                    "it begins without a title"
                );
            }
            Event::End(TagEnd::Heading(_)) => {
                let heading = heading.take().unwrap();
                let name = anchor(&heading);
                let time = times.entry(name.clone()).or_default();
                let unique = if *time == 0 {
                    name
                } else {
                    format!("{name}-{time}")
                };
                *time += 1;
                page.anchors.insert(unique);
                page.first_heading.get_or_insert(heading);
            }
            Event::Text(part) | Event::Code(part) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&part);
                }
            }
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                page.links.push(dest_url.into_string());
            }
            _ => {}
        }
    }
    page
}

/// A path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => assert!(plain.pop(), "{} leaves the project", path.display()),
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

fn all() -> BTreeMap<String, Page> {
    let pages = pages(&project("."));
    assert!(pages.len() > 25, "{pages:?}");
    pages
        .into_iter()
        .map(|path| {
            let page = page_of(&read(&path));
            (path, page)
        })
        .collect()
}

/// What is wrong with a link.
fn broken(from: &str, link: &str, pages: &BTreeMap<String, Page>) -> Option<String> {
    if ["https://", "http://", "mailto:"]
        .iter()
        .any(|scheme| link.starts_with(scheme))
    {
        return None;
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let to = if path.is_empty() {
        PathBuf::from(from)
    } else {
        plain(&Path::new(from).parent().unwrap().join(path))
    };
    let to = to.to_str().unwrap();
    if !project(to).exists() {
        return Some(format!("{from}: {link} leads nowhere"));
    }
    if anchor.is_empty() {
        return None;
    }
    let known = pages
        .get(to)
        .is_some_and(|page| page.anchors.contains(anchor));
    (!known).then(|| format!("{from}: {link} leads to no heading"))
}

#[test]
fn every_link_and_anchor_leads_somewhere() {
    let pages = all();
    let mut count = 0;
    let mut wrong = Vec::new();
    for (path, page) in &pages {
        count += page.links.len();
        wrong.extend(
            page.links
                .iter()
                .filter_map(|link| broken(path, link, &pages)),
        );
    }
    assert!(count > 200, "only {count} links");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The judge is judged.
#[test]
fn a_link_that_leads_nowhere_is_found() {
    let pages = BTreeMap::from([(
        "docs/reasons.md".to_owned(),
        page_of("# A title\n\n## Over `it`\n\n## Over it\n"),
    )]);
    let from = "docs/reasons.md";
    for (link, wrong) in [
        ("#over-it", false),
        ("#over-it-1", false),
        ("#over-it-2", true),
        ("reasons.md#a-title", false),
        ("nowhere.md", true),
        ("../README.md", false),
        ("../READ.md", true),
        ("https://kubernetes.io/docs/", false),
    ] {
        assert_eq!(broken(from, link, &pages).is_some(), wrong, "{link}");
    }
}

/// Every page is in the table of contents of the site, under its own title or a shorter one, once.
#[test]
fn every_page_is_in_the_table_of_contents() {
    let summary = page_of(&read("docs/SUMMARY.md"));
    let mut listed: Vec<String> = summary
        .links
        .iter()
        .map(|link| {
            let path = plain(&Path::new("docs").join(link));
            path.to_str().unwrap().to_owned()
        })
        .collect();
    listed.sort();
    let mut pages = pages(&project("."));
    pages.retain(|page| page != "docs/SUMMARY.md");
    pages.sort();
    assert_eq!(listed, pages);
}

/// README is one page that a newcomer reads to its end.
#[test]
fn the_first_page_stays_one_page() {
    let lines = read("README.md").lines().count();
    assert!(lines <= 120, "README.md has {lines} lines");
}

/// People find each blocker that the operator can name.
#[test]
fn the_page_about_blockers_has_every_blocker() {
    let source = read("src/bss/port/copy.rs");
    let (_, after) = source.split_once("impl BlockerReason {").unwrap();
    let (words, _) = after.split_once("\n}\n").unwrap();
    let words: Vec<&str> = words
        .lines()
        .filter_map(|line| line.split_once("=> \"")?.1.strip_suffix("\","))
        .collect();
    assert!(words.len() > 15, "{words:?}");
    let page = read("docs/howto/act-on-blockers.md");
    for word in words {
        assert!(page.contains(&format!("`{word}`")), "{word}");
    }
}

fn every_block() -> Vec<Block> {
    let all: Vec<Block> = pages(&project("."))
        .iter()
        .flat_map(|page| blocks(page, &read(page)))
        .collect();
    assert!(all.len() > 60, "only {}", all.len());
    all
}

/// A block of commands is run on a real API server by `tests/api/crds/pages.rs`, or says why it is not.
#[test]
fn every_command_is_run_or_says_why_not() {
    let mut wrong = Vec::new();
    let (mut run, mut elsewhere, mut not) = (0, 0, 0);
    for block in every_block() {
        let Some(why) = block.not_run() else {
            run += u32::from(block.is_commands());
            if block.comment.starts_with("not ") && block.language != "yaml" {
                wrong.push(format!("{}: {:?}", block.place(), block.comment));
            }
            continue;
        };
        if why.split(' ').count() < 3 {
            wrong.push(format!("{}: {why:?} is no reason", block.place()));
        }
        // What another test runs names a test that is there.
        let named = why
            .split([' ', ',', ';'])
            .find(|word| word.starts_with("tests/"));
        match named {
            Some(test) if project(test).exists() => elsewhere += 1,
            Some(test) => wrong.push(format!("{}: there is no {test}", block.place())),
            None => not += 1,
        }
    }
    println!("{run} blocks of commands are run, {elsewhere} by another test, {not} say why not");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(run + elsewhere > 4 * not, "{run}, {elsewhere} and {not}");
}

/// A block of YAML is whole, or says what it is a part of, or why it cannot be applied.
#[test]
fn every_block_of_yaml_says_what_it_is() {
    for block in every_block() {
        if block.language != "yaml" {
            continue;
        }
        let whole = block.text.contains("\nkind: ") && block.text.contains("apiVersion: ");
        let part = block.comment.strip_prefix("part of ").is_some();
        let not = block.comment.strip_prefix("not applied: ").is_some();
        assert!(
            whole || part || not,
            "{}: {:?}",
            block.place(),
            block.comment
        );
    }
}
