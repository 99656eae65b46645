//! IONOS.

use crate::provider::*;

pub(crate) const PROVIDER: Provider = Provider {
    notes: &["a mailbox of the basic plan has 2 GB"],
    ..hosted(
        "IONOS",
        &[
            "1und1.de",
            "1and1.com",
            "ionos.de",
            "ionos.com",
            "ionos.co.uk",
            "ionos.fr",
            "ionos.es",
            "ionos.it",
        ],
    )
};

#[cfg(test)]
pub(crate) const FIXTURES: &[Fixture] = &[Fixture::host("imap.ionos.de")];
