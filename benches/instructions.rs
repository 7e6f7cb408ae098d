//! Whole upgrades over the simulated BSS of the tests, for `make bench` to count the instructions of the
//! decision core: `instructions decide|observe|sweep ITEMS`. Valgrind counts while [`counted`] runs and
//! nothing else: neither the simulated BSS nor this driver.

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let half = words.first().and_then(|word| driver::Half::named(word));
    let items = words.get(1).and_then(|word| word.parse().ok());
    let (Some(half), Some(items)) = (half, items) else {
        eprintln!("usage: instructions decide|observe|sweep ITEMS");
        std::process::exit(2);
    };
    let done = driver::run(half, items);
    println!(
        "{} decisions, {} outcomes of {} calls were counted",
        done.decisions, done.outcomes, done.calls
    );
}

#[path = "driver.rs"]
mod driver;
