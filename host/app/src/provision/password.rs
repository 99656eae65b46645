//! Passwords for new mailboxes, by what the new host asks of them.
//!
//! They are for people to type once, and are open to whoever can reach the mail server: so nothing that is
//! taken for something else, nothing that a spreadsheet or a shell makes something else of, and enough that
//! cannot be guessed. At least [`LEAST_BITS`] bits, [`AIM_BITS`] where the host allows it.

use std::io;

use mailhaul_engine::plugin::{CharacterClass, PasswordPolicy};
use mailhaul_imap::Secret;
use zeroize::Zeroizing;

use crate::redact;

/// Letters and digits without those that are taken for one another: 57.
const CLEAR: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
/// Symbols that neither a cell of a spreadsheet nor a form makes something else of.
const SYMBOLS: &[u8] = b"!#%+-.:@_~";
/// Of what a policy allows, what ends or begins a cell, a string or a command somewhere, and is left out.
const TROUBLE: &[u8] = b"\"'`\\,;&<>|$^(){}[]*?/=";

/// Four groups of six with `-` between: 139 bits, and what most rules for passwords ask for.
const GROUPS: usize = 4;
const GROUP: usize = 6;
/// Characters of a password in groups, the `-` between them included.
const GROUPED: usize = GROUPS * (GROUP + 1) - 1;

/// As many as a key of AES-128: more is of no use to anybody.
pub const AIM_BITS: f64 = 128.0;
/// What a host must allow: eleven of the 57 characters. Guessing half of it over the net takes longer than
/// any mail server stands.
pub const LEAST_BITS: f64 = 60.0;
/// Longest password that is made, in characters: whoever asks for more means no person.
const LONGEST: usize = 128;
/// Draws that fit the classes, of all draws, at least: what fits more seldom than that is no policy for
/// people.
const LEAST_FITTING: f64 = 1.0 / 1_024.0;

/// How passwords of one host are made.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    shape: Shape,
    bits: f64,
}

#[derive(Debug, Clone, PartialEq)]
enum Shape {
    /// `abcdef-ghjkmn-…`: capital and small letters and digits.
    Grouped,
    /// So many characters, all kinds of which are there; the first and the last are letters or digits where
    /// the alphabet has any.
    Drawn { inner: Vec<u8>, outer: Vec<u8>, length: usize, classes: Vec<CharacterClass> },
}

impl Default for Recipe {
    /// For a host that asks for nothing.
    fn default() -> Self {
        let plain = [CharacterClass::Upper, CharacterClass::Lower, CharacterClass::Digit];
        Self { shape: Shape::Grouped, bits: bits(CLEAR, CLEAR, GROUPS * GROUP, &plain).0 }
    }
}

impl Recipe {
    /// Makes one that meets a policy: groups where it allows them, else the shortest password of
    /// [`AIM_BITS`], else the longest there may be.
    ///
    /// # Errors
    /// One clause: what the policy allows is too little, or asks for what cannot be.
    pub fn of(policy: &PasswordPolicy) -> Result<Self, String> {
        let allows =
            |byte: &u8| policy.alphabet.as_ref().is_none_or(|alphabet| alphabet.as_bytes().contains(byte));
        let default = Self::default();
        if policy.length.contains(&GROUPED) && CLEAR.iter().chain(b"-").all(allows) {
            return Ok(default);
        }
        let (least, most) = (*policy.length.start(), (*policy.length.end()).min(LONGEST));
        if least > LONGEST {
            return Err(format!("it asks for passwords of at least {least} characters, more than {LONGEST}"));
        }
        let mut best: Option<Self> = None;
        // Without what is taken for one another, where that leaves enough.
        let all = || policy.alphabet.clone().unwrap_or_default().into_bytes();
        let symbols = policy.classes.contains(&CharacterClass::Symbol);
        let clear = CLEAR.iter().chain(SYMBOLS.iter().filter(|_| symbols || policy.alphabet.is_some()));
        let clear: Vec<u8> = clear.copied().filter(|byte| allows(byte)).collect();
        let rest: Vec<u8> = all().into_iter().filter(|byte| !TROUBLE.contains(byte)).collect();
        for alphabet in [clear, rest] {
            let outer: Vec<u8> = alphabet.iter().copied().filter(u8::is_ascii_alphanumeric).collect();
            let outer = if outer.len() > 1 { outer } else { alphabet.clone() };
            for length in least.max(1)..=most {
                let (bits, fitting) = bits(&alphabet, &outer, length, &policy.classes);
                if fitting < LEAST_FITTING || best.as_ref().is_some_and(|best| best.bits >= bits) {
                    continue;
                }
                let classes = policy.classes.clone();
                let shape = Shape::Drawn { inner: alphabet.clone(), outer: outer.clone(), length, classes };
                best = Some(Self { shape, bits });
                if bits >= AIM_BITS {
                    break;
                }
            }
            if best.as_ref().is_some_and(|best| best.bits >= LEAST_BITS) {
                break;
            }
        }
        match best {
            Some(best) if best.bits >= LEAST_BITS => Ok(best),
            Some(best) => Err(format!(
                "the passwords it allows have {:.0} bits at most, so that they can be guessed; {LEAST_BITS:.0} are the \
                 least",
                best.bits.floor()
            )),
            None => Err("no password can be what it asks for".to_owned()),
        }
    }

    /// Returns how many bits somebody who knows the policy has to guess.
    #[must_use]
    pub fn bits(&self) -> f64 {
        self.bits
    }

    /// Makes a password, and registers it with [`redact`].
    ///
    /// # Errors
    /// When the operating system has no random numbers.
    pub(crate) fn make(&self) -> io::Result<Secret> {
        loop {
            let password = match &self.shape {
                Shape::Grouped => {
                    let mut password = Zeroizing::new(Vec::with_capacity(GROUPED + 1));
                    while password.len() < GROUPED {
                        let between = password.len() % (GROUP + 1) == GROUP;
                        password.push(if between { b'-' } else { drawn(CLEAR)? });
                    }
                    password
                }
                Shape::Drawn { inner, outer, length, .. } => {
                    let mut password = Zeroizing::new(Vec::with_capacity(*length));
                    for at in 0..*length {
                        let end = at == 0 || at + 1 == *length;
                        password.push(drawn(if end { outer } else { inner })?);
                    }
                    password
                }
            };
            let has = |class: &CharacterClass| password.iter().any(|byte| class.has(*byte));
            let fits = match &self.shape {
                Shape::Grouped => {
                    [CharacterClass::Upper, CharacterClass::Lower, CharacterClass::Digit].iter().all(has)
                }
                Shape::Drawn { classes, .. } => classes.iter().all(has),
            };
            // Drawn again as a whole: to mend one would make some passwords likelier than others.
            if fits {
                redact::register(&password);
                return Ok(Secret::from(password.to_vec()));
            }
        }
    }
}

/// One of these characters, each as likely as the others.
fn drawn(of: &[u8]) -> io::Result<u8> {
    let mask = of.len().next_power_of_two() - 1;
    loop {
        let mut byte = Zeroizing::new([0_u8]);
        getrandom::fill(byte.as_mut()).map_err(io::Error::other)?;
        // What is above the alphabet is drawn again, so that no character is likelier.
        if let Some(letter) = of.get(usize::from(byte[0]) & mask) {
            return Ok(*letter);
        }
    }
}

/// The bits of a password of this length that has every class, and how likely a draw has them all.
fn bits(inner: &[u8], outer: &[u8], length: usize, classes: &[CharacterClass]) -> (f64, f64) {
    if inner.is_empty() || length == 0 {
        return (0.0, 0.0);
    }
    let ends = length.min(2);
    let lacks = |of: &[u8], set: u32| {
        let chosen = || classes.iter().enumerate().filter(|(at, _)| set & (1 << at) != 0);
        let without = of.iter().filter(|byte| !chosen().any(|(_, class)| class.has(**byte))).count();
        without as f64 / of.len() as f64
    };
    // Inclusion and exclusion over the sets of classes that are lacking.
    let fitting: f64 = (0..1_u32 << classes.len())
        .map(|set| {
            let sign = if set.count_ones() % 2 == 0 { 1.0 } else { -1.0 };
            sign * lacks(outer, set).powi(ends as i32) * lacks(inner, set).powi((length - ends) as i32)
        })
        .sum();
    let all =
        ends as f64 * (outer.len() as f64).log2() + (length - ends) as f64 * (inner.len() as f64).log2();
    (all + fitting.max(f64::MIN_POSITIVE).log2(), fitting)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::ops::RangeInclusive;

    use secrecy::ExposeSecret as _;

    use super::*;

    fn policy(
        length: RangeInclusive<usize>,
        alphabet: Option<&str>,
        classes: &[CharacterClass],
    ) -> PasswordPolicy {
        PasswordPolicy { length, alphabet: alphabet.map(str::to_owned), classes: classes.to_vec() }
    }

    #[track_caller]
    fn assert_meets(policy: &PasswordPolicy, recipe: &Recipe) {
        let mut made = HashSet::new();
        for _ in 0..40 {
            let password = recipe.make().unwrap().expose_secret().to_vec();
            let text = String::from_utf8(password.clone()).unwrap();
            assert!(policy.length.contains(&password.len()), "{policy:?}: {text}");
            if let Some(alphabet) = &policy.alphabet {
                assert!(text.chars().all(|c| alphabet.contains(c)), "{policy:?}: {text}");
            }
            for class in &policy.classes {
                assert!(password.iter().any(|byte| class.has(*byte)), "{policy:?}: {text}");
            }
            assert!(!password.iter().any(|byte| TROUBLE.contains(byte)), "{policy:?}: {text}");
            assert!(made.insert(password), "{policy:?}: twice the same");
        }
    }

    #[test]
    fn a_host_that_asks_for_nothing_gets_groups_of_139_bits() {
        let recipe = Recipe::default();
        assert!((139.0..140.0).contains(&recipe.bits()), "{}", recipe.bits());
        assert_meets(&policy(GROUPED..=GROUPED, None, &CharacterClass::ALL), &recipe);
        let panel = policy(8..=64, None, &CharacterClass::ALL);
        assert_eq!(Recipe::of(&panel), Ok(recipe), "the dash is a symbol");
    }

    /// Every policy out of these lengths, alphabets and classes is met or refused, and none is met with less
    /// than [`LEAST_BITS`].
    #[test]
    fn every_policy_is_met_or_refused() {
        let letters: String = ('a'..='z').chain('A'..='Z').collect();
        let printable: String = (b'!'..=b'~').map(char::from).collect();
        let small = "abcdefghijklmnopqrstuvwxyz".to_owned();
        let digits = "0123456789".to_owned();
        let alphabets = [
            None,
            Some(letters),
            Some(printable),
            Some(small),
            Some(digits),
            Some("01".into()),
            Some("a".into()),
        ];
        let (mut met, mut refused) = (0, 0);
        for alphabet in &alphabets {
            for length in
                [1..=1, 1..=4_096, 6..=8, 8..=12, 10..=14, 12..=16, 20..=20, 40..=60, 128..=200, 129..=4_096]
            {
                for set in 0..16_u32 {
                    let classes = CharacterClass::ALL.into_iter().enumerate();
                    let classes: Vec<_> =
                        classes.filter(|(at, _)| set & (1 << at) != 0).map(|(_, class)| class).collect();
                    let policy = policy(length.clone(), alphabet.as_deref(), &classes);
                    match Recipe::of(&policy) {
                        Ok(recipe) => {
                            met += 1;
                            assert!(recipe.bits() >= LEAST_BITS, "{policy:?}: {}", recipe.bits());
                            assert_meets(&policy, &recipe);
                        }
                        Err(why) => {
                            refused += 1;
                            assert!(!why.is_empty());
                        }
                    }
                }
            }
        }
        assert!(met > 200 && refused > 200, "{met} met, {refused} refused");
    }

    #[test]
    fn what_can_be_guessed_is_refused_and_said_with_its_bits() {
        let refused = |length, alphabet, classes: &[CharacterClass]| {
            Recipe::of(&policy(length, alphabet, classes)).unwrap_err()
        };
        assert!(refused(1..=1, None, &[]).contains("have 5 bits"));
        assert!(refused(8..=8, None, &[]).contains("have 46 bits"));
        assert!(refused(1..=4_096, Some("a"), &[]).contains("have 0 bits"));
        assert!(refused(10_000..=10_000, None, &[]).contains("10000"));
        assert_eq!(
            refused(8..=32, Some("abcdefgh"), &[CharacterClass::Digit]),
            "no password can be what it asks for"
        );
        // What is enough is the shortest that is.
        let hex = Recipe::of(&policy(8..=64, Some("0123456789abcdef"), &[])).unwrap();
        assert!(matches!(&hex.shape, Shape::Drawn { length, .. } if (32..=38).contains(length)), "{hex:?}");
        let short = Recipe::of(&policy(8..=16, None, &[])).unwrap();
        assert!((93.0..94.0).contains(&short.bits()), "{}", short.bits());
    }

    /// 60 draws of each of 64 positions: a character that never comes, or comes far too often, is a bias.
    #[test]
    fn no_character_is_likelier_than_another() {
        let mut counts = std::collections::HashMap::new();
        for _ in 0..200 {
            for byte in Recipe::default().make().unwrap().expose_secret() {
                *counts.entry(*byte).or_insert(0_u32) += 1;
            }
        }
        counts.remove(&b'-');
        // 4,800 draws of 57: 84 each, standard deviation 9.
        assert_eq!(counts.len(), CLEAR.len());
        assert!(counts.values().all(|n| (30..=150).contains(n)), "{counts:?}");
    }
}
