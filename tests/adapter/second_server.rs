//! The second server's own tests, so that what people copy keeps working. A whole upgrade by the
//! operator runs against it in `tests/api/operator/second.rs`.

use std::path::Path;
use std::process::Command;

#[test]
fn its_own_tests_pass() {
    let tests = Command::new("python3")
        .arg("test_server.py")
        .current_dir(Path::new("examples/reference-server"))
        .output();
    let Ok(tests) = tests else {
        // CI has python3; elsewhere its absence is said, not hidden.
        assert!(std::env::var_os("CI").is_none(), "python3 is missing");
        println!("skipped: python3 is missing");
        return;
    };
    let told = String::from_utf8_lossy(&tests.stderr);
    assert!(tests.status.success() && told.contains("OK"), "{told}");
}
