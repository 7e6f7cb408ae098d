//! `kubectl tru` as people and scripts use it: the real program, against upgrades that really run.

use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::process::Command;

use super::bss::Data;
use super::world::{NAME, STEP, World, until};

const PROGRAM: &str = env!("CARGO_BIN_EXE_kubectl-tru");

/// What a run of the plugin left.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) code: i32,
    pub(super) out: String,
    err: String,
}

impl Ran {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    fn says(&self, words: &[&str]) {
        for word in words {
            assert!(self.out.contains(word), "{word:?} is not said: {self:#?}");
        }
    }
}

fn command(program: &str, kubeconfig: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env("KUBECONFIG", kubeconfig)
        .env("LC_ALL", "C.UTF-8")
        .env("TERM", "xterm")
        .env_remove("NO_COLOR")
        .env_remove("COLUMNS")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

async fn ran(mut command: Command) -> Ran {
    let output = tokio::time::timeout(STEP, command.output()).await;
    let output = output.expect("it does not end").unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

impl World {
    /// Runs the plugin in the test's namespace.
    pub(super) async fn tru(&self, arguments: &[&str]) -> Ran {
        let all: Vec<&str> = ["-n", &self.namespace]
            .into_iter()
            .chain(arguments.iter().copied())
            .collect();
        ran(command(PROGRAM, self.plane.kubeconfig(), &all)).await
    }

    /// The same in a terminal of so many columns.
    async fn tru_in_terminal(&self, columns: u16, no_color: &str, arguments: &str) -> String {
        let line = format!("{PROGRAM} -n {} {arguments}", self.namespace);
        let line = format!("stty cols {columns} rows 40 && {line}");
        let mut command = command(
            "script",
            self.plane.kubeconfig(),
            &["-qec", &line, "/dev/null"],
        );
        command.env("NO_COLOR", no_color);
        let ran = ran(command).await;
        assert!(!ran.out.is_empty(), "{ran:?}");
        ran.out.replace('\r', "")
    }
}

fn annotation(view: &super::view::View, name: &str) -> Option<String> {
    let annotations = view.0.pointer("/metadata/annotations")?;
    annotations[name].as_str().map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_that_is_blocked_is_listed_explained_held_and_followed_to_its_end() {
    let data = Data {
        defects: "demo",
        ..Data::default()
    };
    let world = World::of("plugin", data).await;
    let missing = world.tru(&["status", NAME]).await;
    assert_eq!(missing.code, 1, "{missing:?}");
    assert!(missing.err.contains("not found"), "{missing:?}");
    let none = world.tru(&["list"]).await;
    assert_eq!((none.code, none.out.as_str()), (0, ""), "{none:?}");
    world.begin().await;
    let seen = world.until_reason("PrecheckFailed").await;

    let status = world.tru(&["status", NAME]).await;
    assert_eq!(status.code, 3, "{status:?}");
    status.says(&[
        "PrecheckFailed",
        "done    1 Tenant",
        "stopped 3 Subscriptions",
        "What to do",
    ]);
    // A pipe gets neither colours nor bars nor anything else than ASCII.
    assert!(status.out.is_ascii(), "{status:?}");
    let groups = seen.failures();
    assert!(!groups.is_empty());
    let shown = world.tru(&["status", NAME, "-o", "json"]).await;
    let shown = (shown.code, shown.json());
    assert_eq!(shown.0, 3);
    assert_eq!(shown.1["standing"], "PersonMustAct");
    let blockers = shown.1["blockers"].as_array().unwrap();
    assert_eq!(blockers.len(), groups.len(), "{blockers:?}");
    assert!(
        !shown.1["events"].as_array().unwrap().is_empty(),
        "{}",
        shown.1
    );

    let explained = world.tru(&["explain", NAME]).await;
    assert_eq!(explained.code, 3);
    explained.says(&[
        "a person has to do",
        "Remedy: ",
        "PrecheckFailed (docs/reasons.md)",
    ]);
    for (reason, count) in &groups {
        explained.says(&[&format!("{reason}, {count} item")]);
    }

    listed(&world, &groups).await;
    held(&world).await;
    looked_over(&world).await;
    in_a_terminal(&world).await;
    as_another_user(&world).await;

    // It is followed to its end, while people mend what is in the way.
    let mut watching = command(
        PROGRAM,
        world.plane.kubeconfig(),
        &["-n", &world.namespace, "watch", NAME, "--timeout=80s"],
    );
    watching.stdout(Stdio::piped()).stderr(Stdio::piped());
    let watching = tokio::spawn(ran(watching));
    world.bss.act("fix-defects", json!({})).await;
    let watched = watching.await.unwrap();
    assert_eq!(watched.code, 0, "{watched:?}");
    let lines: Vec<&str> = watched.out.lines().collect();
    assert!(
        lines.first().unwrap().contains("PrecheckFailed"),
        "{lines:?}"
    );
    assert!(
        lines.last().unwrap().contains("Succeeded Done"),
        "{lines:?}"
    );

    let done = world.tru(&["status", NAME]).await;
    assert_eq!(done.code, 0, "{done:?}");
    done.says(&["Succeeded: done", "done    4 Back ordering"]);
    let late = world.tru(&["suspend", NAME, "--yes"]).await;
    assert_eq!(late.code, 1, "{late:?}");
    recorded(&world).await;
    world.ends_well().await;
}

/// Lists, filters and reports, in every form.
async fn listed(world: &World, groups: &[(String, i64)]) {
    let list = world.tru(&["list", "-o", "wide"]).await;
    assert_eq!(list.code, 0);
    list.says(&[
        "NAME",
        "contoso",
        "PrecheckFailed",
        "SubscriptionCopy",
        "10423",
        "distributor",
    ]);
    let name = "tenantresellerupgrade.tenantreseller.io/contoso\n";
    for (filter, there) in [
        (["--reason", "precheckfailed"], true),
        (["--reason", "Succeeded"], false),
        (["--phase", "SubscriptionCopy"], true),
        (["--phase", "Done"], false),
        (["--connection", "distributor"], true),
        (["--connection", "another"], false),
        (["--needs-action", "--no-headers"], true),
    ] {
        let found = world
            .tru(&["list", "-o", "name", filter[0], filter[1]])
            .await;
        assert_eq!(
            (found.code, found.out.as_str()),
            (0, if there { name } else { "" }),
            "{filter:?}"
        );
    }
    let everywhere = world.tru(&["list", "-A", "-o", "json"]).await.json();
    let items = everywhere["items"].as_array().unwrap();
    let here = items
        .iter()
        .filter(|item| item["metadata"]["namespace"] == world.namespace.as_str());
    assert_eq!(here.count(), 1);

    let wanted: i64 = groups.iter().map(|(_, count)| count).sum();
    let rows = world
        .tru(&["report", NAME, "blockers", "-o", "json"])
        .await
        .json();
    assert_eq!(
        i64::try_from(rows.as_array().unwrap().len()).unwrap(),
        wanted
    );
    let csv = world.tru(&["report", NAME, "blockers", "-o", "csv"]).await;
    assert_eq!(
        csv.out.lines().count(),
        usize::try_from(wanted).unwrap() + 1,
        "{csv:?}"
    );
    csv.says(&["\"report\",\"item\",\"id\"", "tru/acme-plugin/10423/"]);
    let table = world.tru(&["report", NAME]).await;
    table.says(&["REPORT", "REMEDY", "Blockers", &groups[0].0]);
}

/// Everything of a connection at once, several by name, and all of the namespace.
async fn many(world: &World) {
    let none = world.tru(&["suspend", "--yes"]).await;
    assert_eq!(none.code, 2, "{none:?}");
    let other = world.tru(&["suspend", "--connection=other", "--yes"]).await;
    assert_eq!(other.code, 1, "{other:?}");
    let held = world
        .tru(&["suspend", "--connection=distributor", "--yes"])
        .await;
    assert_eq!(held.code, 0, "{held:?}");
    held.says(&["contoso: suspended"]);
    world.until_reason("Suspended").await;
    // One that is not there does not hold the other up, and is told.
    let some = world.tru(&["resume", "nowhere", NAME, NAME, "--yes"]).await;
    assert_eq!(some.code, 1, "{some:?}");
    assert_eq!(some.out.matches("contoso: resumed").count(), 1, "{some:?}");
    for word in [
        "nowhere",
        "not found",
        "1 of 2 upgrades were left as they are",
    ] {
        assert!(some.err.contains(word), "{some:?}");
    }
    world.until_reason("PrecheckFailed").await;
    let again = world.tru(&["retry", "--all"]).await;
    assert_eq!(again.code, 0, "{again:?}");
    again.says(&["contoso: the operator is asked"]);
}

/// Suspended, resumed and looked at again.
async fn held(world: &World) {
    let unasked = world.tru(&["suspend", NAME]).await;
    assert_eq!(unasked.code, 2, "there is no one to ask: {unasked:?}");
    let dry = world.tru(&["suspend", NAME, "--dry-run"]).await;
    assert_eq!(dry.code, 0, "{dry:?}");
    assert_eq!(
        annotation(&world.view().await, "tenantreseller.io/suspend"),
        None
    );
    let suspended = world.tru(&["suspend", NAME, "--yes"]).await;
    assert_eq!(suspended.code, 0, "{suspended:?}");
    world.until_reason("Suspended").await;
    assert_eq!(world.tru(&["status", NAME]).await.code, 3);
    let resumed = world.tru(&["resume", NAME, "--yes"]).await;
    assert_eq!(resumed.code, 0, "{resumed:?}");
    world.until_reason("PrecheckFailed").await;

    many(world).await;

    world.patch(json!({ "spec": { "suspend": true } })).await;
    let by_spec = world.tru(&["resume", NAME, "--yes"]).await;
    assert_eq!(by_spec.code, 3, "{by_spec:?}");
    assert!(by_spec.err.contains("spec.suspend"), "{by_spec:?}");
    let resumed = world.tru(&["resume", NAME, "--yes", "--spec"]).await;
    assert_eq!(resumed.code, 0, "{resumed:?}");
    world.until_reason("PrecheckFailed").await;

    let again = world.tru(&["retry", NAME]).await;
    assert_eq!(again.code, 0, "{again:?}");
    let asked = annotation(&world.view().await, "tenantreseller.io/requestedAt").unwrap();
    world
        .until("the request is obeyed", |view| {
            view.text("/status/lastHandledReconcileAt") == asked
        })
        .await;
    for act in ["confirm", "take-over"] {
        let nothing = world.tru(&[act, NAME, "--yes"]).await;
        assert_eq!(nothing.code, 1, "{nothing:?}");
    }
    assert_eq!(world.tru(&["status"]).await.code, 2, "no name");
    assert_eq!(
        world.tru(&["list", "--phase", "Gate"]).await.code,
        2,
        "no phase"
    );
}

/// Connections and versions.
async fn looked_over(world: &World) {
    let all = world.tru(&["connections"]).await;
    all.says(&["distributor", "acme-plugin", "reference", "True"]);
    let one = world.tru(&["connections", "distributor"]).await;
    assert_eq!(one.code, 0);
    one.says(&[
        "copySubscriptions",
        "Reachable",
        "Used by 1 upgrade",
        "contoso",
    ]);
    let version = world.tru(&["version"]).await;
    version.says(&["plugin:", "API server: v", &format!("in {}", world.system)]);
    // What kubectl asks for a key that completes: names, and no files beside them.
    let names = ran(command(
        PROGRAM,
        world.plane.kubeconfig(),
        &["__complete", "-n", &world.namespace, "status", "con"],
    ))
    .await;
    assert_eq!(names.out, "contoso\n:4\n");
}

/// In a terminal there are colours, bars and lines that fit.
async fn in_a_terminal(world: &World) {
    let wide = world
        .tru_in_terminal(90, "", &format!("status {NAME}"))
        .await;
    assert!(
        wide.contains("\u{1b}[") && wide.contains('✔') && wide.contains('─'),
        "{wide}"
    );
    let plain = world
        .tru_in_terminal(60, "1", &format!("list -o wide -n {}", world.namespace))
        .await;
    assert!(!plain.contains('\u{1b}'), "{plain}");
    assert!(
        plain
            .lines()
            .all(|line| console::measure_text_width(line) <= 60),
        "{plain}"
    );
}

/// RBAC counts for whom the plugin acts as.
async fn as_another_user(world: &World) {
    let jane = world.tru(&["status", NAME, "--as", "jane"]).await;
    assert_eq!(jane.code, 1, "{jane:?}");
    assert!(jane.err.contains("\"jane\" cannot get"), "{jane:?}");
    let group = [
        "status",
        NAME,
        "--as",
        "jane",
        "--as-group",
        "system:masters",
    ];
    assert_eq!(world.tru(&group).await.code, 3);
    assert_eq!(
        world.tru(&["status", NAME, "--as-group", "x"]).await.code,
        2
    );
    let elsewhere = world.tru(&["status", NAME, "--context", "nowhere"]).await;
    assert_eq!(elsewhere.code, 1, "{elsewhere:?}");
}

/// The record, as an auditor exports it: the same as by the command of docs/records.md.
async fn recorded(world: &World) {
    let table = ran(command(
        PROGRAM,
        world.plane.kubeconfig(),
        &["claims", "-n", &world.system, "--identity", "acme-plugin"],
    ))
    .await;
    table.says(&["acme-plugin", "10423", "plugin/contoso", "Automatic"]);
    let lines = ran(command(
        PROGRAM,
        world.plane.kubeconfig(),
        &["claims", "-n", &world.system, "-o", "jsonl"],
    ))
    .await;
    let by_kubectl = world
        .plane
        .kubectl()
        .unwrap()
        .run([
            "-n",
            world.system.as_str(),
            "get",
            "resellerclaims",
            "-o",
            r#"jsonpath={range .items[*]}{"{\"apiVersion\":\""}{.apiVersion}{"\",\"kind\":\""}{.kind}{"\",\"metadata\":{\"name\":\""}{.metadata.name}{"\"},\"spec\":"}{.spec}{"}\n"}{end}"#,
        ])
        .await
        .unwrap();
    let parsed = |text: &str| -> Vec<Value> {
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    assert_eq!(parsed(&lines.out), parsed(&by_kubectl));
    assert_eq!(lines.out.lines().count(), 1);
}

/// An operator elsewhere holds the reseller; a person takes over and confirms, with the plugin alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_reseller_is_taken_over_and_confirmed() {
    let data = Data {
        customers: 20,
        subscriptions: 60,
        ..Data::default()
    };
    let here = World::of("plugintaken", data).await;
    let there = World::start("plugintakes").await;
    let busy = json!({ "operation": "copySubscriptions",
        "kind": { "Throttle": { "retryAfterSeconds": 1 } } });
    here.bss.faults(json!([busy])).await;
    here.begin().await;
    here.bss.struck(0, 1).await;
    let token = here.bss.token.clone();
    let objects = [
        here.credentials(&token),
        here.authority(),
        here.connection(),
        here.upgrade(),
    ];
    there
        .apply(&objects.map(|mut object| {
            object["metadata"]["namespace"] = json!(there.namespace);
            object
        }))
        .await;
    there.until_reason("ResellerClaimed").await;
    assert_eq!(there.tru(&["status", NAME]).await.code, 3);
    let wrong = there
        .tru(&["take-over", NAME, "--yes", "--holder", "another"])
        .await;
    assert_eq!(wrong.code, 1, "{wrong:?}");
    let over = there.tru(&["take-over", NAME, "--yes"]).await;
    assert_eq!(over.code, 0, "{over:?}");
    over.says(&["ResellerClaimed", "takes over from"]);
    // The one that lost it is told so at its next write.
    let busy = json!({ "operation": "activateBackOrdering",
        "kind": { "Throttle": { "retryAfterSeconds": 1 } } });
    here.bss.faults(json!([busy])).await;
    here.until_reason("ResellerClaimed").await;
    here.bss.faults(json!([])).await;
    there.until_reason("AwaitingConfirmation").await;
    let dry = there.tru(&["confirm", NAME, "--dry-run"]).await;
    assert_eq!(dry.code, 0, "{dry:?}");
    there.heartbeats(2).await;
    assert_eq!(there.view().await.reason(), "AwaitingConfirmation");
    let confirmed = there.tru(&["confirm", NAME, "--yes"]).await;
    assert_eq!(confirmed.code, 0, "{confirmed:?}");
    confirmed.says(&["AwaitingConfirmation", "confirmed "]);
    there.until_succeeded().await;
    until("the former holder sees it", || async {
        let view = here.view().await;
        (view.is("Succeeded"), view.summary())
    })
    .await;
    here.bss.judged_clean().await;
    here.holds().await;
    there.holds().await;
}
