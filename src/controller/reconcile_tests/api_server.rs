//! An API server that is away, and one that refuses what the operator needs.

use super::*;

/// What was logged, as lines.
#[derive(Clone, Default)]
struct Log(Arc<StdMutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn begins() -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn count(&self, words: &str) -> usize {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().filter(|line| line.contains(words)).count()
    }
}

#[tokio::test]
async fn an_api_server_that_is_away_is_asked_less_and_less_and_logged_once_a_minute() {
    let bench = bench();
    let (log, _guard) = Log::begins();
    bench.fails(Some(ClusterError::Unavailable("503".to_owned())));
    let (mut now, mut waits) = (0, Vec::new());
    for _ in 0..10 {
        bench.clock.at(now);
        let wait = bench.waits().await;
        now += wait.as_secs().max(1);
        waits.push(wait);
    }
    assert!(waits[0] <= Duration::from_secs(2), "{waits:?}");
    assert!(waits[9] >= Duration::from_secs(30), "{waits:?}");
    assert!(waits[9] <= Duration::from_mins(1), "{waits:?}");
    let told = log.count("WARN");
    assert!((2..=8).contains(&told), "{told} warnings in {now} s");

    bench.fails(None);
    *bench.cluster.token.lock().unwrap() = None;
    bench.reconcile().await;
    assert_eq!(
        bench.shown().0,
        "DependencyNotReady",
        "it goes on by itself"
    );
    let after = Duration::from_secs(40);
    bench.fails(Some(ClusterError::Busy {
        said: "429".to_owned(),
        after,
    }));
    assert_eq!(
        bench.waits().await,
        after,
        "a new row, and what was asked for"
    );
}

#[tokio::test]
async fn a_missing_right_is_logged_once_as_an_error() {
    let bench = bench();
    let (log, _guard) = Log::begins();
    let forbidden = |what: &str| Some(ClusterError::Forbidden(what.to_owned()));
    bench.fails(forbidden("secrets is forbidden"));
    for _ in 0..20 {
        bench.waits().await;
    }
    let told = || (log.count("ERROR"), log.count("WARN"));
    assert_eq!(told(), (1, 0));
    bench.fails(forbidden("upgrades/status is forbidden"));
    for _ in 0..20 {
        bench.waits().await;
    }
    assert_eq!(told(), (2, 0), "another one");
    assert!(bench.waits().await >= Duration::from_secs(30));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &bench.metrics).unwrap();
    let line = r#"cluster_errors_total{class="Forbidden"} 41"#;
    assert!(text.contains(line), "{text}");
}
