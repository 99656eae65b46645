//! Folder mappers that misbehave.

use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering};

use mailhaul_plugin::{
    Decision, FolderMapper, FolderPath, Mapping, MappingRequest, PluginError, SpecialUse, TargetFolder, log,
};

use crate::{Guest, VICTIM, guest, settings};

pub(crate) struct Hostile;

impl FolderMapper for Hostile {
    #[expect(clippy::panic, reason = "that is the act")]
    fn map_folders(request: &MappingRequest) -> Result<Mapping, PluginError> {
        let mut mapping = Mapping::default();
        let victim = request.source_folders.iter().position(|folder| folder.path.levels() == [VICTIM]);
        let (Some(victim), Some(guest)) = (victim, guest(&settings()?)) else { return Ok(mapping) };
        match guest {
            Guest::EndlessLoop => spin(),
            Guest::LoopInHostCalls => loop {
                black_box(log::enabled(log::Level::Error));
            },
            Guest::HostCallFlood => loop {
                black_box(settings()?.act);
            },
            Guest::MemoryBomb => allocate(),
            Guest::DeepRecursion => {
                black_box(recurse(1));
            }
            Guest::Panic => panic!("the map is\x1b[2J upside down"),
            Guest::Error => return Err(PluginError::Other("no \x1b[2J thanks".into())),
            Guest::HugeReply => mapping.note(victim, "x".repeat(20 << 20)),
            Guest::ManyNotes => (0..5_000).for_each(|_| mapping.note(victim, "n")),
            Guest::WrongLength => {
                (0..=request.source_folders.len())
                    .for_each(|n| mapping.map_to(n, FolderPath(vec![n.to_string()]), "why"));
            }
            Guest::OutOfRange => mapping.map_to(request.source_folders.len(), ["Sent"], "why"),
            Guest::Twice => (0..2).for_each(|_| mapping.map_to(victim, ["Sent"], "why")),
            Guest::TwoToOne => {
                request.open().for_each(|(folder, _)| mapping.map_to(folder, ["All"], "all into one"));
            }
            Guest::IntoInbox => mapping.map_to(victim, ["iNbOx"], "why"),
            Guest::InboxAway => {
                let inbox = request.source_folders.iter().position(|folder| folder.path.is_inbox());
                mapping.map_to(inbox.unwrap_or_default(), ["Elsewhere"], "why");
            }
            Guest::NamespaceEscape => mapping.map_to(victim, ["Other Users", "bob"], "why"),
            Guest::ControlCharacters => mapping.map_to(victim, ["Sent\r\nA1 DELETE INBOX"], "why"),
            Guest::EmptyPath => mapping.map_to(victim, FolderPath::default(), "why"),
            Guest::DeepPath => mapping.map_to(victim, FolderPath(vec!["a".into(); 10_000]), "why"),
            Guest::OwnRole => {
                let role = Some(SpecialUse::Other("\\Sent) (\\Trash".into()));
                let target = TargetFolder { role, ..TargetFolder::new(["Sent"]) };
                mapping.rule(victim, Decision::MapTo(target), "why");
            }
            Guest::OwnDecision => mapping.rule(victim, Decision::Other("burn".into()), "why"),
            Guest::LogFlood => {
                (0..20_000).for_each(|line| log::warn(format!("line {line} \x1b]0;owned\x07")))
            }
            Guest::LongLogLine => log::warn("x".repeat(1 << 20)),
            Guest::DiffersEachTime => {
                // Kept by nobody: the next call has another memory.
                static CALLS: AtomicU32 = AtomicU32::new(0);
                let calls = CALLS.fetch_add(1, Ordering::Relaxed);
                mapping.map_to(victim, FolderPath(vec![format!("Call {calls}")]), "why");
            }
            _ => {}
        }
        Ok(mapping)
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
