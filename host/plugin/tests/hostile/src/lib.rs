//! A plugin that misbehaves as its setting `act` says. `tests/plugins/hostile.rs` has a test for each.

use std::hint::black_box;

use mailhaul_plugin::{
    Account, Decision, FolderMapper, FolderPath, Inputs, Mailbox, MailboxSource, Mapping, MappingRequest,
    Page, PageRequest, PluginError, SpecialUse, TargetFolder, log,
};

#[derive(serde::Deserialize)]
struct Settings {
    act: String,
}

fn act() -> Result<String, PluginError> {
    Ok(mailhaul_plugin::settings::<Settings>()?.act)
}

struct Hostile;

impl FolderMapper for Hostile {
    #[expect(clippy::panic, reason = "that is the act")]
    fn map_folders(request: &MappingRequest) -> Result<Mapping, PluginError> {
        let mut mapping = Mapping::default();
        match act()?.as_str() {
            "panic" => panic!("the map is\x1b[2J upside down"),
            "spin" => spin(),
            "spin-in-host" => loop {
                black_box(mailhaul_plugin::log::enabled(log::Level::Error));
            },
            "recurse" => {
                black_box(recurse(1));
            }
            "allocate" => allocate(),
            "huge-reply" => mapping.note(0, "x".repeat(20 << 20)),
            "many-notes" => (0..5_000).for_each(|_| mapping.note(0, "n")),
            "log-flood" => (0..100_000).for_each(|line| log::warn(format!("line {line} \x1b[31m"))),
            "long-log-line" => log::warn("x".repeat(1 << 20)),
            "out-of-range" => mapping.map_to(request.source_folders.len(), ["Sent"], "why"),
            "twice" => (0..2).for_each(|_| mapping.map_to(1, ["Sent"], "why")),
            "settled" => mapping.map_to(0, ["Elsewhere"], "why"),
            "control-characters" => mapping.map_to(1, ["Sent\r\nA1 DELETE INBOX"], "why"),
            "empty-path" => mapping.map_to(1, FolderPath::default(), "why"),
            "deep-path" => mapping.map_to(1, FolderPath(vec!["a".into(); 10_000]), "why"),
            "own-role" => {
                let role = Some(SpecialUse::Other("\\Sent) (\\Trash".into()));
                mapping.rule(1, Decision::MapTo(TargetFolder { role, ..TargetFolder::new(["Sent"]) }), "why");
            }
            "own-decision" => mapping.rule(1, Decision::Other("burn".into()), "why"),
            "error" => return Err(PluginError::Other("no \x1b[2J thanks".into())),
            "remember" => {
                // Kept by nobody: the next call has another memory.
                static CALLS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
                let calls = CALLS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                mapping.note(0, format!("call {calls}"));
            }
            _ => {}
        }
        Ok(mapping)
    }
}

impl MailboxSource for Hostile {
    fn list_mailboxes(inputs: &dyn Inputs, request: &PageRequest) -> Result<Page, PluginError> {
        let number: u32 = request.token.as_deref().unwrap_or("0").parse().unwrap_or(0);
        let mut page = Page::default();
        match act()?.as_str() {
            "endless-pages" => page.next = Some((number + 1).to_string()),
            "same-token" => page.next = Some("7".into()),
            "long-token" => page.next = Some("7".repeat(5_000)),
            "too-many" => page.mailboxes = (0..=request.max).map(|n| mailbox(&n.to_string())).collect(),
            "same-key" => page.mailboxes = vec![mailbox("a"), mailbox("a")],
            "steal" => {
                inputs.table("passwords")?;
            }
            "all-handles" => {
                let table = inputs.table("accounts")?;
                let mut all = Vec::new();
                loop {
                    all.push(table.rows(0, 4_096));
                }
            }
            _ => page.mailboxes = vec![mailbox("a")],
        }
        Ok(page)
    }
}

fn mailbox(key: &str) -> Mailbox {
    Mailbox {
        key: key.into(),
        source: Account::new(key),
        target: Account::new(key),
        label: None,
        origin: None,
        extras: Vec::new(),
    }
}

fn spin() {
    let mut count = 0_u64;
    loop {
        count = black_box(count.wrapping_add(1));
    }
}

fn recurse(depth: u64) -> u64 {
    let frame = [depth; 32];
    if black_box(true) { recurse(black_box(depth + 1)) + black_box(frame)[7] } else { 0 }
}

fn allocate() {
    let mut hoard = Vec::new();
    loop {
        hoard.push(vec![1_u8; 1 << 20]);
        black_box(&hoard);
    }
}

mailhaul_plugin::export!(mapper: Hostile, source: Hostile);
