//! A picture of the dashboard: its panels where Grafana puts them, with what a real Prometheus answers to
//! their queries. It is a drawing of our own; Grafana draws more finely.

use std::fmt::Write as _;

use serde_json::Value;

use super::prometheus::Prometheus;

/// The width of a column and the height of a row of the grid.
const CELL: (f64, f64) = (50.0, 30.0);
const COLOURS: [&str; 8] = [
    "#1f78b4", "#e31a1c", "#33a02c", "#ff7f00", "#6a3d9a", "#b15928", "#17becf", "#888888",
];

/// One line of a panel.
struct Line {
    name: String,
    points: Vec<(f64, f64)>,
}

/// The place of a panel, in pixels.
#[derive(Clone, Copy)]
struct Place {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn text(svg: &mut String, (x, y): (f64, f64), (size, colour): (u8, &str), said: &str) {
    let said = escaped(said);
    let _always = writeln!(
        svg,
        r#"<text x="{x:.0}" y="{y:.0}" font-size="{size}" fill="{colour}">{said}</text>"#
    );
}

fn number(text: &Value) -> f64 {
    text.as_str()
        .and_then(|text| text.parse().ok())
        .unwrap_or(f64::NAN)
}

/// A figure, short.
fn shown(value: f64) -> String {
    if value >= 100.0 || (value - value.round()).abs() < 1e-9 {
        format!("{value:.0}")
    } else if value >= 1.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.3}")
    }
}

/// The name of a series, as the panel wants it.
fn name(series: &Value, format: &str) -> String {
    let labels = series["metric"].as_object().cloned().unwrap_or_default();
    let mut name = format.to_owned();
    for (label, value) in &labels {
        name = name.replace(
            &format!("{{{{{label}}}}}"),
            value.as_str().unwrap_or_default(),
        );
    }
    name
}

fn target(panel: &Value) -> impl Iterator<Item = (String, String)> + '_ {
    let targets = panel["targets"].as_array().into_iter().flatten();
    targets.map(|target| {
        let query = target["expr"].as_str().unwrap_or_default();
        let query = query
            .replace("$job", ".*")
            .replace("$__rate_interval", "10s");
        let format = target["legendFormat"].as_str().unwrap_or_default();
        (query, format.to_owned())
    })
}

async fn curves(prometheus: &Prometheus, panel: &Value, (from, to): (f64, f64)) -> Vec<Line> {
    let mut lines = Vec::new();
    for (query, format) in target(panel) {
        for series in prometheus.range(&query, (from, to)).await {
            let values = series["values"].as_array().cloned().unwrap_or_default();
            let points = values
                .iter()
                .map(|pair| (pair[0].as_f64().unwrap(), number(&pair[1])));
            lines.push(Line {
                name: name(&series, &format),
                points: points.filter(|(_, value)| value.is_finite()).collect(),
            });
        }
    }
    lines.retain(|line| line.points.iter().any(|(_, value)| *value > 0.0));
    lines
}

fn draw_curves(svg: &mut String, place: Place, lines: &[Line], (from, to): (f64, f64)) {
    let legend = 210.0_f64.min(place.width / 2.0);
    let inner = Place {
        x: place.x + 40.0,
        y: place.y + 28.0,
        width: place.width - legend - 50.0,
        height: place.height - 44.0,
    };
    let values = lines
        .iter()
        .flat_map(|line| line.points.iter().map(|(_, value)| *value));
    let most = values.fold(f64::MIN_POSITIVE, f64::max);
    let below = inner.y + inner.height;
    let right = inner.x + inner.width;
    let _always = writeln!(
        svg,
        r##"<path d="M{:.0},{:.0} V{below:.0} H{right:.0}" fill="none" stroke="#aaa"/>"##,
        inner.x, inner.y
    );
    text(
        svg,
        (place.x + 6.0, inner.y + 8.0),
        (10, "#666"),
        &shown(most),
    );
    text(svg, (place.x + 6.0, below), (10, "#666"), "0");
    for (index, line) in lines.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let points = line.points.iter().map(|(at, value)| {
            let x = inner.x + (at - from) / (to - from) * inner.width;
            format!("{x:.1},{:.1}", below - value / most * inner.height)
        });
        let points = points.collect::<Vec<_>>().join(" ");
        let _always = writeln!(
            svg,
            r#"<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.4"/>"#
        );
        let y = inner.y + 8.0 + 13.0 * f64::from(u8::try_from(index).unwrap_or(u8::MAX));
        if y < below {
            text(svg, (right + 10.0, y), (10, colour), &line.name);
        }
    }
}

async fn draw_rows(svg: &mut String, place: Place, prometheus: &Prometheus, panel: &Value) {
    let mut y = place.y + 36.0;
    for (query, _) in target(panel) {
        for series in prometheus.query(&query).await {
            let labels = series["metric"].as_object().cloned().unwrap_or_default();
            let labels = labels.iter().filter(|(label, _)| *label != "__name__");
            let labels: Vec<&str> = labels.filter_map(|(_, value)| value.as_str()).collect();
            if y < place.y + place.height - 4.0 {
                let value = shown(number(&series["value"][1]));
                let row = format!("{}   {value}", labels.join("   "));
                text(svg, (place.x + 8.0, y), (11, "#333"), &row);
            }
            y += 15.0;
        }
    }
}

async fn draw_figure(svg: &mut String, place: Place, prometheus: &Prometheus, panel: &Value) {
    for (query, _) in target(panel) {
        let series = prometheus.query(&query).await;
        let value = series
            .first()
            .map_or(f64::NAN, |series| number(&series["value"][1]));
        let at = (
            place.x + place.width / 2.0 - 10.0,
            place.y + place.height - 28.0,
        );
        text(svg, at, (34, "#1f78b4"), &shown(value));
    }
}

/// The dashboard over a time, as SVG.
pub(super) async fn draw(prometheus: &Prometheus, dashboard: &Value, over: (f64, f64)) -> String {
    let panels = dashboard["panels"].as_array().unwrap();
    let mut svg = String::new();
    let mut bottom: f64 = 0.0;
    for panel in panels {
        let grid = |field: &str| panel["gridPos"][field].as_f64().unwrap();
        let place = Place {
            x: grid("x") * CELL.0 + 4.0,
            y: grid("y") * CELL.1 + 4.0,
            width: grid("w") * CELL.0 - 8.0,
            height: grid("h") * CELL.1 - 8.0,
        };
        bottom = bottom.max(place.y + place.height);
        let title = panel["title"].as_str().unwrap();
        if panel["type"] == "row" {
            text(&mut svg, (place.x, place.y + 18.0), (15, "#111"), title);
            continue;
        }
        let _always = writeln!(
            svg,
            r##"<rect x="{:.0}" y="{:.0}" width="{:.0}" height="{:.0}" fill="#fff" stroke="#ddd"/>"##,
            place.x, place.y, place.width, place.height
        );
        text(
            &mut svg,
            (place.x + 8.0, place.y + 17.0),
            (12, "#111"),
            title,
        );
        match panel["type"].as_str().unwrap() {
            "stat" => draw_figure(&mut svg, place, prometheus, panel).await,
            "table" => draw_rows(&mut svg, place, prometheus, panel).await,
            _ => {
                let lines = curves(prometheus, panel, over).await;
                draw_curves(&mut svg, place, &lines, over);
            }
        }
    }
    let (width, height) = (24.0 * CELL.0, bottom + 8.0);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         font-family=\"sans-serif\">\n<rect width=\"100%\" height=\"100%\" fill=\"#f7f7f7\"/>\n{svg}</svg>\n"
    )
}
