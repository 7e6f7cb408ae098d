//! Texts of others in front of people: nothing in them that cannot be seen.

use icu_properties::props::{BidiControl, DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};

/// The text with a blank for each control character and line break, and without what has no width or
/// turns the direction of writing round: such characters let one text look like another.
pub(crate) fn legible(text: &str) -> String {
    text.chars()
        .filter_map(|letter| match Seen::of(letter) {
            Seen::Letter => Some(letter),
            Seen::Break => Some(' '),
            Seen::Nothing => None,
        })
        .collect()
}

/// Whether a person sees every character of it.
pub(crate) fn is_legible(text: &str) -> bool {
    text.chars().all(|letter| Seen::of(letter) == Seen::Letter)
}

/// What people see of a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Letter,
    Break,
    Nothing,
}

impl Seen {
    fn of(letter: char) -> Self {
        if letter.is_ascii() {
            return if letter.is_ascii_control() {
                Self::Break
            } else {
                Self::Letter
            };
        }
        if CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(letter)
            || CodePointSetData::new::<BidiControl>().contains(letter)
        {
            return Self::Nothing;
        }
        // A pattern of Braille without any dot: it has a width and nothing to see.
        if letter == '\u{2800}' {
            return Self::Break;
        }
        let category = CodePointMapData::<GeneralCategory>::new().get(letter);
        let breaks = [
            GeneralCategory::Control,
            GeneralCategory::LineSeparator,
            GeneralCategory::ParagraphSeparator,
        ];
        if breaks.contains(&category) {
            Self::Break
        } else if category == GeneralCategory::Format {
            Self::Nothing
        } else {
            Self::Letter
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_goes() {
        for (text, expected) in [
            ("Contoso Ltd", "Contoso Ltd"),
            (
                "Ελληνική Εταιρεία ΑΕ 東京 \u{1F600}",
                "Ελληνική Εταιρεία ΑΕ 東京 \u{1F600}",
            ),
            ("a\tb\nc\u{85}d\u{2028}e", "a b c d e"),
            // Right-to-left override, isolates, marks.
            (
                "pay \u{202e}001\u{202c} \u{2066}x\u{2069}\u{200f}",
                "pay 001 x",
            ),
            // Zero width, joiners, a byte order mark, soft hyphen, fillers, tags.
            (
                "a\u{200b}b\u{200d}c\u{feff}d\u{ad}e\u{3164}f\u{e0041}g\u{2060}h",
                "abcdefgh",
            ),
            ("\u{61c}\u{180e}\u{fff9}", ""),
            // Blanks of other scripts, fillers, selectors of variants, a joiner of graphemes.
            (
                "a\u{2800}b\u{115f}\u{ffa0}c\u{fe0f}d\u{34f}e\u{e0100}",
                "a bcde",
            ),
            ("\u{1d173}\u{2061}\u{206a}\u{200e}", ""),
            // Marks upon marks, what has no letter yet, and what stands for something else, can be seen.
            (
                "Z\u{337}\u{321}a\u{300}\u{301}\u{302}",
                "Z\u{337}\u{321}a\u{300}\u{301}\u{302}",
            ),
            ("\u{e000}\u{fffc}\u{fffd}", "\u{e000}\u{fffc}\u{fffd}"),
        ] {
            assert_eq!(legible(text), expected, "{text:?}");
            assert_eq!(is_legible(text), text == expected, "{text:?}");
            assert!(is_legible(&legible(text)));
        }
    }
}
