//! The hosts that a Secret may be sent to, as its own annotation names them. Pure.
//!
//! An entry is written like the beginning of a URL: `bss.example.com` means port 443 and every path;
//! another port (`bss.example.com:8443`) and the beginning of a path
//! (`bss.example.com/tenant-reseller`) are written out.

use reqwest::Url;

/// The entries of an annotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedHosts(Vec<Entry>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    host: String,
    port: u16,
    /// Segments that the path begins with.
    path: Vec<String>,
}

impl AllowedHosts {
    /// Reads the annotation. What is no entry allows nothing.
    #[must_use]
    pub fn read(annotation: &str) -> Self {
        let entries = annotation.split([',', '\n']).map(str::trim);
        Self(entries.filter_map(Entry::read).collect())
    }

    /// Whether what the Secret holds may be sent to this URL.
    #[must_use]
    pub fn allow(&self, url: &str) -> bool {
        Url::parse(url).is_ok_and(|url| self.allow_url(&url))
    }

    pub(super) fn allow_url(&self, url: &Url) -> bool {
        self.0.iter().any(|entry| entry.covers(url))
    }

    /// What an entry for this URL has to look like; people paste it into a command, so a host with
    /// characters that a shell might read is not repeated.
    #[must_use]
    pub fn entry_for(url: &str) -> String {
        let unnamed = || "HOST".to_owned();
        let Ok(url) = Url::parse(url) else {
            return unnamed();
        };
        let plain = |host: &&str| {
            let mut characters = host.chars();
            characters
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']'))
        };
        let Some(host) = url.host_str().filter(plain) else {
            return unnamed();
        };
        match url.port_or_known_default() {
            Some(443) | None => host.to_owned(),
            Some(port) => format!("{host}:{port}"),
        }
    }
}

impl Entry {
    /// The URL parser reads it, so that a host is the same however it is written.
    fn read(text: &str) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        let rest = text.strip_prefix("https://").unwrap_or(text);
        let url = Url::parse(&format!("https://{rest}")).ok()?;
        let bare = url.username().is_empty() && url.password().is_none();
        if !bare || url.query().is_some() || url.fragment().is_some() {
            return None;
        }
        Some(Self {
            host: url.host_str()?.to_ascii_lowercase(),
            port: url.port_or_known_default()?,
            path: segments(&url)
                .filter(|segment| !segment.is_empty())
                .collect(),
        })
    }

    fn covers(&self, url: &Url) -> bool {
        let host = url.host_str().map(str::to_ascii_lowercase);
        if host.as_ref() != Some(&self.host) || url.port_or_known_default() != Some(self.port) {
            return false;
        }
        let mut path = segments(url);
        let begins = self
            .path
            .iter()
            .all(|own| path.next().as_ref() == Some(own));
        begins && (self.path.is_empty() || !leaves(url))
    }
}

fn segments(url: &Url) -> impl Iterator<Item = String> {
    let path = url.path().trim_start_matches('/').to_owned();
    let all: Vec<String> = path.split('/').map(str::to_owned).collect();
    all.into_iter()
}

/// Whether a server that decodes the path might end up outside of it.
fn leaves(url: &Url) -> bool {
    let path = url.path().to_ascii_lowercase();
    ["%2f", "%5c", "%2e", "\\", ";"]
        .iter()
        .any(|part| path.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_means_port_443_and_what_is_more_is_written_out() {
        for (annotation, url, allowed) in [
            ("bss.example", "https://bss.example/v1", true),
            ("bss.example", "https://bss.example:443/v1", true),
            ("bss.example", "https://bss.example:8443/v1", false),
            ("bss.example:443", "https://bss.example", true),
            ("bss.example:8443", "https://bss.example:8443/v1", true),
            ("bss.example:8443", "https://bss.example/v1", false),
            (
                "a.example, Bss.Example:8443",
                "https://BSS.example:8443",
                true,
            ),
            ("a.example,\n  bss.example\n", "https://bss.example", true),
            ("https://bss.example/", "https://bss.example/v1", true),
            ("b\u{fc}cher.example", "https://xn--bcher-kva.example", true),
            ("[fd00::1]", "https://[fd00:0::1]/v1", true),
            ("[fd00::1]:8443", "https://[fd00::1]/v1", false),
            ("bss.example/v1", "https://bss.example/v1", true),
            ("bss.example/v1/", "https://bss.example/v1/resellers", true),
            ("bss.example/v1", "https://bss.example/v10", false),
            ("bss.example/v1", "https://bss.example/", false),
            ("bss.example/v1", "https://bss.example/v1/../evil", false),
            (
                "bss.example/v1",
                "https://bss.example/v1/%2e%2e/evil",
                false,
            ),
            ("bss.example/v1", "https://bss.example/v1/..%2fevil", false),
            (
                "bss.example:8443/a/b",
                "https://bss.example:8443/a/b/c",
                true,
            ),
            ("", "https://bss.example", false),
            (",", "https://bss.example", false),
            ("example", "https://bss.example", false),
            ("evil-bss.example", "https://bss.example", false),
            ("*", "https://bss.example", false),
            ("*.example", "https://bss.example", false),
            ("bss.example.", "https://bss.example", false),
            ("http://bss.example", "https://bss.example", false),
            ("user@bss.example", "https://bss.example", false),
            ("bss.example?a", "https://bss.example", false),
            ("bss.example", "not a URL", false),
        ] {
            let allowed_hosts = AllowedHosts::read(annotation);
            assert_eq!(allowed_hosts.allow(url), allowed, "{annotation} for {url}");
        }
    }

    #[test]
    fn the_entry_that_people_are_told_to_write_allows_the_url() {
        for url in [
            "https://bss.example/v1",
            "https://bss.example:8443/v1",
            "https://[fd00::1]:1/",
            "https://10.0.0.1",
        ] {
            let entry = AllowedHosts::entry_for(url);
            assert!(AllowedHosts::read(&entry).allow(url), "{entry} for {url}");
        }
        assert_eq!(
            AllowedHosts::entry_for("https://bss.example:443"),
            "bss.example"
        );
        assert_eq!(
            AllowedHosts::entry_for("https://b.example:8443"),
            "b.example:8443"
        );
    }
}
