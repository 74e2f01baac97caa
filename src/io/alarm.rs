//! The loop's deadline, on a kernel timer. The runtime's own timers would wake the program once more during a long
//! wait, and this is the only wait of an idle program.

use std::time::Instant;

/// Wakes at a point in time. Falls back to the runtime's timer where the kernel has no timer of this kind.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    #[cfg(target_os = "linux")]
    timer: Option<kernel::Timer>,
}

impl Alarm {
    /// An alarm for a loop that runs on the current runtime.
    pub(super) fn new() -> Self {
        #[cfg(target_os = "linux")]
        return Self {
            timer: kernel::Timer::new().inspect_err(|error| tracing::debug!(%error, "no kernel timer")).ok(),
        };
        #[cfg(not(target_os = "linux"))]
        Self {}
    }

    /// Waits until this time; without one, forever.
    pub(super) async fn wait(&self, until: Option<Instant>) {
        let Some(until) = until else { return std::future::pending().await };
        #[cfg(target_os = "linux")]
        if let Some(timer) = &self.timer {
            match timer.wait(until).await {
                Ok(()) => return,
                Err(error) => tracing::debug!(%error, "the kernel timer failed"),
            }
        }
        tokio::time::sleep_until(until.into()).await;
    }
}

#[cfg(target_os = "linux")]
mod kernel {
    use std::io;
    use std::os::fd::OwnedFd;
    use std::time::{Duration, Instant};

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
    };
    use tokio::io::Interest;
    use tokio::io::unix::AsyncFd;

    #[derive(Debug)]
    pub(super) struct Timer(AsyncFd<OwnedFd>);

    impl Timer {
        pub(super) fn new() -> io::Result<Self> {
            let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
            // The sound replacement needs `unsafe`. It was deprecated because of invalid descriptors, which an
            // `OwnedFd` cannot be.
            #[allow(deprecated, reason = "see above")]
            let timer = AsyncFd::with_interest(timer, Interest::READABLE)?;
            Ok(Self(timer))
        }

        pub(super) async fn wait(&self, until: Instant) -> io::Result<()> {
            #[expect(clippy::disallowed_methods, reason = "the kernel takes a duration, not an instant")]
            let left = until.saturating_duration_since(Instant::now());
            // Zero would disarm the timer.
            let left = left.max(Duration::from_nanos(1));
            let it_value = Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            };
            let it_interval = Timespec { tv_sec: 0, tv_nsec: 0 };
            // Setting the timer again discards an expiry that was not awaited.
            timerfd_settime(self.0.get_ref(), TimerfdTimerFlags::empty(), &Itimerspec { it_interval, it_value })?;
            loop {
                let mut ready = self.0.readable().await?;
                let mut count = [0; 8];
                match ready.try_io(|timer| Ok(rustix::io::read(timer.get_ref(), &mut count)?)) {
                    Ok(read) => return read.map(drop),
                    Err(_would_block) => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "the alarm runs in real time")]
    async fn it_rings_at_its_moment_and_not_before_and_can_be_set_anew() {
        let alarm = Alarm::new();
        let began = Instant::now();
        tokio::select! {
            () = alarm.wait(Some(began + Duration::from_mins(1))) => panic!("rang a minute early"),
            () = alarm.wait(None) => panic!("rang without a moment"),
            () = tokio::time::sleep(Duration::from_millis(5)) => {}
        }
        alarm.wait(Some(began + Duration::from_millis(30))).await;
        assert!(began.elapsed() >= Duration::from_millis(30));
        // A time in the past is due now.
        alarm.wait(Some(began)).await;
    }
}
