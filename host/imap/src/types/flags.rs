//! Message flags (RFC 9051 section 2.3.2) and which of them may travel in which command.
//!
//! A wrong token in APPEND is dangerous: a server that answers BAD may go on to read the message's body as
//! commands. Only tokens proven harmless leave this module.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::types::selected::Selected;

/// The five system flags a client can set, in the order of their bits.
const SYSTEM: [&str; 5] = ["\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"];
/// Keywords longer than this are not sent: the longest line some servers take is 8 KiB, and no client makes
/// such.
const MAX_TOKEN: usize = 255;

/// A message's flags: system flags, keywords and a server's own backslash flags. `\Recent` is never among
/// them.
///
/// Comparison ignores case; spelling is kept. Eight bytes, and a clone shares what it is a clone of: lists of
/// a million messages hold one such set for every message, and there are few different ones.
#[derive(Debug, Clone, Default)]
pub struct Flags(Option<Arc<Set>>);

#[derive(Debug, Clone, Default)]
struct Set {
    system: u8,
    /// In the server's spelling, sorted without regard to case, each once.
    named: Vec<Box<str>>,
}

impl PartialEq for Flags {
    fn eq(&self, other: &Flags) -> bool {
        let shared = |(a, b): (&Arc<Set>, &Arc<Set>)| Arc::ptr_eq(a, b);
        self.0.as_ref().zip(other.0.as_ref()).is_some_and(shared)
            || self.system() == other.system()
                && self.named().len() == other.named().len()
                && self.named().iter().zip(other.named()).all(|(a, b)| without_case(a, b).is_eq())
    }
}

impl Eq for Flags {}

fn without_case(a: &str, b: &str) -> Ordering {
    a.chars().flat_map(char::to_lowercase).cmp(b.chars().flat_map(char::to_lowercase))
}

impl Flags {
    /// Returns a set without flags; it takes no memory.
    pub fn new() -> Flags {
        Flags::default()
    }

    fn system(&self) -> u8 {
        self.0.as_ref().map_or(0, |set| set.system)
    }

    fn named(&self) -> &[Box<str>] {
        self.0.as_ref().map_or(&[], |set| &set.named)
    }

    /// Returns the set to be changed; it is copied first where clones share it.
    fn own(&mut self) -> &mut Set {
        Arc::make_mut(self.0.get_or_insert_default())
    }

    /// Adds `flag`, written as on the wire (`\Seen`, `$Forwarded`). Empty text and `\Recent` are ignored.
    pub fn insert(&mut self, flag: &str) {
        if flag.is_empty() || flag.eq_ignore_ascii_case("\\Recent") {
            return;
        }
        match SYSTEM.iter().position(|name| name.eq_ignore_ascii_case(flag)) {
            Some(bit) => self.own().system |= 1 << bit,
            None => {
                if let Err(place) = self.find(flag) {
                    self.own().named.insert(place, Box::from(flag));
                }
            }
        }
    }

    /// Removes `flag`, in any spelling. Returns whether it was there.
    pub fn remove(&mut self, flag: &str) -> bool {
        if !self.contains(flag) {
            return false;
        }
        match SYSTEM.iter().position(|name| name.eq_ignore_ascii_case(flag)) {
            Some(bit) => self.own().system &= !(1 << bit),
            None => {
                if let Ok(place) = self.find(flag) {
                    self.own().named.remove(place);
                }
            }
        }
        true
    }

    /// Returns whether `flag` is set, in any spelling.
    pub fn contains(&self, flag: &str) -> bool {
        match SYSTEM.iter().position(|name| name.eq_ignore_ascii_case(flag)) {
            Some(bit) => self.system() & (1 << bit) != 0,
            None => self.find(flag).is_ok(),
        }
    }

    /// Returns where a named flag stands (`Ok`), or would have to (`Err`).
    fn find(&self, flag: &str) -> Result<usize, usize> {
        self.named().binary_search_by(|known| without_case(known, flag))
    }

    /// Returns whether no flag is set, system or named.
    pub fn is_empty(&self) -> bool {
        self.system() == 0 && self.named().is_empty()
    }

    /// Returns how many flags are set, system flags and named ones together.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Returns every flag as written on the wire: system flags first, then the others in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let bits = self.system();
        let system =
            SYSTEM.iter().enumerate().filter(move |(bit, _)| bits & (1 << bit) != 0).map(|(_, name)| *name);
        system.chain(self.named().iter().map(AsRef::as_ref))
    }

    /// Returns the keywords: flags without a backslash (RFC 9051 section 2.3.2).
    pub fn keywords(&self) -> impl Iterator<Item = &str> {
        self.named().iter().map(AsRef::as_ref).filter(|name: &&str| !name.starts_with('\\'))
    }

    /// Returns the backslash flags that are no system flags, such as `\Forwarded` or `\X-HAS-ATTACH`.
    pub fn other(&self) -> impl Iterator<Item = &str> {
        self.named().iter().map(AsRef::as_ref).filter(|name: &&str| name.starts_with('\\'))
    }

    /// Returns the flags of `self` that are not in `other`.
    pub fn minus(&self, other: &Flags) -> Flags {
        self.iter().filter(|flag| !other.contains(flag)).collect()
    }

    /// Returns the flags that are set in either.
    pub fn union(&self, other: &Flags) -> Flags {
        self.iter().chain(other.iter()).collect()
    }

    /// Sorts these flags by how they can reach `target`:
    ///
    /// 1. those that may travel with APPEND: system flags and plain-atom keywords that the folder keeps;
    /// 2. those to set afterwards with [`Session::store_flags`](crate::Session::store_flags): flags the
    ///    folder lists that are not safe inside APPEND, where a BAD would turn the body into commands;
    /// 3. those that cannot be set there at all.
    ///
    /// A folder that sent no PERMANENTFLAGS keeps every flag (RFC 9051 section 7.1).
    pub fn appendable(&self, target: &Selected) -> (Flags, Flags, Flags) {
        let (mut now, mut later, mut impossible) = (Flags::new(), Flags::new(), Flags::new());
        let permanent = target.permanent_flags.as_deref();
        let listed =
            |flag: &str| permanent.is_none_or(|list| list.iter().any(|one| one.eq_ignore_ascii_case(flag)));
        let anything = permanent.is_none_or(|list| list.iter().any(|one| one == "\\*"));
        for flag in self.iter() {
            let system = SYSTEM.contains(&flag);
            let keyword = !flag.starts_with('\\');
            if system && listed(flag) || keyword && (anything || listed(flag)) && is_plain_atom(flag) {
                now.insert(flag);
            } else if !system
                && is_storable(flag)
                && (keyword && anything || permanent.is_some() && listed(flag))
            {
                later.insert(flag);
            } else {
                impossible.insert(flag);
            }
        }
        (now, later, impossible)
    }

    /// Returns `(\Seen $Forwarded)`: those flags that are safe inside APPEND, whatever else is in the set.
    ///
    /// Narrow the set with [`Flags::appendable`] first; this is the last gate, not the policy.
    pub fn to_wire(&self) -> String {
        list(self.iter().filter(|flag| SYSTEM.contains(flag) || is_plain_atom(flag)))
    }

    /// Returns the list for UID STORE; wider than APPEND's, because a refused STORE does no harm.
    pub(crate) fn to_store(&self) -> String {
        list(self.iter().filter(|flag| SYSTEM.contains(flag) || is_storable(flag)))
    }

    /// Returns the flags in `text`, as [`Flags`]'s `Display` wrote them.
    pub fn parse(text: &str) -> Flags {
        text.split(' ').map(unescape).collect::<Vec<_>>().iter().map(String::as_str).collect()
    }
}

/// The most different sets that are shared; a folder with more has the others many times over.
const MAX_SETS: usize = 1_000;

/// The sets of flags of a message list, so that each is held once: a list of a million messages has few
/// different ones.
#[derive(Debug, Default)]
pub struct FlagSets(HashMap<String, Flags>);

impl FlagSets {
    /// Returns the flags in `text`, as [`Flags::parse`] does, shared with others of the same text.
    pub fn parse(&mut self, text: &str) -> Flags {
        match self.0.get(text) {
            Some(known) => known.clone(),
            None => self.share(Flags::parse(text)),
        }
    }

    /// Returns equal flags that share their memory with others of this list.
    pub fn share(&mut self, flags: Flags) -> Flags {
        if flags.is_empty() {
            return Flags::default();
        }
        let text = flags.to_string();
        match self.0.get(&text) {
            Some(known) => known.clone(),
            None if self.0.len() >= MAX_SETS => flags,
            None => self.0.entry(text).or_insert(flags).clone(),
        }
    }
}

fn list<'a>(flags: impl Iterator<Item = &'a str>) -> String {
    format!("({})", flags.collect::<Vec<_>>().join(" "))
}

/// A flag-keyword of RFC 9051: an atom, short, ASCII. `]` is left out although RFC 3501 allows it in places.
fn is_plain_atom(flag: &str) -> bool {
    (1..=MAX_TOKEN).contains(&flag.len())
        && flag.bytes().all(|b| b.is_ascii_graphic() && !b"(){}%*\"\\[]".contains(&b))
        && !flag.eq_ignore_ascii_case("NIL")
}

/// A token that cannot be anything but one flag in a STORE command: nothing in it quotes, opens, closes or
/// ends.
fn is_storable(flag: &str) -> bool {
    let name = flag.strip_prefix('\\').unwrap_or(flag);
    (1..=MAX_TOKEN).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_graphic() && !b"(){}%*\"\\".contains(&b))
}

impl<'a> FromIterator<&'a str> for Flags {
    fn from_iter<I: IntoIterator<Item = &'a str>>(flags: I) -> Flags {
        let mut set = Flags::new();
        for flag in flags {
            set.insert(flag);
        }
        set
    }
}

impl fmt::Display for Flags {
    /// Writes the flags separated by one blank, in an order that depends only on the set. Blanks, controls
    /// and `%` inside a flag are written `%XX`, so that [`Flags::parse`] reads the same set back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, flag) in self.iter().enumerate() {
            if position > 0 {
                f.write_str(" ")?;
            }
            for character in flag.chars() {
                match u32::from(character) {
                    code @ (0..=0x20 | 0x25 | 0x7f) => write!(f, "%{code:02X}")?,
                    _ => write!(f, "{character}")?,
                }
            }
        }
        Ok(())
    }
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, escaped)) = rest.split_once('%') {
        out.push_str(plain);
        match escaped.split_at_checked(2).map(|(hex, tail)| (u8::from_str_radix(hex, 16), tail)) {
            Some((Ok(code), tail)) => {
                out.push(char::from(code));
                rest = tail;
            }
            _ => {
                out.push('%');
                rest = escaped;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn flags(list: &[&str]) -> Flags {
        list.iter().copied().collect()
    }

    fn folder(permanent: Option<&[&str]>) -> Selected {
        let permanent_flags = permanent.map(|list| list.iter().map(|flag| (*flag).to_owned()).collect());
        Selected { permanent_flags, ..Selected::default() }
    }

    #[test]
    fn case_is_ignored_and_recent_dropped() {
        assert_eq!(flags(&["\\SEEN", "\\recent", "$Junk"]), flags(&["$junk", "\\Seen"]));
        assert_eq!(flags(&["\\flagged", "Zeta", "alpha", "\\X-A"]).to_string(), "\\Flagged \\X-A alpha Zeta");
        assert_eq!(flags(&["$Junk", "$JUNK"]).len(), 1);
    }

    #[test]
    fn hostile_flags_never_leave() {
        let set = flags(&[
            "\\Seen",
            "x\r\nA1 DELETE INBOX",
            "a b",
            "{3}",
            "{3+}",
            "quo\"te",
            "\\Junk",
            "back\\slash",
            "br)acket",
            "\u{e4}",
            "nul\0",
            "NIL",
            "*",
            "ok-1_$.&+",
        ]);
        assert_eq!(set.to_wire(), "(\\Seen ok-1_$.&+)");
        assert_eq!(set.to_store(), "(\\Seen \\Junk NIL ok-1_$.&+)");
        assert_eq!(flags(&[&"k".repeat(1000)]).to_wire(), "()");
    }

    #[test]
    fn sorted_by_what_the_folder_keeps() {
        let set = flags(&["\\Seen", "\\Draft", "\\Forwarded", "$Known", "odd]", "new", "sp ace"]);
        let (now, later, impossible) =
            set.appendable(&folder(Some(&["\\Seen", "\\Forwarded", "$known", "odd]"])));
        assert_eq!(now, flags(&["\\Seen", "$Known"]));
        assert_eq!(later, flags(&["\\Forwarded", "odd]"]));
        assert_eq!(impossible, flags(&["\\Draft", "new", "sp ace"]));

        let (now, later, impossible) = set.appendable(&folder(Some(&["\\Seen", "\\Draft", "\\*"])));
        assert_eq!(now, flags(&["\\Seen", "\\Draft", "$Known", "new"]));
        assert_eq!(later, flags(&["odd]"]));
        assert_eq!(impossible, flags(&["\\Forwarded", "sp ace"]));

        let (now, _, impossible) = set.appendable(&folder(None));
        assert_eq!(now, flags(&["\\Seen", "\\Draft", "$Known", "new"]));
        assert_eq!(impossible, flags(&["\\Forwarded", "sp ace"]));
    }

    #[test]
    fn equal_flags_are_held_once() {
        let mut sets = FlagSets::default();
        let list: Vec<Flags> = (0..4).map(|n| sets.share(Flags::parse(["\\Seen $a", "$A"][n % 2]))).collect();
        assert_eq!(list[0], list[2]);
        assert_eq!(list[1].to_string(), "$A", "in their own spelling");
        assert_eq!(sets.0.len(), 2);
        (0..2 * MAX_SETS).for_each(|n| drop(sets.share(Flags::parse(&format!("k{n}")))));
        assert_eq!(sets.0.len(), MAX_SETS);
    }

    proptest! {
        #[test]
        fn text_round_trip(list in prop::collection::vec(any::<String>(), 0..8)) {
            let set: Flags = list.iter().map(String::as_str).collect();
            let text = set.to_string();
            prop_assert_eq!(Flags::parse(&text), set.clone());
            prop_assert_eq!(Flags::parse(&text).to_string(), text);
            prop_assert!(!set.to_wire().bytes().any(|b| b.is_ascii_control()));
            prop_assert!(!set.to_store().bytes().any(|b| b.is_ascii_control()));
        }
    }
}
