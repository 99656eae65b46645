//! The page over all mailboxes of a plan: what speaks against it, what changed, by rule, and the sums.

use mailhaul_engine::assessment::forecast::{Forecast, LEAST_MEASURED_BYTES};
use mailhaul_engine::plan::{ConflictGroup, ConflictKind, LeftOut, Overview, PlanTotals};
use mailhaul_text::{bytes, bytes_rounded, count, escape, plural};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::super::check::push_profile;
use super::super::paint::{Palette, Tone};
use super::super::sum::push_wrapped;
use super::by_rule::way;

/// Choices of a conflict that are shown.
const CHOICES: usize = 3;

/// With more kinds of conflict than this each is told in fewer words, and the lines to be written are left to
/// the mailboxes' own pages.
const KINDS: usize = 2;

/// Mailboxes that are named beside the first one of a kind of conflict.
const NAMED: usize = 9;

/// Rules by which messages are left out that have a line of their own.
const LEFT_OUT: usize = 5;

/// Rulings that merge folders which have a line of their own.
const MERGES: usize = 6;

/// Hosts whose profiles are told.
const PROFILES: usize = 4;

/// Returns a name in at most so many cells, escaped: of a longer one the middle is left out.
pub(crate) fn short(name: &str, cells: usize) -> String {
    let name = escape(name);
    if name.width() <= cells {
        return name.into_owned();
    }
    let fits = |letters: &mut dyn Iterator<Item = char>, room: usize| {
        let mut left = room;
        let taken = letters.take_while(|letter| {
            let width = letter.width().unwrap_or(0);
            let fits = width <= left;
            left = left.saturating_sub(width);
            fits
        });
        taken.collect::<Vec<char>>()
    };
    let room = cells.saturating_sub(1);
    let head = fits(&mut name.chars(), room - room / 2);
    let mut tail = fits(&mut name.chars().rev(), room / 2);
    tail.reverse();
    head.into_iter().chain(['…']).chain(tail).collect()
}

/// Returns what speaks against the plan, and what is not copied by it; nothing where there is neither.
pub(crate) fn trouble(overview: &Overview, width: Option<usize>, palette: Palette) -> String {
    let mut out = String::new();
    let totals = overview.totals();
    let groups: Vec<&ConflictGroup> = overview.conflicts().collect();
    if totals.conflicts > 0 {
        let head = palette.paint(Tone::Bad, "conflicts:");
        let line = format!("{head} {} would not be run", plural(totals.conflicts, "mailbox"));
        push_wrapped(&mut out, 0, &line, width);
    }
    for group in &groups {
        push_conflicts(&mut out, group, groups.len() <= KINDS, width);
    }
    out.push_str(&losses(&totals, width, palette));
    out.push_str(&merges(overview, width, palette));
    out
}

fn push_conflicts(out: &mut String, group: &ConflictGroup, few: bool, width: Option<usize>) {
    let (name, sentence, choice_cells) = if few { (40, 320, 100) } else { (24, 160, 60) };
    let what = match group.kind {
        ConflictKind::Collision => "folders would become one on the new host",
        ConflictKind::Name => "the new host has no such name",
        ConflictKind::Inbox => "mail would be mixed into INBOX",
        ConflictKind::CannotMove => "copies would have to be moved, and the new host cannot",
        ConflictKind::LeftOutNow => "what was copied would be left out now",
        ConflictKind::Place => "a folder of an earlier run is not where it was",
    };
    push_wrapped(out, 2, &format!("{}: {what}", plural(group.mailboxes, "mailbox")), width);
    let Some((first, others)) = group.first.split_first() else { return };
    let line = format!("{}: {}", short(&first.mailbox, name), short(&first.what, sentence));
    push_wrapped(out, 4, &line, width);
    for choice in first.choices.iter().take(CHOICES) {
        push_wrapped(out, 6, &format!("- {}", short(&choice.what, choice_cells)), width);
        if let Some(command) = &choice.command {
            push_wrapped(out, 8, &format!("`{}`", escape(command)), width);
        }
        for line in choice.lines.as_deref().unwrap_or_default().lines().filter(|_| few) {
            out.push_str(&format!("          {}\n", escape(line)));
        }
    }
    let named: Vec<String> = others.iter().take(NAMED).map(|case| short(&case.mailbox, name)).collect();
    let rest = group.mailboxes.saturating_sub(1 + named.len() as u64);
    let more = if rest > 0 { format!(" and {} more", count(rest)) } else { String::new() };
    if !named.is_empty() {
        push_wrapped(out, 4, &format!("also {}{more}", named.join(", ")), width);
    }
}

/// What no run of this plan copies, with the reason.
pub(crate) fn losses(totals: &PlanTotals, width: Option<usize>, palette: Palette) -> String {
    let mut lines = Vec::new();
    let size = |bytes_of: u64| if bytes_of > 0 { format!(", {}", bytes(bytes_of)) } else { String::new() };
    for LeftOut { rule, portion } in totals.left_out.iter().take(LEFT_OUT) {
        let messages = plural(portion.messages, "message");
        lines.push(format!("{messages}{}: {}", size(portion.bytes), short(rule, 90)));
    }
    let rest: u64 = totals.left_out.iter().skip(LEFT_OUT).map(|rule| rule.portion.messages).sum();
    if rest > 0 {
        lines.push(format!("{} left out by further rules", plural(rest, "message")));
    }
    if totals.too_large.messages > 0 {
        let messages = plural(totals.too_large.messages, "message");
        lines.push(format!("{messages}{}: too large for the new host", size(totals.too_large.bytes)));
    }
    if totals.folders_outside > 0 {
        lines.push(format!(
            "{} with {} outside the mailboxes: no rule takes them in or leaves them out",
            plural(totals.folders_outside, "folder"),
            plural(totals.messages_outside, "message")
        ));
    }
    let mut out = String::new();
    if !lines.is_empty() {
        out.push_str(&format!("{}\n", palette.paint(Tone::Warn, "not copied:")));
    }
    for line in lines {
        push_wrapped(&mut out, 2, &line, width);
    }
    out
}

/// Which folders lose their own place since they go into one that others go to, by whose word.
pub(crate) fn merges(overview: &Overview, width: Option<usize>, palette: Palette) -> String {
    let mut groups: Vec<_> = overview.groups().into_iter().filter(|group| group.merged > 0).collect();
    groups.sort_by_key(|group| std::cmp::Reverse((group.merged_mailboxes, group.merged)));
    let mut out = String::new();
    if !groups.is_empty() {
        out.push_str(&format!("{}\n", palette.paint(Tone::Warn, "merged:")));
    }
    for group in groups.iter().take(MERGES) {
        let (folders, mailboxes) =
            (plural(group.merged, "folder"), plural(group.merged_mailboxes, "mailbox"));
        let line = format!("{}: {folders} in {mailboxes}, {}", way(group), short(&group.by, 24));
        push_wrapped(&mut out, 2, &line, width);
    }
    let rest: u64 = groups.iter().skip(MERGES).map(|group| group.merged).sum();
    if rest > 0 {
        push_wrapped(&mut out, 2, &format!("{} by further rulings", plural(rest, "folder")), width);
    }
    out
}

/// Returns what server profiles know about the hosts, each once for all mailboxes.
pub(crate) fn profiles(overview: &Overview, width: Option<usize>, palette: Palette) -> String {
    let mut out = String::new();
    for profile in overview.profiles().iter().take(PROFILES) {
        push_profile(&mut out, profile, width, palette);
    }
    if overview.profiles().len() > PROFILES {
        push_wrapped(&mut out, 2, "further hosts have profiles too: `--format json` has every one", width);
    }
    out
}

/// Returns the sums of a plan over several mailboxes, with how long a run takes and why.
pub(crate) fn sums(totals: &PlanTotals, forecast: &Forecast, width: Option<usize>) -> String {
    let mut out = String::new();
    let size = totals.bytes_to_copy.map(|n| format!(", {}", bytes(n))).unwrap_or_default();
    let left_out: u64 = totals.left_out.iter().map(|rule| rule.portion.messages).sum();
    let line = format!(
        "{}, {}: {} to copy{size}; {} already there, {} too large, {} left out",
        plural(totals.mailboxes, "mailbox"),
        plural(totals.folders, "folder"),
        plural(totals.messages_to_copy, "message"),
        count(totals.already_there),
        count(totals.too_large.messages),
        count(left_out),
    );
    push_wrapped(&mut out, 0, &line, width);
    if totals.copies_moved > 0 {
        let line = format!(
            "{} on the new host, never sent twice",
            match totals.copies_moved {
                1 => "1 copy is moved".to_owned(),
                n => format!("{} copies are moved", count(n)),
            }
        );
        push_wrapped(&mut out, 0, &line, width);
    }
    if totals.messages_to_copy > 0 {
        push_wrapped(&mut out, 0, &format!("estimate: {}", forecast.sentence), width);
    }
    if totals.messages_to_copy > 0 && totals.bytes_to_copy.is_none_or(|size| size >= LEAST_MEASURED_BYTES) {
        let basis = if forecast.measured { forecast.basis.clone() } else { assumed() };
        push_wrapped(&mut out, 2, &basis, width);
    }
    out
}

/// That the speed was assumed, and what would measure it.
fn assumed() -> String {
    let least = bytes_rounded(LEAST_MEASURED_BYTES);
    format!("assumed speed: `mailhaul run --only MAILBOX` of {least} or more measures it")
}

#[cfg(test)]
mod tests {
    use mailhaul_engine::assessment::Portion;
    use mailhaul_engine::plan::{Choice, Conflict, Differences, FolderPlan, MailboxPlan, PlanDifference};

    use mailhaul_engine::assessment::forecast::of_plans;
    use mailhaul_engine::job::Limits;
    use mailhaul_engine::record::Approval;

    use super::super::super::samples;
    use super::super::approval::{self, Identity};
    use super::super::by_rule::by_rule;
    use super::super::changes::{self, Most};
    use super::*;

    /// Lines that a table has in these tests.
    const ROOM: usize = 120;

    fn folder(source: &str, target: Option<&str>, by: &str, why: &str) -> FolderPlan {
        let one = samples::plan().folders.remove(0);
        let (source, target) = (source.to_owned(), target.map(str::to_owned));
        FolderPlan { source, target, by: by.into(), why: why.into(), create: false, ..one }
    }

    fn mailbox(n: usize, folders: Vec<FolderPlan>) -> MailboxPlan {
        let messages: u64 = folders.iter().map(|folder| folder.to_copy).sum();
        let name = format!("m{n:03}@old.example");
        MailboxPlan {
            mailbox: name.clone(),
            source: name.clone(),
            target: name,
            bytes_to_copy: folders
                .iter()
                .filter(|folder| folder.to_copy > 0)
                .map(|folder| folder.bytes_to_copy)
                .sum(),
            messages_to_copy: messages,
            notes: Vec::new(),
            conflicts: Vec::new(),
            folders,
            ..samples::plan()
        }
    }

    fn ruled(folder: FolderPlan, rule: &str) -> FolderPlan {
        FolderPlan { rule: Some(rule.into()), ..folder }
    }

    /// A conflict of a kind, with two ways out.
    fn conflict(kind: ConflictKind, sentence: &str) -> Conflict {
        let mut conflict = samples::plan().conflicts.remove(0);
        (conflict.kind, conflict.what) = (kind, sentence.into());
        conflict.sentence = format!("{sentence}; give it another name");
        let lines = "[[folders]]\nfrom = \"notes\"\nto = \"Notes 2\"\n".to_owned();
        conflict.choices = vec![
            Choice { what: "put `notes` into `Notes 2`".into(), lines: Some(lines), command: None },
            Choice { what: "leave `notes` out".into(), lines: None, command: None },
        ];
        conflict
    }

    /// 40 mailboxes, as a hosting move has them.
    fn forty() -> Vec<MailboxPlan> {
        let of = |n: usize| {
            let own = format!("Kunde {n}");
            let mut folders = vec![
                folder("INBOX", Some("INBOX"), "mailhaul", "INBOX is INBOX on every server"),
                folder(&own, Some(&own), "mailhaul", "keeps its name"),
            ];
            if n < 30 {
                let why = "the old host marks it as sent mail";
                folders.push(folder("Gesendete Elemente", Some("Sent"), "roles 0.1.0", why));
            }
            if n.is_multiple_of(4) {
                let why = "customers' folders are named in English";
                folders.push(folder("Kampagnen", Some("Campaigns"), "acme 0.3.1", why));
                folders.push(folder("Kampagnen/Q4", Some("Campaigns/Q4"), "mailhaul", "goes along"));
            }
            let spam = folder("Spam", None, "mailhaul.toml:31", "left out by your rule `Spam`");
            let left_out = vec![LeftOut {
                rule: "left out by your rule `Spam`".into(),
                portion: Portion { messages: 1_200, bytes: 3 << 20 },
            }];
            let spam = FolderPlan { to_copy: 0, bytes_to_copy: Some(0), left_out: left_out.clone(), ..spam };
            folders.push(ruled(spam, "Spam → left out"));
            let mut plan = mailbox(n, folders);
            plan.left_out = left_out;
            if n % 10 == 3 {
                let sentence = "`Notes` and `notes` would become one folder on the target";
                plan.conflicts = vec![conflict(ConflictKind::Collision, sentence)];
                plan.too_large = Portion { messages: 2, bytes: 120 << 20 };
            }
            plan
        };
        (0..40).map(of).collect()
    }

    fn overview(plans: &[MailboxPlan]) -> Overview {
        let mut overview = Overview::new();
        plans.iter().for_each(|plan| overview.add(plan));
        overview
    }

    fn forecast(plans: &[MailboxPlan]) -> Forecast {
        of_plans(plans.iter().map(MailboxPlan::load), &Limits::default().circumstances(None, None))
    }

    /// The page of more mailboxes than have one each.
    fn page(plans: &[MailboxPlan], differences: &Differences, width: Option<usize>) -> String {
        let (overview, palette) = (overview(plans), Palette::default());
        let at = "then".to_owned();
        let approval =
            Approval { digest: "ffff".into(), number: Some(3), by: "lea".into(), at, mailboxes: 40 };
        let identity = Identity {
            number: Some(4),
            digest: "0123456789abcdef0123456789abcdef",
            by: "eve",
            at: "now",
            in_force: std::slice::from_ref(&approval),
            approved: false,
        };
        [
            trouble(&overview, width, palette),
            changes::section(differences, None, Most::FLEET, width, palette),
            by_rule(&overview, ROOM, width, palette),
            sums(&overview.totals(), &forecast(plans), width) + &approval::identity(&identity, width),
        ]
        .join("\n")
    }

    /// What has changed since plan 3: the plugin, and two folders.
    fn differences(now: &[MailboxPlan]) -> Differences {
        let mut all = Differences::default();
        for plan in now {
            let mut before = plan.clone();
            for folder in before.folders.iter_mut().filter(|folder| folder.by == "acme 0.3.1") {
                folder.by = "acme 0.3.0".into();
                folder.target = Some("Kampagnen".into());
            }
            if plan.mailbox.starts_with("m001") {
                before.folders.retain(|folder| !folder.source.starts_with("Kunde"));
            }
            let against = mailhaul_engine::plan::Against::Plan;
            all.add(&PlanDifference::between(&before, plan, against, Some(3)));
        }
        all
    }

    #[test]
    fn a_fleet_is_shown_by_rule_with_what_speaks_against_it_first() {
        let plans = forty();
        insta::assert_snapshot!(page(&plans, &differences(&plans), Some(80)), @r#"
        conflicts: 4 mailboxes would not be run
          4 mailboxes: folders would become one on the new host
            m003@old.example: `Notes` and `notes` would become one folder on the target
              - put `notes` into `Notes 2`
                  [[folders]]
                  from = "notes"
                  to = "Notes 2"
              - leave `notes` out
            also m013@old.example, m023@old.example, m033@old.example
        not copied:
          48,000 messages, 120.0 MiB: left out by your rule `Spam`
          8 messages, 480.0 MiB: too large for the new host

        against plan 3: 10 go elsewhere, 1 new
          10 mailboxes: go elsewhere, acme 0.3.1 instead of acme 0.3.0
            − Kampagnen → Kampagnen
            + Kampagnen → Campaigns
            and 9 more folders
          m001@old.example: new at the source
            + Kunde 1 → Kunde 1
          159 folders are as in plan 3

        by rule:
          Mailboxes  From and to                  To copy       Size  Left out
                 40  Spam → left out                    0               48,000
                       mailhaul.toml:31
                 30  Gesendete Elemente → Sent     36,000   90.0 MiB         0
                       roles 0.1.0: the old host marks it as sent mail
                 10  Kampagnen/** → Campaigns/**   24,000   60.0 MiB         0
                       acme 0.3.1: customers' folders are named in English
                 40  INBOX stays                   48,000  120.0 MiB         0
                 40  other folders stay (40)       48,000  120.0 MiB         0
                 40  Sum                          156,000  390.0 MiB    48,000

        40 mailboxes, 170 folders: 156,000 messages to copy, 390.0 MiB; 0 already there,
          8 too large, 48,000 left out
        estimate: about 5 min: 40 mailboxes, 4 at once (`mailboxes_at_once` under
          `[limits]`)
          assumed speed: `mailhaul run --only MAILBOX` of 10 MiB or more measures it
        plan 4, digest 0123456789ab, made by eve on now
        it is not approved; in force is plan 3, approved by lea on then
        "#);
    }

    #[test]
    fn a_wide_page_has_the_reasons_in_a_column() {
        let plans = forty();
        // A pipe wraps nothing, whatever width there is elsewhere.
        insta::assert_snapshot!(by_rule(&overview(&plans), ROOM, None, Palette::default()), @"
        by rule:
          Mailboxes  From and to                  Decided by        To copy       Size  Left out  Why
                 40  Spam → left out              mailhaul.toml:31        0               48,000  left out by your rule `Spam`
                 30  Gesendete Elemente → Sent    roles 0.1.0        36,000   90.0 MiB         0  the old host marks it as sent mail
                 10  Kampagnen/** → Campaigns/**  acme 0.3.1         24,000   60.0 MiB         0  customers' folders are named in English
                 40  INBOX stays                  mailhaul           48,000  120.0 MiB         0  INBOX is INBOX on every server
                 40  other folders stay (40)      mailhaul           48,000  120.0 MiB         0  keeps its name
                 40  Sum                                            156,000  390.0 MiB    48,000
        ");
        let wide = by_rule(&overview(&plans[4..30]), ROOM, Some(110), Palette::default());
        insta::assert_snapshot!(wide, @"
        by rule:
          Mailboxes  From and to                  Decided by        To copy       Size  Left out
                 26  Spam → left out              mailhaul.toml:31        0               31,200
                 26  Gesendete Elemente → Sent    roles 0.1.0        31,200   78.0 MiB         0
                       the old host marks it as sent mail
                  7  Kampagnen/** → Campaigns/**  acme 0.3.1         16,800   42.0 MiB         0
                       customers' folders are named in English
                 26  INBOX stays                  mailhaul           31,200   78.0 MiB         0
                 26  other folders stay (26)      mailhaul           31,200   78.0 MiB         0
                 26  Sum                                            110,400  276.0 MiB    31,200
        ");
    }

    /// What the columns of the table add up to is what the last line of the page says.
    #[test]
    fn the_table_by_rule_adds_up_to_the_sums_of_the_plan() {
        let plans = forty();
        let overview = overview(&plans);
        let totals = overview.totals();
        let table = by_rule(&overview, ROOM, None, Palette::default());
        let sum: Vec<&str> = table.lines().last().unwrap_or_default().split_whitespace().collect();
        let left_out: u64 = totals.left_out.iter().map(|rule| rule.portion.messages).sum();
        assert_eq!(sum[2], count(totals.messages_to_copy), "{table}");
        assert_eq!(sum[3..5].join(" "), bytes(totals.bytes_to_copy.unwrap_or(0)), "{table}");
        assert_eq!(sum[5], count(left_out), "{table}");
    }

    #[test]
    fn merges_are_among_what_is_shown_first() {
        let merged = |folder: FolderPlan| FolderPlan { merged: true, ..folder };
        let of = |n: usize| {
            let spam = ruled(folder("Spam", Some("INBOX"), "mailhaul.toml:3", "w"), "Spam → INBOX");
            let inbox = folder("INBOX", Some("INBOX"), "mailhaul", "w");
            mailbox(n, vec![merged(inbox), merged(spam)])
        };
        let overview = overview(&(0..8).map(of).collect::<Vec<_>>());
        insta::assert_snapshot!(trouble(&overview, Some(80), Palette::default()), @"
        merged:
          Spam → INBOX: 8 folders in 8 mailboxes, mailhaul.toml:3
        ");
    }

    /// As many names as the page has room for; those that keep theirs are one line.
    #[test]
    fn names_are_shown_as_far_as_there_is_room() {
        let names = (0..30).map(|n| folder(&format!("Alt {n}"), Some(&format!("New {n}")), "acme 1", "w"));
        let same = folder("Archiv", Some("Archiv"), "acme 1", "w");
        let overview = overview(&[mailbox(1, names.chain([same]).collect())]);
        let lines = |room| by_rule(&overview, room, None, Palette::default()).lines().count();
        assert_eq!((lines(ROOM), lines(20)), (34, 20));
        let table = by_rule(&overview, ROOM, None, Palette::default());
        assert!(table.contains("another folder stays") && !table.contains("Archiv"), "{table}");
    }

    #[test]
    fn a_first_plan_is_told_from_a_changed_and_from_an_unchanged_one() {
        let plans = forty();
        let said = |all: &Differences| changes::section(all, None, Most::FEW, Some(80), Palette::default());
        let mut first = Differences::default();
        plans.iter().for_each(|plan| first.add(&PlanDifference::to_target(plan)));
        insta::assert_snapshot!(said(&first), @"
        the first plan, held against what the new host has: 0 folders are created there,
          0 merged, 130 there already
        ");
        let mut same = Differences::default();
        plans.iter().for_each(|plan| same.add(&PlanDifference::none(plan, 3)));
        insta::assert_snapshot!(said(&same), @"
        nothing has changed: 170 folders are as in plan 3
        ");
    }

    /// Ten thousand mailboxes whose folders are called anything, with everything that can go wrong.
    #[test]
    fn the_page_of_ten_thousand_mailboxes_is_short_whatever_they_are_called() {
        let long = "n".repeat(300);
        let name = |n: usize, k: usize| format!("{:x}{long}", n.wrapping_mul(2_654_435_761) ^ k);
        let (mut all, mut overview) = (Differences::default(), Overview::new());
        for n in 0..10_000 {
            let mut folders = vec![folder("INBOX", Some("INBOX"), "mailhaul", "w")];
            for k in 0..4 {
                let (source, target) = (name(n, k), name(n, k + 9));
                folders.push(match k {
                    0 => folder(&source, Some(&target), &format!("acme 1.{}", n % 70), &long),
                    1 => {
                        ruled(folder(&source, Some(&target), "f:1", &long), &format!("{long}{} → x", n % 40))
                    }
                    2 => folder(&source, None, &format!("other 0.{}", n % 90), &long),
                    _ => FolderPlan { outside: true, ..folder(&source, None, "mailhaul", &long) },
                });
            }
            let mut plan = MailboxPlan { mailbox: name(n, 99), ..mailbox(n, folders) };
            let sentence = format!("`{}` and `{}` {long} {long}", name(n, 1), name(n, 2));
            let kind = ConflictKind::ALL[n % ConflictKind::ALL.len()];
            let mut conflict = conflict(kind, &sentence);
            conflict.choices.iter_mut().for_each(|choice| choice.what.push_str(&long));
            plan.conflicts = vec![conflict];
            plan.too_large = Portion { messages: 1, bytes: 1 };
            plan.left_out =
                vec![LeftOut { rule: format!("{n} {long}"), portion: Portion { messages: 1, bytes: 1 } }];
            let mut before = plan.clone();
            for (k, folder) in before.folders.iter_mut().enumerate() {
                folder.by = format!("before {}", n % 50);
                folder.target = (k % 2 == 0).then(|| name(n, 50 + k));
            }
            before.folders.swap_remove(1);
            let against = mailhaul_engine::plan::Against::Plan;
            all.add(&PlanDifference::between(&before, &plan, against, Some(n as u64)));
            overview.add(&plan);
        }
        for width in [Some(80), Some(120), None] {
            let palette = Palette::default();
            let sections = [
                trouble(&overview, width, palette),
                changes::section(&all, None, Most::FLEET, width, palette),
                String::new(),
                sums(&overview.totals(), &forecast(&[]), width),
            ];
            let taken: usize = sections.iter().map(|section| section.lines().count()).sum();
            let mut sections = sections;
            sections[2] = by_rule(&overview, 184_usize.saturating_sub(taken), width, palette);
            let lines = sections.each_ref().map(|section| section.lines().count());
            let page = sections.join("\n");
            // What else stands on it are three blank lines, and which plan it is.
            assert!(lines.iter().sum::<usize>() <= 190, "{width:?}: {lines:?}\n{page}");
            let widest = page.lines().map(|line| line.width()).max().unwrap_or(0);
            assert!(width.is_none_or(|width| widest <= width), "{width:?}: {widest} cells\n{page}");
        }
    }

    #[test]
    fn the_middle_of_a_long_name_is_left_out() {
        for (name, cells, expected) in [
            ("INBOX", 5, "INBOX"),
            ("abcdefghij", 7, "abc…hij"),
            ("受信箱受信箱", 7, "受…箱"),
            ("a\u{1b}[2J", 20, "a\\x1b[2J"),
        ] {
            assert_eq!(short(name, cells), expected);
            assert!(short(name, cells).width() <= cells);
        }
    }
}
