//! The code blocks of the pages that people read: which of them are commands, and what a comment before one
//! says about it.

use std::path::{Path, PathBuf};

/// A fenced code block.
#[derive(Clone, Debug)]
pub struct Block {
    /// The page, from the project's folder.
    pub page: String,
    /// The line of its fence, from 1.
    pub line: usize,
    /// The word behind the fence.
    pub language: String,
    pub text: String,
    /// The comment right before it, without its marks.
    pub comment: String,
}

/// What a line of commands begins with.
const COMMANDS: [&str; 23] = [
    "kubectl", "helm", "make", "git", "curl", "cargo", "podman", "docker", "export", "cd", "for",
    "case", "flux", "argocd", "kubeseal", "cosign", "bss-", "python3", "mkdir", "kill", "rm",
    "people", "--set",
];

impl Block {
    /// Whether people are to type it. A transcript (`$ …`) shows what was typed, with what came of it.
    pub fn is_commands(&self) -> bool {
        let shell = ["", "sh", "bash"].contains(&&*self.language);
        let transcript = self.text.lines().any(|line| line.starts_with("$ "));
        let mut lines = self.text.lines().map(str::trim_start);
        let typed = lines.any(|line| {
            let own = ["hack/", "target/", "examples/", "./"];
            let word = line.split(' ').next().unwrap_or_default();
            COMMANDS.iter().any(|command| {
                word == *command || command.ends_with('-') && word.starts_with(command)
            }) || own.iter().any(|folder| word.starts_with(folder))
        });
        shell && typed && !transcript
    }

    /// Why no test runs it, if none does.
    pub fn not_run(&self) -> Option<&str> {
        self.comment.strip_prefix("not run: ")
    }

    /// Where it is, for a person who looks for it.
    pub fn place(&self) -> String {
        format!("{}:{}", self.page, self.line)
    }
}

/// Every page that people read, from the project's folder.
pub fn pages(project: &Path) -> Vec<String> {
    let mut found: Vec<PathBuf> = [
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "SECURITY.md",
    ]
    .iter()
    .map(PathBuf::from)
    .collect();
    for folder in ["docs", "examples", "charts"] {
        below(project, Path::new(folder), &mut found);
    }
    found.sort();
    found
        .into_iter()
        .map(|page| page.to_str().unwrap().to_owned())
        .collect()
}

fn below(project: &Path, folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(project.join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = folder.join(entry.file_name());
        if entry.path().is_dir() {
            below(project, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

/// The blocks of a page, in their order.
pub fn blocks(page: &str, text: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<(Block, usize)> = None;
    let mut before = "";
    for (number, line) in text.lines().enumerate() {
        let fence = line.trim_start().strip_prefix("```");
        match (&mut open, fence) {
            (None, Some(language)) => {
                let comment = before.trim().strip_prefix("<!--").unwrap_or_default();
                let block = Block {
                    page: page.to_owned(),
                    line: number + 1,
                    language: language.trim().to_owned(),
                    text: String::new(),
                    comment: comment
                        .strip_suffix("-->")
                        .unwrap_or_default()
                        .trim()
                        .to_owned(),
                };
                open = Some((block, line.len() - line.trim_start().len()));
            }
            (Some(_), Some(_)) => {
                found.extend(open.take().map(|(block, _)| block));
                before = "";
            }
            (Some((block, indent)), None) => {
                let blank = line.len() - line.trim_start().len();
                block.text.push_str(&line[blank.min(*indent)..]);
                block.text.push('\n');
            }
            (None, None) if line.trim().is_empty() => {}
            (None, None) => before = line,
        }
    }
    assert!(open.is_none(), "{page}: a fence is left open");
    found
}
