#![expect(
    clippy::arithmetic_side_effects,
    clippy::wildcard_enum_match_arm,
    reason = "the server of these tests is small, and most of its faults concern one place"
)]

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Row(String);

impl Identified for Row {
    fn id(&self) -> &str {
        &self.0
    }
}

/// How a server tells of its pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Links,
    LinksAndTotal,
    Numbers,
    NumbersAndTotal,
    Whole,
}

/// What is wrong with a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Corruption {
    None,
    RepeatsAPage,
    MovesItsTotal,
    /// Leaves out this row in the passes of an odd number.
    SkipsARow(usize),
    /// Its pages shift while they are read, in each first pass of two.
    Shifts,
    LinksBack,
}

struct Server {
    ids: Vec<String>,
    size: usize,
    style: Style,
    corruption: Corruption,
    pass: usize,
    asked: usize,
}

impl Server {
    fn answer(&mut self, ask: &Ask) -> Rows<Row> {
        if *ask == Ask::First {
            self.pass += 1;
        }
        self.asked += 1;
        let number = match ask {
            Ask::First => 1,
            Ask::Page(number) => *number as usize,
            Ask::Link(link) => link.parse().unwrap(),
        };
        let mut ids = self.ids.clone();
        match self.corruption {
            Corruption::SkipsARow(row) if self.pass % 2 == 1 && row < ids.len() => {
                ids.remove(row);
            }
            Corruption::Shifts if number > 1 && self.pass % 2 == 1 => {
                ids.remove(self.pass % ids.len());
            }
            _ => {}
        }
        let served = match self.corruption {
            Corruption::RepeatsAPage => 1,
            _ => number,
        };
        let size = if self.style == Style::Whole {
            usize::MAX
        } else {
            self.size
        };
        let skipped = served.saturating_sub(1).saturating_mul(size);
        let all: Vec<Row> = ids
            .iter()
            .skip(skipped)
            .take(size)
            .cloned()
            .map(Row)
            .collect();
        let more = ids.len() > number.saturating_mul(size);
        let moved = usize::from(self.corruption == Corruption::MovesItsTotal && number > 1);
        let total = Some((self.ids.len() + moved) as u64);
        let next = match (self.corruption, more) {
            (Corruption::LinksBack, true) if number > 1 => Next::Link("2".to_owned()),
            (_, true) => Next::Link((number + 1).to_string()),
            (_, false) => Next::End,
        };
        match self.style {
            Style::Links => Rows {
                all,
                total: None,
                next,
            },
            Style::LinksAndTotal => Rows { all, total, next },
            Style::Numbers | Style::Whole => Rows {
                all,
                total: None,
                next: Next::Untold,
            },
            Style::NumbersAndTotal => Rows {
                all,
                total,
                next: Next::Untold,
            },
        }
    }
}

fn server(ids: usize, size: usize, style: Style, corruption: Corruption) -> Server {
    Server {
        ids: (0..ids).map(|id| id.to_string()).collect(),
        size,
        style,
        corruption,
        pass: 0,
        asked: 0,
    }
}

fn collect(server: &mut Server, max: u32) -> Result<Vec<Row>, Refused> {
    let paging = if server.style == Style::Whole {
        Paging::Whole
    } else {
        Paging::Pages
    };
    let mut collector = Collector::new(paging, max);
    while let Some(ask) = collector.wanted().cloned() {
        assert!(server.asked < 10_000, "it does not end");
        collector.take(server.answer(&ask), |_| true)?;
    }
    Ok(collector.into_kept().unwrap())
}

fn styles() -> impl Strategy<Value = Style> {
    prop_oneof![
        Just(Style::Links),
        Just(Style::LinksAndTotal),
        Just(Style::Numbers),
        Just(Style::NumbersAndTotal),
        Just(Style::Whole),
    ]
}

proptest! {
    #[test]
    fn an_honest_server_is_read_to_its_end(ids in 0_usize..60, size in 1_usize..20, style in styles()) {
        let mut server = server(ids, size, style, Corruption::None);
        let listed = collect(&mut server, 1000).unwrap();
        prop_assert_eq!(listed.len(), ids);
    }

    /// Whatever is wrong, the answer is all records or none, never some.
    #[test]
    fn a_corrupted_listing_is_never_taken_for_a_shorter_one(
        ids in 1_usize..60,
        size in 1_usize..20,
        style in styles(),
        corruption in prop_oneof![
            Just(Corruption::RepeatsAPage),
            Just(Corruption::MovesItsTotal),
            (0_usize..60).prop_map(Corruption::SkipsARow),
            Just(Corruption::Shifts),
            Just(Corruption::LinksBack),
        ],
    ) {
        let mut server = server(ids, size, style, corruption);
        if let Ok(listed) = collect(&mut server, 1000) {
            prop_assert_eq!(listed.len(), ids);
        }
    }
}

#[test]
fn a_listing_begins_again_three_times_and_not_for_ever() {
    let mut repeating = server(30, 10, Style::Numbers, Corruption::RepeatsAPage);
    let refused = collect(&mut repeating, 1000).unwrap_err();
    assert_eq!(
        refused,
        Refused::NeverTheSame("the same record comes twice")
    );
    assert_eq!(repeating.pass, 4);
    let mut moving = server(30, 10, Style::LinksAndTotal, Corruption::MovesItsTotal);
    assert!(matches!(
        collect(&mut moving, 1000),
        Err(Refused::NeverTheSame(
            "the total of its records changes from page to page"
        ))
    ));
}

#[test]
fn a_row_that_is_skipped_once_makes_it_look_again() {
    let mut skipping = server(30, 10, Style::LinksAndTotal, Corruption::SkipsARow(17));
    assert_eq!(collect(&mut skipping, 1000).unwrap().len(), 30);
    assert_eq!(skipping.pass, 2);
}

#[test]
fn there_is_a_ceiling() {
    let mut large = server(1001, 100, Style::Links, Corruption::None);
    assert_eq!(collect(&mut large, 1000), Err(Refused::TooMany(1000)));
}

#[test]
fn other_pages_do_not_count_as_a_fault() {
    let mut collector: Collector<Row> = Collector::new(Paging::Pages, 1000);
    for _ in 0..20 {
        collector.page_otherwise();
    }
    assert_eq!(collector.wanted(), Some(&Ask::First));
}
