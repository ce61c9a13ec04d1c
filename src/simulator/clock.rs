//! Simulated time as a function of real time. Callers pass the real time.

use jiff::{SignedDuration, Timestamp};

/// A clock that runs `speed` times as fast as the real one. It can be frozen, and it can jump
/// forward.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct SimulatedClock {
    /// A real instant and the corresponding simulated instant.
    anchor: (Timestamp, Timestamp),
    speed: f64,
    frozen: bool,
}

impl SimulatedClock {
    /// A clock that shows `simulated` at the real instant `real`.
    pub(super) fn new(real: Timestamp, simulated: Timestamp, speed: f64) -> Self {
        Self { anchor: (real, simulated), speed, frozen: false }
    }

    /// The simulated time at a real instant.
    pub(super) fn at(&self, real: Timestamp) -> Timestamp {
        if self.frozen || self.speed == 0.0 {
            return self.anchor.1;
        }
        let elapsed = real.duration_since(self.anchor.0).as_secs_f64().max(0.0);
        let simulated =
            SignedDuration::try_from_secs_f64(elapsed * self.speed).unwrap_or(SignedDuration::MAX);
        self.anchor.1.saturating_add(simulated).unwrap_or(Timestamp::MAX)
    }

    /// Whether simulated time does not pass.
    pub(super) fn is_frozen(&self) -> bool {
        self.frozen || self.speed == 0.0
    }

    /// Simulated seconds per real second while the clock is not frozen.
    pub(super) fn speed(&self) -> f64 {
        self.speed
    }

    /// Changes the speed from `real` on.
    pub(super) fn set_speed(&mut self, real: Timestamp, speed: f64) {
        self.anchor = (real, self.at(real));
        self.speed = speed;
    }

    /// Freezes the clock at `real`, or lets it run again from there.
    pub(super) fn set_frozen(&mut self, real: Timestamp, frozen: bool) {
        self.anchor = (real, self.at(real));
        self.frozen = frozen;
    }

    /// Moves simulated time forward.
    pub(super) fn jump(&mut self, real: Timestamp, by: SignedDuration) {
        let target = self.at(real).saturating_add(by).unwrap_or(Timestamp::MAX);
        self.anchor = (real, target);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn time_runs_at_the_configured_speed_and_never_backwards() {
        let mut clock = SimulatedClock::new(second(100), second(1_000), 60.0);
        assert_eq!(clock.at(second(102)), second(1_120));
        assert_eq!(clock.at(second(99)), second(1_000));
        clock.set_speed(second(102), 1.0);
        assert_eq!(clock.at(second(103)), second(1_121));
    }

    #[test]
    fn a_frozen_clock_can_jump_and_continues_from_there() {
        let mut clock = SimulatedClock::new(second(100), second(1_000), 1.0);
        clock.set_frozen(second(110), true);
        assert_eq!(clock.at(second(500)), second(1_010));
        clock.jump(second(500), SignedDuration::from_secs(90));
        assert_eq!(clock.at(second(600)), second(1_100));
        clock.set_frozen(second(600), false);
        assert_eq!(clock.at(second(601)), second(1_101));
    }
}
