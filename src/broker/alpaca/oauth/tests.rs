//! Known and malformed responses of the token endpoint, without a socket.

use super::*;

fn ok(body: &str) -> Result<Granted, ExchangeError> {
    granted(body.as_bytes(), &Redactor::of([]))
}

fn refuse(status: u16, body: &str) -> ExchangeError {
    refused(StatusCode::from_u16(status).unwrap(), body.as_bytes(), &Redactor::of([]))
}

fn scopes_of(granted: &Granted) -> Option<Vec<&str>> {
    granted.scopes.as_ref().map(|scopes| scopes.iter().map(|scope| &**scope).collect())
}

#[test]
fn a_bearer_token_is_accepted_whatever_the_other_members() {
    let full = ok(
        r#"{"access_token":"79500537-5796-4230-9661-7f7108877c60","token_type":"bearer","scope":"account:write  trading"}"#,
    );
    let full = full.unwrap();
    assert_eq!(full.token.expose_secret(), "79500537-5796-4230-9661-7f7108877c60");
    assert_eq!(scopes_of(&full), Some(vec!["account:write", "trading"]));
    for body in [
        r#"{"access_token":"t","token_type":"Bearer"}"#,
        r#"{"access_token":"t","token_type":"BEARER","expires_in":"soon","refresh_token":7}"#,
        r#"{"access_token":"t"}"#,
        r#"{"access_token":"t","scope":null}"#,
    ] {
        let granted = ok(body).unwrap();
        assert_eq!((granted.token.expose_secret(), scopes_of(&granted)), ("t", None), "{body}");
    }
}

#[test]
fn an_empty_scope_is_a_read_only_grant() {
    assert_eq!(scopes_of(&ok(r#"{"access_token":"t","scope":""}"#).unwrap()), Some(vec![]));
    assert_eq!(scopes_of(&ok(r#"{"access_token":"t","scope":["data"]}"#).unwrap()), Some(vec!["data"]));
}

#[test]
fn a_body_without_a_usable_token_is_refused() {
    for body in ["", "<html>welcome</html>", "[]", "{}", r#"{"access_token":""}"#, r#"{"access_token":7}"#] {
        assert!(matches!(ok(body), Err(ExchangeError::Broker { .. })), "{body}");
    }
    // These tokens can still be revoked.
    for body in [
        r#"{"access_token":"a b"}"#,
        r#"{"access_token":"a\r\nX: y"}"#,
        r#"{"access_token":"é"}"#,
        r#"{"access_token":"t","token_type":"mac"}"#,
    ] {
        assert!(ok(body).unwrap().unusable.is_some(), "{body}");
    }
    assert_eq!(
        ok(r#"{"access_token":"t","expires_in":0}"#).unwrap().unusable,
        None,
        "some servers mean that it never expires"
    );
    assert!(matches!(ok(r#"{"error":"invalid_grant"}"#), Err(ExchangeError::BadCode { .. })));
}

#[test]
fn errors_of_every_format_are_classified() {
    let client = |message: &str| ExchangeError::BadClient { message: message.to_owned() };
    let code = |message: &str| ExchangeError::BadCode { message: message.to_owned() };
    let broker = |message: &str| ExchangeError::Broker { message: message.to_owned() };
    let cases = [
        (401, r#"{"error":"invalid_client"}"#, client("invalid_client (status 401)")),
        (400, r#"{"error":"invalid_client","error_description":"no"}"#, client("invalid_client: no (status 400)")),
        (401, r#"{"code":40110000,"message":"invalid_client"}"#, client("invalid_client (status 401)")),
        (403, r#"{"code":"x","message":"invalid_client"}"#, client("invalid_client (status 403)")),
        (401, r#"{"message":"unauthorized."}"#, client("unauthorized. (status 401)")),
        (401, "", client("status 401 without a reason")),
        (400, r#"{"error":"unauthorized_client"}"#, client("unauthorized_client (status 400)")),
        (400, r#"{"error":"invalid_grant","error_description":"used"}"#, code("invalid_grant: used (status 400)")),
        (401, r#"{"error":"invalid_grant"}"#, code("invalid_grant (status 401)")),
        (422, r#"{"message":"redirect_uri mismatch"}"#, code("redirect_uri mismatch (status 422)")),
        (400, r#"{"error":"invalid_request"}"#, broker("invalid_request (status 400)")),
        (400, r#"{"error":{"deep":1}}"#, broker("status 400 without a reason")),
        (500, "[1]", broker("status 500 without a reason")),
        (502, "<html><h1>Bad gateway</h1></html>", broker("a web page instead of an answer (status 502)")),
        (503, "upstream connect error\n", broker("upstream connect error (status 503)")),
        (302, "", broker("a redirect (status 302), which is not followed with a code")),
    ];
    for (status, body, expected) in cases {
        assert_eq!(refuse(status, body), expected, "{status} {body}");
    }
}

#[test]
fn hostile_text_is_sanitised_and_truncated() {
    let body = format!(r#"{{"error":"x","error_description":"\u001b]0;owned\u0007\u202e{}"}}"#, "y".repeat(5_000));
    let ExchangeError::Broker { message } = refuse(400, &body) else { panic!("another kind") };
    assert!(message.starts_with("x: ␛]0;owned␇y"), "{message}");
    assert!(message.chars().count() <= LONGEST_WORDS + 20, "{}", message.len());
}

#[test]
fn an_echoed_secret_is_not_repeated() {
    let code = SecretString::from("the code/+");
    let secret = SecretString::from("hush");
    let body = r#"{"error":"invalid_grant","error_description":"code=the+code%2F%2B (the code/+) of hush"}"#;
    let error = refused(StatusCode::BAD_REQUEST, body.as_bytes(), &Redactor::of([&code, &secret]));
    assert_eq!(error, ExchangeError::BadCode { message: "invalid_grant: code=… (…) of … (status 400)".to_owned() });
}
