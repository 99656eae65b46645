//! Each thing a plugin must not do, what becomes of it, and that nothing else comes to harm.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use mailhaul_engine::plugin::{Decision, MailboxSource, Mapping, PluginError, PluginFailure, Ruling};
use mailhaul_plugin_host::{Inputs, Limits, Plugin, PluginHost};
use serde_json::json;

use crate::build;
use crate::world::{accounts, folder, host, host_with, request};

/// The component, compiled once.
fn file() -> &'static PathBuf {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    FILE.get_or_init(|| {
        let manifest = build::root().join("host/plugin/tests/hostile/plugin.toml");
        let arguments = ["--profile", "plugin", "--package", "mailhaul-hostile-guest"];
        let module = "mailhaul_hostile_guest.wasm";
        let component = build::component(&build::root(), &arguments, module, &manifest);
        let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("hostile.wasm");
        std::fs::write(&file, component).unwrap();
        file
    })
}

async fn hostile(host: &PluginHost) -> Plugin {
    let file = file();
    host.open(file.to_str().unwrap(), file.parent().unwrap()).await.unwrap()
}

async fn map(host: &PluginHost, act: &str) -> Result<Mapping, PluginError> {
    let mapper = hostile(host).await.mapper(&json!({ "act": act })).unwrap();
    let mut request = request(vec![folder("INBOX", &[]), folder("Sent", &[])], Vec::new());
    request.settled.push(Ruling { folder: 0, decision: Decision::Skip("rule".into()), why: "rule".into() });
    mapper.map_folders(&request).await
}

async fn failure(act: &str) -> PluginFailure {
    map(&host(), act).await.unwrap_err().failure
}

async fn bad_reply(act: &str) -> String {
    match failure(act).await {
        PluginFailure::BadReply(why) => why,
        other => panic!("{act}: {other:?}"),
    }
}

#[tokio::test]
async fn a_panic_is_a_trap_with_its_text() {
    let host = host();
    let error = map(&host, "panic").await.unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("plugin `hostile 6.6.6` crashed: it gave up"), "{text}");
    assert!(text.contains("src/lib.rs") && text.contains("the map is\\u{1b}[2J upside down"), "{text}");
    assert!(text.ends_with("in `map-folders`"), "{text}");
    // The next mailbox is served.
    assert!(map(&host, "nothing").await.is_ok());
}

#[tokio::test]
async fn an_endless_loop_ends_with_its_cpu_budget() {
    for act in ["spin", "spin-in-host"] {
        let host = host_with(Limits { cpu: Duration::from_millis(300), ..Limits::default() });
        let plugin = hostile(&host).await;
        let begun = Instant::now();
        let mapper = plugin.mapper(&json!({ "act": act })).unwrap();
        let request = request(vec![folder("INBOX", &[])], Vec::new());
        let error = mapper.map_folders(&request).await.unwrap_err();
        assert!(matches!(error.failure, PluginFailure::Cpu(300)), "{act}: {error}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{act}: {:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn the_wall_clock_ends_what_the_cpu_budget_does_not() {
    let host = host_with(Limits { wall: Duration::from_millis(400), ..Limits::default() });
    let mapper = hostile(&host).await.mapper(&json!({ "act": "spin" })).unwrap();
    let request = request(vec![folder("INBOX", &[])], Vec::new());
    let error = mapper.map_folders(&request).await.unwrap_err();
    assert!(matches!(error.failure, PluginFailure::Wall(400)), "{error}");
}

#[tokio::test]
async fn memory_handles_and_bytes_run_out_with_a_number() {
    assert!(matches!(failure("allocate").await, PluginFailure::Memory(67_108_864)));
    assert!(matches!(failure("recurse").await, PluginFailure::Trap(why) if why.contains("stack")));
    assert!(matches!(failure("huge-reply").await, PluginFailure::Limit(why) if why.contains("bytes")));
    let source = source("all-handles", 4_096).await;
    let error = source.list_mailboxes(None, 10).await.unwrap_err();
    assert!(matches!(&error.failure, PluginFailure::Limit(why) if why.contains("16384 handles")), "{error}");
}

#[tokio::test]
async fn answers_that_break_the_contract_are_refused() {
    assert_eq!(bad_reply("out-of-range").await, "it names folder 2 of 2");
    assert_eq!(bad_reply("twice").await, "2 rulings on 1 open folders");
    assert_eq!(bad_reply("settled").await, "it rules on folder 0, which was settled before it was asked");
    assert!(bad_reply("control-characters").await.contains("control character \\r"));
    assert!(bad_reply("empty-path").await.contains("no levels"));
    assert!(bad_reply("deep-path").await.contains("10000 levels"));
    assert!(bad_reply("own-role").await.contains("is not known"));
    assert!(bad_reply("own-decision").await.contains("`burn` is not known"));
    assert!(bad_reply("many-notes").await.contains("5000 notes"));
}

#[tokio::test]
async fn its_own_errors_are_shown_harmlessly() {
    assert!(matches!(failure("error").await, PluginFailure::Said(why) if why == "no \\u{1b}[2J thanks"));
}

#[tokio::test]
async fn a_flood_of_log_lines_is_dropped_and_the_call_goes_on() {
    assert!(map(&host(), "log-flood").await.is_ok());
    assert!(map(&host(), "long-log-line").await.is_ok());
}

#[tokio::test]
async fn nothing_is_remembered_between_calls() {
    let host = host();
    for _ in 0..3 {
        assert_eq!(map(&host, "remember").await.unwrap().notes[0].message, "call 0");
    }
}

async fn source(act: &str, rows: u32) -> Arc<dyn MailboxSource> {
    let inputs = Inputs::new().with_table("accounts", accounts(rows));
    hostile(&host()).await.source(&json!({ "act": act }), inputs).unwrap()
}

async fn page(act: &str, token: Option<&str>) -> Result<(), PluginError> {
    source(act, 1).await.list_mailboxes(token, 10).await.map(drop)
}

#[tokio::test]
async fn pages_that_break_the_contract_are_refused() {
    let refused = |result: Result<(), PluginError>| match result.unwrap_err().failure {
        PluginFailure::BadReply(why) => why,
        other => panic!("{other:?}"),
    };
    assert!(refused(page("same-token", Some("7")).await).contains("that of this one"));
    assert!(refused(page("long-token", None).await).contains("5000 bytes"));
    assert_eq!(refused(page("too-many", None).await), "11 mailboxes on a page of at most 10");
    assert_eq!(refused(page("same-key", None).await), "the key `a` is on one page twice");
    let stolen = page("steal", None).await.unwrap_err();
    assert!(matches!(stolen.failure, PluginFailure::Denied(why) if why.contains("no input `passwords`")));
}

#[tokio::test]
async fn a_listing_that_never_ends_is_ended() {
    let source = source("endless-pages", 1).await;
    let mut token = None::<String>;
    let error = loop {
        match source.list_mailboxes(token.as_deref(), 10).await {
            Ok(page) => token = page.next,
            Err(error) => break error,
        }
    };
    assert!(error.to_string().contains("1000 empty pages in a row"), "{error}");
}
