//! Whatever happens to a job, it ends once, and succeeds only out of the hands of a worker.

use super::rooms::domain::{JobEvent, JobStatus};

pub(crate) fn run(bytes: &[u8]) {
    let mut status = JobStatus::Created;
    let (mut ends, mut claims) = (0, 0);
    for byte in bytes {
        let event = match byte % 5 {
            0 => JobEvent::Claim,
            1 => JobEvent::Release,
            2 => JobEvent::Succeed,
            3 => JobEvent::Fail,
            _ => JobEvent::Cancel,
        };
        match status.transition(event) {
            Ok(next) => {
                assert!(!status.is_final(), "{status} is not the end");
                assert_ne!(next, JobStatus::Created);
                assert_eq!(next == JobStatus::Running, event == JobEvent::Claim);
                claims += usize::from(event == JobEvent::Claim);
                if matches!(next, JobStatus::Succeeded | JobStatus::Pending) {
                    assert_eq!(status, JobStatus::Running);
                    assert!(claims > 0);
                }
                ends += usize::from(next.is_final());
                status = next;
            }
            Err(refused) => {
                assert_eq!((refused.status, refused.event), (status, event));
                // A job that is not over can always be claimed, called off and given up.
                let always = [JobEvent::Claim, JobEvent::Fail, JobEvent::Cancel];
                assert!(status.is_final() || !always.contains(&event));
            }
        }
        // Every status keeps its name on the wire and in the database.
        assert_eq!(status.as_str().parse(), Ok(status));
    }
    assert!(ends <= 1 && (ends == 1) == status.is_final());
}
