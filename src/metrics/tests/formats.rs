//! Every format contains the same samples, read by parsers that share no code with the encoders.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

use super::parse::{self, ReadSample};
use super::properties::{any_snapshot, rendered};
use super::protobuf;
use crate::metrics::compress::Encoding;
use crate::metrics::encode::{self, Syntax};
use crate::metrics::family::NativeBuckets;
use crate::metrics::{Exemplar, Exposition, Histogram, MetricFamily, MetricType, Sample, Selection, Value};

type Labels = BTreeMap<String, String>;

/// A family by its full name, independent of the format.
#[derive(Debug, Default, PartialEq)]
struct Family {
    name: String,
    help: String,
    metric_type: String,
    /// In the order of the body; a histogram's samples as in the text format.
    samples: Vec<(String, Labels, Number)>,
}

/// A number; every NaN equals every other.
#[derive(Debug, Clone, Copy)]
struct Number(f64);

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || (self.0.is_nan() && other.0.is_nan())
    }
}

/// The parts of a body that the text format cannot contain.
#[derive(Debug, Default, PartialEq)]
struct Extra {
    /// The unit of each family.
    units: BTreeMap<String, String>,
    /// By family and labels: the time at which the value was 0, in Unix milliseconds.
    created: BTreeMap<(String, Labels), i64>,
    /// By bucket and its labels: the exemplar's labels, value and time in Unix milliseconds.
    exemplars: BTreeMap<(String, Labels), (Labels, String, i64)>,
}

fn read_text(body: &[u8]) -> Vec<Family> {
    let families = parse::read(std::str::from_utf8(body).unwrap()).into_iter();
    let sample = |sample: ReadSample| (sample.name, sample.labels, Number(sample.value));
    let family = |read: parse::ReadFamily| Family {
        name: read.name,
        help: read.help,
        metric_type: read.metric_type,
        samples: read.samples.into_iter().map(sample).collect(),
    };
    families.map(family).collect()
}

fn read_openmetrics(body: &[u8]) -> (Vec<Family>, Extra) {
    let mut extra = Extra::default();
    let mut families: Vec<Family> = Vec::new();
    let body = std::str::from_utf8(body).unwrap();
    for line in body.strip_suffix("# EOF\n").expect("the end of the body").split_terminator('\n') {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, metric_type) = rest.split_once(' ').expect("a type");
            let name = if metric_type == "counter" { format!("{name}_total") } else { name.to_owned() };
            assert!(families.iter().all(|family| family.name != name), "{name} comes twice");
            families.push(Family { name, metric_type: metric_type.to_owned(), ..Family::default() });
            continue;
        }
        let family = families.last_mut().expect("a type before everything else");
        let stem = match family.metric_type.as_str() {
            "counter" => family.name.strip_suffix("_total").unwrap(),
            _ => &family.name,
        };
        if let Some(rest) = line.strip_prefix("# HELP ") {
            family.help =
                parse::unescape(rest.strip_prefix(stem).expect("its help").strip_prefix(' ').unwrap());
        } else if let Some(rest) = line.strip_prefix("# UNIT ") {
            let (name, unit) = rest.split_once(' ').expect("a unit");
            assert!(name == stem && name.ends_with(&format!("_{unit}")), "{line}");
            extra.units.insert(family.name.clone(), unit.to_owned());
        } else {
            let (sample, rest) = parse::read_sample_and_rest(line);
            if sample.name == format!("{stem}_created") {
                let at = (sample.value * 1000.0).round() as i64;
                extra.created.insert((family.name.clone(), sample.labels), at);
                continue;
            }
            if let Some(exemplar) = rest {
                let (read, at) = exemplar.rsplit_once(' ').expect("a timestamp");
                let at = (at.parse::<f64>().unwrap() * 1000.0).round() as i64;
                let read = parse::read_sample(&format!("exemplar{read}"));
                let exemplar = (read.labels, read.value.to_string(), at);
                extra.exemplars.insert((sample.name.clone(), sample.labels.clone()), exemplar);
            }
            family.samples.push((sample.name, sample.labels, Number(sample.value)));
        }
    }
    (families, extra)
}

fn read_protobuf(body: &[u8]) -> (Vec<Family>, Extra) {
    let mut extra = Extra::default();
    let mut families = Vec::new();
    for read in protobuf::read(body) {
        let name = read.name.clone().expect("a name");
        if let Some(unit) = &read.unit {
            extra.units.insert(name.clone(), unit.clone());
        }
        let metric_type = match read.r#type() {
            protobuf::MetricType::Counter => "counter",
            protobuf::MetricType::Gauge => "gauge",
            protobuf::MetricType::Histogram => "histogram",
            other => panic!("{other:?}"),
        };
        let mut family = Family {
            name: name.clone(),
            help: read.help.expect("a help"),
            metric_type: metric_type.to_owned(),
            samples: Vec::new(),
        };
        for metric in read.metric {
            let labels = protobuf::labels(&metric.label);
            assert_eq!(metric.timestamp_ms, None);
            let created = match (metric_type, metric.gauge, metric.counter, metric.histogram) {
                ("gauge", Some(gauge), None, None) => {
                    family.samples.push((
                        name.clone(),
                        labels.clone(),
                        Number(gauge.value.expect("a value")),
                    ));
                    None
                }
                ("counter", None, Some(counter), None) => {
                    family.samples.push((
                        name.clone(),
                        labels.clone(),
                        Number(counter.value.expect("a value")),
                    ));
                    counter.created_timestamp
                }
                ("histogram", None, None, Some(histogram)) => {
                    flatten(&name, &labels, &histogram, &mut family, &mut extra);
                    histogram.created_timestamp
                }
                other => panic!("{other:?}"),
            };
            if let Some(created) = created {
                extra.created.insert((name.clone(), labels), created.milliseconds());
            }
        }
        families.push(family);
    }
    (families, extra)
}

/// A histogram as the samples of the text format.
fn flatten(
    name: &str,
    labels: &Labels,
    histogram: &protobuf::Histogram,
    family: &mut Family,
    extra: &mut Extra,
) {
    let bucket_name = format!("{name}_bucket");
    for bucket in &histogram.bucket {
        let mut labels = labels.clone();
        let bound = bucket.upper_bound.expect("a bound");
        labels.insert(
            "le".to_owned(),
            if bound.is_finite() { format!("{bound:?}") } else { "+Inf".to_owned() },
        );
        if let Some(exemplar) = &bucket.exemplar {
            let at = exemplar.timestamp.expect("a time").milliseconds();
            let read = (protobuf::labels(&exemplar.label), exemplar.value.expect("a value").to_string(), at);
            extra.exemplars.insert((bucket_name.clone(), labels.clone()), read);
        }
        let count = Number(bucket.cumulative_count.expect("a count") as f64);
        family.samples.push((bucket_name.clone(), labels, count));
    }
    let sum = Number(histogram.sample_sum.expect("a sum"));
    let count = Number(histogram.sample_count.expect("a count") as f64);
    family.samples.push((format!("{name}_sum"), labels.clone(), sum));
    family.samples.push((format!("{name}_count"), labels.clone(), count));
}

fn odd_text() -> impl Strategy<Value = String> {
    prop_oneof!["[a\\\\\n\",}={ #]{0,12}", "\\PC{0,12}"]
}

fn moment() -> impl Strategy<Value = Timestamp> {
    (0..2_000_000_000_000_i64).prop_map(|milliseconds| Timestamp::from_millisecond(milliseconds).unwrap())
}

fn native_buckets() -> impl Strategy<Value = NativeBuckets> {
    (0..9_u64, btree_map(-400..400_i32, 1..9_u64, 0..30)).prop_map(|(zeros, buckets)| NativeBuckets {
        schema: 3,
        zero_threshold: 0.001,
        zeros,
        buckets: buckets.into_iter().collect(),
    })
}

/// The buckets of a native histogram, read from its spans and from the differences of its counts.
fn read_native(histogram: &protobuf::Histogram) -> NativeBuckets {
    let mut indices = Vec::new();
    let mut next = 0;
    for span in &histogram.positive_span {
        let first = next + span.offset.expect("an offset");
        next = first + span.length.expect("a length") as i32;
        indices.extend(first..next);
    }
    let counts = histogram.positive_delta.iter().scan(0, |count, difference| {
        *count += difference;
        Some(*count as u64)
    });
    assert_eq!(indices.len(), histogram.positive_delta.len());
    NativeBuckets {
        schema: histogram.schema.expect("a schema"),
        zero_threshold: histogram.zero_threshold.expect("a threshold"),
        zeros: histogram.zero_count.expect("a count of zeros"),
        buckets: indices.into_iter().zip(counts).collect(),
    }
}

fn histogram() -> impl Strategy<Value = Value> {
    let exemplar = (odd_text(), -1.0..1e3_f64, moment()).prop_map(|(label, value, at)| Exemplar {
        labels: vec![("request_id".into(), label)],
        value,
        at,
    });
    let fixed = (vec((0.0..100_f64, 0..9_u64), 0..5), any::<f64>(), 0..5_u64);
    (fixed, vec(exemplar, 0..5), option::of(native_buckets())).prop_map(
        |((mut buckets, sum, beyond), exemplars, native)| {
            buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
            buckets.dedup_by(|one, other| one.0 == other.0);
            let mut count = 0;
            for bucket in &mut buckets {
                count += bucket.1;
                bucket.1 = count;
            }
            Value::Histogram(Histogram { buckets, sum, count: count + beyond, exemplars, native })
        },
    )
}

fn family(number: usize) -> impl Strategy<Value = MetricFamily> {
    let metric_type =
        prop_oneof![Just(MetricType::Gauge), Just(MetricType::Counter), Just(MetricType::Histogram)];
    metric_type.prop_flat_map(move |metric_type| {
        let value = match metric_type {
            MetricType::Histogram => histogram().boxed(),
            MetricType::Gauge | MetricType::Counter => any::<f64>().prop_map(Value::Number).boxed(),
        };
        let unit = prop::sample::select(vec!["", "_seconds", "_bytes", "_ratio"]);
        (unit, odd_text(), vec((odd_text(), value), 0..4)).prop_map(move |(unit, help, values)| {
            let labels = |index: usize, text: String| {
                vec![("index".into(), index.to_string().into()), ("text".into(), text.into())]
            };
            let values = values.into_iter().enumerate();
            let total = if metric_type == MetricType::Counter { "_total" } else { "" };
            MetricFamily {
                name: format!("family_{number}{unit}{total}").into(),
                help: help.into(),
                metric_type,
                samples: values
                    .map(|(index, (text, value))| Sample { labels: labels(index, text), value })
                    .collect(),
            }
        })
    })
}

fn families() -> impl Strategy<Value = Vec<MetricFamily>> {
    (family(0), family(1), family(2), family(3)).prop_map(|(a, b, c, d)| vec![a, b, c, d])
}

fn encoded(families: &[MetricFamily], created: Option<Timestamp>, syntax: Syntax) -> Vec<u8> {
    let mut encoder = syntax.encoder(0);
    encode::write_families(families, created, &mut *encoder);
    [&encoder.finish(), syntax.end()].concat()
}

proptest! {
    #[test]
    fn every_format_contains_the_same_samples(families in families(), created in option::of(moment())) {
        let text = read_text(&encoded(&families, created, Syntax::Text));
        let (openmetrics, first_extra) = read_openmetrics(&encoded(&families, created, Syntax::OpenMetrics));
        let (protobuf, second_extra) = read_protobuf(&encoded(&families, created, Syntax::Protobuf));
        prop_assert_eq!(&openmetrics, &text);
        prop_assert_eq!(&protobuf, &text);
        prop_assert_eq!(&first_extra, &second_extra);
        let counting = families.iter().filter(|family| family.metric_type != MetricType::Gauge);
        let series: usize = counting.map(|family| family.samples.len()).sum();
        prop_assert_eq!(first_extra.created.len(), if created.is_some() { series } else { 0 });
        prop_assert!(first_extra.created.values().all(|at| Some(*at) == created.map(Timestamp::as_millisecond)));
    }

    #[test]
    fn protobuf_contains_every_bucket_of_a_native_histogram(native in native_buckets()) {
        let histogram = Histogram { native: Some(native.clone()), ..Histogram::default() };
        let family = MetricFamily {
            name: "a_seconds".into(),
            help: "A.".into(),
            metric_type: MetricType::Histogram,
            samples: vec![Sample { labels: Vec::new(), value: Value::Histogram(histogram) }],
        };
        let read = protobuf::read(&encoded(&[family], None, Syntax::Protobuf));
        prop_assert_eq!(read_native(read[0].metric[0].histogram.as_ref().expect("a histogram")), native);
    }

    #[test]
    fn every_format_contains_the_same_fleet((_, exposition, _) in rendered()) {
        let body = |syntax| [exposition.body(syntax, Encoding::Identity).bytes(), syntax.end()].concat();
        let text = read_text(&body(Syntax::Text));
        let (openmetrics, first_extra) = read_openmetrics(&body(Syntax::OpenMetrics));
        let (protobuf, mut second_extra) = read_protobuf(&body(Syntax::Protobuf));
        prop_assert_eq!(&openmetrics, &text);
        prop_assert_eq!(&protobuf, &text);
        // Only protobuf contains start times of the fleet's counters and histograms.
        let started: BTreeSet<_> = second_extra.created.keys().map(|(name, _)| name.clone()).collect();
        let counting = text.iter().filter(|family| family.metric_type != "gauge");
        prop_assert_eq!(started, counting.map(|family| family.name.clone()).collect());
        second_extra.created.clear();
        prop_assert_eq!(first_extra, second_extra);
    }

    #[test]
    fn a_body_is_the_output_of_an_encoder_in_every_encoding(snapshot in any_snapshot()) {
        let exposition = Arc::new(Exposition::new(Arc::new(snapshot), Arc::default()));
        for syntax in Syntax::ALL {
            let mut encoder = syntax.encoder(0);
            exposition.encode(&Selection::default(), &mut *encoder, |_| {});
            let plain = encoder.finish();
            // An encoder that is drained whenever possible, as for a compressed body.
            let mut drained = Vec::new();
            exposition.encode(&Selection::default(), &mut *encoder, |encoder| {
                encoder.drain(1, &mut |chunk| drained.extend_from_slice(chunk));
            });
            drained.extend(encoder.finish());
            prop_assert!(drained == plain);
            let chunks = Arc::clone(&exposition).chunks(&Selection::default(), syntax);
            prop_assert!(chunks.collect::<Vec<_>>().concat() == plain);
            prop_assert_eq!(exposition.size(syntax, Encoding::Identity), None);
            let gzip = exposition.body(syntax, Encoding::Gzip);
            prop_assert_eq!(gzip.plain_len(), plain.len());
            prop_assert!(exposition.cached(syntax, Encoding::Identity).is_none());
            prop_assert_eq!(exposition.size(syntax, Encoding::Identity), Some(plain.len()));
            prop_assert_eq!(exposition.size(syntax, Encoding::Gzip), Some(gzip.len()));
            prop_assert_eq!(exposition.size(syntax, Encoding::Zstd), None);
            prop_assert_eq!(exposition.body(syntax, Encoding::Identity).bytes(), &plain);
        }
    }
}

#[test]
fn the_exporters_own_families_are_not_in_the_fleets_part() {
    use crate::metrics::catalogue::{Collector, families};
    let (fleet, own): (Vec<_>, Vec<_>) =
        families().partition(|family| Collector::FLEET.contains(&family.collector));
    let stem = |name: &'static str| name.strip_suffix("_total").unwrap_or(name);
    for family in own {
        assert!(fleet.iter().all(|other| stem(other.name) != stem(family.name)), "{}", family.name);
    }
}

#[test]
fn only_requested_formats_are_rendered_again() {
    let of = || Exposition::new(Arc::default(), Arc::default());
    let (first, second, third) = (of(), of(), of());
    first.body(Syntax::OpenMetrics, Encoding::Gzip);
    second.prerender(&first);
    assert!(second.cached(Syntax::OpenMetrics, Encoding::Gzip).is_some());
    assert!(second.cached(Syntax::Text, Encoding::Gzip).is_none());
    third.prerender(&second);
    assert!(
        third.cached(Syntax::OpenMetrics, Encoding::Gzip).is_none(),
        "not requested of the second exposition"
    );
}
