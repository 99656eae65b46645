//! Guests that misbehave, seen from inside: what they had used when they were stopped. What becomes of each
//! of them in a run is in tests/system.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use mailhaul_engine::plugin::{Decision, MailboxSource, Mapping, PluginError, PluginFailure};
use mailhaul_guests::{Guest, VICTIM};
use mailhaul_lab::author;
use mailhaul_plugin_host::{Inputs, Limits, Meter, Plugin, PluginHost};
use serde_json::json;

use crate::world::{accounts, folder, host, host_with, request};

/// The component, made once.
pub(crate) fn component() -> &'static [u8] {
    static COMPONENT: OnceLock<Vec<u8>> = OnceLock::new();
    COMPONENT.get_or_init(|| {
        let module = std::fs::read(author::hostile_module().unwrap()).unwrap();
        let manifest = std::fs::read_to_string(author::checkout().join("tests/guests/plugin.toml")).unwrap();
        mailhaul_componentize::componentize(&module, &manifest).unwrap()
    })
}

fn file() -> &'static PathBuf {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    FILE.get_or_init(|| {
        let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("hostile.wasm");
        std::fs::write(&file, component()).unwrap();
        file
    })
}

async fn hostile(host: &PluginHost) -> Plugin {
    let file = file();
    host.open(file.to_str().unwrap(), file.parent().unwrap()).await.unwrap()
}

/// One call, and the most memory it had.
async fn map(host: &PluginHost, guest: Guest) -> (Result<Mapping, PluginError>, usize) {
    let meter = Meter::default();
    let mapper = hostile(host).await.metered(&meter).mapper(&json!({ "act": guest.word() })).unwrap();
    let request = request(vec![folder("INBOX", &[]), folder(VICTIM, &[])], Vec::new());
    let answer = mapper.map_folders(&request).await;
    (answer, meter.take().memory)
}

#[tokio::test]
async fn an_endless_loop_ends_with_its_cpu_budget() {
    for guest in [Guest::EndlessLoop, Guest::LoopInHostCalls, Guest::HostCallFlood] {
        let host = host_with(Limits { cpu: Duration::from_millis(300), ..Limits::default() });
        drop(hostile(&host).await);
        let begun = Instant::now();
        let (answer, _) = map(&host, guest).await;
        let error = answer.unwrap_err();
        assert!(matches!(error.failure, PluginFailure::Cpu(300)), "{guest:?}: {error}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{guest:?}: {:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn the_wall_clock_ends_what_the_cpu_budget_does_not() {
    let host = host_with(Limits { wall: Duration::from_millis(400), ..Limits::default() });
    let error = map(&host, Guest::EndlessLoop).await.0.unwrap_err();
    assert!(matches!(error.failure, PluginFailure::Wall(400)), "{error}");
}

#[tokio::test]
async fn no_guest_has_more_memory_than_allowed() {
    let limits = Limits { memory: 24 << 20, ..Limits::default() };
    let (answer, memory) = map(&host_with(limits.clone()), Guest::MemoryBomb).await;
    assert!(matches!(answer.unwrap_err().failure, PluginFailure::Memory(bytes) if bytes == 24 << 20));
    assert!(memory > 16 << 20 && memory <= 24 << 20, "{memory}");
    for guest in [Guest::HugeReply, Guest::DeepRecursion, Guest::ManyNotes] {
        let (_, memory) = map(&host_with(Limits::default()), guest).await;
        assert!(memory <= Limits::default().memory, "{guest:?}: {memory}");
    }
}

#[tokio::test]
async fn nothing_is_remembered_between_calls() {
    let host = host();
    let mut answers = Vec::new();
    for _ in 0..3 {
        let mapping = map(&host, Guest::DiffersEachTime).await.0.unwrap();
        assert!(
            matches!(&mapping.rulings[0].decision, Decision::MapTo { path, .. } if path.to_string() == "Call 0")
        );
        answers.push(mapping);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
}

async fn source(guest: Guest) -> Arc<dyn MailboxSource> {
    let inputs = Inputs::new().with_table("accounts", accounts(1)).with_table("hoard", accounts(4_096));
    hostile(&host()).await.source(&json!({ "act": guest.word() }), inputs).unwrap()
}

#[tokio::test]
async fn handles_run_out_with_a_number() {
    let error = source(Guest::AllHandles).await.list_mailboxes(None, 10).await.unwrap_err();
    assert!(matches!(&error.failure, PluginFailure::Limit(why) if why.contains("16384 handles")), "{error}");
}

#[tokio::test]
async fn a_listing_that_never_ends_is_ended() {
    let source = source(Guest::EmptyPages).await;
    let mut token = None::<String>;
    let error = loop {
        match source.list_mailboxes(token.as_deref(), 10).await {
            Ok(page) => token = page.next,
            Err(error) => break error,
        }
    };
    assert!(error.to_string().contains("1000 empty pages in a row"), "{error}");
}
