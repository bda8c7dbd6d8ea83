//! The status page in a real browser, through an outage.

use std::path::PathBuf;
use std::time::Duration;

use keyward::model::Phase;

use super::browser::Browser;
use super::daemon::Daemon;
use super::pair::Pair;
use super::settings::Wishes;

/// Texts whose contrast with what is behind them is below 4.5, as `text: ratio`.
const PALE: &str = include_str!("pale.js");
/// Environment variable with the folder for pictures; nobody needs them to pass.
const PICTURES: &str = "KEYWARD_PICTURES";

/// The page is readable on a desk and on a phone, by day and by night, and has nothing to complain of.
fn assert_readable(browser: &mut Browser, state: &str) {
    for (width, scheme) in [(1280, "light"), (1280, "dark"), (360, "light"), (360, "dark")] {
        browser.screen(width, scheme);
        let said = format!("{state}, {width} px, {scheme}");
        let wide =
            browser.value("[innerWidth, document.documentElement.scrollWidth - document.documentElement.clientWidth]");
        assert_eq!(wide, serde_json::json!([width, 0]), "{said}: it must be scrolled sideways");
        let wider =
            "[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1)
            .map(e => e.outerHTML.slice(0, 100))";
        assert_eq!(browser.value(wider), serde_json::json!([]), "{said}: something reaches beyond the edge");
        let pale = browser.value(PALE);
        assert_eq!(pale["pale"], serde_json::json!([]), "{said}");
        assert!(pale["looked"].as_u64().unwrap() > 50, "{said}: {pale}");
        if let Some(folder) = std::env::var_os(PICTURES) {
            browser.picture(&PathBuf::from(folder).join(format!("{state}-{width}-{scheme}.png")));
        }
    }
    browser.screen(1280, "light");
    for (what, count) in [
        ("main", 1),
        ("header", 1),
        ("footer", 1),
        ("h1", 1),
        ("section:not([aria-labelledby])", 0),
        ("svg:not([role=img]):not([aria-hidden])", 0),
        ("svg[role=img]:not([aria-label])", 0),
        ("svg[role=img]", 2),
        ("thead th:not([scope=col])", 0),
    ] {
        assert_eq!(browser.value(&format!("document.querySelectorAll('{what}').length")), count, "{state}: {what}");
    }
    assert_eq!(browser.complaints(), [""; 0], "{state}");
}

async fn until_paused(daemon: &Daemon) {
    daemon.until("paused", |region| region.paused.is_some()).await;
}

#[tokio::test]
async fn people_see_an_outage_on_the_status_page() {
    let Some(mut browser) = Browser::start() else { return };
    let (mut pair, mut daemon) = Pair::healthy(Wishes::default()).await;
    browser.open(&format!("http://{}/", daemon.http()));
    // as long as this is there the page was not loaded anew
    browser.value("window.kept = true");
    browser.until("document.title === 'RegionTwo remote - keyward'");
    browser.until("document.querySelector('.lag').getAttribute('d') !== ''");
    let shown = "document.querySelector('main').innerText.includes";
    browser.until(&format!("{shown}('Lag: ') && {shown}('RegionOne') && {shown}('r2-db1')"));
    assert_readable(&mut browser, "remote");

    // a tab that nobody sees asks nothing
    browser.value(
        "window.asked = 0; window.ask = window.fetch; window.fetch = (...all) => { asked += 1; return ask(...all); };
         window.seen = state => { Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });
             document.dispatchEvent(new Event('visibilitychange')); };
         seen('hidden')",
    );
    // what was on its way may still come
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = browser.value("[asked, document.title]");
    daemon.does(&["pause", "RegionTwo", "--for", "1h", "--reason", "<b>drill</b> & more"]).await;
    daemon.stays(Duration::from_secs(12), "paused", |region| region.paused.is_some()).await;
    assert_eq!(browser.value("[asked, document.title]"), before);
    browser.value("seen('visible')");
    browser.until("document.title === 'RegionTwo remote, paused - keyward'");
    browser.until(&format!("{shown}('<b>drill</b> & more') && {shown}('keyward resume')"));
    assert_readable(&mut browser, "paused");

    pair.master.kill9();
    browser.until("document.title.endsWith(', blocked, paused - keyward')");
    browser.until(&format!("{shown}('Every gate to be open') && {shown}('✕ down')"));
    assert_readable(&mut browser, "blocked");

    daemon.does(&["resume", "RegionTwo"]).await;
    browser.until("document.title === 'RegionTwo local - keyward'");
    browser.until("document.querySelector('.path').getAttribute('aria-label').endsWith('at the region itself')");
    browser.until(&format!("{shown}('switching → local') && document.querySelectorAll('.mark').length > 0"));
    assert_readable(&mut browser, "local");

    keeps_the_focus(&mut browser).await;
    assert_eq!(browser.value("window.kept"), true, "all this came without loading the page anew");
    daemon.kill9();
    browser.until("document.title === 'No answer - RegionTwo local - keyward'");
    let notice = browser.value("document.getElementById('notice').innerText");
    let notice = notice.as_str().unwrap();
    assert!(notice.contains(" UTC: ") && notice.contains("What stands below is old."), "{notice}");
    // that nobody listened is the one thing to complain of
    let complaints = browser.complaints();
    assert!(complaints.iter().all(|said| said.contains("ERR_CONNECTION_REFUSED")), "{complaints:?}");
    daemon.start().await;
    browser.until("document.title === 'RegionTwo local - keyward' && document.getElementById('notice').hidden");
    browser.complaints();

    // the policy is in force, and what it forbids would have been seen
    browser.value("document.body.setAttribute('style', 'color: red')");
    let complaints = browser.complaints();
    assert!(complaints.iter().any(|said| said.contains("Content Security Policy")), "{complaints:?}");

    without_scripts(&mut browser, &daemon).await;
}

/// Who goes through the page by keys stays where they are when it is shown anew, and so does who has scrolled.
async fn keeps_the_focus(browser: &mut Browser) {
    for link in ["main a[href*=runbook]", "footer a"] {
        browser.value(&format!("document.querySelector('{link}').focus(); window.before = lead.innerText"));
        browser.value("scrollTo(0, 120); window.high = scrollY");
        browser.until("lead.innerText !== before");
        let kept = browser.value(&format!("[document.activeElement.matches('{link}'), scrollY === high]"));
        assert_eq!(kept, serde_json::json!([true, true]), "{link}");
    }
}

/// Without JavaScript the page loads itself anew, and says the same.
async fn without_scripts(browser: &mut Browser, daemon: &Daemon) {
    browser.allow_scripts(false);
    browser.open(&format!("http://{}/", daemon.http()));
    let first = browser.value("performance.timeOrigin");
    daemon.does(&["pause", "RegionTwo", "--reason", "drill"]).await;
    until_paused(daemon).await;
    browser
        .until(&format!("performance.timeOrigin > {first} && document.title === 'RegionTwo local, paused - keyward'"));
    assert_eq!(daemon.region().await.phase, Phase::Local);
    assert_eq!(browser.complaints(), [""; 0]);
}
