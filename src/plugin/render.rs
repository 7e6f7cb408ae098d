//! The view of one upgrade as text, for a width and with or without colours. Pure.

use super::look::{Look, Tone, counted, span, tenths, thousands};
use super::phases::{Bar, Mark, PhaseView};
use super::view::{Blocker, EventView, Seen, View};
use super::words::{Standing, typed};

/// Cells of a progress bar where there is room.
const CELLS: usize = 16;

/// What `status` shows.
#[must_use]
pub fn status(view: &View, look: Look) -> String {
    let mut lines = head(view, look);
    lines.push(String::new());
    for phase in &view.phases {
        lines.extend(phase_lines(phase, look));
    }
    lines.extend(now(view, look));
    lines.extend(blockers(view, look));
    lines.extend(events(&view.events, look));
    joined(&lines)
}

/// Lines with an end after each.
pub(super) fn joined(lines: &[String]) -> String {
    let mut text = String::new();
    for line in lines {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// How loud a state is.
pub(super) fn tone(view: &View) -> Tone {
    match view.standing {
        Standing::Done => Tone::Good,
        Standing::Failed => Tone::Bad,
        Standing::Working => Tone::Busy,
        Standing::PersonMustAct if view.phases.iter().any(|phase| phase.mark == Mark::Stopped) => {
            Tone::Bad
        }
        Standing::PersonMustAct => Tone::People,
    }
}

/// Name, state, and what it is about.
pub(super) fn head(view: &View, look: Look) -> Vec<String> {
    let name = look.paint(Tone::Bold, &format!("{}/{}", view.namespace, view.name));
    let state = look.paint(tone(view), &view.reason);
    let known_as = view.reseller_name.as_ref().map(|name| format!(" ({name})"));
    let mut about = vec![
        format!("reseller {}{}", view.reseller, known_as.unwrap_or_default()),
        format!("connection {}", view.connection),
    ];
    about.extend(
        view.tenant
            .as_ref()
            .map(|tenant| format!("tenant {tenant}")),
    );
    about.push(format!("age {}", span(view.age_seconds)));
    let about = about.join(", ");
    let mut lines = vec![look.cut(&format!("{name}  {state}: {}", view.meaning))];
    lines.push(look.paint(Tone::Dim, &look.cut(&about)));
    if let Some(url) = &view.tenant_url {
        lines.push(look.paint(Tone::Dim, &look.cut(url)));
    }
    lines
}

fn phase_lines(phase: &PhaseView, look: Look) -> Vec<String> {
    let mut facts: Vec<String> = Vec::new();
    facts.extend(phase.items.map(|items| counted(items, "item")));
    facts.extend(phase.seconds.map(|seconds| match phase.mark {
        Mark::Done | Mark::Differs => format!("in {}", span(seconds)),
        Mark::Now | Mark::Waits | Mark::People | Mark::Stopped | Mark::Nothing | Mark::Ahead => {
            format!("for {}", span(seconds))
        }
    }));
    facts.extend(
        phase
            .tenths_per_second
            .map(|rate| format!("{} a second", tenths(rate))),
    );
    let title = match phase.mark {
        Mark::Ahead | Mark::Nothing => look.paint(Tone::Dim, &phase.title),
        Mark::Done => phase.title.clone(),
        Mark::Now | Mark::Waits | Mark::People | Mark::Stopped | Mark::Differs => {
            look.paint(Tone::Bold, &phase.title)
        }
    };
    let facts = facts.join(", ");
    let line = if facts.is_empty() {
        title
    } else {
        format!("{title}  {}", look.paint(Tone::Dim, &facts))
    };
    let mut lines = vec![look.cut(&format!("{} {line}", look.mark(phase.mark)))];
    let widest = phase
        .bars
        .iter()
        .map(|bar| bar.what.len())
        .max()
        .unwrap_or(0);
    lines.extend(phase.bars.iter().map(|bar| bar_line(bar, widest, look)));
    lines
}

fn bar_line(bar: &Bar, widest: usize, look: Look) -> String {
    let percent = bar.copied.saturating_mul(100).checked_div(bar.eligible);
    let mut facts = vec![format!(
        "{}/{}",
        thousands(bar.copied),
        thousands(bar.eligible)
    )];
    facts.extend(percent.map(|percent| format!("{percent} %")));
    facts.extend(
        bar.tenths_per_second
            .map(|rate| format!("{} a second", tenths(rate))),
    );
    facts.extend(
        bar.seconds_left
            .map(|left| format!("about {} left", span(left))),
    );
    if bar.failed > 0 {
        facts.push(look.paint(Tone::Bad, &format!("{} in the way", thousands(bar.failed))));
    }
    if !bar.excluded.is_empty() {
        let excluded: Vec<String> = bar
            .excluded
            .iter()
            .map(|(why, count)| format!("{why} {}", thousands(*count)))
            .collect();
        facts.push(format!("left out: {}", excluded.join(", ")));
    }
    let cells = match look.width {
        Some(width) if width < 60 => 10,
        Some(_) | None => CELLS,
    };
    let picture = look.bar(cells, bar.copied, bar.eligible);
    let gap = if picture.is_empty() { "" } else { " " };
    let what = format!("{:<widest$}", bar.what);
    look.cut(&format!("    {what} {picture}{gap}{}", facts.join(", ")))
}

/// What the operator says, and who has to do what.
pub(super) fn now(view: &View, look: Look) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(stale) = stale(view) {
        lines.push(String::new());
        lines.extend(look.wrapped(0, stale));
    }
    if !view.message.is_empty() {
        lines.push(String::new());
        lines.extend(look.wrapped(0, &view.message));
    }
    if let Some(waiting) = &view.waiting {
        let since = waiting
            .seconds
            .map(|seconds| format!(" (for {})", span(seconds)));
        let title = match view.standing {
            Standing::PersonMustAct | Standing::Failed => "What to do",
            Standing::Working | Standing::Done => "What it waits for",
        };
        let title = look.paint(tone(view), title);
        lines.push(String::new());
        lines.push(format!("{title}{}:", since.unwrap_or_default()));
        lines.extend(action(&waiting.next_action, look));
        lines.extend(
            waiting.next_attempt_seconds.map(|seconds| {
                look.paint(Tone::Dim, &format!("  Next look in {}.", span(seconds)))
            }),
        );
    }
    lines
}

/// What to do; a command has a line of its own, so that it can be copied whole.
fn action(text: &str, look: Look) -> Vec<String> {
    match text.split_once(": kubectl ") {
        Some((before, command)) => {
            let mut lines = look.wrapped(2, &format!("{before}:"));
            lines.push(format!("    kubectl {command}"));
            lines
        }
        None => look.wrapped(2, text),
    }
}

fn stale(view: &View) -> Option<&'static str> {
    match view.seen {
        Seen::Present => None,
        Seen::Earlier => Some(
            "The operator has not looked at the present spec yet; what stands here is about the one \
             before.",
        ),
        Seen::Never => Some(
            "The operator has not looked at this upgrade yet. If that lasts, see that it runs and \
             watches this namespace: kubectl get pods -A -l app.kubernetes.io/name=tenant-reseller-operator",
        ),
    }
}

/// What is in the way, one line a reason, and where all of it is.
fn blockers(view: &View, look: Look) -> Vec<String> {
    let mut lines = Vec::new();
    if !view.blockers.is_empty() {
        lines.push(String::new());
        lines.push(look.paint(Tone::Bold, "In the way:"));
        let widest = view.blockers.iter().map(|group| group.reason.len()).max();
        for group in &view.blockers {
            let reason = format!("{:<width$}", group.reason, width = widest.unwrap_or(0));
            let count = thousands(group.count);
            let line = format!("  {reason}  {count:>5}  {}", examples(group));
            lines.push(look.cut(&line));
        }
    }
    if !view.reports.is_empty() {
        lines.push(String::new());
        lines.push(look.paint(Tone::Bold, "Reports:"));
        for report in &view.reports {
            let more = match report.truncated {
                0 => String::new(),
                more => format!(" and {} that did not fit", thousands(more)),
            };
            lines.push(format!(
                "  {}{more}: kubectl tru report {} {} -n {}",
                counted(report.rows, "row"),
                view.name,
                typed(report.kind),
                view.namespace
            ));
        }
    }
    lines
}

/// The examples of a group in one line.
pub(super) fn examples(group: &Blocker) -> String {
    let shown: Vec<String> = group
        .examples
        .iter()
        .map(|example| match &example.detail {
            Some(detail) => format!("{} ({detail})", example.item),
            None => example.item.clone(),
        })
        .collect();
    let named = i64::try_from(shown.len()).unwrap_or(i64::MAX);
    let more = group.count.saturating_sub(named);
    match (shown.is_empty(), more) {
        (true, _) => String::new(),
        (false, ..=0) => shown.join(", "),
        (false, more) => format!("{} and {} more", shown.join(", "), thousands(more)),
    }
}

fn events(events: &[EventView], look: Look) -> Vec<String> {
    if events.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![String::new(), look.paint(Tone::Bold, "Last events:")];
    for event in events {
        let kind = if event.warning { "Warning" } else { "Normal" };
        let times = match event.count {
            ..=1 => String::new(),
            count => format!(" (x{count})"),
        };
        let tone = if event.warning {
            Tone::People
        } else {
            Tone::Plain
        };
        let ago = format!("{} ago", span(event.seconds_ago));
        let reason = look.paint(tone, &format!("{kind} {}", event.reason));
        lines.push(look.cut(&format!("  {ago:<12} {reason}{times}  {}", event.note)));
    }
    lines
}
