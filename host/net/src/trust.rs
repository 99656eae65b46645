//! Which certificates are believed: the platform's roots, and the roots or server certificates an operator
//! adds.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use rustls_platform_verifier::Verifier;

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

/// Returns a TLS client configuration that trusts the platform's roots and `extra`.
pub(crate) fn client_config(extra: Vec<CertificateDer<'static>>) -> Result<ClientConfig, NetError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let platform = Verifier::new_with_extra_roots(extra.iter().cloned(), provider.clone())
        .map_err(|error| {
            bad(format!(
                "this machine's root certificates cannot be used (on Debian, `apt install ca-certificates` brings \
                 them): {error}"
            ))
        })?;
    let verifier = Arc::new(Trust { platform, pinned: extra });
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| bad(format!("TLS cannot be set up: {error}")))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    Ok(config)
}

/// The platform's verdict, with one addition: a server certificate that is byte for byte among the operator's
/// extra certificates is trusted for its own name. Appliances and local bridges present a self-signed
/// certificate marked as an authority, which no root store can vouch for.
#[derive(Debug)]
struct Trust {
    platform: Verifier,
    pinned: Vec<CertificateDer<'static>>,
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
        let verdict =
            self.platform.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verdict {
            // Only these two say "no chain"; an expired or misnamed certificate stays refused although it is
            // pinned.
            Err(Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::Other(_)))
                if self.pinned.iter().any(|pinned| pinned == end_entity) =>
            {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            verdict => verdict,
        }
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
