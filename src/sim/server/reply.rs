//! Answers: Alpaca's error body, JSON values, HTML pages.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};

/// An error in Alpaca's form: a status, usually a code, a message, and further members by case (docs/ALPACA.md 4.3).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ApiError {
    /// The HTTP status of the answer.
    pub status: u16,
    /// The eight-digit code, if any.
    pub code: Option<u64>,
    /// Alpaca's message.
    pub message: String,
    /// Further members, in order.
    pub extra: Map<String, Value>,
}

impl ApiError {
    /// An error without further members.
    pub(super) fn new(status: u16, code: u64, message: impl Into<String>) -> Self {
        Self { status, code: Some(code), message: message.into(), extra: Map::new() }
    }

    /// Malformed JSON.
    pub(super) fn undecodable() -> Self {
        Self::new(400, 40_010_000, "failed to decode request body")
    }

    /// 401: no valid credential.
    pub(super) fn unauthorized() -> Self {
        Self::new(401, 40_110_000, "request is not authorized")
    }

    /// 403: insufficient rights.
    pub(super) fn forbidden() -> Self {
        Self::new(403, 40_310_000, "forbidden")
    }

    /// A refusal with status 404.
    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, 40_410_000, message)
    }

    /// 422: an invalid parameter.
    pub(super) fn parameter(message: impl Into<String>) -> Self {
        Self::new(422, 40_010_001, message)
    }

    /// 422: valid, but impossible.
    pub(super) fn unprocessable(message: impl Into<String>) -> Self {
        Self::new(422, 42_210_000, message)
    }

    /// 501: documented, but not simulated.
    pub(super) fn missing(what: &str) -> Self {
        Self::new(501, 50_110_000, format!("{what} is not simulated"))
    }

    /// The error as a body, or as a row of a 207.
    pub(super) fn body(&self) -> Value {
        let mut body = Map::new();
        if let Some(code) = self.code {
            body.insert("code".to_owned(), Value::from(code));
        }
        body.insert("message".to_owned(), Value::from(self.message.clone()));
        body.extend(self.extra.clone());
        Value::Object(body)
    }
}

/// Longest message of the HTTP library that is passed on, in bytes.
const WORDS: usize = 4 * 1024;

/// Turns an answer with which the HTTP library refused a request before any endpoint (an unreadable address or body)
/// into Alpaca's form; leaves other answers unchanged.
pub(super) async fn in_the_service_s_shape(response: Response) -> Response {
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !status.is_client_error() || !kind.starts_with("text/plain") {
        return response;
    }
    let words = match axum::body::to_bytes(response.into_body(), WORDS).await {
        Ok(words) => String::from_utf8_lossy(&words).into_owned(),
        // Longer than that; the status says enough.
        Err(_) => status.to_string(),
    };
    ApiError::new(status.as_u16(), u64::from(status.as_u16()) * 100_000 + 10_000, words).into_response()
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        json(self.status, &self.body())
    }
}

/// The result of a handler.
pub(super) type Answer = Result<Response, ApiError>;

/// A JSON answer.
pub(super) fn json<T: Serialize>(status: u16, value: &T) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => typed(status, "application/json; charset=UTF-8", body),
        Err(error) => typed(500, "text/plain; charset=UTF-8", error.to_string()),
    }
}

/// A JSON answer with status 200.
#[expect(clippy::unnecessary_wraps, reason = "handlers return its result")]
pub(super) fn ok<T: Serialize>(value: &T) -> Answer {
    Ok(json(200, value))
}

/// An answer without a body.
pub(super) fn empty(status: u16) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::NO_CONTENT);
    response
}

/// An answer of any type.
pub(super) fn typed(status: u16, content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// An error page as sent by a gateway.
pub(super) fn gateway_page(status: u16) -> Response {
    let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Error");
    let page = format!(
        "<html>\r\n<head><title>{status} {reason}</title></head>\r\n<body>\r\n<center><h1>{status} {reason}</h1></center>\r\n\
         <hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    );
    typed(status, "text/html", page)
}
