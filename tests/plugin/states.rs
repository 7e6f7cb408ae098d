//! The view of every state, as a person sees it in a terminal and a script in a pipe.

use tenant_reseller_operator::api::{Reason, StateClass, UpgradeReport};
use tenant_reseller_operator::plugin::explain::explain;
use tenant_reseller_operator::plugin::look::{Colours, Glyphs, Look};
use tenant_reseller_operator::plugin::render::status;
use tenant_reseller_operator::plugin::view::{View, view};
use tenant_reseller_operator::plugin::words::Standing;

use crate::fixtures::{events, now, reasons, reports, upgrade};

const TERMINAL: Look = Look {
    width: Some(100),
    colour: Colours::Off,
    glyphs: Glyphs::Unicode,
};

fn seen(reason: Reason) -> View {
    let blocked = matches!(reason, Reason::PrecheckFailed | Reason::VerificationFailed);
    let reports: Vec<UpgradeReport> = if blocked { reports() } else { Vec::new() };
    view(&upgrade(reason), &events(), &reports, now())
}

#[test]
fn every_state_in_a_terminal_and_in_a_pipe() {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for reason in reasons() {
            let view = seen(reason);
            let text = format!(
                "exit code of a script: {:?}\n=== terminal\n{}=== pipe\n{}",
                view.standing,
                status(&view, TERMINAL),
                status(&view, Look::PLAIN)
            );
            insta::assert_snapshot!(format!("state_{}", reason.as_str()), text);
        }
    });
}

#[test]
fn explaining_what_is_in_the_way() {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for reason in [
            Reason::PrecheckFailed,
            Reason::AwaitingConfirmation,
            Reason::Progressing,
        ] {
            let view = seen(reason);
            insta::assert_snapshot!(
                format!("explain_{}", reason.as_str()),
                explain(&view, TERMINAL)
            );
        }
    });
}

/// Colours change no word, and a narrow terminal breaks or cuts every line that is no command.
#[test]
fn every_width_and_colour_says_the_same() {
    for reason in reasons() {
        let view = seen(reason);
        for text in [status, explain] {
            let plain = text(&view, TERMINAL);
            let coloured = text(
                &view,
                Look {
                    colour: Colours::On,
                    ..TERMINAL
                },
            );
            assert!(coloured.contains('\u{1b}'), "{reason:?}");
            assert_eq!(console::strip_ansi_codes(&coloured), plain, "{reason:?}");
            for width in [30, 60, 79] {
                let narrow = text(
                    &view,
                    Look {
                        width: Some(width),
                        ..TERMINAL
                    },
                );
                for line in narrow.lines().filter(|line| !line.contains("kubectl")) {
                    let one_word = !line.trim().contains(' ');
                    assert!(
                        console::measure_text_width(line) <= width || one_word,
                        "{reason:?} at {width}: {line:?}"
                    );
                }
            }
        }
    }
}

/// No control character and nothing invisible reaches a terminal, whatever a BSS wrote.
#[test]
fn texts_of_others_are_legible() {
    for reason in reasons() {
        let view = seen(reason);
        for text in [status(&view, TERMINAL), explain(&view, Look::PLAIN)] {
            for letter in text.chars() {
                let odd = letter.is_control() && letter != '\n' || letter == '\u{202e}';
                assert!(!odd, "{reason:?}: {letter:?}");
            }
        }
        let json = serde_json::to_string(&view).unwrap();
        assert!(
            !json.contains("\\u001b") && !json.contains('\u{202e}'),
            "{json}"
        );
    }
}

#[test]
fn how_it_stands_is_told_of_the_present_spec_alone() {
    for reason in reasons() {
        let mut upgrade = upgrade(reason);
        upgrade.metadata.generation = Some(3);
        let view = view(&upgrade, &[], &[], now());
        let wanted = match reason.class().unwrap() {
            // A finished upgrade stays finished, whatever happens to its spec.
            StateClass::Done => Standing::Done,
            StateClass::DoneWithDifferences => Standing::Failed,
            _ => Standing::Working,
        };
        assert_eq!(view.standing, wanted, "{reason:?}");
    }
    let mut unseen = upgrade(Reason::Progressing);
    unseen.status = None;
    let view = view(&unseen, &[], &[], now());
    assert_eq!(
        (view.standing, view.reason.as_str()),
        (Standing::Working, "NotSeen")
    );
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("state_never_seen", status(&view, TERMINAL));
    });
}
