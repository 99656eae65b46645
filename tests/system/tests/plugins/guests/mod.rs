//! Every plugin of tests/guests: what becomes of its mailbox, and that the others are moved.
//!
//! Each runs beside mailboxes that are none of its business: what the user reads, how long it takes, how much
//! memory, and that everybody else's mail is moved.

mod files;
mod mappers;
mod project;
mod sources;

use files::tested::*;
use mappers::tested::*;
use sources::tested::*;

/// Tests of guests, each with a constant of its guest's name.
macro_rules! tests {
    ($($guest:ident => $test:ident $body:block)*) => {
        $(
            #[test]
            fn $test() $body
        )*

        #[allow(non_upper_case_globals, reason = "named as the guests are")]
        pub(super) mod tested {
            $(pub(crate) const $guest: () = ();)*
        }
    };
}
use tests;

/// A guest without its test does not compile: its constant is missing.
macro_rules! has_a_test {
    ($($guest:ident)*) => {
        const _: &[()] = &[$($guest),*];
    };
}
mailhaul_guests::for_every_guest!(has_a_test);
