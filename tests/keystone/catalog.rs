//! `keyward catalog-merge` in front of real Keystones: two clouds, made apart from each other, become two regions of one
//! catalogue, clients of OpenStack's own library reach each, and the undo takes it all apart again.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use keyward::lab::identity::{ADMIN, ADMIN_PASSWORD, Api, Keystone, Login, Release, Seed, Spec, lacks};
use keyward::lab::{self, Lab, Server};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::process::Command;

/// Asks for a service by region, as every client of OpenStack does, and prints what answered there.
const CLIENT: &str = r#"
import sys
from keystoneauth1 import exceptions, session
from keystoneauth1.identity import v3
url, user, password = sys.argv[1:4]
domain = dict(user_domain_id="default", project_domain_id="default")
keystone = session.Session(auth=v3.Password(auth_url=url, username=user, password=password, project_name=user, **domain))
for region in ["RegionOne", "RegionTwo"]:
    for kind in ["compute", "image"]:
        want = dict(service_type=kind, interface="public", region_name=region)
        try:
            print(region, kind, keystone.get("/", endpoint_filter=want, timeout=30).text)
        except exceptions.EndpointNotFound:
            print(region, kind, "nowhere")
    print(region, "identity", keystone.auth.get_access(keystone).service_catalog.url_for(
        service_type="identity", interface="public", region_name=region))
"#;

/// A web server that says `what` to everybody; it ends with the test's runtime.
async fn says(what: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    match stream.read_u8().await {
                        Ok(byte) if head.len() < 64 << 10 => head.push(byte),
                        _ => return,
                    }
                }
                let length = what.len();
                let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{what}");
                stream.write_all(answer.as_bytes()).await.ok();
            });
        }
    });
    address
}

/// A cloud of its own: database, Keystone, and services with one address each.
struct Cloud {
    server: Server,
    keystone: Keystone,
    seed: Seed,
}

impl Cloud {
    async fn start(lab: &Lab, name: &str, number: u32, release: Release) -> Self {
        let server = lab.start(lab::Spec::new(&format!("{name}-db"), number)).await.unwrap();
        let seed = Seed::of(lab, release).await.unwrap();
        let keys = lab.folder().join(format!("{name}-keys"));
        seed.copy_keys(&keys).unwrap();
        let keystone = Keystone::start(lab, &seed, Spec::new(name, &server.address(), &keys)).await.unwrap();
        seed.load(&server, &keystone.address()).await.unwrap();
        Self { server, keystone, seed }
    }

    /// A service as administrators make it, with one address for all interfaces.
    async fn add(&self, kind: &str, name: &str, address: &str) {
        let api = self.keystone.api();
        let token = api.token(&Login::admin()).await.unwrap();
        let post = async |path: &str, what: Value| {
            let made = api.ask("POST", &token, path, Some(what)).await.unwrap();
            made.expect_status(201).unwrap().body
        };
        let made = post("/v3/services", json!({"service": {"type": kind, "name": name}})).await;
        let service = made["service"]["id"].as_str().unwrap();
        for interface in ["public", "internal", "admin"] {
            let url = format!("http://{address}/");
            let region = "RegionOne";
            let endpoint = json!({"interface": interface, "service_id": service, "url": url, "region_id": region});
            post("/v3/endpoints", json!({ "endpoint": endpoint })).await;
        }
    }
}

/// What a user sees: every address, with region, type, name and interface.
async fn catalog(api: &Api) -> BTreeSet<String> {
    let login = api.login(&Login::admin()).await.unwrap().expect_status(201).unwrap();
    let seen = api.get(login.token.as_ref().unwrap(), "/v3/auth/catalog").await.unwrap().expect_status(200).unwrap();
    let lines = |services: &Value| -> BTreeSet<String> {
        let services = services.as_array().unwrap().iter();
        let line = |service: &Value, row: &Value| {
            let texts = [&row["region_id"], &service["type"], &service["name"], &row["interface"], &row["url"]];
            texts.map(|text| text.as_str().unwrap_or("-").to_owned()).join(" ")
        };
        services
            .flat_map(|service| service["endpoints"].as_array().unwrap().iter().map(move |row| line(service, row)))
            .collect()
    };
    let told = lines(&seen.body["catalog"]);
    assert_eq!(lines(&login.body["token"]["catalog"]), told, "a token's catalogue is the same");
    told
}

/// Runs the built program; what it printed.
async fn merge(settings: &Path, one: &Server, two: &Server, words: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keyward"));
    command.args(["catalog-merge", "--region", "RegionTwo", "--from"]).arg(two.socket());
    command.arg("--master-admin").arg(one.socket()).args(words).env("KEYWARD_CONFIG", settings);
    let output = command.kill_on_drop(true).output().await.unwrap();
    let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    assert_eq!(output.status.code(), Some(0), "{out}\n{err}");
    out
}

/// What OpenStack's own client library finds at the home region's Keystone.
async fn client(home: &Cloud) -> String {
    let mut command = Command::new(home.seed.fetched().python());
    let url = format!("http://{}/v3", home.keystone.address());
    command.args(["-c", CLIENT, &url, ADMIN, ADMIN_PASSWORD]).env_remove("http_proxy").env_remove("HTTP_PROXY");
    let output = command.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1").kill_on_drop(true).output().await;
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn two_clouds_become_two_regions_that_clients_reach_and_come_apart_again() {
    if lacks(Release::Newest) || lacks(Release::Debian) {
        return;
    }
    let lab = Lab::new().unwrap();
    let (one, two) =
        tokio::join!(Cloud::start(&lab, "one", 1, Release::Newest), Cloud::start(&lab, "two", 2, Release::Debian));
    one.add("compute", "nova", &says("nova of RegionOne").await).await;
    two.add("compute", "nova", &says("nova of RegionTwo").await).await;
    two.add("image", "glance", &says("glance of RegionTwo").await).await;

    let settings = lab.folder().join("keyward.toml");
    let text = format!(
        "state_dir = {:?}\n[account]\npassword = \"a\"\n[tls]\nmode = \"disabled\"\n[replication]\npassword = \
         \"b\"\n[replication.tls]\nmode = \"disabled\"\n[master]\nregion = \"RegionOne\"\naddresses = [{:?}]\n\
         [[regions]]\nname = \"RegionTwo\"\n[[regions.replicas]]\nname = \"r2\"\naddress = \"127.0.0.1:1\"\n",
        lab.folder(),
        one.server.address()
    );
    fs::write(&settings, text).unwrap();
    let (before, second) = (catalog(&one.keystone.api()).await, catalog(&two.keystone.api()).await);
    assert!(before.iter().all(|line| line.starts_with("RegionOne ")), "{before:?}");

    let told = merge(&settings, &one.server, &two.server, &["--apply"]).await;
    println!("{told}");
    let after = catalog(&one.keystone.api()).await;
    let joined = |line: &String| {
        // everything but identity is where it was, under the new name; identity is the home region's
        (!line.contains(" identity ")).then(|| line.replacen("RegionOne ", "RegionTwo ", 1))
    };
    let identity = before.iter().filter(|line| line.contains(" identity "));
    let identity = identity.map(|line| line.replacen("RegionOne ", "RegionTwo ", 1));
    let wanted: BTreeSet<String> =
        before.iter().cloned().chain(second.iter().filter_map(joined)).chain(identity).collect();
    assert_eq!(after, wanted);

    let home = format!("http://{}/v3", one.keystone.address());
    assert_eq!(
        client(&one).await,
        format!(
            "RegionOne compute nova of RegionOne\nRegionOne image nowhere\nRegionOne identity {home}\n\
             RegionTwo compute nova of RegionTwo\nRegionTwo image glance of RegionTwo\nRegionTwo identity {home}\n"
        )
    );
    assert!(merge(&settings, &one.server, &two.server, &["--apply"]).await.contains("RegionTwo: nothing to do."));
    assert_eq!(catalog(&one.keystone.api()).await, after);

    let undo = told.split("too):\n\n").nth(1).expect("the undo is printed");
    one.server.sql(undo).await.unwrap();
    assert_eq!(catalog(&one.keystone.api()).await, before, "the undo brings the old catalogue back");
    assert_eq!(catalog(&two.keystone.api()).await, second, "the second cloud was only read");
}
