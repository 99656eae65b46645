//! Who logs in, and how.

use secrecy::SecretSlice;

/// A password or token: any bytes, overwritten when dropped, never shown.
pub type Secret = SecretSlice<u8>;

/// The credentials of one mailbox.
#[derive(Debug, Clone)]
pub struct Login {
    /// The user name of the mailbox.
    pub user: String,
    /// The administrator whose credentials are used to act as `user` (SASL authorization identity, RFC 4422
    /// section 2); PLAIN or SCRAM only.
    pub admin: Option<String>,
    /// Which mechanism proves the identity.
    pub method: AuthMethod,
    /// The password, or the OAuth access token: of `admin` when that is set.
    pub secret: Secret,
}

/// How the identity is proven to the server: a mechanism, or a choice among those it offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuthMethod {
    /// By password, with the best mechanism the server offers.
    ///
    /// Under TLS: PLAIN, LOGIN, SCRAM-SHA-256, SCRAM-SHA-1, CRAM-MD5. Servers offer the last three also to
    /// users whose password they keep in a form that these cannot be checked against, and a refusal is not
    /// followed by a second try; the first two always work. In clear text: SCRAM-SHA-256, SCRAM-SHA-1,
    /// CRAM-MD5, PLAIN, LOGIN, so that the password itself is not sent where it need not be.
    Password,
    /// By an administrator's password, acting for the user: PLAIN, else SCRAM.
    PlainAuthzid,
    /// LOGIN and nothing else (RFC 9051 section 6.2.3).
    Login,
    /// AUTHENTICATE PLAIN and nothing else (RFC 4616).
    Plain,
    /// AUTHENTICATE CRAM-MD5 and nothing else (RFC 2195).
    CramMd5,
    /// AUTHENTICATE SCRAM-SHA-1 and nothing else (RFC 5802).
    ScramSha1,
    /// AUTHENTICATE SCRAM-SHA-256 and nothing else (RFC 7677).
    ScramSha256,
    /// AUTHENTICATE XOAUTH2 with an access token (Google's and Microsoft's own).
    Xoauth2,
    /// AUTHENTICATE OAUTHBEARER with an access token (RFC 7628).
    OauthBearer,
}
