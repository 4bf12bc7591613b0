//! Copies of a register: each is what all of them take, a cycle later.

use super::script::Script;
use systole_hdl::copies::Replica;
use systole_hdl::cosim;
use systole_hdl::cosim::Rng;

#[test]
fn a_replica_is_a_register() {
    let bench = cosim!(Replica::<7>::default(), inputs: [d], outputs: [q]);
    let mut rng = Rng::new(3);
    let mut script = Script::new();
    let mut q = 0;
    for _ in 0..200 {
        let d = rng.bits(7);
        script.cycle(vec![d], vec![q]);
        q = d;
    }
    script.play(&bench);
}
