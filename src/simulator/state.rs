//! The data that all requests share, each part behind its own lock.
//!
//! What is not here: how requests use the data (`dispatch`, `control`, `routes`).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::{Mutex, RwLock};

use super::clock::SimulatedClock;
use super::credentials::Issuer;
use super::faults::FaultRules;
use super::fleet::{FleetPlan, FleetStore, GroupSize};
use super::limiter::RequestLimiter;
use super::nonces::UsedNonces;
use super::options::SimulatorOptions;
use super::statistics::CallStatistics;

/// The most nonces that each of two generations holds: about 38 MB together when both are full.
const MAX_NONCES: usize = 1_000_000;

/// The simulated cloud without its sockets.
#[derive(Debug)]
pub(super) struct CloudState {
    /// All delivery groups. Adding and deleting groups takes the write lock.
    pub(super) fleet: RwLock<FleetStore>,
    /// Simulated time.
    pub(super) clock: Mutex<SimulatedClock>,
    /// Added to every response of the API and of the services that issue credentials.
    pub(super) latency: Mutex<Duration>,
    /// The limit of API requests per second.
    pub(super) limiter: Mutex<RequestLimiter>,
    /// The rules that inject faults into requests.
    pub(super) faults: Mutex<FaultRules>,
    /// Counts of requests and responses.
    pub(super) statistics: Mutex<CallStatistics>,
    /// AccessKeys, roles and tokens.
    pub(super) issuer: Mutex<Issuer>,
    /// The nonces of signed requests.
    pub(super) nonces: Mutex<UsedNonces>,
    requests: AtomicU64,
    seed: u64,
}

impl CloudState {
    /// The state at the start. The caller has checked the options with
    /// [`SimulatorOptions::problem`].
    pub(super) fn new(mut options: SimulatorOptions, real: Timestamp) -> Self {
        let start = whole_second(options.start.unwrap_or(real));
        let size =
            GroupSize { instances: options.instances_per_group, persistent: options.persistent_per_group };
        let plan = FleetPlan {
            seed: options.seed,
            groups: options.groups,
            size,
            schedule_counts: options.schedule_counts,
        };
        let fleet = FleetStore::new(plan, start);
        if let Some(scenario) = options.scenario {
            options.apply_scenario(scenario);
            scenario.set_up(&fleet);
        }
        Self {
            fleet: RwLock::new(fleet),
            clock: Mutex::new(SimulatedClock::new(real, start, options.speed)),
            latency: Mutex::new(options.latency),
            limiter: Mutex::new(RequestLimiter::new(options.requests_per_second, real)),
            faults: Mutex::new(FaultRules::new(options.faults, options.seed)),
            statistics: Mutex::default(),
            issuer: Mutex::new(Issuer::new(options.issuer, options.credentials)),
            nonces: Mutex::new(UsedNonces::new(real, MAX_NONCES)),
            requests: AtomicU64::new(0),
            seed: options.seed,
        }
    }

    /// The simulated time at the real instant `real`.
    pub(super) fn now(&self, real: Timestamp) -> Timestamp {
        self.clock.lock().at(real)
    }

    /// A request id in the format of the API. Every call returns a different id.
    pub(super) fn next_request_id(&self) -> String {
        let number = u128::from(self.requests.fetch_add(1, Ordering::Relaxed));
        let spread =
            (u128::from(self.seed) << 64 | number).wrapping_mul(0xda94_2042_e4dd_58b5_9c06_faf4_d023_e3ab);
        let digits = format!("{spread:032X}");
        let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
        parts.join("-")
    }
}

fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}
