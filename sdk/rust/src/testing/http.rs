//! Stands in for the host's HTTP and secrets.
#![cfg_attr(
    target_family = "wasm",
    allow(dead_code, unused_imports, reason = "in a component the host itself answers")
)]

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::PluginError;
use crate::http::{Body, HttpError, Method, Piece, Reply, Request};
use crate::secrets::{Handle, Secret};

type Handler = Rc<dyn Fn(&TestRequest) -> Result<TestReply, HttpError>>;

thread_local! {
    static HANDLER: RefCell<Option<Handler>> = const { RefCell::new(None) };
    static SECRETS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// A request as the other side would see it, with `<label>` where a secret would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestRequest {
    /// The method the plugin chose.
    pub method: Method,
    /// The URL as the plugin wrote it.
    pub url: String,
    /// Names and values, in their order.
    pub headers: Vec<(String, String)>,
    /// The body as text; bytes that are no UTF-8 are replaced.
    pub body: String,
}

impl TestRequest {
    fn of(request: &Request<'_>) -> Self {
        let body = match &request.body {
            Body::Empty => String::new(),
            Body::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Body::Pieces(pieces) => text(pieces),
        };
        Self {
            method: request.method,
            url: request.url.clone(),
            headers: request.headers.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
            body,
        }
    }

    /// The first header of this name, case ignored.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

fn text(pieces: &[Piece<'_>]) -> String {
    let piece = |piece: &Piece<'_>| match piece {
        Piece::Text(text) => text.clone(),
        Piece::Secret(secret, _) => format!("<{}>", secret.label()),
        Piece::Basic(user, secret) => format!("<{user}:{}>", secret.label()),
    };
    pieces.iter().map(piece).collect()
}

/// The reply a test gives to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestReply {
    /// The HTTP status; any is a reply, not an error.
    pub status: u16,
    /// Names and values, in their order.
    pub headers: Vec<(String, String)>,
    /// The whole body; the plugin reads it in pieces.
    pub body: Vec<u8>,
}

impl TestReply {
    /// A reply with this text as body and `application/json` as its type.
    #[must_use]
    pub fn json(status: u16, body: &str) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Self { status, headers, body: body.as_bytes().to_vec() }
    }
}

struct Given {
    reply: TestReply,
    read: Cell<usize>,
}

impl Reply for Given {
    fn status(&self) -> u16 {
        self.reply.status
    }

    fn headers(&self) -> Vec<(String, String)> {
        self.reply.headers.clone()
    }

    fn read(&self, max: u32) -> Result<Vec<u8>, HttpError> {
        let rest = self.reply.body.get(self.read.get()..).unwrap_or_default();
        let part = rest.get(..max as usize).unwrap_or(rest).to_vec();
        self.read.set(self.read.get() + part.len());
        Ok(part)
    }
}

/// Runs `test` with every request answered by `handler`. Without one, requests are denied.
pub fn with_http<T>(
    handler: impl Fn(&TestRequest) -> Result<TestReply, HttpError> + 'static,
    test: impl FnOnce() -> T,
) -> T {
    let before = HANDLER.replace(Some(Rc::new(handler)));
    let result = test();
    HANDLER.set(before);
    result
}

/// Runs `test` with the secrets of these names granted. Without it, opening any is denied.
pub fn with_secrets<'a, T>(names: impl IntoIterator<Item = &'a str>, test: impl FnOnce() -> T) -> T {
    let before = SECRETS.replace(names.into_iter().map(str::to_owned).collect());
    let result = test();
    SECRETS.set(before);
    result
}

/// A secret with this label, e.g. the password of a mailbox to create.
#[must_use]
pub fn secret(label: &str) -> Secret {
    Secret(Handle::Test(label.to_owned()))
}

#[cfg(not(target_family = "wasm"))]
pub(crate) fn http_send(request: &Request<'_>) -> Result<Box<dyn Reply>, HttpError> {
    let handler = HANDLER.with(|handler| handler.borrow().clone());
    let handler = handler.ok_or_else(|| HttpError::Denied(format!("{} was not granted", request.url)))?;
    let reply = handler(&TestRequest::of(request))?;
    Ok(Box::new(Given { reply, read: Cell::new(0) }))
}

#[cfg(not(target_family = "wasm"))]
pub(crate) fn secret_open(name: &str) -> Result<Handle, PluginError> {
    if SECRETS.with(|secrets| secrets.borrow().iter().any(|known| known == name)) {
        Ok(Handle::Test(name.to_owned()))
    } else {
        Err(PluginError::Denied(format!("the secret `{name}` was not granted")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sent(request: Request<'_>) -> TestRequest {
        let seen = Rc::new(RefCell::new(None));
        let keep = Rc::clone(&seen);
        let answer = move |request: &TestRequest| {
            keep.replace(Some(request.clone()));
            Ok(TestReply::json(200, "{}"))
        };
        with_http(answer, || request.send()).unwrap();
        seen.take().unwrap()
    }

    #[test]
    fn secrets_are_spliced_where_they_belong() {
        let password = secret("new password");
        let value = json!({ "user": "\u{e000}0\u{e000}", "password": "", "list": ["a,b"] });
        let request =
            Request::post("https://panel.example/users").json_with(&value, [("/password", &password)]);
        let request = sent(request.unwrap().basic("admin", &password));
        assert_eq!(
            request.body,
            "{\"list\":[\"a,b\"],\"password\":\"<new password>\",\"user\":\"\u{e000}0\u{e000}\"}"
        );
        assert_eq!(request.header("Authorization"), Some("Basic <admin:new password>"));
        let form = Request::post("https://panel.example/").form(&[("a b", "c&d")], [("p", &password)]);
        assert_eq!(sent(form).body, "a%20b=c%26d&p=<new password>");
        let nowhere = Request::post("https://panel.example/").json_with(&value, [("/nowhere", &password)]);
        assert!(nowhere.unwrap_err().to_string().contains("`/nowhere`"));
    }

    #[test]
    fn what_was_not_granted_is_denied() {
        assert!(matches!(Request::get("https://a.example/").send(), Err(HttpError::Denied(_))));
        assert!(matches!(crate::secrets::open("token"), Err(PluginError::Denied(_))));
    }

    #[test]
    fn busy_servers_are_asked_again() {
        let busy = |status, headers: Vec<(String, String)>| {
            let reply = TestReply { status, headers, body: b"slow down".to_vec() };
            let send = || Request::get("https://a.example/").send();
            with_http(move |_| Ok(reply.clone()), send).unwrap().expect_success().unwrap_err()
        };
        let retry = busy(429, vec![("retry-after".into(), "7".into())]);
        assert!(matches!(retry, PluginError::RetryAfter(time, _) if time.as_secs() == 7));
        assert_eq!(busy(500, Vec::new()).to_string(), "the server answered 500: slow down");
    }
}
