//! Mappers that misbehave for one mailbox of three.

use mailhaul_guests::{Guest, VICTIM};

use super::project::{Project, component};
use super::tests;

/// A run in which this guest maps the victim's folders.
fn mapped_by(guest: Guest) -> Project {
    let project = Project::new(component());
    project.mailhaul(&["plugin", "add", "./hostile.wasm"]).expect(0);
    project.mapped_by(guest);
    project
}

/// The victim's mailbox is stopped for this reason, the others are moved, and without the plugin so is the
/// victim's.
#[track_caller]
fn stops(guest: Guest, code: i32, cause: &str, reason: &str) {
    let project = mapped_by(guest);
    project.run().expect(code);
    assert_eq!(project.stopped(), (cause.to_owned(), reason.to_owned()));
    assert_eq!(project.moved(), ["ann", "joe"]);
    project.without_it();
    project.run().expect(0);
    assert_eq!(project.moved(), ["ann", "eve", "joe"]);
}

/// It breaks, or breaks the contract.
#[track_caller]
fn breaks(guest: Guest, how: &str) {
    stops(guest, 6, "plugin", &format!("plugin `hostile 6.6.6` {how} in `map-folders`"));
}

/// Its answer is well formed, and the host does not follow it.
#[track_caller]
fn is_not_followed(guest: Guest, reason: &str) {
    stops(guest, 3, "plan", reason);
}

/// It is a nuisance and no more: all mail is moved.
#[track_caller]
fn is_borne(guest: Guest) -> Project {
    let project = mapped_by(guest);
    project.run().expect(0);
    assert_eq!(project.moved(), ["ann", "eve", "joe"]);
    project
}

tests! {
    EndlessLoop => endless_loop {
        breaks(Guest::EndlessLoop, "used more than its 2000 ms of CPU time");
    }
    LoopInHostCalls => loop_in_host_calls {
        breaks(Guest::LoopInHostCalls, "used more than its 2000 ms of CPU time");
    }
    HostCallFlood => host_call_flood {
        breaks(Guest::HostCallFlood, "used more than its 2000 ms of CPU time");
    }
    MemoryBomb => memory_bomb {
        breaks(Guest::MemoryBomb, "wanted more than its 67108864 bytes of memory");
    }
    DeepRecursion => deep_recursion {
        breaks(Guest::DeepRecursion, "crashed: it reached outside its memory (an exhausted stack, as a rule)");
    }
    Panic => panic {
        breaks(Guest::Panic, "crashed: it gave up (a panic, as a rule); its last log line: panicked at tests/guests/src/mapper.rs:32:29: the \
             map is\\u{1b}[2J upside down");
    }
    Error => error {
        breaks(Guest::Error, "failed: no \\u{1b}[2J thanks");
    }
    HugeReply => huge_reply {
        breaks(Guest::HugeReply, "went over a limit: more than 16777216 bytes in one call or answer");
    }
    ManyNotes => many_notes {
        breaks(
            Guest::ManyNotes,
            "gave an answer that breaks the contract: 5000 notes, at most 1000 are allowed",
        );
    }
    WrongLength => wrong_length {
        breaks(Guest::WrongLength, "gave an answer that breaks the contract: 4 rulings on 2 open folders");
    }
    OutOfRange => out_of_range {
        breaks(Guest::OutOfRange, "gave an answer that breaks the contract: it names folder 3 of 3");
    }
    Twice => twice {
        breaks(
            Guest::Twice,
            "gave an answer that breaks the contract: it rules on folder 1, which has a ruling already",
        );
    }
    TwoToOne => two_to_one {
        is_not_followed(
            Guest::TwoToOne,
            "`Misbehave` and `Sent` would both become `All`; give it another name in a [[folders]] rule, each part on a \
             line of its own in mailhaul.toml: `[[folders]]`, `from = \"Sent\"`, `to = \"All 2\"` (`[[folders]]`, \
             `from = \"Sent\"`, `to = \"All\"` merges them)",
        );
    }
    IntoInbox => into_inbox {
        is_not_followed(
            Guest::IntoInbox,
            "`Misbehave` would be mixed into INBOX (hostile 6.6.6); give it another name in a [[folders]] rule, each \
             part on a line of its own in mailhaul.toml: `[[folders]]`, `from = \"Misbehave\"`, `to = \"Misbehave 2\"`",
        );
    }
    InboxAway => inbox_away {
        breaks(
            Guest::InboxAway,
            "gave an answer that breaks the contract: it rules on folder 0, which was settled before it was asked",
        );
    }
    NamespaceEscape => namespace_escape {
        is_not_followed(
            Guest::NamespaceEscape,
            "`Misbehave` would leave the mailbox: on the target, `Other Users/bob` lies among other users' or shared \
             folders (hostile 6.6.6); give it another name in a [[folders]] rule, each part on a line of its own in \
             mailhaul.toml: `[[folders]]`, `from = \"Misbehave\"`, `to = \"bob 2\"`",
        );
    }
    ControlCharacters => control_characters {
        breaks(
            Guest::ControlCharacters,
            "gave an answer that breaks the contract: a level of a folder path contains the control character \\r",
        );
    }
    EmptyPath => empty_path {
        breaks(Guest::EmptyPath, "gave an answer that breaks the contract: a folder path has no levels");
    }
    DeepPath => deep_path {
        breaks(
            Guest::DeepPath,
            "gave an answer that breaks the contract: a folder path has 10000 levels, at most 64 are allowed",
        );
    }
    OwnRole => own_role {
        breaks(
            Guest::OwnRole,
            "gave an answer that breaks the contract: the role `\\Sent) (\\Trash` is not known",
        );
    }
    OwnDecision => own_decision {
        breaks(Guest::OwnDecision, "gave an answer that breaks the contract: the decision `burn` is not known");
    }
    LogFlood => log_flood {
        let project = is_borne(Guest::LogFlood);
        let (bytes, lines) = project.log("line ");
        assert!(lines <= 201 && bytes < 1 << 20, "{lines} lines of the guest, {bytes} bytes of log");
        assert_eq!(project.log("19800 more lines of this call were suppressed").1, 1);
    }
    LongLogLine => long_log_line {
        let (bytes, _) = is_borne(Guest::LongLogLine).log("xxx");
        assert!(bytes < 64 << 10, "{bytes} bytes of log");
    }
    DiffersEachTime => differs_each_time {
        // It cannot: no call knows of another, so the plan of today is that of tomorrow.
        let project = mapped_by(Guest::DiffersEachTime);
        for _ in 0..2 {
            project.mailhaul(&["plan"]).expect(0).says(&["Call 0"]);
            project.run().expect(0);
            assert_eq!(project.moved(), ["ann", "eve", "joe"]);
            assert_eq!(project.victims_folder(), ["Call 0"], "{VICTIM}");
        }
    }
}
