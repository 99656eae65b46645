//! The operator's `[[folders]]` rules: patterns over Unicode folder paths.
//!
//! In a level `*` stands for any text without `/`; `**` as a whole level stands for any number of
//! levels, none included, so `Old/**` is `Old` and everything below it. In `to`, the n-th `*` or
//! `**` is replaced by what the n-th one of `from` stood for. `\*` is a star in a name.
//!
//! A pattern with a `/` in front is about folders outside the personal namespace, and no other pattern is:
//! `/Shared/**`.

use std::fmt;

use mailhaul_imap::{Folder, FolderPath};

/// One `[[folders]]` rule, and its place in the project file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderRule {
    /// The pattern that a source folder has to match.
    pub from: Pattern,
    /// Where such folders go, or that they are left out.
    pub action: RuleAction,
    /// Its place, e.g. `mailhaul.toml:12`, which the plan names as who decided.
    pub place: String,
}

/// One entry of `[select] folders`, and its place in the project file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderPick {
    /// The pattern that a source folder has to match.
    pub pattern: Pattern,
    /// `!` stands in front: what matches is left out.
    pub leaves_out: bool,
    /// The entry as it stands in the file.
    pub written: String,
    /// Its place, e.g. `mailhaul.toml:12`.
    pub place: String,
}

impl FolderPick {
    /// Whether it is about `folder`, as [`FolderRule::apply_to`] has it.
    #[must_use]
    pub(crate) fn matches(&self, folder: &Folder) -> bool {
        let path = if self.pattern.is_exact() { &folder.path } else { folder.reading() };
        self.pattern.captures(path).is_some()
    }

    /// Returns the rule about the same folders that leaves them out.
    #[must_use]
    pub(crate) fn as_rule(&self) -> FolderRule {
        FolderRule {
            from: self.pattern.clone(),
            action: RuleAction::SkipKeepingCopies,
            place: self.place.clone(),
        }
    }
}

/// How a list of picks leaves a folder out: by which entry, or since none of them is about it; `None` where
/// it does not. The first entry that matches decides. A list that only leaves out takes all other folders.
/// Folders outside the personal namespace are left out by an entry that is about them, and no other way.
#[must_use]
pub(crate) fn not_picked<'a>(picks: &'a [FolderPick], folder: &Folder) -> Option<NotPicked<'a>> {
    match picks.iter().find(|pick| pick.matches(folder)) {
        Some(pick) => pick.leaves_out.then_some(NotPicked::By(pick)),
        None if !folder.is_own() => None,
        None => picks.iter().find(|pick| !pick.leaves_out).map(NotPicked::Unnamed),
    }
}

/// Why `[select] folders` leaves a folder out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotPicked<'a> {
    /// This entry does.
    By(&'a FolderPick),
    /// No entry names it, and this is the first that says what is copied.
    Unnamed(&'a FolderPick),
}

/// The effect of a rule on the folders that match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleAction {
    /// `to = "…"`: copy into the folder that the pattern and its wildcards give.
    To(Pattern),
    /// `skip = true`: leave the folder out.
    Skip,
    /// The same with `copies = "keep"`: what earlier runs copied of it stays on the target.
    SkipKeepingCopies,
}

/// A pattern over the levels of a folder path, see the module's description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    levels: Vec<Level>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Level {
    AnyDepth,
    /// Literal text with any text between each two pieces.
    Glob(Vec<String>),
}

/// The part of a path that one wildcard stood for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Capture {
    Text(String),
    Levels(Vec<String>),
}

impl Pattern {
    /// Reads a pattern in display form (`/` between levels, `\/` inside one).
    ///
    /// # Errors
    /// One sentence when a level is empty, or `**` is not a whole level or stands there twice.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut levels = Vec::new();
        let written = levels_of(text);
        for (at, level) in written.iter().enumerate() {
            if level.is_empty() && (at > 0 || written.len() == 1) {
                return Err(format!("`{text}` has an empty level"));
            }
            if level[..] == [None, None] {
                if levels.contains(&Level::AnyDepth) {
                    return Err(format!("`{text}` has `**` twice"));
                }
                levels.push(Level::AnyDepth);
            } else if level.windows(2).any(|two| *two == [None, None]) {
                return Err(format!("in `{text}`, `**` must be a whole level, as in `Old/**`"));
            } else {
                let pieces = level.split(Option::is_none).map(|piece| piece.iter().flatten().collect());
                levels.push(Level::Glob(pieces.collect()));
            }
        }
        // However it is spelt, it is one folder, and so is what is below it.
        if let Some(Level::Glob(pieces)) = levels.first_mut()
            && let [only] = &mut pieces[..]
            && only.eq_ignore_ascii_case("INBOX")
        {
            "INBOX".clone_into(only);
        }
        Ok(Self { levels })
    }

    /// Writes a pattern that is about this path and no other.
    #[must_use]
    pub(crate) fn exact_for(path: &FolderPath) -> String {
        let mut out = String::new();
        for (at, level) in path.0.iter().enumerate() {
            if at > 0 {
                out.push('/');
            }
            // In display form a lone backslash stays as it is; what would begin an escape of a pattern does
            // not.
            let shown = FolderPath(vec![String::new(), level.clone()]).to_string();
            let shown = shown.strip_prefix('/').unwrap_or(&shown);
            out.push_str(&shown.replace("\\*", "\\\\*").replace('*', "\\*"));
        }
        out
    }

    fn is_rooted(&self) -> bool {
        matches!(&self.levels[..], [Level::Glob(pieces), _, ..] if pieces.iter().all(String::is_empty) && pieces.len() == 1)
    }

    /// Returns whether it has no wildcard, and so names one folder.
    fn is_exact(&self) -> bool {
        self.wildcards().is_empty()
    }

    /// Returns the kinds of the wildcards in order: `true` for `**`.
    fn wildcards(&self) -> Vec<bool> {
        let mut kinds = Vec::new();
        for level in &self.levels {
            match level {
                Level::AnyDepth => kinds.push(true),
                Level::Glob(pieces) => {
                    kinds.extend(std::iter::repeat_n(false, pieces.len().saturating_sub(1)))
                }
            }
        }
        kinds
    }

    /// Whether it is about `path`.
    #[must_use]
    pub(crate) fn is_about(&self, path: &FolderPath) -> bool {
        self.captures(path).is_some()
    }

    fn captures(&self, path: &FolderPath) -> Option<Vec<Capture>> {
        fn walk(levels: &[Level], path: &[String], out: &mut Vec<Capture>) -> bool {
            match levels.split_first() {
                None => path.is_empty(),
                Some((Level::AnyDepth, rest)) => {
                    // Only one `**` per pattern, so the split is determined by what follows.
                    let Some(taken) = path.len().checked_sub(rest.len()) else { return false };
                    out.push(Capture::Levels(path[..taken].to_vec()));
                    walk(rest, &path[taken..], out)
                }
                Some((Level::Glob(pieces), rest)) => {
                    let Some((first, below)) = path.split_first() else { return false };
                    let Some(texts) = glob(pieces, first) else { return false };
                    out.extend(texts.into_iter().map(Capture::Text));
                    walk(rest, below, out)
                }
            }
        }
        if path.is_outside() != self.is_rooted() {
            return None;
        }
        let mut out = Vec::new();
        walk(&self.levels, &path.0, &mut out).then_some(out)
    }
}

/// As it is written in a project file.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |level: &Level| match level {
            Level::AnyDepth => "**".to_owned(),
            Level::Glob(pieces) => {
                let pieces = pieces.iter().map(|piece| Self::exact_for(&FolderPath(vec![piece.clone()])));
                pieces.collect::<Vec<_>>().join("*")
            }
        };
        f.write_str(&self.levels.iter().map(shown).collect::<Vec<_>>().join("/"))
    }
}

/// The characters of each level; `None` is a `*` that stands for others.
fn levels_of(text: &str) -> Vec<Vec<Option<char>>> {
    let mut levels = vec![Vec::new()];
    let mut characters = FolderPath::characters(text).into_iter().peekable();
    while let Some(character) = characters.next() {
        let starred = character == ('\\', false) && characters.next_if_eq(&('*', false)).is_some();
        match (character, levels.last_mut()) {
            (_, Some(level)) if starred => level.push(Some('*')),
            (('*', false), Some(level)) => level.push(None),
            (('/', false), _) | (_, None) => levels.push(Vec::new()),
            ((character, _), Some(level)) => level.push(Some(character)),
        }
    }
    levels
}

/// What each `*` between `pieces` stands for in `text`, shortest first.
fn glob(pieces: &[String], text: &str) -> Option<Vec<String>> {
    let (first, rest) = pieces.split_first()?;
    let mut text = text.strip_prefix(first.as_str())?;
    let Some((last, middle)) = rest.split_last() else { return text.is_empty().then(Vec::new) };
    let mut out = Vec::new();
    for piece in middle {
        let at = text.find(piece.as_str())?;
        out.push(text[..at].to_owned());
        text = &text[at + piece.len()..];
    }
    out.push(text.strip_suffix(last.as_str())?.to_owned());
    Some(out)
}

impl FolderRule {
    /// Checks that `to` uses no wildcard that `from` does not have.
    ///
    /// # Errors
    /// One sentence naming the wildcard.
    pub fn check(&self) -> Result<(), String> {
        let RuleAction::To(to) = &self.action else { return Ok(()) };
        if to.is_rooted() {
            return Err(
                "`to` begins with `/`, and nothing is copied outside the mailbox's own folders".into()
            );
        }
        let from = self.from.wildcards();
        for (n, deep) in to.wildcards().into_iter().enumerate() {
            if from.get(n) != Some(&deep) {
                let what = if deep { "`**`" } else { "`*`" };
                return Err(format!(
                    "wildcard {} of `to` is {what}, which `from` does not have there",
                    n + 1
                ));
            }
        }
        Ok(())
    }

    /// Whether the rule is about `folder`, and if so where it sends it: `Some(None)` leaves it out. Of
    /// folders that read alike, wildcards are about all, and a name is about the one that is called so.
    #[must_use]
    pub(crate) fn apply_to(&self, folder: &Folder) -> Option<Option<FolderPath>> {
        self.apply(if self.names_one_folder() { &folder.path } else { folder.reading() })
    }

    /// Whether it leaves folders out of which earlier runs have put copies on the target, to stay there.
    #[must_use]
    pub(crate) fn keeps_copies(&self) -> bool {
        self.action == RuleAction::SkipKeepingCopies
    }

    /// Whether the rule is about one folder, which it names.
    #[must_use]
    pub(crate) fn names_one_folder(&self) -> bool {
        self.from.is_exact()
    }

    /// Whether the rule is about `path`, and if so where it sends it: `Some(None)` leaves it out.
    #[must_use]
    pub fn apply(&self, path: &FolderPath) -> Option<Option<FolderPath>> {
        let captures = self.from.captures(path)?;
        let RuleAction::To(to) = &self.action else { return Some(None) };
        let mut captures = captures.into_iter();
        let mut levels = Vec::new();
        for level in &to.levels {
            match level {
                Level::AnyDepth => match captures.next() {
                    Some(Capture::Levels(more)) => levels.extend(more),
                    Some(Capture::Text(text)) => levels.push(text),
                    None => {}
                },
                Level::Glob(pieces) => {
                    let mut name = String::new();
                    for (n, piece) in pieces.iter().enumerate() {
                        if n > 0
                            && let Some(Capture::Text(text)) = captures.next()
                        {
                            name.push_str(&text);
                        }
                        name.push_str(piece);
                    }
                    levels.push(name);
                }
            }
        }
        Some(Some(FolderPath(levels)))
    }
}

#[cfg(test)]
mod tests {
    use mailhaul_imap::Space;
    use proptest::prelude::*;

    use super::*;

    fn rule(from: &str, to: &str) -> FolderRule {
        FolderRule {
            from: Pattern::parse(from).unwrap(),
            action: if to == "-" { RuleAction::Skip } else { RuleAction::To(Pattern::parse(to).unwrap()) },
            place: "mailhaul.toml:1".into(),
        }
    }

    fn sends(from: &str, to: &str, path: &str) -> Option<String> {
        rule(from, to)
            .apply(&FolderPath::parse(path))
            .map(|target| target.map_or_else(|| "-".to_owned(), |t| t.to_string()))
    }

    #[test]
    fn a_pattern_with_two_stars_takes_the_folder_and_all_below_it() {
        assert_eq!(sends("Old/**", "Archive/Old/**", "Old"), Some("Archive/Old".into()));
        assert_eq!(sends("Old/**", "Archive/Old/**", "Old/2019/Q1"), Some("Archive/Old/2019/Q1".into()));
        assert_eq!(sends("Old/**", "Archive/Old/**", "Older"), None);
        assert_eq!(sends("**/Spam", "-", "a/b/Spam"), Some("-".into()));
    }

    /// What lies outside the mailbox is left out by name, and not since a list is about other folders.
    #[test]
    fn picks_of_other_folders_say_nothing_of_what_lies_outside() {
        let folder = |path: &str, space| Folder {
            name: mailhaul_imap::FolderName(path.as_bytes().to_vec()),
            path: FolderPath::parse(path),
            reads: None,
            space,
            attributes: Vec::new(),
            roles: Vec::new(),
            selectable: true,
            subscribed: true,
            listed: true,
        };
        let pick = |written: &str| FolderPick {
            pattern: Pattern::parse(written.trim_start_matches('!')).unwrap(),
            leaves_out: written.starts_with('!'),
            written: written.into(),
            place: String::new(),
        };
        let picks = [pick("!/Shared/Trash"), pick("INBOX"), pick("/Shared/**")];
        let said = |path: &str, space| match not_picked(&picks, &folder(path, space)) {
            Some(NotPicked::By(pick) | NotPicked::Unnamed(pick)) => pick.written.as_str(),
            None => "-",
        };
        for (path, space, out) in [
            ("inbox", Space::Own, "-"),
            ("Old", Space::Own, "INBOX"),
            ("/Shared/Trash", Space::Foreign, "!/Shared/Trash"),
            ("/Shared/a", Space::Foreign, "-"),
            ("/Other", Space::Beside, "-"),
        ] {
            assert_eq!(said(path, space), out, "{path}");
        }
    }

    #[test]
    fn a_star_stays_inside_its_level_and_is_carried_over() {
        assert_eq!(sends("Proj *", "Projects/*", "Proj Alpha"), Some("Projects/Alpha".into()));
        assert_eq!(sends("Proj *", "Projects/*", "Proj Alpha/x"), None);
        assert_eq!(sends("a*b*c", "*-*", "aXbYc"), Some("X-Y".into()));
    }

    #[test]
    fn a_slash_inside_a_level_is_written_with_a_backslash() {
        assert_eq!(sends(r"A\/B", "C", r"A\/B"), Some("C".into()));
        assert_eq!(sends(r"A\/B", "C", "A/B"), None);
    }

    #[test]
    fn any_name_can_be_written() {
        for levels in [
            &["a*b"][..],
            &["**"],
            &["a\\*"],
            &["t\tab \"x\"", "\u{202e}"],
            &["c\\", "d/e"],
            &["", "Shared", "*"],
        ] {
            let path = FolderPath(levels.iter().map(|level| (*level).to_owned()).collect());
            let written = Pattern::exact_for(&path);
            let only = FolderRule {
                from: Pattern::parse(&written).unwrap(),
                action: RuleAction::Skip,
                place: String::new(),
            };
            assert_eq!(only.apply(&path), Some(None), "{written}");
            assert!(only.names_one_folder() && written.chars().all(|c| !c.is_control()), "{written}");
        }
        assert_eq!(sends(r"a\*b", "-", "axb"), None);
        assert_eq!(sends(r"a\\*", "-", r"a\\x"), Some("-".into()), "a backslash, and anything");
    }

    #[test]
    fn a_pattern_is_shown_as_it_is_written() {
        for written in ["Old/**", "**/Spam", "Proj *", "a*b*c", r"A\/B", r"a\*b", "/Shared/**", "INBOX"] {
            assert_eq!(Pattern::parse(written).unwrap().to_string(), written);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// What is shown is read as the same pattern, whatever is in a name.
        #[test]
        fn a_pattern_that_is_shown_is_read_as_what_it_was(
            levels in prop::collection::vec(r#"(\*\*|[a*\\/"'\x07ü\u{202e} ]{1,6})"#, 1..4),
        ) {
            if let Ok(pattern) = Pattern::parse(&levels.join("/")) {
                prop_assert_eq!(Pattern::parse(&pattern.to_string()), Ok(pattern));
            }
        }
    }

    #[test]
    fn outside_the_mailbox_only_a_pattern_from_the_root_is_meant() {
        assert_eq!(sends("/Shared/**", "Shared/**", "/Shared/a/b"), Some("Shared/a/b".into()));
        assert_eq!(sends("/**", "-", "/Sent"), Some("-".into()));
        for inside in ["**", "*/Sent", "**/Sent", "Sent"] {
            assert_eq!(sends(inside, "-", "/Sent"), None, "{inside}");
        }
        assert_eq!(sends("/**", "-", "Sent"), None);
        assert!(rule("/a", "/b").check().unwrap_err().contains("begins with `/`"));
        assert!(
            Pattern::parse("/").is_err() && Pattern::parse("").is_err() && Pattern::parse("//a").is_err()
        );
    }

    #[test]
    fn wildcards_of_to_must_stand_in_from() {
        assert!(rule("Old/**", "New/**").check().is_ok());
        assert!(rule("Old", "New/**").check().unwrap_err().contains("`**`"));
        assert!(rule("a*", "*/**").check().is_err());
        assert!(Pattern::parse("a**").is_err());
        assert!(Pattern::parse("**/a/**").is_err());
        assert!(Pattern::parse("a//b").is_err());
    }
}
