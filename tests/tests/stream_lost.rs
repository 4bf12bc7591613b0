//! A card that fails under a stream: every outstanding ticket says so, and nobody waits for ever. By itself in a process,
//! for the limit that makes the card fail is read once.

use std::sync::mpsc;
use std::time::Duration;
use systole::runtime::{Stream, StreamError, StreamOptions};
use systole_tests::stream::{digits, input, model_card, plan};

/// Longer than all of it takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn a_card_that_fails_is_an_error_on_every_ticket_and_never_a_hang() {
    // A single digit takes some 8,300 cycles: small runs end, large ones do not.
    std::env::set_var("SYSTOLE_CYCLE_LIMIT", "20000");
    let Some((card, container)) = model_card("a lost card") else { return };
    let (done, finished) = mpsc::channel();
    std::thread::spawn(move || {
        let graph = digits();
        let stream = Stream::open(&card, &container, plan(&graph), StreamOptions { queue: 8, batch: 32 }).unwrap();
        let want = systole::reference::run(&graph, &input(&graph, 0)).unwrap();
        assert_eq!(stream.submit(input(&graph, 0)).unwrap().wait().unwrap(), want);
        // Far more than the queue holds, from threads that block on it while the card fails.
        let threads: Vec<_> = (0..6)
            .map(|_| {
                let (stream, graph) = (stream.clone(), graph.clone());
                std::thread::spawn(move || {
                    let tickets: Vec<_> = (0..40).map(|i| stream.submit(input(&graph, i))).collect();
                    tickets.into_iter().filter_map(|t| t.and_then(|t| t.wait()).err()).collect::<Vec<_>>()
                })
            })
            .collect();
        let errors: Vec<StreamError> = threads.into_iter().flat_map(|t| t.join().unwrap()).collect();
        assert!(errors.len() > 100, "{} of 240 failed", errors.len());
        for error in &errors {
            let text = error.to_string();
            assert!(matches!(error, StreamError::Failed(_)), "{text}");
            assert!(text.contains("SYSTOLE_CYCLE_LIMIT") && text.contains("edge8x8"), "{text}");
            assert!(!text.contains('\n'), "{text}");
        }
        // The stream stays over; another one on the same card works.
        assert!(matches!(stream.submit(input(&graph, 0)), Err(StreamError::Failed(_))));
        drop(stream);
        let again = Stream::open(&card, &container, plan(&graph), StreamOptions { queue: 8, batch: 1 }).unwrap();
        assert_eq!(again.submit(input(&graph, 0)).unwrap().wait().unwrap(), want);
        done.send(()).unwrap();
    });
    finished.recv_timeout(PATIENCE).expect("it hangs, or an assertion above failed");
}
