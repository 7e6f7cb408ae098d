//! The arithmetic of the measurements: texts in, figures out. It measures nothing itself and knows
//! no process.

use std::collections::BTreeMap;

use serde_json::Value;

const CALLS: &str = "tenant_reseller_operator_bss_call_duration_seconds_count";
const CALL_SECONDS: &str = "tenant_reseller_operator_bss_call_duration_seconds_sum";
const WAITED_SECONDS: &str = "tenant_reseller_operator_bss_limiter_wait_seconds_sum";

/// What the operator's `/metrics` said of its BSS at a moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Calls {
    /// Requests so far, by operation.
    pub(super) by_operation: BTreeMap<String, f64>,
    /// Time that they took together, the wait for their turn not included, in seconds.
    pub(super) took: f64,
    /// Time that they waited for their turn, in seconds.
    pub(super) waited: f64,
}

impl Calls {
    /// Reads the `OpenMetrics` text. Nothing was asked yet where a name is missing.
    pub(super) fn parse(text: &str) -> Self {
        let mut calls = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((series, value)) = line.rsplit_once(' ') else {
                continue;
            };
            let Ok(value) = value.parse::<f64>() else {
                continue;
            };
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            match name {
                CALLS => {
                    let operation = label(labels, "operation").unwrap_or("unnamed");
                    *calls.by_operation.entry(operation.to_owned()).or_default() += value;
                }
                CALL_SECONDS => calls.took += value,
                WAITED_SECONDS => calls.waited += value,
                _ => {}
            }
        }
        calls
    }

    /// All requests.
    pub(super) fn total(&self) -> f64 {
        self.by_operation.values().sum()
    }

    /// Time that requests were under way, summed over all of them, in seconds.
    pub(super) fn under_way(&self) -> f64 {
        self.took
    }

    fn combined(&self, other: &Self, with: impl Fn(f64, f64) -> f64) -> Self {
        let mut by_operation = BTreeMap::new();
        for operation in self.by_operation.keys().chain(other.by_operation.keys()) {
            let of = |calls: &Self| calls.by_operation.get(operation).copied().unwrap_or(0.0);
            by_operation.insert(operation.clone(), with(of(self), of(other)));
        }
        Self {
            by_operation,
            took: with(self.took, other.took),
            waited: with(self.waited, other.waited),
        }
    }

    /// What came after an earlier moment.
    pub(super) fn since(&self, earlier: &Self) -> Self {
        self.combined(earlier, |now, then| now - then)
    }
}

/// The value of a label; the words here hold no quotes.
fn label<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = labels.split_once(&format!("{name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

/// Readings of the metrics, each with its moment in milliseconds since 1970, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Readings(Vec<(i64, Calls)>);

impl Readings {
    /// Takes the next one.
    pub(super) fn push(&mut self, at: i64, calls: Calls) {
        self.0.push((at, calls));
    }

    /// The figures at a moment between two readings: on the line from one to the other. None
    /// outside of all readings.
    pub(super) fn at(&self, moment: i64) -> Option<Calls> {
        self.0.windows(2).find_map(|pair| {
            let [(before, earlier), (after, later)] = pair else {
                return None;
            };
            if !(*before..=*after).contains(&moment) {
                return None;
            }
            let way = ratio(millis(*before, moment), millis(*before, *after));
            Some(earlier.combined(later, |then, now| then + (now - then) * way))
        })
    }
}

/// The seconds from one moment to another, both in milliseconds since 1970.
pub(super) fn millis(from: i64, to: i64) -> f64 {
    let millis = i32::try_from(to.saturating_sub(from)).unwrap_or(i32::MAX);
    f64::from(millis) / 1000.0
}

/// One over the other; nothing over nothing is nothing.
pub(super) fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

/// `VmHWM` in `/proc/PID/status`: the most memory that was ever resident, in KiB.
pub(super) fn peak_memory(status: &str) -> Option<u32> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// `VmRSS` in `/proc/PID/status`: the memory that is resident now, in KiB.
pub(super) fn resident_memory(status: &str) -> Option<u32> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// The processor time of a process so far, its own and the kernel's for it, from `/proc/PID/stat`. Linux
/// tells it in hundredths of a second on every machine that this runs on.
pub(super) fn processor_seconds(stat: &str) -> Option<f64> {
    // The name may hold blanks and brackets; what is counted stands behind it.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut words = rest.split_whitespace().skip(11);
    let mut next = || words.next()?.parse::<f64>().ok();
    Some((next()? + next()?) / 100.0)
}

/// Writes that the API server's audit log names, by resource with its subresource.
pub(super) fn writes(log: &str) -> BTreeMap<String, u32> {
    let mut writes = BTreeMap::new();
    for line in log.lines().filter(|line| line.starts_with('{')) {
        // The log of the server itself stands between the events.
        let Ok(event) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        let text = |pointer| event.pointer(pointer).and_then(Value::as_str);
        if text("/apiVersion") != Some("audit.k8s.io/v1") {
            continue;
        }
        let mut resource = text("/objectRef/resource").unwrap_or("unnamed").to_owned();
        if let Some(part) = text("/objectRef/subresource") {
            resource.push('/');
            resource.push_str(part);
        }
        let count: &mut u32 = writes.entry(resource).or_default();
        *count = count.saturating_add(1);
    }
    writes
}

/// The machine, from `/proc/cpuinfo` and `/proc/meminfo`.
pub(super) fn machine(cpuinfo: &str, meminfo: &str) -> String {
    let value = |line: &str| {
        line.split_once(':')
            .map(|(_, value)| value.trim().to_owned())
    };
    let processors = cpuinfo
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    let model = cpuinfo
        .lines()
        .find(|line| line.starts_with("model name"))
        .and_then(value)
        .unwrap_or_else(|| "unnamed CPU".to_owned());
    let gibibytes = meminfo
        .lines()
        .find(|line| line.starts_with("MemTotal"))
        .and_then(value)
        .and_then(|total| total.strip_suffix("kB")?.trim().parse::<f64>().ok())
        .map_or(0.0, |kibibytes| kibibytes / 1024.0 / 1024.0);
    format!("{processors} cores of {model}, {gibibytes:.0} GiB of memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    const METRICS: &str = r#"# HELP tenant_reseller_operator_bss_call_duration_seconds Requests
# TYPE tenant_reseller_operator_bss_call_duration_seconds histogram
tenant_reseller_operator_bss_call_duration_seconds_count{operation="copySubscriptions",outcome="Ok"} 40
tenant_reseller_operator_bss_call_duration_seconds_count{operation="copySubscriptions",outcome="Throttled"} 2
tenant_reseller_operator_bss_call_duration_seconds_count{operation="getPricing",outcome="Ok"} 8
tenant_reseller_operator_bss_call_duration_seconds_sum{operation="getPricing",outcome="Ok"} 1.5
tenant_reseller_operator_bss_call_duration_seconds_sum{operation="copySubscriptions",outcome="Ok"} 2.5
tenant_reseller_operator_bss_limiter_wait_seconds_sum 0.5
tenant_reseller_operator_effects_total{operation="copySubscriptions",outcome="ok"} 99
# EOF
"#;

    #[test]
    fn metrics_are_summed_over_outcomes() {
        let calls = Calls::parse(METRICS);
        assert_eq!(
            calls,
            Calls {
                by_operation: BTreeMap::from([
                    ("copySubscriptions".to_owned(), 42.0),
                    ("getPricing".to_owned(), 8.0)
                ]),
                took: 4.0,
                waited: 0.5,
            }
        );
        assert!((calls.total() - 50.0).abs() < f64::EPSILON);
        assert!((calls.under_way() - 4.0).abs() < f64::EPSILON);
        assert_eq!(Calls::parse("# EOF\n"), Calls::default());
    }

    #[test]
    fn a_moment_between_two_readings_lies_on_the_line() {
        let reading = |count| Calls {
            by_operation: BTreeMap::from([("getPricing".to_owned(), count)]),
            took: count,
            waited: 0.0,
        };
        let mut readings = Readings::default();
        readings.push(1000, Calls::default());
        readings.push(2000, reading(10.0));
        readings.push(4000, reading(50.0));
        assert_eq!(readings.at(1500), Some(reading(5.0)));
        assert_eq!(readings.at(3000), Some(reading(30.0)));
        assert_eq!(readings.at(4000), Some(reading(50.0)));
        assert_eq!((readings.at(999), readings.at(4001)), (None, None));
        assert_eq!(
            readings
                .at(3000)
                .unwrap()
                .since(&readings.at(1500).unwrap()),
            reading(25.0)
        );
    }

    #[test]
    fn shares_of_nothing_are_nothing() {
        assert!((ratio(120.0, 160.0) - 0.75).abs() < f64::EPSILON);
        assert!(ratio(1.0, 0.0).abs() < f64::EPSILON);
        assert!((millis(1_700_000_000_000, 1_700_000_001_500) - 1.5).abs() < f64::EPSILON);
    }

    #[test]
    fn the_peak_is_read_and_never_guessed() {
        let status = "Name:\toperator\nVmPeak:\t  200000 kB\nVmHWM:\t   43210 kB\nVmRSS:\t 1 kB\n";
        assert_eq!(peak_memory(status), Some(43210));
        assert_eq!(peak_memory("VmHWM:\t 12 pages\n"), None);
        assert_eq!(peak_memory("VmRSS:\t 12 kB\n"), None);
    }

    #[test]
    fn memory_and_processor_time_of_the_moment_are_read() {
        assert_eq!(
            resident_memory("VmHWM:\t 9 kB\nVmRSS:\t   1234 kB\n"),
            Some(1234)
        );
        let stat = "42 (a (b) c) S 1 42 42 0 -1 4194560 900 0 0 0 150 25 0 0 20 0";
        let seconds = processor_seconds(stat).unwrap();
        assert!((seconds - 1.75).abs() < 1e-9, "{seconds}");
        assert_eq!(processor_seconds("42 (a) S 1"), None);
    }

    #[test]
    fn only_events_of_the_audit_log_are_counted() {
        let log = concat!(
            "I1123 10:00:00.0 1 controller.go:1] starting\n",
            r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","objectRef":{"resource":"leases"}}"#,
            "\n",
            r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","#,
            r#""objectRef":{"resource":"tenantresellerupgrades","subresource":"status"}}"#,
            "\n",
            r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","objectRef":{"resource":"leases"}}"#,
            "\n{\"level\":\"info\",\"ts\":\"etcd\"}\n{ half a line",
        );
        assert_eq!(
            writes(log),
            BTreeMap::from([
                ("leases".to_owned(), 2),
                ("tenantresellerupgrades/status".to_owned(), 1)
            ])
        );
    }

    #[test]
    fn the_machine_is_named() {
        let cpuinfo = "processor\t: 0\nmodel name\t: Some CPU @ 3 GHz\n\nprocessor\t: 1\n";
        let meminfo = "MemTotal:       25165824 kB\nMemFree: 1 kB\n";
        assert_eq!(
            machine(cpuinfo, meminfo),
            "2 cores of Some CPU @ 3 GHz, 24 GiB of memory"
        );
        assert_eq!(machine("", ""), "0 cores of unnamed CPU, 0 GiB of memory");
    }
}
