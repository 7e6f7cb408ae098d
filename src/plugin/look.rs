//! How text looks: width, colour, marks and bars. A terminal gets all of it, a pipe plain lines.

use console::{Style, measure_text_width, truncate_str};

use super::phases::Mark;

/// How text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// The columns of the terminal; none in a pipe, where no line is cut or broken.
    pub width: Option<usize>,
    /// Whether colours are used.
    pub colour: Colours,
    /// Which characters marks and bars are made of.
    pub glyphs: Glyphs,
}

/// Whether colours are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    /// They are.
    On,
    /// They are not.
    Off,
}

/// Which characters marks and bars are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glyphs {
    /// All of Unicode.
    Unicode,
    /// ASCII alone.
    Ascii,
}

/// What a colour says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Bold,
    Dim,
    Good,
    Busy,
    People,
    Bad,
}

impl Look {
    /// For a pipe: plain lines.
    pub const PLAIN: Self = Self {
        width: None,
        colour: Colours::Off,
        glyphs: Glyphs::Ascii,
    };

    /// The text in a colour.
    pub(super) fn paint(self, tone: Tone, text: &str) -> String {
        let style = match tone {
            Tone::Plain => return text.to_owned(),
            Tone::Bold => Style::new().bold(),
            Tone::Dim => Style::new().dim(),
            Tone::Good => Style::new().green(),
            Tone::Busy => Style::new().cyan(),
            Tone::People => Style::new().yellow().bold(),
            Tone::Bad => Style::new().red().bold(),
        };
        match self.colour {
            Colours::On => style.force_styling(true).apply_to(text).to_string(),
            Colours::Off => text.to_owned(),
        }
    }

    /// The text broken into lines, each after an indent. Words are never broken: a command is copied.
    pub(super) fn wrapped(self, indent: usize, text: &str) -> Vec<String> {
        let blank = " ".repeat(indent);
        let Some(width) = self.width else {
            return vec![format!("{blank}{text}")];
        };
        let room = width.saturating_sub(indent).max(20);
        let mut lines = Vec::new();
        let mut line = String::new();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let longer = measure_text_width(&line)
                .saturating_add(measure_text_width(word))
                .saturating_add(1);
            if !line.is_empty() && longer > room {
                lines.push(format!("{blank}{line}"));
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        if !line.is_empty() || lines.is_empty() {
            lines.push(format!("{blank}{line}"));
        }
        lines
    }

    /// The line, cut to the terminal.
    pub(super) fn cut(self, line: &str) -> String {
        match self.width {
            Some(width) => truncate_str(line, width, self.ellipsis()).into_owned(),
            None => line.to_owned(),
        }
    }

    /// What stands for the rest of a cut text.
    pub(super) fn ellipsis(self) -> &'static str {
        match self.glyphs {
            Glyphs::Unicode => "…",
            Glyphs::Ascii => "...",
        }
    }

    /// The mark before a phase: a sign in a terminal, a word in a pipe.
    pub(super) fn mark(self, mark: Mark) -> String {
        let (sign, letter, word, tone) = match mark {
            Mark::Done => ("✔", "+", "done", Tone::Good),
            Mark::Now => ("▶", ">", "now", Tone::Busy),
            Mark::Waits => ("…", "~", "waits", Tone::Busy),
            Mark::People => ("‖", "!", "people", Tone::People),
            Mark::Stopped => ("✖", "x", "stopped", Tone::Bad),
            Mark::Differs => ("≠", "#", "differs", Tone::Bad),
            Mark::Nothing => ("–", "-", "nothing", Tone::Dim),
            Mark::Ahead => ("·", ".", "ahead", Tone::Dim),
        };
        match (self.width, self.glyphs) {
            (None, _) => format!("{word:<7}"),
            (Some(_), Glyphs::Unicode) => self.paint(tone, sign),
            (Some(_), Glyphs::Ascii) => self.paint(tone, letter),
        }
    }

    /// A bar of so many cells; nothing in a pipe.
    pub(super) fn bar(self, cells: usize, part: i64, whole: i64) -> String {
        if self.width.is_none() || whole <= 0 {
            return String::new();
        }
        let all = i64::try_from(cells).unwrap_or(0);
        let full = part
            .clamp(0, whole)
            .saturating_mul(all)
            .checked_div(whole)
            .unwrap_or(0);
        // One item of a thousand is to be seen, and 999 of them are not all.
        let full = match part {
            1.. if full == 0 => 1.min(all),
            _ if part < whole && full == all => all.saturating_sub(1),
            _ => full,
        };
        let full = usize::try_from(full).unwrap_or(0);
        let rest = cells.saturating_sub(full);
        let (done, ahead) = match self.glyphs {
            Glyphs::Unicode => ("━", "─"),
            Glyphs::Ascii => ("#", "-"),
        };
        format!(
            "{}{}",
            self.paint(Tone::Good, &done.repeat(full)),
            self.paint(Tone::Dim, &ahead.repeat(rest))
        )
    }
}

/// A time in the two largest units, as kubectl shows an age: `4m10s`, `3h5m`, `2d4h`.
pub(super) fn span(seconds: i64) -> String {
    let unit = |of: i64| seconds.checked_div(of).unwrap_or(0);
    let rest = |of: i64, small: i64| {
        seconds
            .checked_rem(of)
            .and_then(|rest| rest.checked_div(small))
            .unwrap_or(0)
    };
    let two = |large: i64, name: &str, small: i64, small_name: &str| match small {
        0 => format!("{large}{name}"),
        small => format!("{large}{name}{small}{small_name}"),
    };
    match seconds {
        ..=59 => format!("{}s", seconds.max(0)),
        60..=3599 => two(unit(60), "m", rest(60, 1), "s"),
        3600..=86_399 => two(unit(3600), "h", rest(3600, 60), "m"),
        _ => two(unit(86_400), "d", rest(86_400, 3600), "h"),
    }
}

/// Tenths as a number with one decimal where it says something: `0.4`, `12`.
pub(super) fn tenths(tenths: i64) -> String {
    let (whole, part) = (tenths.checked_div(10), tenths.checked_rem(10));
    match (whole.unwrap_or(0), part.unwrap_or(0)) {
        (whole @ 0..=9, part) if part > 0 => format!("{whole}.{part}"),
        (whole, _) => thousands(whole),
    }
}

/// A number as people read it: `12,040`.
pub(super) fn thousands(number: i64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        let left = digits.len().saturating_sub(place);
        if place > 0 && left.is_multiple_of(3) && digit != '-' {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number and what it counts: `1 item`, `12 items`.
pub(super) fn counted(number: i64, what: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {what}{ending}", thousands(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_numbers_are_short() {
        for (seconds, text) in [
            (-3, "0s"),
            (59, "59s"),
            (60, "1m"),
            (250, "4m10s"),
            (11_100, "3h5m"),
            (187_200, "2d4h"),
        ] {
            assert_eq!(span(seconds), text);
        }
        assert_eq!(
            [tenths(4), tenths(125), tenths(12_340)],
            ["0.4", "12", "1,234"]
        );
        assert_eq!(thousands(-1_234_567), "-1,234,567");
    }

    #[test]
    fn a_bar_shows_the_first_item_and_the_last_that_lacks() {
        let look = Look {
            width: Some(80),
            glyphs: Glyphs::Ascii,
            ..Look::PLAIN
        };
        assert_eq!(look.bar(10, 0, 1000), "----------");
        assert_eq!(look.bar(10, 1, 1000), "#---------");
        assert_eq!(look.bar(10, 999, 1000), "#########-");
        assert_eq!(look.bar(10, 1000, 1000), "##########");
        assert_eq!(look.bar(10, 1200, 1000), "##########");
        assert_eq!(Look::PLAIN.bar(10, 5, 10), "");
    }

    #[test]
    fn lines_are_broken_between_words_alone() {
        let look = Look {
            width: Some(24),
            ..Look::PLAIN
        };
        let text = "see https://example.com/a/very/long/address/that/stays and go on";
        assert_eq!(
            look.wrapped(2, text),
            [
                "  see",
                "  https://example.com/a/very/long/address/that/stays",
                "  and go on"
            ]
        );
        assert_eq!(Look::PLAIN.wrapped(2, text).len(), 1);
    }
}
