//! `http` hooks against real web servers: what they send, what they take for success, and what they survive.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use keyward::act::attempt::Output;
use keyward::act::hook::{run, run_until};
use keyward::act::told::document;
use keyward::lab::port::Port;
use keyward::lab::tls::Authority;
use keyward::model::Address;
use keyward::model::WebUrl;
use keyward::model::hook::{HookEnd, HookEvent, HookKind, HookRun};
use keyward::model::secret::Secret;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::receiver::{Answer, Receiver};
use crate::stage::{LONG, Stage, crash_while};

/// Stands in every URL here, and must never be shown.
const PATH: &str = "/s3cret/keyward?token=s3cret";

const SECRET: &str = "s3cret-of-the-hook";
const SHORT: Duration = Duration::from_secs(1);
const FINE: Answer = Answer::Is(200, "thank you\n");

/// The URL of a server at this place.
fn url(https: bool, host: &str, port: u16) -> WebUrl {
    let server = Address { host: host.to_owned(), port };
    WebUrl { https, authority: server.to_string(), server, path: Secret::from(PATH) }
}

fn url_of(receiver: &Receiver) -> WebUrl {
    url(false, "127.0.0.1", receiver.port())
}

/// A server that speaks by itself to whoever connects: `piece` once and then nothing, or `again` and again.
async fn rude(piece: &'static [u8], again: bool) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                // a server that speaks before it is spoken to would be another story
                let _ = stream.readable().await;
                while stream.write_all(piece).await.is_ok() {
                    let pause = if again { Duration::from_millis(20) } else { Duration::MAX };
                    tokio::time::sleep(pause).await;
                }
            });
        }
    });
    port
}

fn post(url: WebUrl, ca_file: Option<PathBuf>, limit: Duration) -> HookRun {
    let mut told = crate::stage::hook(Vec::new(), limit);
    told.spec.kind = HookKind::Http { url, secret: Some(Secret::from(SECRET)), ca_file };
    told
}

/// Runs it once. Whatever is shown of it holds no secret.
async fn posted(stage: &Stage, told: HookRun) -> (HookEnd, Output) {
    let shown = format!("{told:?} {:?}", told.spec);
    let (outcome, output) = run(told, &stage.place).await;
    let shown = format!("{shown} {outcome:?} {} {output:?}", outcome.end.words());
    assert!(!shown.contains("s3cret"), "{shown}");
    (outcome.end, output)
}

async fn posted_to(url: WebUrl, limit: Duration) -> (HookEnd, Output) {
    posted(&Stage::new(), post(url, None, limit)).await
}

fn why(end: HookEnd) -> String {
    match end {
        HookEnd::Failed(why) => why,
        other => panic!("it did not fail: {other:?}"),
    }
}

/// The HMAC of `body` as the `openssl` command computes it.
fn hmac_by_openssl(body: &[u8]) -> String {
    let mut openssl = Command::new("openssl")
        .args(["dgst", "-sha256", "-hmac", SECRET, "-hex", "-r"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    openssl.stdin.take().unwrap().write_all(body).unwrap();
    let said = String::from_utf8(openssl.wait_with_output().unwrap().stdout).unwrap();
    said.split(' ').next().unwrap().to_owned()
}

#[tokio::test]
async fn it_posts_the_document_that_a_program_reads_and_signs_it() {
    let receiver = Receiver::start(vec![FINE], None).await;
    let told = post(url_of(&receiver), None, LONG);
    let (end, output) = posted(&Stage::new(), told.clone()).await;
    assert_eq!((end, output.text.as_str()), (HookEnd::Ok, "thank you\n"));
    let [seen] = &receiver.seen()[..] else { panic!("not one request: {:?}", receiver.seen()) };
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", PATH));
    assert_eq!(String::from_utf8_lossy(&seen.body), document(&told).to_string());
    let header = |name: &str| seen.headers.get(name).unwrap_or_else(|| panic!("no {name}: {seen:?}")).as_str();
    assert_eq!(header("host"), format!("127.0.0.1:{}", receiver.port()));
    assert_eq!(header("content-type"), "application/json");
    assert_eq!(header("user-agent"), concat!("keyward/", env!("CARGO_PKG_VERSION")));
    assert_eq!(header("idempotency-key"), "ep-7/1/services");
    assert_eq!(header("x-keyward-signature"), format!("sha256={}", hmac_by_openssl(&seen.body)));
}

#[tokio::test]
async fn the_shipped_script_tells_a_signed_message_from_a_forged_one() {
    let (stage, receiver) = (Stage::new(), Receiver::start(vec![FINE], None).await);
    assert_eq!(posted(&stage, post(url_of(&receiver), None, LONG)).await.0, HookEnd::Ok);
    let seen = receiver.seen().remove(0);
    std::fs::write(stage.folder.join("secret"), format!("{SECRET}\n")).unwrap();
    std::fs::write(stage.folder.join("other"), "another").unwrap();
    let genuine = |secret: &str, signature: &str, body: &[u8]| {
        let mut script = Command::new("python3")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/hooks/verify-signature"))
            .args([stage.folder.join(secret).as_os_str(), signature.as_ref()])
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        script.stdin.take().unwrap().write_all(body).unwrap();
        script.wait().unwrap().code().unwrap()
    };
    let signature = seen.headers["x-keyward-signature"].as_str();
    assert_eq!(genuine("secret", signature, &seen.body), 0);
    let forged = String::from_utf8(seen.body.clone()).unwrap().replace("failover", "failback");
    assert_eq!(genuine("secret", signature, forged.as_bytes()), 1);
    assert_eq!(genuine("other", signature, &seen.body), 1);
    assert_eq!(genuine("secret", "sha256=", &seen.body), 1);
}

#[tokio::test]
async fn without_a_secret_there_is_no_signature_and_strange_names_are_spelt_out() {
    let receiver = Receiver::start(vec![FINE], None).await;
    let mut told = post(url_of(&receiver), None, LONG);
    told.spec.kind = HookKind::Http { url: url_of(&receiver), secret: None, ca_file: None };
    (told.spec.name, told.episode) = ("grüße 100%".into(), "Région-1".into());
    assert_eq!(posted(&Stage::new(), told).await.0, HookEnd::Ok);
    let seen = receiver.seen().remove(0);
    assert_eq!(seen.headers["idempotency-key"], "R%C3%A9gion-1/1/gr%C3%BC%C3%9Fe%20100%25");
    assert!(!seen.headers.contains_key("x-keyward-signature"), "{seen:?}");
}

#[tokio::test]
async fn only_a_status_of_2xx_is_success() {
    let answers = vec![Answer::Is(500, "on fire"), Answer::Is(404, ""), Answer::Is(302, ""), Answer::Is(204, "")];
    let receiver = Receiver::start(answers, None).await;
    let stage = Stage::new();
    let place = format!("http://127.0.0.1:{}", receiver.port());
    for status in ["500 Internal Server Error", "404 Not Found", "302 Found"] {
        let (end, output) = posted(&stage, post(url_of(&receiver), None, LONG)).await;
        assert_eq!(why(end), format!("{place} answered {status}; what it said is in the log"));
        assert_eq!(output.text == "on fire", status.starts_with("500"));
    }
    assert_eq!(posted(&stage, post(url_of(&receiver), None, LONG)).await.0, HookEnd::Ok);
    assert_eq!(receiver.seen().len(), 4);
}

#[tokio::test]
async fn a_redirect_is_a_failure_that_names_its_host_and_nobody_goes_there() {
    let elsewhere = Receiver::start(vec![FINE], None).await;
    let there = format!("127.0.0.1:{}", elsewhere.port());
    let answers = vec![
        Answer::Redirect(format!("http://ops:s3cret@{there}/s3cret?token=s3cret")),
        Answer::Redirect("/s3cret?token=s3cret".into()),
    ];
    let receiver = Receiver::start(answers, None).await;
    for place in [there.as_str(), "another path"] {
        let said = why(posted_to(url_of(&receiver), LONG).await.0);
        let here = format!("http://127.0.0.1:{} answered 307 Temporary Redirect", receiver.port());
        let expected =
            format!("{here}, a redirect to {place}; keyward follows none, so write the final address as url");
        assert_eq!(said, expected);
    }
    assert_eq!((receiver.seen().len(), elsewhere.seen().len()), (2, 0));
}

#[tokio::test]
async fn an_answer_without_an_end_is_cut_off_and_its_status_counts() {
    let receiver = Receiver::start(vec![Answer::Endless(200), Answer::Endless(503)], None).await;
    for succeeds in [true, false] {
        let (end, output) = posted_to(url_of(&receiver), LONG).await;
        assert_eq!(end == HookEnd::Ok, succeeds, "{end:?}");
        let kept = output.text.bytes().filter(|byte| *byte == b'x').count();
        assert_eq!(kept, 64 * 1024);
        assert!(output.text.ends_with("\nkeyward read no more of this answer"));
    }
}

#[tokio::test]
async fn a_body_that_never_comes_to_its_end_holds_nothing_back() {
    let first = b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\nso slow";
    let (end, output) = posted_to(url(false, "127.0.0.1", rude(first, false).await), LONG).await;
    assert_eq!(end, HookEnd::Ok);
    assert!(output.text.starts_with("so slow") && output.text.ends_with("read no more of this answer"), "{output:?}");
}

#[tokio::test]
async fn whoever_does_not_answer_is_left_at_the_time_limit() {
    let never = Receiver::start(vec![Answer::Never], None).await;
    let cases = [
        ("never answers", url_of(&never), "for the answer"),
        ("reads nothing", url(false, "127.0.0.1", rude(b"", false).await), "for the answer"),
        ("head in drops", url(false, "127.0.0.1", rude(b"HTTP/1.1 200 OK\r\na:", true).await), "for the answer"),
        ("no handshake", url(true, "127.0.0.1", rude(b"", false).await), "for the TLS handshake"),
    ];
    for (what, url, step) in cases {
        let begun = Instant::now();
        let (end, output) = posted_to(url, SHORT).await;
        assert_eq!(end, HookEnd::TimedOut, "{what}");
        assert!(begun.elapsed() < LONG, "{what}: it took {:?}", begun.elapsed());
        assert_eq!(output.text, format!("keyward waited {step}, and then the time limit was over"), "{what}");
    }
}

#[tokio::test]
async fn a_flood_of_interim_answers_is_left_at_once() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // on a thread of its own, as nothing here would stop it from taking all of ours
    let flood = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 1_000]).unwrap();
        let piece = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(4_000);
        while stream.write_all(&piece).is_ok() {}
    });
    let said = why(posted_to(url(false, "127.0.0.1", port), LONG).await.0);
    let place = format!("http://127.0.0.1:{port}");
    assert_eq!(said, format!("{place} gave 32 interim answers (1xx) and no other; mend that server"));
    flood.join().unwrap();
    // a few are part of the protocol
    let polite = b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
    assert_eq!(posted_to(url(false, "127.0.0.1", rude(polite, false).await), LONG).await.0, HookEnd::Ok);
}

#[tokio::test]
async fn a_server_that_cannot_be_spoken_to_is_named() {
    let port = Port::take().unwrap();
    let said = why(posted_to(url(false, "127.0.0.1", port.number()), LONG).await.0);
    let place = format!("127.0.0.1:{}", port.number());
    assert!(said.starts_with(&format!("cannot connect to {place}: Connection refused")), "{said}");
    let said = why(posted_to(url(true, "nobody.invalid", 443), LONG).await.0);
    assert!(said.starts_with("the host nobody.invalid has no address: "), "{said}");
    let gibberish = rude(b"220 mail.example.net ESMTP\r\n", false).await;
    let said = why(posted_to(url(false, "127.0.0.1", gibberish), LONG).await.0);
    assert!(said.starts_with(&format!("http://127.0.0.1:{gibberish} gave no answer: ")), "{said}");
    let said = why(posted_to(url(true, "127.0.0.1", gibberish), LONG).await.0);
    assert!(said.starts_with(&format!("the TLS handshake with 127.0.0.1:{gibberish} failed: ")), "{said}");
}

#[tokio::test]
async fn https_trusts_the_ca_that_is_named_and_the_name_that_was_asked_for() {
    let stage = Stage::new();
    let ours = Authority::make(&stage.folder.join("ours"), "ours").unwrap();
    let other = Authority::make(&stage.folder.join("other"), "other").unwrap();
    let fine = Receiver::start(vec![FINE], Some(&ours.server("hooks").unwrap())).await;
    let named = ours.issue("named", &["DNS:localhost"]).unwrap();
    let named = Receiver::start(vec![FINE], Some(&named)).await;
    let ask = |host: &str, receiver: &Receiver, ca: Option<PathBuf>| {
        posted(&stage, post(url(true, host, receiver.port()), ca, LONG))
    };
    for host in ["127.0.0.1", "localhost"] {
        let (end, output) = ask(host, &fine, Some(ours.ca_file())).await;
        assert_eq!((end, output.text.as_str()), (HookEnd::Ok, "thank you\n"), "{host}");
    }
    let place = format!("the certificate of 127.0.0.1:{}", fine.port());
    let said = why(ask("127.0.0.1", &fine, Some(other.ca_file())).await.0);
    let origin = other.ca_file().display().to_string();
    assert_eq!(said, format!("{place} comes from no CA in {origin}; name its CA in the hook's ca_file"));
    // without one, the CAs of this host count, where it has any; it knows nothing of ours
    let said = why(ask("127.0.0.1", &fine, None).await.0);
    assert!(said.starts_with(&place) || said.starts_with("this host has no list of CAs"), "{said}");
    let said = why(ask("127.0.0.1", &named, Some(ours.ca_file())).await.0);
    assert!(said.contains("is for another name; write a name that it holds"), "{said}");
    assert_eq!(ask("localhost", &named, Some(ours.ca_file())).await.0, HookEnd::Ok);
    let said = why(ask("127.0.0.1", &fine, Some(stage.folder.join("gone.pem"))).await.0);
    assert!(said.starts_with("the CAs in ") && said.contains("gone.pem cannot be read"), "{said}");
    assert_eq!((fine.seen().len(), named.seen().len()), (2, 1), "only those who are trusted are told anything");
}

#[tokio::test]
async fn required_hooks_of_both_kinds_wait_for_each_other_and_optional_ones_do_not() {
    let stage = Stage::new();
    let receiver = Receiver::start(vec![FINE], None).await;
    let program = stage.hook("until [ -e $1/go ]; do sleep 0.02; done; echo done > $1/ended", LONG);
    let place = stage.place.clone();
    let program = tokio::spawn(async move { run(program, &place).await.0.end });
    // the runtime has one thread, so the program takes the slot first
    tokio::task::yield_now().await;
    let mut optional = post(url_of(&receiver), None, LONG);
    optional.spec.optional = true;
    assert_eq!(posted(&stage, optional).await.0, HookEnd::Ok);
    let (required, place) = (post(url_of(&receiver), None, LONG), stage.place.clone());
    let required = tokio::spawn(async move { run(required, &place).await.0.end });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!((receiver.seen().len(), stage.text("ended").as_str()), (1, ""), "the required hook did not wait");
    std::fs::write(stage.folder.join("go"), "").unwrap();
    assert_eq!((program.await.unwrap(), required.await.unwrap()), (HookEnd::Ok, HookEnd::Ok));
    assert_eq!((receiver.seen().len(), stage.text("ended").trim()), (2, "done"));
}

#[tokio::test]
async fn a_test_that_posts_gives_way_to_the_run_that_is_needed() {
    let (stage, receiver) = (Stage::new(), Receiver::start(vec![Answer::Never, FINE], None).await);
    let mut test = post(url_of(&receiver), None, LONG);
    test.event = HookEvent::Test;
    let (stop, stopped) = tokio::sync::oneshot::channel::<String>();
    let (place, giving_way) = (stage.place.clone(), async { stopped.await.unwrap() });
    let tested = tokio::spawn(async move { run_until(test, &place, giving_way).await.0.end });
    tokio::time::timeout(LONG, async {
        while receiver.seen().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .expect("the test is posted");
    stop.send("given up for a failover".into()).unwrap();
    assert_eq!(posted(&stage, post(url_of(&receiver), None, LONG)).await.0, HookEnd::Ok);
    assert_eq!(tested.await.unwrap(), HookEnd::Failed("given up for a failover".into()));
}

#[tokio::test]
async fn what_a_crashed_daemon_left_running_is_waited_for_before_anything_is_posted() {
    let stage = Stage::new();
    let receiver = Receiver::start(vec![FINE], None).await;
    crash_while(&stage, &stage.hook("echo $$ > $1/leader; sleep 1; echo done > $1/ended", LONG));
    let mut told = post(url_of(&receiver), None, LONG);
    told.event = HookEvent::Failback;
    let (end, output) = posted(&stage, told).await;
    assert_eq!(end, HookEnd::Ok);
    assert_eq!((stage.text("ended").trim(), receiver.seen().len()), ("done", 1));
    assert!(output.leftover.is_some() && stage.is_clean(), "{output:?}");
}
