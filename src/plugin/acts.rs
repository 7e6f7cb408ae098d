//! What people do to an upgrade: suspend, resume, look again, confirm, take over. Each shows what is
//! meant, asks, and writes one annotation.

use std::collections::BTreeMap;
use std::process::ExitCode;

use jiff::Timestamp;
use k8s_openapi::api::events::v1::Event;
use kube::ResourceExt as _;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};

use super::asked::{asked_for, holder_of_another_operator};
use super::cli::{ActFlags, ManyFlags, ResumeFlags, TakeOverFlags};
use super::error::Failure;
use super::fetch::Scope;
use super::kubeconfig::Cluster;
use super::many::each;
use super::out::Out;
use super::prompt::agreed;
use super::render::{head, now};
use super::view::{text, view};
use crate::api::{
    CONFIRM_ANNOTATION, ConditionList as _, ConditionType, GROUP, REQUESTED_AT_ANNOTATION, Reason,
    SUSPEND_ANNOTATION, TAKE_OVER_ANNOTATION, TenantResellerUpgrade,
};

/// How often a write is tried anew that another one was quicker than.
const TRIES: usize = 5;
/// As whom the plugin writes.
const MANAGER: &str = "kubectl-tru";

/// What is written: annotations, and the field of the spec that suspends.
#[derive(Default)]
struct Change {
    annotations: BTreeMap<&'static str, Option<String>>,
    suspend: Option<bool>,
}

pub(super) async fn suspend(
    cluster: &Cluster,
    asked: &ManyFlags,
    out: Out,
) -> Result<ExitCode, Failure> {
    each(cluster, asked, async |act| {
        suspend_one(cluster, &act, out).await
    })
    .await
}

async fn suspend_one(cluster: &Cluster, asked: &ActFlags, out: Out) -> Result<bool, Failure> {
    let upgrade = cluster.upgrade(&asked.name).await?;
    refuse_if_finished(&upgrade, "suspend")?;
    show(&upgrade, &[], out)?;
    let what = "Suspend it? What was sent already is awaited; nothing new begins.";
    if !agreed(asked, what)? {
        return Ok(false);
    }
    let change = Change::annotate(SUSPEND_ANNOTATION, Some("true".to_owned()));
    write(cluster, asked, &change, |_| Ok(())).await?;
    told(
        asked,
        out,
        "suspended; `Suspended` becomes True once nothing is under way any more",
    )?;
    Ok(true)
}

pub(super) async fn resume(
    cluster: &Cluster,
    asked: &ResumeFlags,
    out: Out,
) -> Result<ExitCode, Failure> {
    let ResumeFlags { many, spec } = asked;
    let spec = if *spec { Spec::Too } else { Spec::Untouched };
    each(cluster, many, async |act| {
        resume_one(cluster, (&act, spec), out).await
    })
    .await
}

/// Whether a suspension by the spec is taken back as well.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spec {
    Untouched,
    Too,
}

async fn resume_one(
    cluster: &Cluster,
    (act, spec): (&ActFlags, Spec),
    out: Out,
) -> Result<bool, Failure> {
    let upgrade = cluster.upgrade(&act.name).await?;
    if upgrade.spec.suspend && spec == Spec::Untouched {
        return Err(Failure::PersonMustAct(format!(
            "spec.suspend of {} is true. Change it where the spec is managed, in Git for example, or \
             let this command do it with --spec",
            act.name
        )));
    }
    show(&upgrade, &[], out)?;
    if !agreed(
        act,
        "Let it go on? It may reach the switch of phase 4 by itself.",
    )? {
        return Ok(false);
    }
    let mut change = Change::annotate(SUSPEND_ANNOTATION, None);
    if upgrade.spec.suspend {
        change.suspend = Some(false);
    }
    let written = write(cluster, act, &change, |_| Ok(())).await?;
    if let Some(other) = still_held(&written) {
        return Err(Failure::PersonMustAct(format!(
            "the suspension by {SUSPEND_ANNOTATION} is taken back, but {other} holds the upgrade too: \
             take it away"
        )));
    }
    told(act, out, "resumed")?;
    Ok(true)
}

pub(super) async fn retry(
    cluster: &Cluster,
    asked: &ManyFlags,
    out: Out,
) -> Result<ExitCode, Failure> {
    // It changes nothing that people would have to think about: nothing is asked.
    let now = Timestamp::now().to_string();
    let change = Change::annotate(REQUESTED_AT_ANNOTATION, Some(now));
    each(cluster, asked, async |act| {
        write(cluster, &act, &change, |_| Ok(())).await?;
        told(&act, out, "the operator is asked to look again at once")?;
        Ok(true)
    })
    .await
}

pub(super) async fn confirm(
    cluster: &Cluster,
    asked: &ActFlags,
    out: Out,
) -> Result<ExitCode, Failure> {
    let upgrade = cluster.upgrade(&asked.name).await?;
    let Some(value) = asked_for(&upgrade, CONFIRM_ANNOTATION) else {
        return Err(Failure::Refused(format!(
            "{} asks for no confirmation now: {}",
            asked.name,
            reason_of(&upgrade)
        )));
    };
    show(&upgrade, &[], out)?;
    let what = format!(
        "Confirm {value:?}? Once confirmed, the upgrade goes on and may reach the switch by itself."
    );
    if !agreed(asked, &what)? {
        return Ok(ExitCode::FAILURE);
    }
    let change = Change::annotate(CONFIRM_ANNOTATION, Some(value.clone()));
    // What is confirmed is what was shown: something else asked meanwhile is not confirmed by it.
    write(cluster, asked, &change, |now| {
        if asked_for(now, CONFIRM_ANNOTATION).as_ref() == Some(&value) {
            return Ok(());
        }
        Err(changed_meanwhile(asked))
    })
    .await?;
    told(asked, out, &format!("confirmed {value}"))
}

pub(super) async fn take_over(
    cluster: &Cluster,
    asked: &TakeOverFlags,
    out: Out,
) -> Result<ExitCode, Failure> {
    let TakeOverFlags { act, holder } = asked;
    let upgrade = cluster.upgrade(&act.name).await?;
    let events = cluster.events(&upgrade).await;
    let claimed = reason_of(&upgrade) == Reason::ResellerClaimed.as_str();
    let present = |upgrade: &TenantResellerUpgrade| {
        asked_for(upgrade, TAKE_OVER_ANNOTATION)
            .or_else(|| holder_of_another_operator(upgrade, &events))
    };
    let value = match (holder, present(&upgrade)) {
        (Some(typed), Some(value)) if typed.trim() != value => {
            return Err(Failure::Refused(format!(
                "the holder is {value:?}, and not {typed:?}: nothing was written"
            )));
        }
        (_, Some(value)) => value,
        (Some(typed), None) if claimed => typed.trim().to_owned(),
        (None, None) if claimed => {
            return Err(Failure::PersonMustAct(format!(
                "nothing that can be taken over by a command holds {}. Read its message; if it names a \
                 holder of another cluster, give it with --holder",
                act.name
            )));
        }
        (_, None) => {
            return Err(Failure::Refused(format!(
                "no other holder is in the way of {}: {}",
                act.name,
                reason_of(&upgrade)
            )));
        }
    };
    if value.is_empty() {
        return Err(Failure::Usage("--holder is empty".to_owned()));
    }
    show(&upgrade, &events, out)?;
    let what = format!(
        "Take over from {:?}? The former holder can write no more. Make sure first that it has \
         stopped for good.",
        text(&value)
    );
    if !agreed(act, &what)? {
        return Ok(ExitCode::FAILURE);
    }
    let change = Change::annotate(TAKE_OVER_ANNOTATION, Some(value.clone()));
    write(cluster, act, &change, |now| match present(now) {
        Some(now) if now != value => Err(changed_meanwhile(act)),
        Some(_) | None => Ok(()),
    })
    .await?;
    told(act, out, &format!("takes over from {}", text(&value)))
}

fn changed_meanwhile(asked: &ActFlags) -> Failure {
    Failure::Refused(format!(
        "{} asks for something else by now: nothing was written. Look at it again",
        asked.name
    ))
}

impl Change {
    fn annotate(name: &'static str, value: Option<String>) -> Self {
        Self {
            annotations: BTreeMap::from([(name, value)]),
            suspend: None,
        }
    }

    /// The merge patch, for exactly this version of the object.
    fn patch(&self, version: Option<&str>) -> Value {
        let mut patch = json!({ "metadata": { "annotations": self.annotations } });
        if let (Some(version), Some(metadata)) = (
            version,
            patch
                .pointer_mut("/metadata")
                .and_then(Value::as_object_mut),
        ) {
            metadata.insert("resourceVersion".to_owned(), json!(version));
        }
        if let (Some(suspend), Some(object)) = (self.suspend, patch.as_object_mut()) {
            object.insert("spec".to_owned(), json!({ "suspend": suspend }));
        }
        patch
    }
}

/// Writes for the version that was checked; where another writer was quicker, it is checked anew.
async fn write(
    cluster: &Cluster,
    asked: &ActFlags,
    change: &Change,
    check: impl Fn(&TenantResellerUpgrade) -> Result<(), Failure>,
) -> Result<TenantResellerUpgrade, Failure> {
    let api: Api<TenantResellerUpgrade> = cluster.api(Scope::Namespace);
    let how = PatchParams {
        dry_run: asked.dry_run,
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let mut tries = TRIES;
    loop {
        let upgrade = cluster.upgrade(&asked.name).await?;
        check(&upgrade)?;
        let patch = change.patch(upgrade.metadata.resource_version.as_deref());
        match api.patch(&asked.name, &how, &Patch::Merge(&patch)).await {
            Err(kube::Error::Api(status)) if status.code == 409 && tries > 1 => {
                tries = tries.saturating_sub(1);
            }
            written => {
                return written.map_err(Failure::api(format!("annotating {}", asked.name)));
            }
        }
    }
}

/// What is about to be decided on.
fn show(upgrade: &TenantResellerUpgrade, events: &[Event], out: Out) -> Result<(), Failure> {
    let view = view(upgrade, events, &[], Timestamp::now());
    let mut lines = head(&view, out.look);
    lines.extend(now(&view, out.look));
    lines.push(String::new());
    out.lines(&lines)
}

fn told(asked: &ActFlags, out: Out, what: &str) -> Result<ExitCode, Failure> {
    let dry = if asked.dry_run {
        " (dry run: nothing was stored)"
    } else {
        ""
    };
    out.text(&format!("{}: {what}{dry}\n", asked.name))?;
    Ok(ExitCode::SUCCESS)
}

fn refuse_if_finished(upgrade: &TenantResellerUpgrade, what: &str) -> Result<(), Failure> {
    use super::words::Standing;
    match super::view::standing(upgrade) {
        Standing::Done | Standing::Failed => Err(Failure::Refused(format!(
            "there is nothing to {what}: {} is complete, and a complete upgrade stays so",
            upgrade.name_any()
        ))),
        Standing::PersonMustAct | Standing::Working => Ok(()),
    }
}

fn reason_of(upgrade: &TenantResellerUpgrade) -> String {
    let status = upgrade.status.as_ref();
    let ready = status.and_then(|status| status.conditions.condition(ConditionType::Ready));
    ready.map_or_else(|| "NotSeen".to_owned(), |ready| text(&ready.reason))
}

/// A label or another annotation that holds the upgrade as well: the operator takes words that were
/// meant to suspend for what they say.
fn still_held(upgrade: &TenantResellerUpgrade) -> Option<String> {
    let holds = |(key, value): &(&String, &String)| {
        let (group, name) = key.split_once('/').unwrap_or_default();
        let name = name.to_ascii_lowercase();
        let meant = ["suspen", "paus", "hold", "stop"]
            .iter()
            .any(|word| name.contains(word));
        group.eq_ignore_ascii_case(GROUP) && meant && *value != "false"
    };
    let annotation = upgrade.annotations().iter().find(holds);
    let annotation = annotation.map(|(key, _)| format!("the annotation {key}"));
    let label = || upgrade.labels().iter().find(holds);
    annotation.or_else(|| label().map(|(key, _)| format!("the label {key}")))
}
