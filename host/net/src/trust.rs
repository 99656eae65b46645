//! Which certificates are believed: the platform's roots, and the roots or server certificates an operator
//! adds.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use rustls_platform_verifier::Verifier;

use crate::certificate::{Certificate, Fingerprint};
use crate::{NetError, NetErrorKind};

/// Returns the certificates in `pem`: at least one.
pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, NetError> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|_| bad("the extra root certificates are not valid PEM".to_owned()))?;
    if found.is_empty() {
        return Err(bad("the extra root certificates hold no certificate".to_owned()));
    }
    Ok(found)
}

fn bad(detail: String) -> NetError {
    NetError::new(NetErrorKind::BadRoots, "root certificates", detail)
}

/// Returns a TLS client configuration that trusts the platform's roots and `extra`; with `pinned` one server
/// certificate alone, whatever it says.
pub(crate) fn client_config(
    extra: Vec<CertificateDer<'static>>,
    pinned: Option<Fingerprint>,
) -> Result<ClientConfig, NetError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let platform = Verifier::new_with_extra_roots(extra.iter().cloned(), provider.clone())
        .map_err(|error| {
            bad(format!(
                "this machine's root certificates cannot be used (on Debian, `apt install ca-certificates` brings \
                 them): {error}"
            ))
        })?;
    let verifier = Arc::new(Trust { platform, extra, pinned });
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| bad(format!("TLS cannot be set up: {error}")))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    Ok(config)
}

/// Why a certificate was not believed, with what it says. It travels inside of rustls's error, which has no
/// room of its own for it.
#[derive(Debug)]
pub(crate) struct Distrust {
    /// `None` when it cannot be read.
    pub certificate: Option<Certificate>,
    pub cause: Cause,
}

/// What is wrong with a certificate.
#[derive(Debug, Clone)]
pub(crate) enum Cause {
    /// It is not the one that the operator has pinned.
    Pinned {
        expected: Fingerprint,
        shown: Fingerprint,
    },
    /// No authority has signed it.
    SelfSigned,
    Verdict(CertificateError),
}

impl Distrust {
    /// Finds it in the error that a handshake has ended with.
    pub(crate) fn within(error: &Error) -> Option<&Distrust> {
        match error {
            Error::InvalidCertificate(CertificateError::Other(OtherError(inner))) => inner.downcast_ref(),
            _ => None,
        }
    }
}

impl fmt::Display for Distrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the certificate is not trusted")
    }
}

impl std::error::Error for Distrust {}

/// The platform's verdict, with two additions. A server certificate that is byte for byte among the
/// operator's extra certificates is trusted for its own name: appliances and local bridges present a
/// self-signed certificate marked as an authority, which no root store can vouch for. And a certificate whose
/// fingerprint is pinned is trusted, and no other: old hosts let theirs expire.
#[derive(Debug)]
struct Trust {
    platform: Verifier,
    extra: Vec<CertificateDer<'static>>,
    pinned: Option<Fingerprint>,
}

impl Trust {
    fn judge(
        &self,
        end_entity: &CertificateDer<'_>,
        verdict: Result<ServerCertVerified, Error>,
        server_name: &ServerName<'_>,
    ) -> Result<ServerCertVerified, Error> {
        match verdict {
            // Only these two say "no chain"; an expired or misnamed certificate stays refused although it is
            // among the extra ones.
            Err(Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::Other(_)))
                if self.extra.iter().any(|extra| extra == end_entity) =>
            {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            verdict => verdict,
        }
    }
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(expected) = self.pinned {
            let shown = Fingerprint::of(end_entity);
            if shown == expected {
                return Ok(ServerCertVerified::assertion());
            }
            return Err(distrust(end_entity, Cause::Pinned { expected, shown }));
        }
        let verdict =
            self.platform.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        self.judge(end_entity, verdict, server_name).map_err(|error| match error {
            Error::InvalidCertificate(cause) => distrust(end_entity, Cause::Verdict(cause)),
            other => other,
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.platform.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.platform.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.platform.supported_verify_schemes()
    }
}

fn distrust(end_entity: &CertificateDer<'_>, cause: Cause) -> Error {
    let certificate = Certificate::of(end_entity);
    // A certificate that vouches for itself is refused under different names: no issuer that is known, an
    // authority in the place of a server, one that is called like an authority that is known.
    let unsigned = certificate.as_ref().is_some_and(|certificate| certificate.self_signed);
    let cause = match cause {
        Cause::Verdict(
            CertificateError::UnknownIssuer | CertificateError::BadSignature | CertificateError::Other(_),
        ) if unsigned => Cause::SelfSigned,
        cause => cause,
    };
    let distrust = Distrust { certificate, cause };
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(distrust))))
}
