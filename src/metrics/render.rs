//! A snapshot of the fleet, rendered on request into the bodies of scrapes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::fleet::Snapshot;
use crate::metrics::catalogue::{self, Collector};
use crate::metrics::compress::{Compressed, Encoding};
use crate::metrics::encode::{CountingEncoder, Encoder, Syntax};
use crate::metrics::input::{GroupRow, RenderInput};
use crate::metrics::labels::ChangedLabel;
use crate::metrics::options::RenderOptions;
use crate::metrics::rendering::{Rendering, Rows};
use crate::metrics::selection::Selection;

/// The collectors that `collectors.max_series` may drop: they have a series for each instance,
/// session or node.
const DETAIL: [Collector; 3] = [Collector::InstancesDetail, Collector::PersistentDetail, Collector::Nodes];

/// Minimum size of the pieces in which a body is compressed or sent: large enough that a piece
/// costs nothing.
const CHUNK_BYTES: usize = 64 * 1024;

/// One snapshot, which can be served in any format and encoding.
///
/// [`Exposition::new`] counts the series and decides which collectors `max_series` drops. A body is
/// rendered when it is first requested and then cached as long as the exposition, so a format that
/// is never requested costs nothing. When a newer exposition replaces this one, [`prerender`]
/// renders what was requested, so the next scrape finds its body in the cache.
///
/// [`prerender`]: Self::prerender
#[derive(Debug)]
pub struct Exposition {
    input: RenderInput,
    /// Number of series served, by collector.
    series: BTreeMap<&'static str, u64>,
    /// Number of dropped series, by collector.
    dropped: BTreeMap<&'static str, u64>,
    /// The collectors of the fleet that are not dropped.
    collectors: BTreeSet<Collector>,
    /// Cached bodies, indexed by [`Syntax`] and then by [`Encoding`].
    bodies: [[OnceLock<Compressed>; Encoding::ALL.len()]; Syntax::ALL.len()],
    /// Which of the bodies were requested by [`Exposition::body`], with the same indexes.
    requested: [[AtomicBool; Encoding::ALL.len()]; Syntax::ALL.len()],
}

impl Exposition {
    /// Prepares `snapshot` for rendering.
    pub fn new(snapshot: Arc<Snapshot>, options: Arc<RenderOptions>) -> Self {
        let input = RenderInput::new(snapshot, options);
        let mut series = count_series(&input);
        let mut dropped = BTreeMap::new();
        let mut collectors = BTreeSet::from(Collector::FLEET);
        let max_series = input.options.max_series;
        while series.values().sum::<u64>() > max_series {
            let largest = DETAIL.into_iter().max_by_key(|collector| series[collector]);
            let Some(largest) = largest.filter(|collector| series[collector] > 0) else { break };
            dropped.insert(largest.as_str(), series.insert(largest, 0).unwrap_or_default());
            collectors.remove(&largest);
        }
        let series = series.into_iter().map(|(collector, count)| (collector.as_str(), count)).collect();
        let (bodies, requested) = Default::default();
        Self { input, series, dropped, collectors, bodies, requested }
    }

    /// The whole fleet in this format and encoding. The first caller renders it; concurrent callers
    /// wait for the result.
    pub fn body(&self, syntax: Syntax, encoding: Encoding) -> &Compressed {
        self.requested[syntax as usize][encoding as usize].store(true, Ordering::Relaxed);
        self.render_cached(syntax, encoding)
    }

    /// Renders the bodies that were requested of `earlier`, without marking them as requested.
    pub fn prerender(&self, earlier: &Self) {
        for syntax in Syntax::ALL {
            for encoding in Encoding::ALL {
                if earlier.requested[syntax as usize][encoding as usize].load(Ordering::Relaxed) {
                    self.render_cached(syntax, encoding);
                }
            }
        }
    }

    fn render_cached(&self, syntax: Syntax, encoding: Encoding) -> &Compressed {
        let body = |encoding| &self.bodies[syntax as usize][encoding as usize];
        body(encoding).get_or_init(|| match body(Encoding::Identity).get() {
            Some(plain) => encoding.compress(plain.bytes().clone()),
            None => self.render_selection(&Selection::default(), syntax, encoding),
        })
    }

    /// The whole fleet in this format and encoding, if the body is in the cache. Does not mark the
    /// body as requested.
    pub fn cached(&self, syntax: Syntax, encoding: Encoding) -> Option<&Compressed> {
        self.bodies[syntax as usize][encoding as usize].get()
    }

    /// Renders and compresses the selected series, without the cache.
    pub fn render_selection(&self, selection: &Selection, syntax: Syntax, encoding: Encoding) -> Compressed {
        if encoding == Encoding::Identity {
            let mut encoder = syntax.encoder(self.estimated_bytes());
            self.encode(selection, &mut *encoder, |_| {});
            return encoding.compress(encoder.finish().into());
        }
        // The plain body can be many times as large as the compressed one, and is never whole in
        // memory.
        let mut compressor = encoding.compressor();
        let mut encoder = syntax.encoder(2 * CHUNK_BYTES);
        self.encode(selection, &mut *encoder, |encoder| {
            encoder.drain(CHUNK_BYTES, &mut |chunk| compressor.write(chunk));
        });
        compressor.write(&encoder.finish());
        compressor.finish()
    }

    /// Size of the whole fleet's body in bytes; `None` if no cached body contains the size. Every
    /// cached body of the format contains the size before compression.
    pub fn size(&self, syntax: Syntax, encoding: Encoding) -> Option<usize> {
        match self.cached(syntax, encoding) {
            Some(body) => Some(body.len()),
            None if encoding == Encoding::Identity => Encoding::ALL
                .into_iter()
                .find_map(|encoding| self.cached(syntax, encoding))
                .map(Compressed::plain_len),
            None => None,
        }
    }

    /// The whole fleet in text format 0.0.4.
    pub fn text(&self) -> Bytes {
        self.body(Syntax::Text, Encoding::Identity).bytes().clone()
    }

    /// Writes the selected series to `encoder`, family by family in catalogue order. `written` is
    /// called often, and may drain the encoder. The caller finishes the encoder.
    pub fn encode(
        &self,
        selection: &Selection,
        encoder: &mut dyn Encoder,
        mut written: impl FnMut(&mut dyn Encoder),
    ) {
        let mut rendering = self.rendering(selection, encoder);
        while rendering.step(&self.input, encoder) {
            written(encoder);
        }
    }

    fn rendering(&self, selection: &Selection, encoder: &mut dyn Encoder) -> Rendering {
        Rendering::new(&self.input, selection, &self.collectors, encoder)
    }

    /// The selected series, uncompressed, as chunks that are rendered when they are taken.
    pub fn chunks(self: Arc<Self>, selection: &Selection, syntax: Syntax) -> RenderedChunks {
        let mut encoder = syntax.encoder(2 * CHUNK_BYTES);
        let rendering = self.rendering(selection, &mut *encoder);
        RenderedChunks { exposition: self, rendering, encoder }
    }

    /// Number of series served, by collector. Contains every collector of the fleet.
    pub fn series(&self) -> &BTreeMap<&'static str, u64> {
        &self.series
    }

    /// Number of series that `max_series` dropped, by collector; empty if it dropped none.
    pub fn dropped(&self) -> &BTreeMap<&'static str, u64> {
        &self.dropped
    }

    /// The snapshot that is rendered.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.input.snapshot
    }

    /// Tags whose label name is not `tag_<key>`, for the log.
    pub fn changed_labels(&self) -> &[ChangedLabel] {
        &self.input.names.changed
    }

    /// Estimated size of a body before compression, in bytes. The estimate is usually too high, so
    /// that a buffer of this capacity does not grow; its unused pages take no physical memory.
    pub fn estimated_bytes(&self) -> usize {
        /// Estimated bytes of a series besides the group's labels: name, other labels and value.
        const SERIES_BYTES: usize = 160;
        /// Estimated bytes of all `# HELP` and `# TYPE` lines.
        const METADATA_BYTES: usize = 32 * 1024;
        let group_labels_bytes = |row: GroupRow<'_>| {
            let labels = self.input.names.group_labels(row.snapshot).into_iter();
            labels.map(|(name, value)| name.len() + value.len() + "=\"\",".len()).sum::<usize>()
        };
        let groups = self.input.snapshot.groups.len().max(1);
        let mean = self.input.groups().map(group_labels_bytes).sum::<usize>() / groups;
        let series = usize::try_from(self.series.values().sum::<u64>()).unwrap_or(usize::MAX);
        series.saturating_mul(mean + SERIES_BYTES).saturating_add(METADATA_BYTES)
    }
}

/// Counts the series of each collector, without encoding them.
fn count_series(input: &RenderInput) -> BTreeMap<Collector, u64> {
    let mut counts: BTreeMap<_, _> = Collector::FLEET.into_iter().map(|collector| (collector, 0)).collect();
    let rows = Rows::new(input, &Selection::default(), &CountingEncoder::default());
    for family in catalogue::families() {
        if let Some(count) = counts.get_mut(&family.collector) {
            let mut encoder = CountingEncoder::default();
            let mut next = Some(0);
            while let Some(group) = next {
                next = rows.write(input, family, group, &mut encoder, false);
            }
            *count += encoder.series;
        }
    }
    counts
}

/// Selected series of an exposition, uncompressed. Each chunk is rendered when it is taken, so a
/// large body that is sent to a slow client takes no more memory than a small one.
pub struct RenderedChunks {
    exposition: Arc<Exposition>,
    rendering: Rendering,
    encoder: Box<dyn Encoder + Send>,
}

impl Iterator for RenderedChunks {
    type Item = Bytes;

    /// The next chunk, usually of 64 KiB. It is larger if a family has more samples of one group,
    /// and in protobuf if a family is longer.
    fn next(&mut self) -> Option<Bytes> {
        while self.rendering.step(&self.exposition.input, &mut *self.encoder) {
            let mut chunk = None;
            self.encoder.drain(CHUNK_BYTES, &mut |bytes| chunk = Some(Bytes::copy_from_slice(bytes)));
            if chunk.is_some() {
                return chunk;
            }
        }
        let last = self.encoder.finish();
        (!last.is_empty()).then(|| last.into())
    }
}
