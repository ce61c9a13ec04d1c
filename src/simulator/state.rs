//! Everything that requests share, and how a request of the API becomes an answer.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;

use super::{
    ErrorFault, KnownKey, RequestFault, SimulatorOptions,
    access::Issuer,
    api::{self, ApiError, ApiOperation, Distortion, Parameters, RequestedPage},
    authentication::{IncomingRequest, authenticate, wants_xml},
    clock::SimulatedClock,
    cloud::FleetStore,
    faults::{FaultRules, Injection, RequestScope},
    fleet::GroupSize,
    limiter::RequestLimiter,
    nonces::UsedNonces,
    statistics::CallStatistics,
};

/// How many nonces each of two generations remembers.
const NONCES: usize = 1_000_000;

/// The simulated cloud without its sockets.
#[derive(Debug)]
pub(super) struct CloudState {
    pub(super) fleet: RwLock<FleetStore>,
    pub(super) clock: Mutex<SimulatedClock>,
    pub(super) credentials: Mutex<Arc<[KnownKey]>>,
    pub(super) latency: Mutex<Duration>,
    pub(super) limiter: Mutex<RequestLimiter>,
    pub(super) faults: Mutex<FaultRules>,
    pub(super) statistics: Mutex<CallStatistics>,
    pub(super) issuer: Mutex<Issuer>,
    pub(super) nonces: Mutex<UsedNonces>,
    requests: AtomicU64,
    seed: u64,
}

/// An answer of the API, before it becomes an HTTP response.
#[derive(Debug)]
pub(super) struct Reply {
    /// Which operation it was; `unknown` where it did not come so far.
    pub(super) operation: &'static str,
    /// How long it takes before it is sent.
    pub(super) latency: Duration,
    /// The answer itself.
    pub(super) outcome: Outcome,
}

/// The answer itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The operation's.
    Page(Vec<u8>),
    /// An error.
    Error { error: ApiError, xml: bool, body: Vec<u8> },
    /// Half of the operation's.
    Truncated(Vec<u8>),
    /// A load balancer's.
    Html,
    /// So many bytes.
    Huge(u64),
    /// None.
    Dropped,
}

impl CloudState {
    /// The state at the start; what a file or a user said was checked before.
    pub(super) fn new(mut options: SimulatorOptions, real: Timestamp) -> Self {
        let start = whole_second(options.start.unwrap_or(real));
        let size =
            GroupSize { instances: options.instances_per_group, persistent: options.persistent_per_group };
        let fleet = FleetStore::new(options.seed, options.groups, size, start);
        if let Some(scenario) = options.scenario {
            scenario.bend(&mut options);
            scenario.stage(&fleet);
        }
        Self {
            fleet: RwLock::new(fleet),
            clock: Mutex::new(SimulatedClock::new(real, start, options.speed)),
            credentials: Mutex::new(options.credentials.into()),
            latency: Mutex::new(options.latency),
            limiter: Mutex::new(RequestLimiter::new(options.requests_per_second, real)),
            faults: Mutex::new(FaultRules::new(options.faults, options.seed)),
            statistics: Mutex::default(),
            issuer: Mutex::new(Issuer::new(options.access)),
            nonces: Mutex::new(UsedNonces::new(real, NONCES)),
            requests: AtomicU64::new(0),
            seed: options.seed,
        }
    }

    /// The simulated time at a real instant.
    pub(super) fn now(&self, real: Timestamp) -> Timestamp {
        lock(&self.clock).at(real)
    }

    /// Answers one request of the API, or of STS, which listens at the same address.
    pub(super) fn reply(&self, incoming: &IncomingRequest<'_>, real: Timestamp) -> Reply {
        if let Some(reply) = self.reply_of_sts(incoming, real) {
            return reply;
        }
        let request_id = self.request_id();
        let xml = wants_xml(incoming);
        let credentials = Arc::clone(&lock(&self.credentials));
        let mut reply =
            Reply { operation: "unknown", latency: *lock(&self.latency), outcome: Outcome::Dropped };
        let result = authenticate(incoming, &credentials, &self.nonces, real).and_then(|request| {
            reply.operation = request.operation.as_str();
            lock(&self.limiter).admit(real).map_err(ApiError::throttled)?;
            if xml {
                return Err(ApiError::invalid("Format").saying("Only JSON is simulated: send Format=JSON."));
            }
            let verdict = self.judge(request.operation, &request.parameters);
            reply.latency += Duration::from_millis(verdict.latency_ms);
            self.act(request.operation, &request.parameters, verdict.fault, &request_id, real)
        });
        reply.outcome = result.unwrap_or_else(|error| Outcome::Error {
            body: if xml { error.xml(&request_id) } else { error.json(&request_id) },
            error,
            xml,
        });
        reply
    }

    fn judge(&self, operation: ApiOperation, parameters: &Parameters) -> Injection {
        let scope = RequestScope {
            operation: operation.as_str(),
            group_id: parameters.get("AppInstanceGroupId"),
            page: RequestedPage::of(parameters).map_or(0, |page| page.number),
            only_named: false,
        };
        lock(&self.faults).judge(&scope)
    }

    /// The operation, bent by at most one fault.
    fn act(
        &self,
        operation: ApiOperation,
        parameters: &Parameters,
        fault: Option<RequestFault>,
        request_id: &str,
        real: Timestamp,
    ) -> Result<Outcome, ApiError> {
        let mut distortion = Distortion::default();
        let mut truncated = false;
        match fault {
            None | Some(RequestFault::Latency { .. }) => {}
            Some(RequestFault::Error(fault)) => return Err(fault.into()),
            Some(RequestFault::Drop) => return Ok(Outcome::Dropped),
            Some(RequestFault::Html) => return Ok(Outcome::Html),
            Some(RequestFault::Huge { bytes }) => return Ok(Outcome::Huge(bytes)),
            Some(RequestFault::Truncate) => truncated = true,
            Some(RequestFault::TotalCount(lie)) => distortion.total_count = Some(lie),
            Some(RequestFault::NullList) => distortion.null_list = true,
        }
        let now = self.now(real);
        let fleet = self.fleet.read().unwrap_or_else(PoisonError::into_inner);
        let body = api::answer(operation, &fleet.at(now), parameters, request_id, distortion)?;
        Ok(if truncated { Outcome::Truncated(body) } else { Outcome::Page(body) })
    }

    /// In the form of the real ones; another one for every request.
    pub(super) fn request_id(&self) -> String {
        let number = u128::from(self.requests.fetch_add(1, Ordering::Relaxed));
        let spread =
            (u128::from(self.seed) << 64 | number).wrapping_mul(0xda94_2042_e4dd_58b5_9c06_faf4_d023_e3ab);
        let digits = format!("{spread:032X}");
        let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
        parts.join("-")
    }
}

impl Outcome {
    /// What statistics call it.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Page(_) => "OK",
            Self::Error { error, .. } => &error.code,
            Self::Truncated(_) => "truncate",
            Self::Html => "html",
            Self::Huge(_) => "huge",
            Self::Dropped => "drop",
        }
    }
}

impl From<ErrorFault> for ApiError {
    fn from(fault: ErrorFault) -> Self {
        let error = Self::of(fault.code);
        Self {
            status: fault.status.unwrap_or(error.status),
            message: fault.message.map_or(error.message, Into::into),
            retry_after: fault.retry_after_ms.map(Duration::from_millis),
            ..error
        }
    }
}

/// Locks; what a panic left behind is still whole, since every change is made at once.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}
