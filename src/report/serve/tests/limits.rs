//! Who asks for too much, says too little, or says it too slowly.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::*;

/// Many more than there are places.
const CROWD: usize = 1_000;

/// Room for a crowd whose both ends are in this process.
fn allow_many_files() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = 2 * CROWD as u64 + 500;
    if current.is_some_and(|current| current < wanted) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(maximum.map_or(wanted, |most| most.min(wanted))), maximum })
            .unwrap();
    }
}

/// Whether the other end has closed the connection; whatever it sent is read away.
async fn is_closed(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    timeout(Duration::from_millis(1), stream.read_to_end(&mut rest)).await.is_ok()
}

#[tokio::test]
async fn a_thousand_idle_or_slow_clients_hold_nobody_up() {
    allow_many_files();
    let lab = lab(&fixtures::http(), fixtures::good_day()).await;
    for words in ["", "GET /metrics HTTP/1.1\r\nhost: key", "POST /metrics HTTP/1.1\r\ncontent-length: 9\r\n\r\nx"] {
        let mut crowd = Vec::new();
        for place in 0..CROWD {
            let mut stream = TcpStream::connect(lab.address).await.unwrap();
            stream.write_all(words.as_bytes()).await.unwrap();
            crowd.push(stream);
            if place % 100 == 99 {
                assert_eq!(ask(&lab, "GET", "/metrics").await.status, 200, "{words:?}, {place} in the crowd");
                // one more byte from each, so that none is silent
                for slow in &mut crowd {
                    let _ = slow.write_all(b"w").await;
                }
            }
        }
        // sooner than they are given up for their silence
        let began = tokio::time::Instant::now();
        while crowd.len() > CONNECTIONS {
            assert!(began.elapsed() < PATIENCE / 2, "{words:?}: {} were let stay", crowd.len());
            let mut open = Vec::new();
            for mut stream in crowd {
                if !is_closed(&mut stream).await {
                    open.push(stream);
                }
            }
            crowd = open;
        }
    }
}

#[tokio::test]
async fn an_unfinished_head_is_given_up() {
    let lab = lab(&fixtures::http(), fixtures::good_day()).await;
    let mut slow = TcpStream::connect(lab.address).await.unwrap();
    slow.write_all(b"GET /metrics HTTP/1.1\r\nhost: key").await.unwrap();
    let mut rest = Vec::new();
    let cut_off = timeout(3 * PATIENCE, slow.read_to_end(&mut rest)).await;
    assert!(cut_off.is_ok(), "an unfinished head is given up after {PATIENCE:?}");
}

/// Says it and reads whatever comes until the connection is closed, however that ends.
async fn say(lab: &Lab, words: &[u8]) -> String {
    let mut stream = TcpStream::connect(lab.address).await.unwrap();
    let _ = stream.write_all(words).await;
    let (mut heard, mut piece) = (Vec::new(), [0; 4096]);
    while let Ok(Ok(read @ 1..)) = timeout(SOON, stream.read(&mut piece)).await {
        heard.extend_from_slice(&piece[..read]);
    }
    String::from_utf8(heard).unwrap()
}

#[tokio::test]
async fn what_is_too_long_is_refused_by_its_own_number() {
    let lab = lab(&fixtures::http(), fixtures::good_day()).await;
    for (path, status) in [(PATH_BYTES, 404), (PATH_BYTES + 1, 414), (HEAD_BYTES / 2, 414)] {
        let path = format!("/{}", "x".repeat(path - 1));
        assert_eq!(ask(&lab, "GET", &path).await.status, status, "{} bytes", path.len());
    }
    let long = format!("/api/v1/status?{}", "x".repeat(PATH_BYTES));
    let refused = ask(&lab, "GET", &long).await;
    assert_eq!((refused.status, refused.body.as_str()), (414, r#"{"error":"the path is too long"}"#));

    // more than hyper's buffer holds when it begins, less than what it grows to
    let line = format!("x: {}\r\n", "y".repeat(HEAD_BYTES));
    let whole =
        talk_over(TcpStream::connect(lab.address).await.unwrap(), &head("GET", "/-/ready", &line)).await.unwrap();
    assert_eq!((whole.status, whole.body.as_str()), (431, "the head of the request is too large\n"));
    let large = format!("GET / HTTP/1.1\r\nhost: keyward\r\nx: {}\r\n\r\n", "y".repeat(2 * HEAD_BYTES));
    let many = format!("GET / HTTP/1.1\r\nhost: keyward\r\n{}\r\n", "x: y\r\n".repeat(200));
    let endless = format!("GET / HTTP/1.1\r\nhost: keyward\r\nx: {}", "y".repeat(HEAD_BYTES));
    for head in [large, many, endless] {
        let answer = say(&lab, head.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
    for nonsense in ["\u{16}\u{3}\u{1} client hello\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET /\u{0} HTTP/1.1\r\n\r\n"] {
        let answer = say(&lab, nonsense.as_bytes()).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{nonsense:?}: {answer}");
    }
}

#[tokio::test]
async fn a_body_is_not_waited_for_and_two_requests_share_a_connection() {
    let lab = lab(&fixtures::http(), fixtures::good_day()).await;
    for (more, body) in [
        ("content-length: 1000000000\r\n", "x".repeat(10_000)),
        ("content-length: 1000000000\r\nexpect: 100-continue\r\n", String::new()),
        ("transfer-encoding: chunked\r\n", "5\r\nhello\r\n".to_owned()),
    ] {
        for (method, status) in [("GET", 200), ("POST", 405)] {
            let words = format!("{method} /metrics HTTP/1.1\r\nhost: keyward\r\n{more}\r\n{body}");
            let answer = say(&lab, words.as_bytes()).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{method} {more}: {answer}");
            assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{method} {more}: {answer}");
        }
    }
    let two = format!("GET /-/ready HTTP/1.1\r\nhost: keyward\r\n\r\n{}", head("GET", "/-/healthy", ""));
    let both = talk_over(TcpStream::connect(lab.address).await.unwrap(), &two).await.unwrap();
    assert!(both.body.contains("HTTP/1.1 200 OK") && both.body.ends_with("healthy\n"), "{both:?}");
}
