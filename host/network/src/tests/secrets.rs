//! Secrets on their way out, and that none comes back.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderMap, Method, Response};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Full};
use proptest::prelude::*;

use crate::tests::support::{Ready, Seen, Sender, Server, answer, text};
use crate::{Refusal, Secret};

const VALUE: &str = "EXAMPLE/secret+0123456789=";
const GRANTS: &[&str] = &[
    "http.request http://localhost:*",
    "http.request https://localhost:*",
    "http.request https://127.0.0.1:*",
    "secrets.use github",
];

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// All ways in which a server may say it back.
fn forms() -> Vec<String> {
    vec![
        VALUE.to_owned(),
        BASE64_STANDARD.encode(VALUE),
        BASE64_URL_SAFE_NO_PAD.encode(VALUE),
        BASE64_STANDARD.encode(format!("user:{VALUE}")),
        hex(VALUE),
        hex(VALUE).to_uppercase(),
        percent(VALUE),
        VALUE.replace('/', "%2F").replace('+', "%2B").replace('=', "%3D"),
    ]
}

/// Does anything in `text` say the secret, or a good part of an encoded one?
#[track_caller]
fn clean(text: &str) {
    for form in forms() {
        assert!(!text.contains(&form), "{form} in {text}");
    }
    let middle = BASE64_STANDARD.encode(&VALUE[3..21]);
    assert!(!text.contains(&middle[..20]), "{text}");
}

fn with_secret(grants: &[&str], hosts: &[String]) -> Ready {
    let mut sender = Sender::new(grants);
    sender.options.secrets = vec![Secret::new("github", VALUE.into(), hosts, "Authorization: Bearer {}").unwrap()];
    sender.build()
}

fn local(server: &Server, scheme: &str) -> (Ready, String) {
    let host = format!("{scheme}://{}", server.at("localhost"));
    (with_secret(GRANTS, std::slice::from_ref(&host)), host + "/")
}

fn echo(seen: &Seen) -> Response<Full<Bytes>> {
    let value = seen.head.headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
    answer(format!("you sent {}", value.unwrap_or_default()))
}

#[tokio::test]
async fn a_secret_arrives_upstream_and_is_echoed_as_redacted() {
    for protocol in ["h2", "http/1.1"] {
        let server = Server::https(&[protocol], echo).await;
        let (sender, url) = local(&server, "https");
        let response = sender.send(
            Method::GET,
            &url,
            &[("authorization", "mine"), ("accept-encoding", "gzip")],
            Full::<Bytes>::default(),
        );
        assert_eq!(text(response.await.unwrap()).await.unwrap(), "you sent Bearer [redacted:github]");
        let sent = &server.seen()[0].head.headers;
        assert_eq!(sent.get_all("authorization").iter().collect::<Vec<_>>(), [format!("Bearer {VALUE}").as_str()]);
        assert_eq!(sent["accept-encoding"], "identity");
    }
}

#[tokio::test]
async fn a_secret_goes_over_plain_http_to_this_machine_where_a_grant_names_it() {
    let server = Server::http(echo).await;
    let (sender, url) = local(&server, "http");
    assert_eq!(sender.text(&url).await, "you sent Bearer [redacted:github]");
}

#[tokio::test]
async fn a_secret_is_not_sent_to_another_host_or_port_or_over_http() {
    let server = Server::https(&["h2"], echo).await;
    let other = Server::https(&["h2"], echo).await;
    let plain = Server::http(echo).await;
    let sender = with_secret(
        GRANTS,
        &[format!("https://{}", server.at("localhost")), format!("https://{}", plain.at("localhost"))],
    );
    for url in [
        format!("https://{}/", server.at("127.0.0.1")),
        format!("https://{}/", other.at("localhost")),
        format!("http://{}/", plain.at("localhost")),
    ] {
        assert_eq!(sender.text(&url).await, "you sent ", "{url}");
    }
}

#[tokio::test]
async fn a_secret_is_not_sent_without_the_grant() {
    let server = Server::https(&["h2"], echo).await;
    let host = format!("https://{}", server.at("localhost"));
    for grants in
        [&["http.request https://localhost:*"][..], &["http.request https://localhost:*", "secrets.use other"]]
    {
        let sender = with_secret(grants, std::slice::from_ref(&host));
        let own =
            sender.send(Method::GET, &host, &[("authorization", "mine")], Full::<Bytes>::default()).await.unwrap();
        assert_eq!(text(own).await.unwrap(), "you sent mine");
    }
}

#[tokio::test]
async fn no_form_of_a_secret_comes_back_in_a_body() {
    let server = Server::https(&["h2"], |_| answer(forms().join("\n"))).await;
    let (sender, url) = local(&server, "https");
    let text = sender.text(&url).await;
    clean(&text);
    assert!(text.matches("redacted").count() >= forms().len(), "{text}");
}

#[tokio::test]
async fn no_form_of_a_secret_comes_back_in_a_header_or_a_trailer() {
    let mut reply =
        "HTTP/1.1 401 No EXAMPLE/secret+0123456789=\r\nTransfer-Encoding: chunked\r\nTrailer: x-t\r\n".to_owned();
    for form in forms() {
        reply += &format!("X-Echo: was {form}\r\n");
    }
    reply += &format!("{}: name\r\n\r\n0\r\nx-t: {VALUE}\r\n\r\n", hex(VALUE));
    let server = Server::raw(reply, "").await;
    let (sender, url) = local(&server, "http");
    let response = sender.get(&url).await.unwrap();
    let show = |headers: &HeaderMap| format!("{headers:?}");
    clean(&show(response.headers()));
    assert_eq!(response.headers().get_all("x-echo").iter().count(), forms().len());
    assert!(!response.headers().contains_key(hex(VALUE)));
    assert!(response.extensions().is_empty(), "the server's words for the status are gone");
    let collected = response.into_body().collect().await.unwrap();
    clean(&show(collected.trailers().unwrap()));
    assert_eq!(collected.trailers().unwrap()["x-t"], "[redacted:github]");
}

#[tokio::test]
async fn the_length_of_an_answer_that_may_be_redacted_is_not_told() {
    let server = Server::https(&["h2"], echo).await;
    let (sender, url) = local(&server, "https");
    let response = sender.get(&url).await.unwrap();
    assert!(!response.headers().contains_key("content-length"));
    assert_eq!(response.body().size_hint().exact(), None);
}

#[tokio::test]
async fn a_packed_answer_to_a_request_with_a_secret_is_refused() {
    let server =
        Server::https(&["h2"], |_| Response::builder().header("content-encoding", "gzip").body("x".into()).unwrap())
            .await;
    let (sender, url) = local(&server, "https");
    let refused = sender.get(&url).await.unwrap_err();
    assert!(matches!(&refused, Refusal::Encoded { found } if found == "gzip"), "{refused:?}");
    let echoing = Server::raw(format!("HTTP/1.1 200 OK\r\nContent-Encoding: {VALUE}\r\n\r\n"), "").await;
    let (echoed, to) = local(&echoing, "http");
    let echoed = echoed.get(&to).await.unwrap_err();
    clean(&format!("{echoed} {echoed:?}"));
    let without = with_secret(&["http.request https://localhost:*"], &[url.trim_end_matches('/').to_owned()]);
    assert_eq!(without.text(&url).await, "x");
}

#[tokio::test]
async fn what_breaks_off_in_the_middle_of_a_secret_does_not_give_its_beginning() {
    let begun = &VALUE[..VALUE.len() - 1];
    let server = Server::raw(
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{begun}\r\nZZ\r\n", begun.len()),
        "",
    )
    .await;
    let (sender, url) = local(&server, "http");
    let mut body = sender.get(&url).await.unwrap().into_body();
    let mut got = Vec::new();
    let mut refusals = 0;
    while let Some(piece) = body.frame().await {
        match piece {
            Ok(piece) => got.extend_from_slice(piece.data_ref().unwrap()),
            Err(_) => refusals += 1,
        }
    }
    assert_eq!(refusals, 1);
    assert!(got.len() < 5, "{:?}", String::from_utf8(got));
}

#[tokio::test]
async fn nothing_that_can_be_shown_shows_a_secret() {
    let server = Server::https(&["h2"], echo).await;
    let (sender, url) = local(&server, "https");
    let response = sender.get(&url).await.unwrap();
    let shown = format!("{:?} {response:?}", sender.network);
    clean(&shown);
    let gone = url.replace(&server.address.port().to_string(), "1");
    let refused = sender.get(&gone).await.unwrap_err();
    clean(&format!("{refused} {refused:?}"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn a_secret_cut_into_pieces_does_not_come_back(form in 0..forms().len(), sizes in prop::collection::vec(1..9_usize, 1..12)) {
        let whole = format!("before {} after", forms()[form]);
        let mut reply = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        let (mut rest, mut sizes) = (whole.as_bytes(), sizes.iter().cycle());
        while !rest.is_empty() {
            let (piece, later) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
            reply.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
            reply.extend_from_slice(piece);
            reply.extend_from_slice(b"\r\n");
            rest = later;
        }
        reply.extend_from_slice(b"0\r\n\r\n");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let text = runtime.block_on(async {
            let server = Server::raw(reply, "").await;
            let (sender, url) = local(&server, "http");
            sender.text(&url).await
        });
        clean(&text);
        prop_assert!(text.starts_with("before ") && text.ends_with(" after"), "{}", text);
    }
}
