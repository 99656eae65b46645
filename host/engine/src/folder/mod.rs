//! What a run does with one folder.
//!
//! [`run::run`] is the list of the steps; [`run::FolderRun`] is what they know. Each step is a file that adds
//! to it:
//!
//! | step | leaves behind |
//! |---|---|
//! | [`open`] | both folders open, the source's list and its rows in the ledger; or the folder stopped, with a code |
//! | [`identity`] | the copies that the ledger knows are on the target what they were; or its folder is another place |
//! | [`subtract`] | wanted: what is neither settled nor left out |
//! | [`in_doubt`] | unclaimed and missing: what the target holds and the ledger does not, and the other way round |
//! | [`adopt`] | wanted without what is there already; what was in doubt is looked up |
//! | [`passes`] | sent, acknowledged and seen in the target's list, or recorded as failed; [`refusals`] judges what was refused |
//! | [`flags`] | flags that changed at the source are set on our copies |
//! | [`prove`] | differences: copies that are gone, second copies that were stored late |
//! | [`conclude`] | counts, differences and, where the sum holds, the proof that lets the next run leave it closed |
//!
//! The connections travel with the run and come back with it. An error drops them: the mailbox dials anew and
//! begins the folder again, from what the ledger says. After a crash at any point that is enough, since an
//! intent is in the ledger before its first byte leaves, and what is open there is looked up on the target
//! before anything is sent again.

pub(crate) mod adopt;
pub(crate) mod arrivals;
pub(crate) mod changed;
pub(crate) mod conclude;
pub(crate) mod confirm;
pub(crate) mod copy;
pub(crate) mod elsewhere;
pub(crate) mod flags;
pub(crate) mod identity;
pub(crate) mod in_doubt;
pub(crate) mod late_copies;
pub(crate) mod open;
pub(crate) mod passes;
pub(crate) mod prove;
pub(crate) mod real_name;
pub(crate) mod received;
pub(crate) mod refusals;
pub(crate) mod renumbered;
pub(crate) mod run;
pub(crate) mod scope;
pub(crate) mod skipped_folder;
pub(crate) mod source;
pub(crate) mod subtract;
pub(crate) mod unchanged;
pub(crate) mod work;
