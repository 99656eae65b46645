//! What we ship, through the same door as everyone's.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use mailhaul_engine::plugin::{
    Decision, Depth, FolderPair, HookOutcome, Phase, ServerDescription, Severity, ValidationRequest,
};
use mailhaul_engine::summary::Side;
use mailhaul_imap::{Secret, SpecialUse};
use mailhaul_plugin_host::{Cell, Inputs, Kind, Limits};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::world::{View, accounts, folder, host, host_with, path, request};

fn here() -> &'static Path {
    Path::new(".")
}

#[tokio::test]
async fn roles_maps_by_special_use_and_by_name() {
    let plugin = host().open("roles", here()).await.unwrap();
    let mapper = plugin.mapper(&Value::Null).unwrap();
    let request = request(
        vec![folder("INBOX", &[]), folder("Verschickt", &[SpecialUse::Sent]), folder("Papierkorb", &[])],
        vec![folder("Sent Items", &[SpecialUse::Sent]), folder("Deleted Items", &[])],
    );
    let mapping = mapper.map_folders(&request).await.unwrap();
    let mut targets = Vec::new();
    for ruling in &mapping.rulings {
        let Decision::MapTo { path, role, .. } = &ruling.decision else { panic!("{ruling:?}") };
        targets.push((ruling.folder, path.to_string(), role.clone()));
    }
    targets.sort();
    assert_eq!(
        targets,
        [
            (1, "Sent Items".to_owned(), Some(SpecialUse::Sent)),
            (2, "Deleted Items".to_owned(), Some(SpecialUse::Trash))
        ]
    );
    // Pure: the same request, the same answer.
    assert_eq!(mapper.map_folders(&request).await.unwrap(), mapping);
}

#[tokio::test]
async fn settings_are_checked_before_any_code_runs() {
    let plugin = host().open("roles", here()).await.unwrap();
    let error = plugin.mapper(&json!({ "prefer": "luck" })).err().unwrap();
    assert_eq!(
        error.to_string(),
        "plugin `roles`: [plugins.settings.roles] `prefer` must be one of \"special-use\", \"names\""
    );
    assert!(error.is_configuration());
    let error = plugin.mapper(&json!({ "prefr": "names" })).err().unwrap();
    assert!(error.to_string().ends_with("`prefr` is no setting of it; did you mean `prefer`?"));
}

#[tokio::test]
async fn a_hundred_thousand_mailboxes_come_page_by_page_with_their_secrets() {
    const ROWS: u32 = 100_000;
    let plugin = host().open("csv", here()).await.unwrap();
    let source = plugin.source(&Value::Null, Inputs::new().with_table("accounts", accounts(ROWS))).unwrap();
    let (mut token, mut seen, mut pages) = (None::<String>, 0, 0);
    loop {
        let page = source.list_mailboxes(token.as_deref(), 4_000).await.unwrap();
        assert!(page.diagnostics.is_empty(), "{:?}", page.diagnostics);
        for mailbox in &page.mailboxes {
            assert_eq!(mailbox.key, format!("user{seen}@old.example"));
            let secret = mailbox.source.secret.as_ref().unwrap();
            assert_eq!(secret.expose_secret(), format!("canary-{seen}").as_bytes());
            assert!(mailbox.target.secret.is_none(), "an empty cell is no password");
            seen += 1;
        }
        pages += 1;
        token = page.next;
        if token.is_none() {
            break;
        }
    }
    assert_eq!((seen, pages), (ROWS, 25));
}

#[tokio::test]
async fn csv_names_the_line_of_every_mistake() {
    let plugin = host().open("csv", here()).await.unwrap();
    let mut table = accounts(3);
    table.rows[2].cells[0] = Cell::Text("user0@old.example".into());
    let source = plugin.source(&Value::Null, Inputs::new().with_table("accounts", table)).unwrap();
    let page = source.list_mailboxes(None, 100).await.unwrap();
    let remark = &page.diagnostics[0];
    assert_eq!((remark.severity, remark.at.as_deref()), (Severity::Error, Some("mailboxes.csv:4")));
    assert!(
        remark.message.starts_with("`user0@old.example` is listed on line 2 already"),
        "{}",
        remark.message
    );
    assert!(page.mailboxes.len() == 2 && page.next.is_none());
}

#[tokio::test]
async fn inputs_are_matched_with_what_the_plugin_needs() {
    let plugin = host().open("csv", here()).await.unwrap();
    let missing = plugin.source(&Value::Null, Inputs::new()).err().unwrap();
    assert!(missing.to_string().starts_with("plugin `csv`: it needs the input `accounts`"), "{missing}");
    let wrong = Inputs::new().with_table("acounts", accounts(1));
    let wrong = plugin.source(&Value::Null, wrong).err().unwrap();
    assert!(wrong.to_string().ends_with("it reads no input `acounts`; did you mean `accounts`?"), "{wrong}");
}

fn validation(source: &str, target: &str, copied: u32) -> ValidationRequest {
    let pair = FolderPair {
        source: path(source),
        target: path(target),
        source_messages: copied,
        copied,
        already_present: 0,
        skipped: 0,
        failed: 0,
        taken_away: Vec::new(),
    };
    ValidationRequest {
        mailbox: "a".into(),
        phase: Phase::AfterRun,
        round_trip: None,
        depth: Depth::Headers,
        seed: 1,
        folders: vec![pair],
    }
}

#[tokio::test]
async fn counts_looks_at_both_sides_and_names_what_is_missing() {
    let plugin = host().open("counts", here()).await.unwrap();
    let validator = plugin.validator(&Value::Null).unwrap();
    let source = Arc::new(View::default().with(folder("Sent", &[]), 1..=3_000));
    let whole = Arc::new(View::default().with(folder("Sent Items", &[]), 1_000_001..=1_003_000));
    let request = validation("Sent", "Sent Items", 3_000);
    let report = validator.validate(&request, source.clone(), whole).await.unwrap();
    assert_eq!((report.outcome, report.checked_messages), (HookOutcome::Pass, 3_000));
    assert!(source.asked.load(Ordering::Relaxed) < 10, "pages, not messages");

    let torn = (1_000_001..=1_003_000).filter(|uid| *uid != 1_000_007);
    let torn = Arc::new(View::default().with(folder("Sent Items", &[]), torn));
    let report = validator.validate(&request, source.clone(), torn).await.unwrap();
    assert_eq!(report.outcome, HookOutcome::Fail);
    let finding = &report.findings[0];
    assert_eq!(
        (finding.code.as_str(), finding.folder.as_deref(), finding.uid),
        ("counts.missing", Some("Sent"), Some(7))
    );

    let poor = Arc::new(View { budget: Some(0), ..View::default() });
    let report = validator.validate(&request, source, poor).await.unwrap();
    assert_eq!(report.outcome, HookOutcome::Inconclusive);
    assert!(report.findings[0].message.contains("budget"), "{:?}", report.findings);
}

#[tokio::test]
async fn waiting_for_a_server_is_not_charged_to_the_plugin() {
    let limits = Limits { validator_cpu: Duration::from_millis(400), ..Limits::default() };
    let plugin = host_with(limits).open("special-folders", here()).await.unwrap();
    let validator = plugin.validator(&Value::Null).unwrap();
    let slow = || View { slowness: Duration::from_millis(500), ..View::default() };
    let source = Arc::new(slow().with(folder("Sent", &[SpecialUse::Sent]), 1..=3));
    let target = Arc::new(slow().with(folder("Sent Items", &[SpecialUse::Sent]), 1..=3));
    let report = validator.validate(&validation("Sent", "Sent Items", 3), source, target).await.unwrap();
    assert_eq!(report.outcome, HookOutcome::Pass);
}

#[test]
fn every_shipped_plugin_is_what_its_manifest_says() {
    let host = host();
    let list = host.list().unwrap();
    let ids: Vec<_> = list.iter().map(|plugin| plugin.id.as_str()).collect();
    let shipped: Vec<_> = mailhaul_shipped::plugins().iter().map(|plugin| plugin.id).collect();
    assert_eq!(ids, shipped);
    for (id, kind) in [
        ("counts", Kind::Validator),
        ("csv", Kind::MailboxSource),
        ("roles", Kind::FolderMapper),
        ("server-profiles", Kind::ServerProfile),
        ("special-folders", Kind::Validator),
    ] {
        let listed = list.iter().find(|plugin| plugin.id == id).unwrap();
        assert_eq!(listed.kinds, [kind], "{id}");
    }
    for plugin in mailhaul_shipped::plugins() {
        let inspection = host.inspect(plugin.id, here()).unwrap();
        assert_eq!(inspection.id, plugin.id);
        assert!(
            inspection.shipped && inspection.sha256.len() == 64 && inspection.size == plugin.component.len()
        );
    }
    let roles = host.inspect("roles", here()).unwrap();
    let imports: Vec<_> = roles.imports.iter().map(|import| import.name).collect();
    assert_eq!(imports, ["log", "settings"], "no more than it uses");
    assert_eq!(roles.settings["prefer"].default, Some(json!("special-use")));
    let json = serde_json::to_value(&roles).unwrap();
    assert_eq!(json["kinds"], json!(["folder-mapper"]));
}

/// What a provider is named by is in the manifest, so that it is known before any code runs; and the code
/// knows it.
#[tokio::test]
async fn every_provider_of_the_manifest_can_be_named() {
    let server =
        |name: &str| ServerDescription { host: name.to_owned(), ..request(Vec::new(), Vec::new()).source };
    let plugin = host().open("server-profiles", here()).await.unwrap();
    let profiler = plugin.profiler(&Value::Null).unwrap();
    assert!(plugin.providers().len() > 30, "{:?}", plugin.providers());
    for provider in plugin.providers() {
        let known = profiler.identify(Side::Target, &server("mail.example"), Some(provider)).await.unwrap();
        assert_eq!(known.unwrap().provider, *provider);
    }
    assert_eq!(profiler.identify(Side::Target, &server("mail.example"), None).await.unwrap(), None);
    let gmail = profiler.identify(Side::Source, &server("imap.gmail.com"), None).await.unwrap().unwrap();
    assert_eq!((gmail.name.as_str(), gmail.max_connections_per_mailbox), ("Gmail", Some(15)));
    assert_eq!(gmail.budget.gives_a_day, Some(2_500_000_000));
}

#[test]
fn secrets_are_not_printed() {
    let secret = Secret::from(b"canary".to_vec());
    assert!(!format!("{secret:?}").contains("canary"));
    assert!(!format!("{:?}", accounts(1)).contains("canary"));
}
