//! A certificate authority of the laboratory's own, and server certificates good and bad.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

/// The addresses and names a good certificate is for.
const GOOD_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "127.0.0.2"];

/// Paths of a certificate and its private key, both PEM files in the authority's folder.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The PEM file a server presents.
    pub cert: PathBuf,
    /// Its private key, readable by everybody: it protects nothing.
    pub key: PathBuf,
}

/// Everything a laboratory needs to show good and bad TLS.
#[derive(Debug, Clone)]
pub struct Certs {
    /// The authority's certificate as a PEM file, to be named as a side's `ca_file`.
    pub ca: PathBuf,
    /// By the authority, valid, for `localhost`, 127.0.0.1 and 127.0.0.2.
    pub good: Identity,
    /// By the same authority and for the right names, but its time was over in 2021. Served on 127.0.0.3.
    pub expired: Identity,
    /// By the same authority, valid, but for `mail.elsewhere.example`. Served on 127.0.0.4.
    pub wrong_name: Identity,
    /// Valid and for the right names, by an authority nobody was told of. Served on 127.0.0.5.
    pub foreign: Identity,
}

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("generate the authority's key");
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2090, 1, 1);
        let pem = params.self_signed(&key).expect("sign the authority's certificate").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    fn issue(&self, folder: &Path, name: &str, names: &[&str], years: (i32, i32)) -> Identity {
        let key = KeyPair::generate().expect("generate a server's key");
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).expect("names of a certificate");
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.not_before = date_time_ymd(years.0, 1, 1);
        params.not_after = date_time_ymd(years.1, 1, 1);
        let cert = params.signed_by(&key, &self.issuer).expect("sign a server's certificate");
        let identity =
            Identity { cert: folder.join(format!("{name}.pem")), key: folder.join(format!("{name}.key")) };
        fs::write(&identity.cert, cert.pem()).expect("write a server's certificate");
        fs::write(&identity.key, key.serialize_pem()).expect("write a server's key");
        identity
    }
}

impl Certs {
    /// Makes them in `folder`.
    ///
    /// # Panics
    /// When the folder cannot be written.
    #[must_use]
    pub fn create(folder: &Path) -> Self {
        let own = Authority::new("mailhaul laboratory");
        let stranger = Authority::new("an authority nobody trusts");
        let ca = folder.join("ca.pem");
        fs::write(&ca, &own.pem).expect("write the authority's certificate");
        let bad_addresses = ["localhost", "127.0.0.1", "127.0.0.3", "127.0.0.5"];
        Self {
            ca,
            good: own.issue(folder, "good", &GOOD_NAMES, (2024, 2089)),
            expired: own.issue(folder, "expired", &bad_addresses, (2020, 2021)),
            wrong_name: own.issue(folder, "wrong-name", &["mail.elsewhere.example"], (2024, 2089)),
            foreign: stranger.issue(folder, "foreign", &bad_addresses, (2024, 2089)),
        }
    }
}
