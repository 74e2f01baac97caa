//! How each signal is handled that would otherwise end the program and leave the terminal in raw mode.
//!
//! Not listed: signals that cannot be handled (SIGKILL, SIGSTOP) or not sensibly (SIGSEGV and the like); SIGPIPE, which
//! Rust ignores; those that stop and continue, which [`super::changes`] handles.

use std::ops::RangeInclusive;

use rustix::process::Signal;

/// How a signal is handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// The program ends in an orderly way, with exit code 128 plus the number.
    End,
    /// It is ignored.
    GoOn,
}

/// The signals, how they are handled, and why.
pub(super) const TABLE: &[(Signal, Answer, &str)] = &[
    (Signal::TERM, Answer::End, "someone asks"),
    (Signal::INT, Answer::End, "Ctrl-C was pressed"),
    (Signal::QUIT, Answer::End, "Ctrl-\\ was pressed; the core dump it asks for would contain tokens"),
    (Signal::HUP, Answer::End, "the terminal is gone"),
    (Signal::XCPU, Answer::End, "the limit of CPU time is reached, and the next signal kills"),
    #[cfg(target_os = "linux")]
    (Signal::POWER, Answer::End, "power failure"),
    (Signal::XFSZ, Answer::GoOn, "the write beyond the size limit fails, and that error is reported"),
    (Signal::USR1, Answer::GoOn, "asks other programs to read or write something; here there is nothing to ask for"),
    (Signal::USR2, Answer::GoOn, "as SIGUSR1"),
    (Signal::ALARM, Answer::GoOn, "this program sets no timer; one set before it was started may still be running"),
    (Signal::VTALARM, Answer::GoOn, "as SIGALRM"),
    (Signal::PROF, Answer::GoOn, "as SIGALRM"),
    (Signal::IO, Answer::GoOn, "reports a file descriptor; nothing here is read that way"),
    #[cfg(target_os = "linux")]
    (Signal::STKFLT, Answer::GoOn, "only sent by mistake"),
];

/// The real-time signals, handled as SIGUSR1: programs that agree on them ask each other for something, and this
/// program offers nothing. The numbers below are reserved by the C library for threads.
#[cfg(target_os = "linux")]
const REAL_TIME: RangeInclusive<i32> = if cfg!(target_env = "musl") { 35..=64 } else { 34..=64 };
/// Not handled by the signal libraries used.
#[cfg(not(target_os = "linux"))]
const REAL_TIME: RangeInclusive<i32> = 1..=0;

/// The numbers of the signals handled this way.
pub(super) fn that(answer: Answer) -> impl Iterator<Item = i32> {
    let named = TABLE.iter().filter(move |row| row.1 == answer).map(|row| row.0.as_raw());
    named.chain(REAL_TIME.filter(move |_| answer == Answer::GoOn))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From signal(7): signals that end a program by default, other than crashes.
    #[test]
    fn no_signal_that_would_end_the_program_is_left_out() {
        let crashes = [Signal::ILL, Signal::TRAP, Signal::ABORT, Signal::BUS, Signal::FPE, Signal::SEGV, Signal::SYS];
        let nobodys_to_answer = [Signal::KILL, Signal::STOP];
        let followed = [Signal::TSTP, Signal::CONT, Signal::WINCH];
        let harmless = [Signal::PIPE, Signal::CHILD, Signal::URG, Signal::TTIN, Signal::TTOU];
        let mut known: Vec<i32> = that(Answer::End).chain(that(Answer::GoOn)).collect();
        for others in [&crashes[..], &nobodys_to_answer, &followed, &harmless] {
            known.extend(others.iter().map(|signal| signal.as_raw()));
        }
        known.sort_unstable();
        let count = known.len();
        known.dedup();
        assert_eq!(known.len(), count, "each has one answer");
        #[cfg(target_os = "linux")]
        assert_eq!(known, (1..=31).chain(REAL_TIME).collect::<Vec<_>>());
        #[cfg(target_os = "linux")]
        assert!(REAL_TIME.count() >= 30 && *REAL_TIME.end() == 64);
    }
}
