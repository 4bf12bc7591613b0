//! The checksum.

use systole_hdl::bridge::crc::Crc;
use systole_hdl::cosim;
use systole_hdl::cosim::Rng;

#[test]
fn it_is_the_contracts_checksum() {
    let bench = cosim!(Crc::default(), inputs: [clear, strobe, value], outputs: [expected]);
    let mut rng = Rng::new(1);
    // Whole bytes between two clears, kept to be summed by the contract.
    let (mut bits, mut sum) = (vec![], None);
    bench.check(
        4000,
        |cycle, _| vec![u128::from(cycle == 0 || rng.chance(2)), u128::from(rng.chance(60)), rng.bits(1)],
        |i| {
            let known: u16 = sum.unwrap_or(0);
            let out = vec![u128::from(known & 1)];
            if i[1] == 1 {
                bits.push(i[2] as u8);
                sum = sum.map(|s: u16| s >> 1 ^ (if (s ^ i[2] as u16) & 1 == 1 { 0x8408 } else { 0 }));
                if bits.len().is_multiple_of(8) && sum.is_some() {
                    let bytes: Vec<u8> =
                        bits.chunks(8).map(|b| b.iter().rev().fold(0, |v, bit| v << 1 | bit)).collect();
                    assert_eq!(sum, Some(systole_isa::bridge::crc16(&bytes)));
                }
            }
            if i[0] == 1 {
                bits.clear();
                sum = Some(0xffff);
            }
            out
        },
    );
}
