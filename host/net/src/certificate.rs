//! What a server's certificate says, for people; and the digest by which one certificate is told from all
//! others.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use rustls_pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::x509::X509Name;

/// More names than this are not told; large providers have a hundred on one certificate.
const MAX_NAMES: usize = 100;
/// A DNS name has at most 253 characters; of a common name no more is told either.
const MAX_NAME: usize = 253;

/// A server's certificate as it was shown in a handshake. Nothing in it is to be believed unless the
/// connection was made, or the [fingerprint](Self::fingerprint) is one that somebody has vouched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The names and addresses it is for (RFC 5280 section 4.2.1.6), at most a hundred, in its own order;
    /// without any, its common name. Printable ASCII only: other characters stand as `?`.
    pub names: Vec<String>,
    /// The organisation or else the common name of whoever issued it; may be empty.
    pub issuer: String,
    /// The first second at which it is valid, as Unix time.
    pub not_before: i64,
    /// The last second at which it is valid, as Unix time.
    pub not_after: i64,
    /// Whether it is signed with its own key: no authority has vouched for it.
    pub self_signed: bool,
    /// SHA-256 of the whole certificate.
    pub fingerprint: Fingerprint,
}

impl Certificate {
    /// Reads a certificate; `None` when it is none.
    #[must_use]
    pub fn read(der: &[u8]) -> Option<Certificate> {
        let (_, parsed) = X509Certificate::from_der(der).ok()?;
        let mut names = Vec::new();
        if let Ok(Some(extension)) = parsed.subject_alternative_name() {
            names.extend(extension.value.general_names.iter().filter_map(name).take(MAX_NAMES));
        }
        if names.is_empty() {
            names.extend(common_name(parsed.subject()));
        }
        let issuer = parsed.issuer();
        let organisation = issuer.iter_organization().find_map(|part| part.as_str().ok()).map(printable);
        Some(Certificate {
            names,
            issuer: organisation.or_else(|| common_name(issuer)).unwrap_or_default(),
            not_before: parsed.validity().not_before.timestamp(),
            not_after: parsed.validity().not_after.timestamp(),
            self_signed: parsed.verify_signature(None).is_ok(),
            fingerprint: Fingerprint::of(der),
        })
    }

    pub(crate) fn of(der: &CertificateDer<'_>) -> Option<Certificate> {
        Certificate::read(der)
    }
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(printable(name)),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let address = v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from));
            address.ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

fn common_name(name: &X509Name<'_>) -> Option<String> {
    name.iter_common_name().find_map(|part| part.as_str().ok()).map(printable)
}

fn printable(text: &str) -> String {
    let shown = text.chars().take(MAX_NAME);
    shown.map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect()
}

/// The SHA-256 digest of a certificate: `sha256:` and 64 hexadecimal digits.
///
/// ```
/// use mailhaul_net::Fingerprint;
///
/// let digits = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// let fingerprint: Fingerprint = format!("sha256:{digits}").parse().unwrap();
/// // As `openssl x509 -fingerprint -sha256` prints it.
/// let pairs: Vec<_> = digits.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).unwrap()).collect();
/// let printed = format!("SHA256 Fingerprint={}", pairs.join(":").to_uppercase());
/// assert_eq!(printed.parse(), Ok(fingerprint));
/// // What it is a digest by is clear from its length.
/// assert_eq!(pairs.join(":").parse(), Ok(fingerprint));
/// assert_eq!(fingerprint.to_string(), format!("sha256:{digits}"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

/// The text is no fingerprint: not 64 hexadecimal digits, behind `sha256:` or alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint is `sha256:` and 64 hexadecimal digits, with or without `:` between them")]
pub struct NoFingerprint;

impl Fingerprint {
    /// Returns the digest of a certificate's bytes (DER).
    #[must_use]
    pub fn of(der: &[u8]) -> Fingerprint {
        Fingerprint(Sha256::digest(der).into())
    }
}

impl FromStr for Fingerprint {
    type Err = NoFingerprint;

    fn from_str(text: &str) -> Result<Fingerprint, NoFingerprint> {
        let text = text.trim().to_ascii_lowercase();
        let prefixed = text.strip_prefix("sha256:").or_else(|| text.strip_prefix("sha256 fingerprint="));
        // So many digits are no other usual digest's.
        let digits = prefixed.unwrap_or(&text).trim().replace(':', "");
        // `from_str_radix` takes a sign as well.
        if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(NoFingerprint);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
            let pair = str::from_utf8(pair).map_err(|_| NoFingerprint)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| NoFingerprint)?;
        }
        Ok(Fingerprint(bytes))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair};

    use super::*;

    fn made(names: &[&str], common_name: &str) -> Vec<u8> {
        let mut params =
            CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn names_issuer_and_dates_are_read() {
        let der = made(&["mail.example.org", "192.0.2.1", "2001:db8::1"], "Appliance");
        let read = Certificate::read(&der).unwrap();
        assert_eq!(read.names, ["mail.example.org", "192.0.2.1", "2001:db8::1"]);
        assert_eq!((read.issuer.as_str(), read.self_signed), ("Appliance", true));
        assert_eq!((read.not_before, read.not_after), (1_577_836_800, 1_609_459_200));
        assert_eq!(read.fingerprint, Fingerprint::of(&der));
    }

    #[test]
    fn what_a_certificate_says_is_hostile() {
        let read = Certificate::read(&made(&[], "\u{1b}[31mM\u{fc}ller")).unwrap();
        assert_eq!(read.names, ["?[31mM?ller"]);
        let der = made(&["a.example"], "x");
        for cut in 0..der.len() {
            assert_eq!(Certificate::read(&der[..cut]), None);
        }
        let many: Vec<_> = (0..200).map(|n| format!("h{n}.example")).collect();
        let many = made(&many.iter().map(String::as_str).collect::<Vec<_>>(), "x");
        assert_eq!(Certificate::read(&many).unwrap().names.len(), MAX_NAMES);
    }

    #[test]
    fn what_is_no_fingerprint_is_refused() {
        let digits = "0".repeat(64);
        for text in ["", "00", "sha256:", "sha1:00", &format!("sha256:{digits}0"), "sha256:+f", "sha256:é"] {
            assert_eq!(text.parse::<Fingerprint>(), Err(NoFingerprint), "{text}");
        }
        assert!(
            format!(" SHA256:{digits} ").parse::<Fingerprint>().is_ok()
                && digits.parse::<Fingerprint>().is_ok()
        );
        assert_eq!(format!("sha256:{}", "+f".repeat(32)).parse::<Fingerprint>(), Err(NoFingerprint));
    }
}
